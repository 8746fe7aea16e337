//! The physical limit: one thread that writes and syncs, in the two ways a file can be written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::part::Outcome;
use super::{SPAN, line};

/// Bytes of the file that is filled with zeros before it is written over, again and again.
const FILLED: u64 = 64 << 20;

/// A file that grows with every write.
pub fn growing(path: &Path, lines_a_sync: usize) -> Result<Outcome> {
    let batch = batch(lines_a_sync);
    let mut file = open(path)?;
    repeat(lines_a_sync, |_| {
        file.write_all(&batch)?;
        file.sync_data()
    })
}

/// A file whose blocks were written before, which is not counted.
pub fn filled(path: &Path, lines_a_sync: usize) -> Result<Outcome> {
    let batch = batch(lines_a_sync);
    let mut file = open(path)?;
    for _ in 0..FILLED >> 20 {
        file.write_all(&[0; 1 << 20])?;
    }
    file.sync_all()?;
    let places = (FILLED / batch.len() as u64).max(1);
    repeat(lines_a_sync, |i| {
        file.write_all_at(&batch, i % places * batch.len() as u64)?;
        file.sync_data()
    })
}

fn batch(lines: usize) -> Vec<u8> {
    [line().as_slice(), b"\n"].concat().repeat(lines)
}

fn open(path: &Path) -> Result<File> {
    Ok(OpenOptions::new().create(true).write(true).truncate(true).open(path)?)
}

fn repeat(
    lines_a_sync: usize,
    mut once: impl FnMut(u64) -> std::io::Result<()>,
) -> Result<Outcome> {
    let (start, mut syncs) = (Instant::now(), 0);
    while start.elapsed() < SPAN / 2 {
        once(syncs)?;
        syncs += 1;
    }
    let lines = syncs as f64 * lines_a_sync as f64;
    Ok(Outcome { rate: lines / start.elapsed().as_secs_f64(), ..Outcome::default() })
}
