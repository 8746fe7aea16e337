//! Sealed lines that are durable but not in the log yet, because it had no room for them.
//!
//! ```text
//! spool.jsonl = "sealtrail-spool-v1 " origin LF, entries, NULs
//! entry       = sequence (20 digits) SP SHA-256 of what follows, with the sequence in front (64 hex digits) SP line LF
//! ```
//!
//! - Only what is sealed comes here: nothing in this file can be read without its keys, and shredding reaches it.
//! - The file is as long as it may become from the start, so that its room is there when the disk is full. It
//!   is best on another disk than the log.
//! - Entries are written behind one another and synced before they are acknowledged. When all of them are in
//!   the log, the first is wiped and writing begins at the front again; the sequence goes on, so that what is
//!   left of an earlier time is never taken for a successor.
//!   A process that finds nothing begins anywhere, for what an earlier one has left behind the first entry may
//!   have any number near the beginning.
//! - After a crash, those that are in the log already are its beginning, because they go there in order. The
//!   ids of the records tell how many.

mod entry;
mod opening;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use entry::HEAD;

use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

/// So many bytes go to the log at a time.
const AT_A_TIME: u64 = 1 << 20;

pub struct Spool {
    path: PathBuf,
    /// What may be written to.
    size: u64,
    /// Where entries begin.
    front: u64,
    state: Mutex<State>,
    /// Held by whoever takes lines from the beginning, until they are passed: a second one waits and finds the next.
    draining: Mutex<()>,
    /// To be held while appending: those who wait for it hold no thread.
    pub turn: tokio::sync::Mutex<()>,
    /// Lines that are not in the log yet; read without the lock.
    lines: AtomicU64,
}

struct State {
    file: File,
    /// The sequence of the next entry.
    next: u64,
    /// The first entry that is not in the log.
    begin: u64,
    end: u64,
    /// Where each of the appends ends, with its lines and its time; the oldest first.
    appends: VecDeque<(u64, u64, Moment)>,
    /// After a failed sync nobody knows what is on disk.
    is_broken: bool,
}

/// What waits in it.
pub struct Spooled {
    pub lines: u64,
    pub bytes: u64,
    pub oldest: Option<Moment>,
}

impl Spool {
    pub fn is_there(dir: &Path) -> bool {
        dir.join(opening::FILE).exists()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.load(Ordering::Acquire) == 0
    }

    pub fn waiting(&self) -> Spooled {
        let state = self.lock();
        Spooled {
            lines: self.lines.load(Ordering::Acquire),
            bytes: state.end - state.begin,
            oldest: state.appends.front().map(|(_, _, since)| *since),
        }
    }

    /// Returns when the lines are durable here.
    pub fn append(&self, lines: &[Vec<u8>]) -> Result<()> {
        let mut state = self.lock();
        if state.is_broken {
            return Err(unavailable("the spool takes no more records because a write failed"));
        }
        let mut entries = Vec::new();
        for (sequence, line) in (state.next..).zip(lines) {
            entry::push(sequence, line, &mut entries);
        }
        let end = state.end + entries.len() as u64;
        if end > self.size {
            return Err(Error::new(Code::QueueFull, "the spool is full; try again later"));
        }
        let written = state.file.write_all_at(&entries, state.end);
        if let Err(error) = written.and_then(|()| state.file.sync_data()) {
            state.is_broken = true;
            // So that what is refused here does not come back after a restart; it may not be possible.
            let _ = state.file.write_all_at(&[0; HEAD], state.end);
            tracing::error!(path = %self.path.display(), %error, "the spool cannot be written");
            return Err(unavailable("the spool cannot be written"));
        }
        state.end = end;
        state.next += lines.len() as u64;
        state.appends.push_back((end, lines.len() as u64, Moment::now()));
        self.lines.fetch_add(lines.len() as u64, Ordering::AcqRel);
        Ok(())
    }

    /// Gives the oldest lines to the log; false when there are none. What the log refuses stays.
    pub fn drain(&self, into_log: impl FnOnce(&[Vec<u8>]) -> Result<()>) -> Result<bool> {
        let _alone = self.alone();
        let (begin, end) = self.bounds();
        let (lines, after) = self.read(begin, end)?;
        if lines.is_empty() {
            return Ok(false);
        }
        into_log(&lines)?;
        self.pass(after, lines.len() as u64);
        Ok(true)
    }

