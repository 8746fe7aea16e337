//! What must be true after each opening, read from the disk without the writer's code.

use std::collections::BTreeMap;

use sealtrail_proof::tile::{self, Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Edge, Hash, Note, entry_hash, leaf_hash};

use super::life::{Life, line};
use crate::Recovery;
use crate::paths::Layout;

/// What an opening finds.
pub(super) struct Before {
    whole: usize,
    torn: Vec<u8>,
    durable: Option<u64>,
}

impl Life {
    pub(super) fn before_opening(&self) -> Before {
        let (lines, torn) = self.lines();
        let durable = self.disk.read(&self.layout.durable()).ok().and_then(|text| {
            let digits = str::from_utf8(&text).ok()?.strip_suffix('\n')?;
            if digits.len() == 20 { digits.parse().ok() } else { None }
        });
        Before { whole: lines.len(), torn, durable }
    }

    pub(super) fn check_opening(&self, before: &Before, recovery: &Recovery) {
        assert_eq!(recovery.lines, before.whole as u64, "every whole line is kept");
        if let Some(durable) = before.durable {
            assert!(
                durable <= before.whole as u64,
                "`durable` says {durable}, {} are there",
                before.whole
            );
        }
        assert_eq!(recovery.missing, 0, "no crash takes what was on disk");
        match &recovery.torn {
            None => assert!(before.torn.is_empty(), "a torn line was not told of"),
            Some(torn) => {
                assert_eq!(torn.index, before.whole as u64);
                assert_eq!(self.disk.read(&torn.path).unwrap(), before.torn, "set aside as it was");
            }
        }
    }

    /// Every acknowledged line in its place, none twice, none that was refused; and the tree that every checkpoint
    /// ever signed speaks of.
    pub(super) fn check_promises(&self) {
        let told = self.told.lock().unwrap();
        let (lines, torn) = self.lines();
        assert!(torn.is_empty());
        let mut numbers = BTreeMap::new();
        for (index, text) in (0..).zip(&lines) {
            let number: u64 = str::from_utf8(&text[8..])
                .ok()
                .and_then(|rest| rest.split_once(',')?.0.parse().ok())
                .unwrap_or_else(|| panic!("record {index} is no line of ours"));
            assert_eq!(*text, line(number), "record {index} is torn");
            assert_eq!(numbers.insert(number, index), None, "line {number} is there twice");
            assert!(!told.refused.contains(&number), "line {number} was refused and is there");
        }
        for (index, number) in &told.kept {
            assert_eq!(numbers.get(number), Some(index), "line {number} was acknowledged");
        }

        let mut signed: BTreeMap<u64, (String, Hash)> = BTreeMap::new();
        for note in self.simulated.seen() {
            let note = String::from_utf8(note).unwrap();
            let checkpoint = parse(&note);
            let one = (note, *checkpoint.root());
            let other = signed.entry(checkpoint.size()).or_insert_with(|| one.clone());
            assert_eq!(*other, one, "two different checkpoints of one size");
        }
        let mut edge = Edge::new();
        for size in 0..=lines.len() as u64 {
            if let Some((_, root)) = signed.remove(&size) {
                assert_eq!(edge.root(), root, "the lines are not what was signed at size {size}");
            }
            if let Some(line) = lines.get(size as usize) {
                edge.push(leaf_hash(&entry_hash(line)));
            }
        }
        assert!(signed.is_empty(), "more was signed than is there: {:?}", signed.keys());
        drop(told);
        self.check_history();
    }

    /// Each checkpoint that was put in place is kept, in order, the current one last.
    fn check_history(&self) {
        let names = self.disk.names(&self.layout.checkpoints()).unwrap();
        let mut kept = Vec::new();
        for first in Layout::notes_among(&names) {
            let text =
                String::from_utf8(self.disk.read(&self.layout.notes(first)).unwrap()).unwrap();
            let mut note = String::new();
            let mut sizes = Vec::new();
            for line in text.split_inclusive('\n') {
                if note.contains("\n\u{2014} ") && !line.starts_with('\u{2014}') {
                    sizes.push(parse(&note).size());
                    kept.push(std::mem::take(&mut note));
                }
                note.push_str(line);
            }
            sizes.push(parse(&note).size());
            kept.push(note);
            assert_eq!(sizes[0], first, "the file is named after its first note");
        }
        assert!(kept.windows(2).all(|two| parse(&two[0]).size() < parse(&two[1]).size()));
        let current = self.disk.read(&self.layout.checkpoint()).unwrap();
        assert_eq!(kept.last().unwrap().as_bytes(), current);
        for published in &self.told.lock().unwrap().published {
            assert!(kept.contains(published), "a checkpoint that was signed is not kept");
        }
    }

    /// The whole tree on disk is that of the lines.
    pub(super) fn check_tree(&self) {
        self.check_promises();
        let (lines, _) = self.lines();
        let size = lines.len() as u64;
        let entries: Vec<Hash> = lines.iter().map(|line| entry_hash(line)).collect();
        let mut edge = Edge::new();
        let mut tiles: Vec<(Tile, Vec<u8>)> = Vec::new();
        for entry in &entries {
            for (tile, hashes) in edge.push(leaf_hash(entry)) {
                tiles.push((tile, tile::encode_hashes(&hashes)));
            }
        }
        tiles.extend(edge.partials().map(|(tile, hashes)| (tile, tile::encode_hashes(hashes))));
        for (index, entries) in (0..).zip(entries.chunks(WIDTH as usize)) {
            let bundle = Tile::in_tree(size, Level::Entries, index).unwrap();
            tiles.push((bundle, tile::encode_entries(entries)));
        }
        for (tile, expected) in tiles {
            let found = self.disk.read(&self.layout.tile(tile)).unwrap_or_default();
            assert!(found == expected, "{} is not what the lines give", tile.path());
        }
        let note = String::from_utf8(self.disk.read(&self.layout.checkpoint()).unwrap()).unwrap();
        assert_eq!((parse(&note).size(), *parse(&note).root()), (size, edge.root()));
        let names = self.disk.names(&self.layout.entries()).unwrap();
        for first in Layout::segments_among(&names) {
            let text = self.disk.read(&self.layout.segment(first)).unwrap();
            assert!(!text.contains(&0), "what is closed has no NULs");
        }
    }

    /// All whole lines of all segments, and what follows the last one without the NULs at its end.
    fn lines(&self) -> (Vec<Vec<u8>>, Vec<u8>) {
        let names = self.disk.names(&self.layout.entries()).unwrap_or_default();
        let (mut lines, mut torn, mut is_cut) = (Vec::new(), Vec::new(), true);
        for first in Layout::segments_among(&names) {
            assert_eq!(first, lines.len() as u64, "segments follow one another without gap");
            assert!(is_cut, "only the last segment may end with NULs or a torn line");
            let text = self.disk.read(&self.layout.segment(first)).unwrap();
            let mut rest = text.as_slice();
            while let Some(end) = memchr::memchr(b'\n', rest) {
                if end == 0 || rest[..end].contains(&0) {
                    break;
                }
                lines.push(rest[..end].to_vec());
                rest = &rest[end + 1..];
            }
            let end = rest.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
            (torn, is_cut) = (rest[..end].to_vec(), rest.is_empty());
        }
        (lines, torn)
    }
}

fn parse(note: &str) -> Checkpoint {
    Checkpoint::parse(Note::parse(note.as_bytes()).unwrap().unverified_text()).unwrap()
}
