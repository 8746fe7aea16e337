//! Durable appends of 1 KB lines, against the raw loop of write + fdatasync on the same disk with
//! the same number of lines per sync, and `verify` against reading the same bytes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Signer, verify};

use crate::{Row, median, target_folder};

const LINE: usize = 1024;
const SPAN: Duration = Duration::from_millis(1500);

pub fn run() -> Result<Vec<Row>> {
    // The disk that is measured is the one that is built on: a temporary folder may be memory.
    let folder = tempfile::tempdir_in(target_folder()?)?;
    let mut rows = Vec::new();
    for writers in [1, 16, 256] {
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for round in 0..3 {
            let dir = folder.path().join(format!("log-{writers}-{round}"));
            ours.push(appends(&dir, writers)?);
            raw.push(raw_loop(&folder.path().join("raw"), writers)?);
        }
        let (ours, raw) = (median(ours), median(raw));
        rows.push(Row {
            name: format!("append, {writers} writers"),
            figures: vec![("records/s", ours)],
            ratio: Some((ours / raw, format!("raw write + fdatasync, {writers} a sync"))),
        });
        rows.push(Row {
            name: format!("raw loop, {writers} a sync"),
            figures: vec![("records/s", raw)],
            ratio: None,
        });
    }
    rows.extend(verification(&folder.path().join("log-256-0"))?);
    Ok(rows)
}

/// Records per second that were acknowledged as durable.
fn appends(dir: &Path, writers: usize) -> Result<f64> {
    let key = SigningKey::from_seed("bench/log", &[7; 32])?;
    Log::create(dir, "bench/log", &key)?;
    let (log, _) = Log::open(dir, Signer::new("bench/log", key)?, Options::default())?;
    let log = Arc::new(log);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|_| {
            let (log, stop, done) = (Arc::clone(&log), Arc::clone(&stop), Arc::clone(&done));
            thread::spawn(move || -> Result<()> {
                while !stop.load(Ordering::Relaxed) {
                    log.append(vec![line()])?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    thread::sleep(SPAN);
    let (count, elapsed) = (done.load(Ordering::Relaxed), start.elapsed());
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??;
    }
    if let Some(log) = Arc::into_inner(log) {
        log.close()?;
    }
    Ok(count as f64 / elapsed.as_secs_f64())
}

fn raw_loop(file: &Path, batch: usize) -> Result<f64> {
    let mut out = OpenOptions::new().create(true).write(true).truncate(true).open(file)?;
    let mut bytes = Vec::with_capacity(batch * (LINE + 1));
    for _ in 0..batch {
        bytes.extend_from_slice(&line());
        bytes.push(b'\n');
    }
    let (start, mut syncs) = (Instant::now(), 0u64);
    while start.elapsed() < SPAN {
        out.write_all(&bytes)?;
        out.sync_data()?;
        syncs += 1;
    }
    Ok((syncs * batch as u64) as f64 / start.elapsed().as_secs_f64())
}

fn verification(dir: &Path) -> Result<Vec<Row>> {
    let vkey = SigningKey::from_seed("bench/log", &[7; 32])?.verifier_key();
    let mut size = 0;
    for entry in fs::read_dir(dir.join("entries"))? {
        size += entry?.metadata()?.len();
    }
    let (mut ours, mut hash) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let start = Instant::now();
        verify::verify(dir, &vkey).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        ours.push(size as f64 / start.elapsed().as_secs_f64() / 1e9);
        let start = Instant::now();
        for entry in fs::read_dir(dir.join("entries"))? {
            use sha2::Digest;
            std::hint::black_box(sha2::Sha256::digest(fs::read(entry?.path())?));
        }
        hash.push(size as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
    let (ours, hash) = (median(ours), median(hash));
    Ok(vec![
        Row {
            name: "verify".into(),
            figures: vec![("GB/s", ours), ("MB", size as f64 / 1e6)],
            ratio: Some((ours / hash, "one SHA-256 over the same bytes".into())),
        },
        Row {
            name: "SHA-256 over the same bytes".into(),
            figures: vec![("GB/s", hash)],
            ratio: None,
        },
    ])
}

fn line() -> Vec<u8> {
    let mut line = vec![b'x'; LINE];
    line[0] = b'"';
    line[LINE - 1] = b'"';
    line
}