    /// Passes over the lines that a crash had left here although the log has them.
    pub fn pass_over(&self, mut is_in_log: impl FnMut(&[u8]) -> Result<bool>) -> Result<()> {
        let _alone = self.alone();
        loop {
            let (begin, end) = self.bounds();
            let (lines, after) = self.read(begin, end)?;
            // They are a beginning, so one that is missing ends it.
            let (mut known, mut unknown) = (0, lines.len());
            while known < unknown {
                let middle = known.midpoint(unknown);
                if is_in_log(&lines[middle])? { known = middle + 1 } else { unknown = middle }
            }
            if known == 0 {
                return Ok(());
            }
            let passed =
                lines[..known].iter().map(|line| (HEAD + line.len() + 1) as u64).sum::<u64>();
            self.pass(begin + passed, known as u64);
            if begin + passed < after {
                return Ok(());
            }
        }
    }

    /// The lines that wait, in their order.
    pub fn for_each(&self, mut line: impl FnMut(&[u8])) -> Result<()> {
        let _alone = self.alone();
        let (mut begin, end) = self.bounds();
        loop {
            let (lines, after) = self.read(begin, end)?;
            if lines.is_empty() {
                return Ok(());
            }
            lines.iter().for_each(|text| line(text));
            begin = after;
        }
    }

    fn pass(&self, to: u64, lines: u64) {
        let mut state = self.lock();
        state.begin = to;
        while state.appends.front().is_some_and(|(end, ..)| *end <= to) {
            state.appends.pop_front();
        }
        if to == state.end {
            // The sequence and the ids of the records would tell too; this is the short way.
            let wiped = state.file.write_all_at(&[0; HEAD], self.front);
            if let Err(error) = wiped.and_then(|()| state.file.sync_data()) {
                tracing::warn!(path = %self.path.display(), %error, "the spool cannot be wiped");
            }
            (state.begin, state.end) = (self.front, self.front);
        }
        // With the lock held: who finds it empty finds all of it in the log.
        self.lines.fetch_sub(lines, Ordering::AcqRel);
    }

    /// Whole entries from `begin` on, in about [`AT_A_TIME`] bytes, and where they end.
    fn read(&self, begin: u64, end: u64) -> Result<(Vec<Vec<u8>>, u64)> {
        let mut room = AT_A_TIME;
        loop {
            let length = (end - begin).min(room);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            self.lock().file.read_exact_at(&mut bytes, begin).map_err(at(&self.path))?;
            let (mut lines, mut rest) = (Vec::new(), &bytes[..]);
            while let Some(feed) = memchr::memchr(b'\n', rest) {
                let (_, line) = entry::read(&rest[..feed]).ok_or_else(|| self.altered())?;
                lines.push(line.to_vec());
                rest = &rest[feed + 1..];
            }
            // One longer than that is read alone.
            if !lines.is_empty() || length == end - begin {
                return Ok((lines, begin + length - rest.len() as u64));
            }
            room *= 2;
        }
    }

    fn altered(&self) -> Error {
        let message = "the spool was altered while it was in use";
        Error::new(Code::LogDamaged, message).context(self.path.display())
    }

