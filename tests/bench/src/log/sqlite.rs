//! SQLite as a careful team would use it: one thread commits what all writers wait for.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use super::append::percentiles;
use super::part::Outcome;
use super::{SPAN, line};

type Waiting = (Vec<u8>, mpsc::SyncSender<()>);

pub fn run(dir: &Path, writers: usize) -> Result<Outcome> {
    let mut connection = Connection::open(dir.join("log.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute("create table log (id integer primary key, line blob not null)", [])?;
    let (sender, receiver) = mpsc::channel::<Waiting>();
    let start = Instant::now();
    let writers: Vec<_> = (0..writers)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || {
                let (done, acknowledged) = mpsc::sync_channel(1);
                let mut latencies = Vec::new();
                while start.elapsed() < SPAN {
                    let before = Instant::now();
                    if sender.send((line(), done.clone())).is_err() || acknowledged.recv().is_err()
                    {
                        break;
                    }
                    latencies.push(before.elapsed().as_micros() as u32);
                }
                latencies
            })
        })
        .collect();
    drop(sender);
    commit(&mut connection, &receiver)?;
    let mut latencies = Vec::new();
    for writer in writers {
        latencies.extend(writer.join().expect("a writer does not panic"));
    }
    let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
    let (p50_ms, p99_ms) = percentiles(latencies);
    Ok(Outcome { rate, p50_ms, p99_ms, ..Outcome::default() })
}

fn commit(connection: &mut Connection, receiver: &mpsc::Receiver<Waiting>) -> Result<()> {
    while let Ok(first) = receiver.recv() {
        let batch: Vec<Waiting> = std::iter::once(first).chain(receiver.try_iter()).collect();
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached("insert into log (line) values (?1)")?;
        for (line, _) in &batch {
            insert.execute([line])?;
        }
        drop(insert);
        transaction.commit()?;
        for (_, done) in batch {
            // Who has left does not wait.
            let _ = done.send(());
        }
    }
    Ok(())
}
