use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use sealtrail_log::{Cursor, Follow, Followed, Reader};

use super::{input, output};
use crate::error::Result;
use crate::position::Position;

/// Prints the lines of a log as they are, and with --follow those that come
///
/// Only lines that are on disk are printed. Works beside a running server, through its restarts, and when
/// segments are removed or compressed. With --cursor a later run goes on where this one ended: each line is
/// printed at least once, and after a crash those of the last second may be printed again.
#[derive(Args)]
pub struct Tail {
    /// The log directory
    #[arg(value_name = "LOGDIR")]
    log: PathBuf,
    /// Wait for lines that come
    #[arg(long, short)]
    follow: bool,
    /// Begin with this record, by its index or by the time when it was recorded [default: the first]
    #[arg(long, value_name = "INDEX|TIME")]
    from: Option<Position>,
    /// Remember in this file what was printed; once it is there, --from is not looked at
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
}

/// Bytes that are printed at once.
const BLOCK: usize = 64 << 10;

/// How often the cursor is saved while lines come.
const SAVE: Duration = Duration::from_secs(1);

/// Nothing waits longer at once; an hour is as good as for ever.
const WAIT: Duration = Duration::from_secs(3600);

impl Tail {
    pub fn run(self) -> Result<u8> {
        input::expect_log(&self.log)?;
        let reader = Reader::open(&self.log)?;
        let mut printer = Printer {
            follow: self.begin(&reader)?,
            cursor: self.cursor.as_deref(),
            block: Vec::with_capacity(2 * BLOCK),
            saved: Instant::now(),
        };
        let done = self.print_all(&mut printer);
        if done.is_err() {
            // What stands before damage was read well, and a second call would come no further.
            printer.flush()?;
            printer.save()?;
        }
        done
    }

    fn print_all(&self, printer: &mut Printer<'_>) -> Result<u8> {
        loop {
            if let Some(followed) = printer.follow.poll()? {
                printer.print(followed)?;
                continue;
            }
            printer.flush()?;
            printer.save()?;
            if !self.follow {
                return Ok(0);
            }
            if let Some(followed) = printer.follow.within(WAIT)? {
                printer.print(followed)?;
            }
        }
    }

    fn begin(&self, reader: &Reader) -> Result<Follow> {
        if let Some(path) = &self.cursor
            && let Some(cursor) = Cursor::load(path)?
        {
            return Ok(reader.resume(&cursor)?);
        }
        Ok(reader.follow(match &self.from {
            Some(position) => position.find(reader)?,
            None => reader.first()?,
        }))
    }
}

struct Printer<'a> {
    follow: Follow,
    cursor: Option<&'a Path>,
    /// Lines that are still to be printed.
    block: Vec<u8>,
    saved: Instant,
}

impl Printer<'_> {
    fn print(&mut self, followed: Followed) -> Result<()> {
        match followed {
            Followed::Line { line, .. } => {
                self.block.extend_from_slice(&line);
                self.block.push(b'\n');
            }
            Followed::Removed(Range { start, end }) => {
                self.flush()?;
                let last = end - 1;
                eprintln!(
                    "note: the records {start} to {last} were removed by retention; going on with {end}"
                );
            }
        }
        if self.block.len() >= BLOCK {
            self.flush()?;
            if self.saved.elapsed() >= SAVE {
                self.save()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        output::print(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Only after a flush: what is in the cursor was printed.
    fn save(&mut self) -> Result<()> {
        if let Some(path) = self.cursor {
            self.follow.cursor().save(path)?;
        }
        self.saved = Instant::now();
        Ok(())
    }
}
