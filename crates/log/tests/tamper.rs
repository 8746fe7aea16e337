//! Everything that somebody with write access could do, and what the auditor calls it.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{
    ORIGIN, after, audit, copy, files, key, line, lines, log_of, open, options, segments, signer,
    vkey,
};
use sealtrail_log::proof::tile::{self, Level, Tile};
use sealtrail_log::proof::{Checkpoint, Edge, SigningKey, entry_hash, leaf_hash};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Log, Reader};

const SIZE: u64 = 600;

/// Rewrites the lines of the segment that holds record `index`, given its position there.
fn edit(dir: &Path, index: u64, change: impl FnOnce(&mut Vec<Vec<u8>>, usize)) {
    let (path, first) = segment_of(dir, index);
    let text = fs::read(&path).unwrap();
    let mut lines: Vec<Vec<u8>> = text
        .strip_suffix(b"\n")
        .unwrap()
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    change(&mut lines, (index - first) as usize);
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    fs::write(path, text).unwrap();
}

fn segment_of(dir: &Path, index: u64) -> (std::path::PathBuf, u64) {
    let first =
        |path: &Path| -> u64 { path.file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    let path = segments(dir).into_iter().rev().find(|path| first(path) <= index).unwrap();
    let first = first(&path);
    (path, first)
}

/// Where record `index` begins in its segment.
fn offset_of(dir: &Path, index: u64) -> u64 {
    let (_, first) = segment_of(dir, index);
    (first..index).map(|i| line(i).len() as u64 + 1).sum()
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_change_has_a_name_and_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    assert!(segments(&log).len() > 4);

    // A line in the middle of a segment, one at a border of bundles, the first and the last.
    for index in [0, 100, 255, 256, 300, 598] {
        let (segment, _) = segment_of(&log, index);
        let segment = segment.strip_prefix(&log).unwrap().to_owned();
        let offset = offset_of(&log, index);
        type Change = fn(&mut Vec<Vec<u8>>, usize);
        let cases: [(Class, Change); 4] = [
            (Class::Changed, |lines, at| lines[at][0] ^= 1),
            (Class::Dropped, |lines, at| drop(lines.remove(at))),
            (Class::Inserted, |lines, at| lines.insert(at, b"{}".to_vec())),
            (Class::Reordered, |lines, at| {
                let other = if at + 1 < lines.len() { at + 1 } else { at - 1 };
                lines.swap(at, other);
            }),
        ];
        for (class, change) in cases {
            let failure = after(&log, |dir| edit(dir, index, change));
            let last_of_segment = segment_of(&log, index).0 != segment_of(&log, index + 1).0;
            // A swap of the last two lines of a segment begins with the one before.
            if !(class == Class::Reordered && last_of_segment) {
                assert_eq!(failure.record, Some(index), "{failure}");
                assert_eq!(failure.offset, Some(offset), "{failure}");
            }
            if class == Class::Dropped && last_of_segment {
                // Then it is the border between two files that does not fit.
                assert_eq!(failure.class, Class::Segment, "{failure}");
            } else {
                assert_eq!(failure.class, class, "{failure}");
            }
            assert_eq!(failure.file.as_deref(), Some(segment.as_path()), "{failure}");
        }
    }
}

#[test]
fn lines_taken_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let (last, _) = segment_of(&log, SIZE - 1);
    let name = last.strip_prefix(&log).unwrap();

    let failure = after(&log, |dir| edit(dir, SIZE - 1, |lines, _| drop(lines.pop())));
    assert_eq!(failure.class, Class::Truncated);
    assert_eq!(failure.record, Some(SIZE - 1));
    assert_eq!(failure.file.as_deref(), Some(name));
    assert_eq!(failure.offset, Some(offset_of(&log, SIZE - 1)));

    // Cut in the middle of a line, as no crash can do to a covered one.
    let failure = after(&log, |dir| {
        let path = dir.join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    assert_eq!((failure.class, failure.record), (Class::Truncated, Some(SIZE - 1)));
}

#[test]
fn segments_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let remove = |n: usize| after(&log, |dir| fs::remove_file(&segments(dir)[n]).unwrap());

    let failure = remove(0);
    assert_eq!((failure.class, failure.record), (Class::Segment, Some(0)));
    assert_eq!(failure.file.as_deref(), Some(Path::new("entries/00000000000000000000.jsonl")));

    let all = segments(&log);
    let (_, second) =
        segment_of(&log, all[1].file_stem().unwrap().to_str().unwrap().parse().unwrap());
    let failure = remove(1);
    assert_eq!((failure.class, failure.record), (Class::Segment, Some(second)));
    assert_eq!(failure.file.as_deref(), Some(all[0].strip_prefix(&log).unwrap()));
    assert_eq!(failure.offset, Some(fs::metadata(&all[0]).unwrap().len()));

    let failure = remove(all.len() - 1);
    assert_eq!(failure.class, Class::Truncated);

    // Where nothing is left there is no end that lines could be missing at.
    let failure = after(&log, |dir| {
        segments(dir).iter().for_each(|path| fs::remove_file(path).unwrap());
    });
    assert_eq!((failure.class, failure.record), (Class::Segment, Some(0)));
    assert_eq!(failure.file.as_deref(), Some(Path::new("entries/00000000000000000000.jsonl")));
}

#[test]
fn folders_taken_away_or_in_the_place_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let failure = after(&log, |dir| fs::remove_dir_all(dir.join("entries")).unwrap());
    assert_eq!(failure.class, Class::Segment, "{failure}");
    assert_eq!(failure.file.as_deref(), Some(Path::new("entries")), "{failure}");

    let failure = after(&log, |dir| {
        fs::remove_file(dir.join("durable")).unwrap();
        fs::create_dir(dir.join("durable")).unwrap();
    });
    assert_eq!(failure.class, Class::Unreadable, "{failure}");
    assert_eq!(failure.file.as_deref(), Some(Path::new("durable")), "{failure}");
    assert!(failure.message.contains("got a folder"), "{failure}");
}

