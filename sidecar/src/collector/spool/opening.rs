//! A spool that is opened: its file, and what a process before this one has left in it.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{AT_A_TIME, Spool, State, at, entry};
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

const MAGIC: &str = "sealtrail-spool-v1 ";
pub(super) const FILE: &str = "spool.jsonl";

impl Spool {
    /// Refuses what [`open`](Self::open) would refuse of a file that is there, and changes nothing.
    pub fn check(dir: &Path, origin: &str) -> Result<()> {
        let path = dir.join(FILE);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(at(&path))?,
        };
        match file.metadata().map_err(at(&path))?.len() {
            // It was being made.
            0 => Ok(()),
            _ => expect_header(&mut file, &path, origin),
        }
    }

    /// Opens the spool of a log, or makes one of this size.
    pub fn open(dir: &Path, origin: &str, size: u64) -> Result<Self> {
        fs::create_dir_all(dir).map_err(at(dir))?;
        let path = dir.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(at(&path))?;
        if file.try_lock().is_err() {
            let message = "another process has this spool";
            return Err(Error::new(Code::LogInUse, message).context(path.display()));
        }
        let header = header_of(origin);
        reserve(&file, &header, size).map_err(at(&path))?;
        let folder = File::open(dir).and_then(|dir| dir.sync_all());
        folder.map_err(at(dir))?;
        expect_header(&mut file, &path, origin)?;
        let front = header.len() as u64;
        let state = State {
            file,
            next: random_start()?,
            begin: front,
            end: front,
            appends: VecDeque::new(),
            is_broken: false,
        };
        let spool = Self {
            path,
            size,
            front,
            state: Mutex::new(state),
            draining: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            lines: AtomicU64::default(),
        };
        spool.find_entries()?;
        Ok(spool)
    }

    /// Finds what a process before this one has left.
    fn find_entries(&self) -> Result<()> {
        let mut state = self.lock();
        let length = state.file.metadata().map_err(at(&self.path))?.len();
        // What is read and not looked at yet begins at `at`; the file is read up to `from`.
        let (mut window, mut at_next, mut from) = (Vec::<u8>::new(), 0, self.front);
        let (mut lines, mut first) = (0, None);
        loop {
            let rest = &window[at_next..];
            if let Some(feed) = memchr::memchr(b'\n', rest) {
                let Some((sequence, line)) = entry::read(&rest[..feed]) else { break };
                if lines > 0 && sequence != state.next {
                    break;
                }
                if lines == 0 {
                    first = recorded_time(line);
                }
                lines += 1;
                state.next = sequence + 1;
                state.end += feed as u64 + 1;
                at_next += feed + 1;
                continue;
            }
            // Nothing but digits can begin an entry; NULs are where nobody has written.
            let is_end = rest.first().is_some_and(|byte| !byte.is_ascii_digit());
            let more = usize::try_from((length - from).min(AT_A_TIME)).unwrap_or(usize::MAX);
            if is_end || more == 0 {
                break;
            }
            window.drain(..std::mem::take(&mut at_next));
            let read = window.len();
            window.resize(read + more, 0);
            state.file.read_exact_at(&mut window[read..], from).map_err(at(&self.path))?;
            from += more as u64;
        }
        if lines > 0 {
            let end = state.end;
            state.appends.push_back((end, lines, first.unwrap_or_else(Moment::now)));
        }
        self.lines.store(lines, Ordering::Release);
        Ok(())
    }
}

fn header_of(origin: &str) -> String {
    format!("{MAGIC}{origin}\n")
}

fn expect_header(file: &mut File, path: &Path, origin: &str) -> Result<()> {
    let header = header_of(origin);
    let mut found = vec![0; header.len()];
    file.read_exact(&mut found).map_err(at(path))?;
    if found != header.as_bytes() {
        let message = format!("expected the spool of the log `{origin}`");
        return Err(Error::new(Code::ForeignLog, message).context(path.display()));
    }
    Ok(())
}

/// Where no earlier process has been, as far as chance can tell; there is room for as many again.
fn random_start() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(Code::Internal, "the system gives no random bytes"))?;
    Ok(u64::from_le_bytes(bytes) >> 1)
}

fn recorded_time(line: &[u8]) -> Option<Moment> {
    let record = sealtrail_record::json::parse(line, &crate::questions::STORED).ok()?;
    Moment::parse(record.get("recordedtime")?.as_str()?)
}

/// Writes what is missing of a file of this size, the header first.
fn reserve(file: &File, header: &str, size: u64) -> io::Result<()> {
    let length = file.metadata()?.len();
    if length == 0 {
        file.write_all_at(header.as_bytes(), 0)?;
    }
    let zeros = vec![0; 1 << 20];
    let mut from = length.max(header.len() as u64);
    let is_short = from < size;
    while from < size {
        let more = usize::try_from((size - from).min(zeros.len() as u64)).unwrap_or(zeros.len());
        file.write_all_at(&zeros[..more], from)?;
        from += more as u64;
    }
    if is_short { file.sync_all() } else { Ok(()) }
}
