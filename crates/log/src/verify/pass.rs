//! The fast pass: all processors, two hashes at a time, and no more said than that all is well.
//!
//! It looks at the records below the last multiple of 256 that the checkpoint covers. A segment is cut
//! into pieces; who takes one counts its lines, learns from the piece before which record it begins with,
//! and compares with bundles and tiles whatever 256 records lie in it whole. What remains at the edges of
//! the pieces is put together in their order, with the levels of the tree above. At the first sign of
//! anything else the pass ends; what it was is found by the [`walk`](super::walk), which reads line by
//! line and gives the same answer whoever was the first to notice.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use sealtrail_proof::Hash;
use sealtrail_proof::hash::leaf_hashes;
use sealtrail_proof::tile::{Level, Tile, WIDTH};

use super::lines::Place;
use super::meter::Meter;
use super::piece::{Outcome, Piece, Worker};
use super::source::Segment;
use super::tiles::{self, Shelf};
use crate::paths::Layout;

/// What is read, and how far.
pub(super) struct Pass<'a> {
    pub(super) layout: &'a Layout,
    /// Records that the checkpoint covers.
    pub(super) covered: u64,
    /// The lines below were removed by retention; their entries are in the bundles.
    pub(super) removed: u64,
    pub(super) segments: &'a [Segment],
    pub(super) shelf: &'a Shelf,
    pub(super) meter: &'a Meter<'a>,
    shared: Mutex<Shared>,
    changed: Condvar,
    /// Pieces that may be ahead of the first one that is not put together yet.
    window: u64,
}

/// A frame may ask for 8 MiB while it is decoded, and the audit must do with 64 MB.
const MAX_COLD: usize = 6;

/// Everything up to here is as it was signed, if the root says so too.
pub(super) struct Passed {
    pub(super) count: u64,
    /// The hashes of each level since its last full tile; level 0 has none.
    pub(super) levels: Vec<Vec<Hash>>,
    /// Where the last line ended; `None` if all are removed.
    pub(super) end: Option<Place>,
    /// Bytes of lines, and the segments that they are in.
    pub(super) bytes: u64,
}

/// Something is not as it should be.
pub(super) struct Odd;