    /// The first entry that is not in the log, and the end.
    fn bounds(&self) -> (u64, u64) {
        let state = self.lock();
        (state.begin, state.end)
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.draining.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(message: &str) -> Error {
    Error::new(Code::LogUnavailable, message)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::new(Code::LogUnavailable, error.to_string()).context(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    const SIZE: u64 = 64 << 10;

    fn lines(of: &str, range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
        range.map(|n| format!("{{\"id\":\"{of}-{n:04}\"}}").into_bytes()).collect()
    }

    fn open(dir: &Path) -> Spool {
        Spool::open(dir, "a.example/log", SIZE).unwrap()
    }

    fn all(spool: &Spool) -> Vec<Vec<u8>> {
        let mut all = vec![];
        spool.for_each(|line| all.push(line.to_vec())).unwrap();
        all
    }

    #[test]
    fn what_was_appended_is_there_after_a_crash_and_is_drained_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        assert!(spool.is_empty());
        assert!(!spool.drain(|_| panic!("nothing is there")).unwrap());
        spool.append(&lines("a", 0..10)).unwrap();
        spool.append(&lines("a", 10..13)).unwrap();
        drop(spool);
        let spool = open(dir.path());
        assert_eq!((spool.waiting().lines, all(&spool)), (13, lines("a", 0..13)));
        spool.append(&lines("a", 13..14)).unwrap();
        let refused = spool.drain(|_| Err(unavailable("full")));
        assert!(refused.is_err());
        assert_eq!(spool.waiting().lines, 14);
        let mut drained = vec![];
        let mut take = |lines: &[Vec<u8>]| {
            drained.extend_from_slice(lines);
            Ok(())
        };
        while spool.drain(&mut take).unwrap() {}
        assert_eq!(drained, lines("a", 0..14));
        assert!(spool.is_empty() && spool.waiting().oldest.is_none());
        drop(spool);
        assert!(open(dir.path()).is_empty());
    }

    #[test]
    fn whoever_drains_beside_others_takes_no_line_of_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), "a.example/log", 1 << 20).unwrap();
        let (drained, is_all_spooled) = (Mutex::new(vec![]), AtomicBool::new(false));
        let into_log = |lines: &[Vec<u8>]| {
            drained.lock().unwrap().extend_from_slice(lines);
            Ok(())
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let is_last = is_all_spooled.load(Ordering::Acquire);
                        if !spool.drain(into_log).unwrap() && is_last {
                            break;
                        }
                    }
                });
            }
            for n in (0..5000).step_by(10) {
                spool.append(&lines("a", n..n + 10)).unwrap();
            }
            is_all_spooled.store(true, Ordering::Release);
        });
        let waiting = spool.waiting();
        assert_eq!((waiting.lines, waiting.bytes), (0, 0));
        assert!(drained.into_inner().unwrap() == lines("a", 0..5000), "each once and in order");
    }

    #[test]
    fn lines_of_an_earlier_time_never_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        // Of one length, so that old entries begin where new ones end.
        spool.append(&lines("a", 0..20)).unwrap();
        spool.drain(|_| Ok(())).unwrap();
        spool.append(&lines("b", 0..3)).unwrap();
        drop(spool);
        assert_eq!(all(&open(dir.path())), lines("b", 0..3));
    }

    #[test]
    fn nor_those_of_an_earlier_process() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        spool.append(&lines("a", 0..20)).unwrap();
        spool.drain(|_| Ok(())).unwrap();
        drop(spool);
        let spool = open(dir.path());
        spool.append(&lines("b", 0..1)).unwrap();
        drop(spool);
        let spool = open(dir.path());
        assert_eq!(all(&spool), lines("b", 0..1));
        let in_log = lines("a", 0..20);
        spool.pass_over(|line| Ok(in_log.iter().any(|known| known == line))).unwrap();
        assert_eq!(all(&spool), lines("b", 0..1));
    }

    #[test]
    fn what_the_log_has_already_is_passed_over() {
        for known in 0..=12 {
            let dir = tempfile::tempdir().unwrap();
            let spool = open(dir.path());
            spool.append(&lines("a", 0..12)).unwrap();
            drop(spool);
            let spool = open(dir.path());
            let in_log = lines("a", 0..known);
            spool.pass_over(|line| Ok(in_log.iter().any(|known| known == line))).unwrap();
            assert_eq!(all(&spool), lines("a", known..12));
            assert_eq!(spool.waiting().lines, 12 - known as u64);
        }
    }

    #[test]
    fn more_than_fits_is_refused_and_nothing_of_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        let mut n = 0;
        while spool.append(&lines("a", n..n + 7)).is_ok() {
            n += 7;
        }
        let refused = spool.append(&lines("a", n..n + 7)).unwrap_err();
        assert_eq!(refused.code(), Code::QueueFull);
        drop(spool);
        let spool = open(dir.path());
        assert_eq!(all(&spool), lines("a", 0..n));
        spool.drain(|_| Ok(())).unwrap();
        assert!(spool.append(&lines("b", 0..7)).is_ok(), "there is room again");
    }

    #[test]
    fn a_torn_or_altered_entry_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        spool.append(&lines("a", 0..5)).unwrap();
        let front = spool.front;
        drop(spool);
        let path = dir.path().join("spool.jsonl");
        let whole = fs::read(&path).unwrap();
        let entry = (HEAD + lines("a", 0..1)[0].len() + 1) as u64;
        for at in [0, 25, 90, entry - 1] {
            let mut torn = whole.clone();
            torn[usize::try_from(front + 2 * entry + at).unwrap()] ^= 1;
            fs::write(&path, &torn).unwrap();
            assert_eq!(all(&open(dir.path())), lines("a", 0..2), "{at}");
        }
        fs::write(&path, whole).unwrap();
        assert_eq!(all(&open(dir.path())).len(), 5);
    }

    #[test]
    fn one_log_and_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path());
        let error = Spool::open(dir.path(), "a.example/log", SIZE).err().unwrap();
        assert_eq!(error.code(), Code::LogInUse);
        drop(first);
        let error = Spool::open(dir.path(), "b.example/log", SIZE).err().unwrap();
        assert_eq!(error.code(), Code::ForeignLog);
    }

    #[test]
    fn lines_longer_than_what_is_read_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let size = 8 << 20;
        let spool = Spool::open(dir.path(), "a.example/log", size).unwrap();
        let long = vec![vec![b'x'; 3 << 20], b"{}".to_vec()];
        spool.append(&long).unwrap();
        drop(spool);
        let spool = Spool::open(dir.path(), "a.example/log", size).unwrap();
        assert!(all(&spool) == long);
    }
}
