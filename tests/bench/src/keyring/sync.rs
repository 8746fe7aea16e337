//! What the disk takes for one sync now: machines differ and are busy, and a shredding is seven of them.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::{Pair, TIMES, each};

/// Seconds to write a small new file and sync it.
pub fn of_a_small_file(folder: &Path) -> Result<Pair> {
    each(TIMES, |i| {
        let mut file = File::create(folder.join(format!("sync-{i}")))?;
        file.write_all(&[b'x'; 120])?;
        file.sync_all()?;
        Ok(())
    })
}