struct Shared {
    /// The next piece to be taken; `None` after the last.
    next: Option<Piece>,
    taken: u64,
    /// The record that a piece begins with, where its number is known and it has not asked yet.
    firsts: BTreeMap<u64, u64>,
    /// Finished, and not put together yet.
    finished: BTreeMap<u64, Outcome>,
    /// Pieces put together.
    joined: u64,
    /// Compressed segments that threads are at.
    cold: usize,
    /// `None` while a thread is at it.
    join: Option<Join>,
    odd: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        covered: u64,
        removed: u64,
        segments: &'a [Segment],
        shelf: &'a Shelf,
        meter: &'a Meter<'a>,
    ) -> Self {
        let join = Join {
            count: 0,
            entries: Vec::with_capacity(WIDTH as usize),
            levels: vec![Vec::new()],
            end: None,
            bytes: 0,
        };
        let shared = Shared {
            next: Piece::first(removed, segments),
            taken: 0,
            firsts: BTreeMap::new(),
            finished: BTreeMap::new(),
            joined: 0,
            cold: 0,
            join: Some(join),
            odd: false,
        };
        Self {
            layout,
            covered,
            removed,
            segments,
            shelf,
            meter,
            shared: Mutex::new(shared),
            changed: Condvar::new(),
            window: 0,
        }
    }

    /// The records that are looked at: those whose 256 are all covered.
    pub(super) fn limit(&self) -> u64 {
        self.covered / WIDTH * WIDTH
    }

    pub(super) fn run(mut self, threads: usize) -> Result<Passed, Odd> {
        if self.limit() == 0 {
            return Err(Odd);
        }
        self.window = 2 * threads as u64 + 2;
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work());
            }
            self.work();
        });
        let limit = self.limit();
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        match shared.join {
            Some(join) if !shared.odd && join.count == limit && join.entries.is_empty() => {
                Ok(Passed {
                    count: join.count,
                    levels: join.levels,
                    end: join.end,
                    bytes: join.bytes,
                })
            }
            _ => Err(Odd),
        }
    }

    fn work(&self) {
        // A thread that panics must not leave the others waiting.
        let _end = EndOnPanic(self);
        let mut worker = Worker::new(self);
        while let Some((number, piece)) = self.take() {
            match worker.piece(number, &piece) {
                Ok(outcome) => self.finish(number, piece, outcome),
                Err(Odd) => return self.give_up(),
            }
        }
    }

    fn take(&self) -> Option<(u64, Piece)> {
        let mut shared = self.lock();
        loop {
            let piece = shared.next.filter(|_| !shared.odd)?;
            let cold = matches!(piece, Piece::Cold { .. });
            if shared.taken < shared.joined + self.window && !(cold && shared.cold == MAX_COLD) {
                shared.cold += usize::from(cold);
                let number = shared.taken;
                shared.taken += 1;
                if let Some(first) = piece.first_record(self.segments) {
                    shared.firsts.insert(number, first);
                    if first >= self.limit() {
                        shared.next = None;
                        self.changed.notify_all();
                        return None;
                    }
                }
                shared.next = piece.next(self.removed, self.segments);
                return Some((number, piece));
            }
            shared = self.wait(shared);
        }
    }

    /// The record that a piece begins with. Tells the piece after it, if that continues the segment.
    pub(super) fn begin(&self, number: u64, lines: u64, continues: bool) -> Result<u64, Odd> {
        let mut shared = self.lock();
        loop {
            if shared.odd {
                return Err(Odd);
            }
            if let Some(first) = shared.firsts.remove(&number) {
                let next = first.checked_add(lines).ok_or(Odd)?;
                if continues {
                    shared.firsts.insert(number + 1, next);
                }
                if next >= self.limit() {
                    shared.next = None;
                }
                self.changed.notify_all();
                return Ok(first);
            }
            shared = self.wait(shared);
        }
    }

    /// Puts the piece where it belongs, and whatever can be put together now.
    fn finish(&self, number: u64, piece: Piece, outcome: Outcome) {
        let mut shared = self.lock();
        shared.cold -= usize::from(matches!(piece, Piece::Cold { .. }));
        self.changed.notify_all();
        shared.finished.insert(number, outcome);
        // Whoever is at it finds this one too.
        while let Some(mut join) = shared.join.take() {
            let joined = shared.joined;
            let Some(outcome) = shared.finished.remove(&joined) else {
                shared.join = Some(join);
                break;
            };
            drop(shared);
            let fits = join.add(self, outcome).is_ok();
            shared = self.lock();
            shared.join = Some(join);
            shared.joined += 1;
            shared.odd |= !fits;
            self.changed.notify_all();
        }
    }

    fn give_up(&self) {
        self.lock().odd = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, guard: MutexGuard<'g, Shared>) -> MutexGuard<'g, Shared> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares 256 entries, as the lines give them, with the bundle and the tile. Gives their root.
    pub(super) fn chunk(&self, index: u64, entries: &[Hash]) -> Result<Hash, Odd> {
        let leaves = leaf_hashes(entries);
        for (level, computed) in [(Level::Entries, entries), (Level::Hashes(0), &leaves)] {
            let tile = Tile::new(level, index, WIDTH as u16);
            match tiles::read(self.layout, tile) {
                Ok(Some(stored)) if stored == computed => {}
                _ => return Err(Odd),
            }
            self.partials(tile, computed)?;
        }
        Ok(tiles::perfect(&leaves))
    }

    /// Compares the partial forms of a full tile that are still there.
    fn partials(&self, full: Tile, computed: &[Hash]) -> Result<(), Odd> {
        if !self.shelf.may_have_partials(full) {
            return Ok(());
        }
        tiles::compare_all(self.layout, full.level(), full.index(), computed, Some(full))
            .map_err(|_| Odd)
    }
}

/// The tree so far, in order.
struct Join {
    count: u64,
    /// Since the last multiple of 256.
    entries: Vec<Hash>,
    levels: Vec<Vec<Hash>>,
    end: Option<Place>,
    bytes: u64,
}

impl Join {
    fn add(&mut self, pass: &Pass<'_>, outcome: Outcome) -> Result<(), Odd> {
        if outcome.first >= pass.limit() {
            return Ok(());
        }
        if outcome.first != self.count {
            return Err(Odd);
        }
        if outcome.lines == 0 {
            return Ok(());
        }
        self.push_entries(pass, &outcome.head)?;
        for root in outcome.roots {
            if !self.entries.is_empty() {
                return Err(Odd);
            }
            self.push_root(pass, root)?;
        }
        self.push_entries(pass, &outcome.tail)?;
        self.bytes += outcome.bytes;
        self.end = outcome.end;
        Ok(())
    }

    fn push_entries(&mut self, pass: &Pass<'_>, entries: &[Hash]) -> Result<(), Odd> {
        for entry in entries {
            self.entries.push(*entry);
            self.count += 1;
            if self.entries.len() == WIDTH as usize {
                let root = pass.chunk(self.count / WIDTH - 1, &self.entries)?;
                self.entries.clear();
                self.count -= WIDTH;
                self.push_root(pass, root)?;
            }
        }
        Ok(())
    }