/// Neither the auditor nor the writer nor a reader follows what never ends, or waits at it.
#[cfg(unix)]
#[test]
fn links_and_pipes_in_the_place_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let endless = |path: &Path| {
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    };
    let pipe = |path: &Path| {
        fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let (last, _) = segment_of(&log, SIZE - 1);
    let last = last.strip_prefix(&log).unwrap();
    let names = [
        last,
        Path::new("entries/00000000000000000000.jsonl"),
        Path::new("tile/0/000"),
        Path::new("tile/0/002.p/88"),
        Path::new("tile/entries/001"),
        Path::new("tile/entries/002.p/88"),
        Path::new("checkpoint"),
    ];
    for (i, name) in names.into_iter().enumerate() {
        for replace in [&endless as &dyn Fn(&Path), &pipe] {
            let failure = after(&log, |dir| replace(&dir.join(name)));
            assert_eq!(failure.class, Class::Unreadable, "{failure}");
            assert_eq!(failure.file.as_deref(), Some(name), "{failure}");
            assert!(failure.message.contains("expected a regular file"), "{failure}");

            let dir = tempfile::tempdir().unwrap();
            copy(&log, dir.path());
            replace(&dir.path().join(name));
            // Opening reads the end of the log; the rest is looked at when it is asked for.
            if [0, 3, 5, 6].contains(&i) {
                let error = Log::open(dir.path(), signer(), options()).unwrap_err();
                assert!(error.to_string().contains("expected a regular file"), "{error}");
            }
            let read = |index| Reader::open(dir.path()).and_then(|reader| reader.read(index));
            assert_eq!(read(0).is_err(), [1, 6].contains(&i), "{name:?}");
            let prove = || Reader::open(dir.path()).and_then(|reader| reader.prove(0));
            assert_eq!(prove().is_err(), [2, 3, 6].contains(&i), "{name:?}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&log, dir.path());
    pipe(&dir.path().join("lock"));
    assert!(Log::open(dir.path(), signer(), options()).unwrap_err().is_io());
}

#[test]
fn tiles_and_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let stored: Vec<_> =
        files(&log).into_iter().filter(|(path, _)| path.starts_with("tile")).collect();
    // Full and partial, of both levels, and bundles.
    assert!(stored.len() >= 7, "{stored:?}");
    for (path, bytes) in &stored {
        let is_bundle = path.starts_with("tile/entries");
        let (class, each) = if is_bundle { (Class::Bundle, 34) } else { (Class::Tile, 32) };
        let tile = Tile::parse(path.to_str().unwrap()).unwrap();
        let offset = bytes.len() - 1;
        let failure = after(&log, |dir| flip(&dir.join(path), offset));
        assert_eq!(failure.class, class, "{failure}");
        assert_eq!(failure.file.as_ref(), Some(path), "{failure}");
        assert_eq!(failure.record, Some(tile.first_leaf(tile.width() - 1)), "{failure}");
        assert_eq!(failure.offset, Some((offset / each * each) as u64), "{failure}");

        let failure = after(&log, |dir| fs::write(dir.join(path), &bytes[1..]).unwrap());
        assert_eq!((failure.class, failure.file.as_ref()), (class, Some(path)), "{failure}");
        let failure = after(&log, |dir| fs::remove_file(dir.join(path)).unwrap());
        assert_eq!((failure.class, failure.file.as_ref()), (class, Some(path)), "{failure}");
    }
}

#[test]
fn a_tile_for_lines_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let failure = after(&log, |dir| {
        fs::write(dir.join("tile/0/002.p/200"), [0; 200 * 32]).unwrap();
    });
    assert_eq!((failure.class, failure.record), (Class::Tile, Some(SIZE)));
    assert_eq!(failure.file.as_deref(), Some(Path::new("tile/0/002.p/200")));
}

#[test]
fn checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let with = |note: String| after(&log, |dir| fs::write(dir.join("checkpoint"), note).unwrap());
    let note = fs::read_to_string(log.join("checkpoint")).unwrap();

    // The size changed under the old signature.
    assert_eq!(with(note.replace("\n600\n", "\n599\n")).class, Class::Signature);

    // Signed with another key of the same name; of another log; of another implementation.
    let root = *Checkpoint::verify(note.as_bytes(), &vkey()).unwrap().root();
    let other = SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap();
    let foreign = Checkpoint::new(ORIGIN, SIZE, root).sign(&other).unwrap();
    assert_eq!(with(foreign).class, Class::ForeignKey);
    let other = SigningKey::from_seed("log.example/two", &[1; 32]).unwrap();
    let foreign = Checkpoint::new("log.example/two", SIZE, root).sign(&other).unwrap();
    let failure = with(foreign);
    assert_eq!(failure.class, Class::ForeignKey);
    assert!(failure.message.contains("log.example/two"), "{failure}");

    // A verifier key of another log, which is the same question from the other side.
    let failure = verify(&log, &other.verifier_key()).unwrap_err();
    assert_eq!(failure.class, Class::ForeignKey);

    // Honestly signed, but not the root of these lines.
    let wrong = Checkpoint::new(ORIGIN, SIZE, [7; 32]).sign(&key()).unwrap();
    let failure = with(wrong);
    assert_eq!(failure.class, Class::Root);
    assert_eq!(failure.file.as_deref(), Some(Path::new("checkpoint")));

    assert_eq!(with("nonsense".into()).class, Class::Checkpoint);
    assert_eq!(with(note.trim_end().into()).class, Class::Checkpoint);
    let failure = after(&log, |dir| fs::remove_file(dir.join("checkpoint")).unwrap());
    assert_eq!(failure.class, Class::Checkpoint);
}

