//! The golden log was made by another implementation; every byte of it must come out of this one.

mod fixture;

use std::fs;
use std::path::PathBuf;

use fixture::files;
use sealtrail_log::proof::tile::{self, Level, Tile};
use sealtrail_log::proof::{Checkpoint, Edge, SigningKey, VerifierKey, entry_hash, leaf_hash};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Log, Options, Reader, Signer};

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/golden-log-257")
}

fn golden_key() -> VerifierKey {
    fs::read_to_string(golden().join("log.vkey")).unwrap().parse().unwrap()
}

fn golden_lines() -> Vec<Vec<u8>> {
    let text = fs::read(golden().join("entries/00000000000000000000.jsonl")).unwrap();
    let text = text.strip_suffix(b"\n").unwrap();
    text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// The tiles and bundles of a log, without its other files.
fn tiles_of(dir: &std::path::Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = files(dir);
    files.retain(|(path, _)| path.starts_with("tile"));
    files
}

#[test]
fn proof_gives_every_tile_and_bundle_and_the_root() {
    let entries: Vec<_> = golden_lines().iter().map(|line| entry_hash(line)).collect();
    let mut edge = Edge::new();
    let mut made = Vec::new();
    for entry in &entries {
        for (tile, hashes) in edge.push(leaf_hash(entry)) {
            made.push((tile.path().into(), tile::encode_hashes(&hashes)));
        }
    }
    for (tile, hashes) in edge.partials() {
        made.push((tile.path().into(), tile::encode_hashes(hashes)));
    }
    for (index, entries) in entries.chunks(256).enumerate() {
        let bundle = Tile::new(Level::Entries, index as u64, entries.len() as u16);
        made.push((bundle.path().into(), tile::encode_entries(entries)));
    }
    made.sort();
    let expected = tiles_of(&golden());
    assert_eq!(expected.len(), 5);
    assert_eq!(made, expected);

    let note = fs::read(golden().join("checkpoint")).unwrap();
    let checkpoint = Checkpoint::verify(&note, &golden_key()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (257, &edge.root()));
}

#[test]
fn the_log_writes_the_same_files_from_the_same_lines() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let origin = golden_key().name().to_owned();
    let key = SigningKey::from_seed(&origin, &[9; 32]).unwrap();
    Log::create(&dir, &origin, &key).unwrap();
    let signer = Signer::new(&origin, key).unwrap();
    let (log, _) = Log::open(&dir, signer, Options::default()).unwrap();
    log.append(golden_lines()).unwrap();
    log.close().unwrap();

    assert_eq!(tiles_of(&dir), tiles_of(&golden()));
    let text = |dir: &std::path::Path| {
        let note = fs::read_to_string(dir.join("checkpoint")).unwrap();
        note.split_once("\n\n").unwrap().0.to_owned()
    };
    assert_eq!(text(&dir), text(&golden()));
    let segment = "entries/00000000000000000000.jsonl";
    assert_eq!(fs::read(dir.join(segment)).unwrap(), fs::read(golden().join(segment)).unwrap());
}

#[test]
fn the_golden_log_verifies_and_gives_receipts() {
    let report = verify(&golden(), &golden_key()).unwrap();
    assert_eq!(report.class(), Class::Intact);
    assert_eq!((report.covered, report.uncovered), (257, 0));

    let reader = Reader::open(&golden()).unwrap();
    assert_eq!(reader.size().unwrap(), 257);
    for (index, line) in golden_lines().iter().enumerate() {
        assert_eq!(reader.read(index as u64).unwrap(), *line);
        let receipt = reader.prove(index as u64).unwrap();
        receipt.verify(line, &golden_key()).unwrap();
    }
    assert!(reader.prove(257).unwrap_err().is_no_record());
}