    /// The root of the next 256 leaves; fills the levels above.
    fn push_root(&mut self, pass: &Pass<'_>, root: Hash) -> Result<(), Odd> {
        self.count += WIDTH;
        let mut hash = root;
        for level in 1.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(WIDTH as usize));
            }
            self.levels[level].push(hash);
            if self.levels[level].len() < WIDTH as usize {
                return Ok(());
            }
            let full = std::mem::take(&mut self.levels[level]);
            let index = (self.count >> (8 * (level + 1))) - 1;
            let tile = Tile::new(Level::Hashes(level as u8), index, WIDTH as u16);
            match tiles::read(pass.layout, tile) {
                Ok(Some(stored)) if stored == full => {}
                _ => return Err(Odd),
            }
            pass.partials(tile, &full)?;
            hash = tiles::perfect(&full);
        }
        Ok(())
    }
}

struct EndOnPanic<'a>(&'a Pass<'a>);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use sealtrail_proof::{Edge, SigningKey, entry_hash, leaf_hash};

    use super::*;
    use crate::verify::{checkpoint, source};
    use crate::{Log, Options, Signer};

    const LINES: u64 = 70_000;

    fn line(index: u64) -> Vec<u8> {
        format!("line {index} {}", "x".repeat(index as usize % 30)).into_bytes()
    }

    /// Three levels of tiles over `LINES` records, in segments of about that size.
    fn log(dir: &Path, segment_bytes: u64) {
        let key = SigningKey::from_seed("log.example", &[1; 32]).unwrap();
        Log::create(dir, "log.example", &key).unwrap();
        let options = Options { segment_bytes, ..Options::default() };
        let (log, _) = Log::open(dir, Signer::new("log.example", key).unwrap(), options).unwrap();
        for first in (0..LINES).step_by(1000) {
            log.append((first..first + 1000).map(line).collect()).unwrap();
        }
        log.checkpoint_now().unwrap();
        if segment_bytes < 1 << 20 {
            log.compress(0).unwrap();
            let second = log.compressible(u64::MAX).unwrap()[0];
            log.prune(second, LINES - 1).unwrap();
            let next = log.compressible(u64::MAX).unwrap()[1];
            log.compress(next).unwrap();
        }
        log.close().unwrap();
    }

    fn pass(dir: &Path, threads: usize) -> Result<Passed, Odd> {
        let layout = Layout::new(dir);
        let key = SigningKey::from_seed("log.example", &[1; 32]).unwrap().verifier_key();
        let covered = checkpoint::read(&layout, &key).unwrap().0.size();
        let segments = source::segments(&layout).unwrap();
        let shelf = Shelf::look(&layout);
        let meter = Meter::new(None);
        let removed = segments[0].stored.first;
        Pass::new(&layout, covered, removed, &segments, &shelf, &meter).run(threads)
    }

    /// Whatever the files look like, it comes to the end by itself: slow and right would pass every
    /// other test.
    #[test]
    fn what_is_well_is_passed_on_any_number_of_threads() {
        let limit = LINES / WIDTH * WIDTH;
        let mut edge = Edge::new();
        for index in 0..limit {
            edge.push(leaf_hash(&entry_hash(&line(index))));
        }
        for segment_bytes in [1 << 30, 500_000] {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path().join("log");
            log(&dir, segment_bytes);
            for threads in [1, 2, 5] {
                let passed = pass(&dir, threads).ok().expect("nothing is odd");
                assert_eq!(passed.count, limit);
                assert_eq!(tiles::root(&passed.levels), edge.root());
                let end = passed.end.unwrap();
                assert!(end.segment.first < limit && end.offset > 0);
            }
        }
    }

    #[test]
    fn what_is_odd_ends_it_on_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        log(&dir, 500_000);
        let files = ["tile/0/000", "tile/0/272", "tile/1/000", "tile/entries/100"];
        let last = source::segments(&Layout::new(&dir)).unwrap().last().unwrap().stored;
        let paths =
            files.map(|file| dir.join(file)).into_iter().chain([Layout::new(&dir).stored(last)]);
        for path in paths {
            let bytes = fs::read(&path).unwrap();
            let mut changed = bytes.clone();
            changed[100] ^= 1;
            fs::write(&path, changed).unwrap();
            for threads in [1, 2, 5] {
                assert!(pass(&dir, threads).is_err(), "{}", path.display());
            }
            fs::write(&path, bytes).unwrap();
        }
        assert!(pass(&dir, 2).is_ok());
    }
}