/// Whoever changes a line and makes every other file agree still cannot sign.
#[test]
fn a_consistent_forgery_is_noticed_by_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let forged = |upper_too: bool| {
        after(&log, |dir| {
            edit(dir, 300, |lines, at| lines[at] = b"{\"forged\":true}".to_vec());
            let lines: Vec<Vec<u8>> = segments(dir)
                .iter()
                .flat_map(|path| {
                    let text = fs::read_to_string(path).unwrap();
                    text.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>()
                })
                .collect();
            let entries: Vec<_> = lines.iter().map(|line| entry_hash(line)).collect();
            let mut edge = Edge::new();
            for entry in &entries {
                for (tile, hashes) in edge.push(leaf_hash(entry)) {
                    fs::write(dir.join(tile.path()), tile::encode_hashes(&hashes)).unwrap();
                }
            }
            for (tile, hashes) in edge.partials() {
                if upper_too || tile.level() == Level::Hashes(0) {
                    fs::write(dir.join(tile.path()), tile::encode_hashes(hashes)).unwrap();
                }
            }
            let bundle = tile::encode_entries(&entries[256..512]);
            fs::write(dir.join("tile/entries/001"), bundle).unwrap();
        })
    };
    let failure = forged(false);
    assert_eq!((failure.class, failure.record), (Class::Changed, Some(256)), "{failure}");
    assert_eq!(forged(true).class, Class::Root);
}

#[test]
fn uncovered_lines_are_neither_a_failure_nor_silence() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    let (last, _) = segment_of(&dir, 299);
    let mut text = fs::read(&last).unwrap();
    text.extend_from_slice(b"{\"new\":1}\n{\"new\":2}\n{\"to");
    fs::write(&last, text).unwrap();
    let report = audit(&dir).unwrap();
    assert_eq!(report.class(), Class::Uncovered);
    assert_eq!(report.exit_code(), 10);
    assert_eq!((report.covered, report.uncovered, report.torn_bytes), (300, 2, 4));
}

#[test]
fn an_empty_log_is_intact_and_verify_runs_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 0);
    assert_eq!(audit(&dir).unwrap().class(), Class::Intact);
    let log = open(&dir);
    for first in (0..2000).step_by(50) {
        log.append(lines(first..first + 50)).unwrap();
        if first % 200 == 0 {
            log.checkpoint_now().unwrap();
        }
        let report = verify(&dir, &vkey()).unwrap();
        assert_eq!(report.covered + report.uncovered, first + 50);
    }
}

/// A crash may leave the partial forms of a tile that is full by now; readers may still ask for them.
#[test]
fn partial_forms_of_full_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    for (full, each) in [("tile/0/000", 32), ("tile/0/001", 32), ("tile/entries/001", 34)] {
        let whole = fs::read(log.join(full)).unwrap();
        let path = format!("{full}.p/100");
        let put = |dir: &Path, change: usize| {
            let mut bytes = whole[..100 * each].to_vec();
            if let Some(byte) = bytes.get_mut(change) {
                *byte ^= 1;
            }
            fs::create_dir_all(dir.join(&path).parent().unwrap()).unwrap();
            fs::write(dir.join(&path), bytes).unwrap();
        };
        let dir = tempfile::tempdir().unwrap();
        copy(&log, dir.path());
        put(dir.path(), usize::MAX);
        assert_eq!(audit(dir.path()).unwrap().class(), Class::Intact);
        for place in [0, 50, 99] {
            let failure = after(&log, |dir| put(dir, place * each + 5));
            assert_eq!(failure.file.as_deref(), Some(Path::new(&path)), "{failure}");
            assert_eq!(failure.offset, Some((place * each) as u64), "{failure}");
        }
    }
}
