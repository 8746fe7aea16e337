//! The same questions where lines are compressed, removed, or not written yet.

mod fixture;

use std::fs;
use std::path::{Path, PathBuf};

use fixture::{ORIGIN, after, audit, copy, files, key, lines, log_of, open, segments};
use sealtrail_log::proof::tile;
use sealtrail_log::proof::{Edge, Note, SigningKey, entry_hash, leaf_hash};
use sealtrail_log::verify::Class;

const SIZE: u64 = 600;

/// A segment in the frames of format 1, `each` lines to a frame.
fn frames(lines: &[Vec<u8>], each: usize) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.include_checksum(true).unwrap();
    compressor.include_contentsize(true).unwrap();
    let frame = |lines: &[Vec<u8>]| {
        let bytes: Vec<u8> =
            lines.iter().flat_map(|line| [line, b"\n".as_slice()].concat()).collect();
        compressor.compress(&bytes).unwrap()
    };
    lines.chunks(each).flat_map(frame).collect()
}

fn first_of(path: &Path) -> u64 {
    path.file_name().unwrap().to_str().unwrap()[..20].parse().unwrap()
}

/// The bounds of the segments, the end of the last one too.
fn bounds(dir: &Path) -> Vec<u64> {
    segments(dir).iter().map(|path| first_of(path)).chain([SIZE]).collect()
}

/// Compresses all segments but the last one by hand, seven lines to a frame.
fn compress(dir: &Path) {
    let bounds = bounds(dir);
    for (path, bounds) in segments(dir).iter().zip(bounds.windows(2)).rev().skip(1) {
        fs::write(path.with_extension("jsonl.zst"), frames(&lines(bounds[0]..bounds[1]), 7))
            .unwrap();
        fs::remove_file(path).unwrap();
    }
}

fn pruned(first_kept: u64, told_at: u64) -> String {
    let text = format!("sealtrail.pruned.v1\n{ORIGIN}\n{first_kept}\n{told_at}\n");
    Note::sign(&text, &key()).unwrap()
}

fn cold(first: u64) -> PathBuf {
    format!("entries/{first:020}.jsonl.zst").into()
}

#[test]
fn compressed_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let before = audit(&log).unwrap();
    let bounds = bounds(&log);
    compress(&log);
    assert_eq!(audit(&log).unwrap(), before);

    // In the first segment, one in the middle and the last that is compressed; first, middle, last line.
    for n in [0, 2, bounds.len() - 3] {
        let (first, end) = (bounds[n], bounds[n + 1]);
        for index in [first, (first + end) / 2, end - 2] {
            let at = (index - first) as usize;
            type Change = fn(&mut Vec<Vec<u8>>, usize);
            let cases: [(Class, Change); 4] = [
                (Class::Changed, |lines, at| lines[at][0] ^= 1),
                (Class::Dropped, |lines, at| drop(lines.remove(at))),
                (Class::Inserted, |lines, at| lines.insert(at, b"{}".to_vec())),
                (Class::Reordered, |lines, at| lines.swap(at, at + 1)),
            ];
            for (class, change) in cases {
                let mut lines = lines(first..end);
                change(&mut lines, at);
                let failure =
                    after(&log, |dir| fs::write(dir.join(cold(first)), frames(&lines, 7)).unwrap());
                assert_eq!((failure.class, failure.record), (class, Some(index)), "{failure}");
                assert_eq!(failure.file, Some(cold(first)), "{failure}");
                // Where the frame begins that the line is in.
                let whole = frames(&lines[..at / 7 * 7], 7).len() as u64;
                assert_eq!(failure.offset, Some(whole), "{failure}");
            }
        }
        let failure = after(&log, |dir| fs::remove_file(dir.join(cold(first))).unwrap());
        assert_eq!((failure.class, failure.record), (Class::Segment, Some(first)), "{failure}");

        // Cut between two frames, and within one.
        let bytes = fs::read(log.join(cold(first))).unwrap();
        let whole = frames(&lines(first..first + 14), 7).len();
        for (length, record) in [(whole, first + 14), (whole + 20, first + 14), (3, first)] {
            let failure =
                after(&log, |dir| fs::write(dir.join(cold(first)), &bytes[..length]).unwrap());
            assert_eq!(
                (failure.class, failure.record),
                (Class::Segment, Some(record)),
                "{failure}"
            );
            let file = failure.file.unwrap();
            // Where nothing of the first file is left, it is the one that is missing.
            assert!(file == cold(first), "{}", file.display());
        }
    }
}

/// What cannot be appended to any more is not intact.
#[test]
fn the_last_lines_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let bounds = bounds(&log);
    let last = bounds[bounds.len() - 2];
    let squeeze = |dir: &Path| {
        let path = segments(dir).pop().unwrap();
        fs::write(dir.join(cold(last)), frames(&lines(last..SIZE), 7)).unwrap();
        fs::remove_file(path).unwrap();
    };
    let failure = after(&log, squeeze);
    assert_eq!((failure.class, failure.record), (Class::Segment, Some(last)), "{failure}");
    assert_eq!(failure.file, Some(format!("entries/{last:020}.jsonl").into()), "{failure}");
    squeeze(&log);
    assert!(sealtrail_log::Log::open(&log, fixture::signer(), fixture::options()).is_err());
}

#[test]
fn frames_that_hold_more_or_promise_less_than_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let end = bounds(&log)[1];
    compress(&log);
    let with = |bytes: Vec<u8>| {
        let failure = after(&log, |dir| fs::write(dir.join(cold(0)), bytes).unwrap());
        assert_eq!(failure.file, Some(cold(0)), "{failure}");
        failure.class
    };
    let good = frames(&lines(0..end), 7);
    // RFC 8878 §3.1.2: a frame that decoders skip.
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0], b"hello".as_slice()].concat();
    assert_eq!(with([skipped.clone(), good.clone()].concat()), Class::Changed);
    assert_eq!(with([good.clone(), skipped].concat()), Class::Changed);
    assert_eq!(with([good.clone(), vec![0]].concat()), Class::Segment);
    let plain: Vec<u8> =
        lines(0..end).iter().flat_map(|line| [line, b"\n".as_slice()].concat()).collect();
    assert_eq!(with(zstd::bulk::compress(&plain, 3).unwrap()), Class::Changed, "no checksum");
    // The bit of the head that decoders must ignore.
    let mut unused = good.clone();
    unused[4] ^= 0x10;
    assert_eq!(with(unused), Class::Changed);
    // A frame that ends in the middle of a line.
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.include_checksum(true).unwrap();
    let mut frame = |bytes: &[u8]| compressor.compress(bytes).unwrap();
    let (one, two) = plain.split_at(100);
    assert_eq!(with([frame(one), frame(two)].concat()), Class::Changed);
    // While both forms are there, the one that is not compressed counts.
    let dir = tempfile::tempdir().unwrap();
    copy(&log, dir.path());
    fs::write(dir.path().join("entries/00000000000000000000.jsonl"), &plain).unwrap();
    fs::write(dir.path().join(cold(0)), "half a file").unwrap();
    assert!(audit(dir.path()).is_ok());
}

#[test]
fn removed_lines_are_listed_and_their_tree_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let bounds = bounds(&log);
    let all = segments(&log);
    // Within the first 256, at some other place of a bundle, and as much as may go.
    for n in [1, 4, bounds.len() - 2] {
        let first = bounds[n];
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        copy(&log, dir);
        fs::write(dir.join("pruned"), pruned(first, 599)).unwrap();
        // A crash leaves the later ones.
        for (i, path) in all[..n].iter().enumerate() {
            let report = audit(dir).unwrap();
            assert_eq!(report.removed, (i > 0).then_some(0..bounds[i]));
            fs::remove_file(dir.join(path.strip_prefix(&log).unwrap())).unwrap();
        }
        let report = audit(dir).unwrap();
        assert_eq!((report.class(), report.covered), (Class::Intact, SIZE));
        assert_eq!((report.removed, report.removal_told_at), (Some(0..first), Some(599)));
        assert_eq!(report.segments, (all.len() - n) as u64);

        // What is left of them is still held to the signed root.
        for (path, bytes) in files(dir).into_iter().filter(|(path, _)| path.starts_with("tile")) {
            let bundle = path.starts_with("tile/entries");
            let each = if bundle { 34 } else { 32 };
            for offset in [each - 1, bytes.len() / 2 / each * each + 2, bytes.len() - 1] {
                let failure = after(dir, |dir| {
                    let mut bytes = bytes.clone();
                    bytes[offset] ^= 1;
                    fs::write(dir.join(&path), bytes).unwrap();
                });
                let class = if bundle { Class::Bundle } else { Class::Tile };
                assert_eq!(failure.class, class, "{offset} {failure}");
                assert_eq!(failure.file.as_ref(), Some(&path), "{failure}");
                assert_eq!(failure.offset, Some((offset / each * each) as u64), "{failure}");
            }
            let failure = after(dir, |dir| fs::remove_file(dir.join(&path)).unwrap());
            assert_eq!(failure.file.as_ref(), Some(&path), "{failure}");
        }

        // More is gone than was signed, or nothing was.
        let failure =
            after(dir, |dir| fs::write(dir.join("pruned"), pruned(bounds[n - 1], 599)).unwrap());
        assert_eq!((failure.class, failure.record), (Class::Segment, Some(bounds[n - 1])));
        let failure = after(dir, |dir| fs::remove_file(dir.join("pruned")).unwrap());
        assert_eq!((failure.class, failure.record), (Class::Segment, Some(0)));
        let failure = after(dir, |dir| {
            segments(dir).iter().for_each(|path| fs::remove_file(path).unwrap());
        });
        assert_eq!((failure.class, failure.record), (Class::Segment, Some(first)));
    }
}

#[test]
fn statements_about_removal_that_are_not_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let with = |note: String| after(&log, |dir| fs::write(dir.join("pruned"), note).unwrap());
    let other = |origin: &str, seed| {
        let key = SigningKey::from_seed(origin, &[seed; 32]).unwrap();
        Note::sign(&format!("sealtrail.pruned.v1\n{ORIGIN}\n0\n599\n"), &key).unwrap()
    };
    let sign = |text: &str| Note::sign(text, &key()).unwrap();
    for (class, note) in [
        (Class::Signature, pruned(0, 599).replace("\n599\n", "\n598\n")),
        (Class::ForeignKey, other(ORIGIN, 2)),
        (Class::ForeignKey, other("log.example/two", 1)),
        (Class::ForeignKey, sign("sealtrail.pruned.v1\nlog.example/two\n0\n599\n")),
        (Class::Checkpoint, sign("sealtrail.pruned.v2\nlog.example/one\n0\n599\n")),
        (Class::Checkpoint, sign("sealtrail.pruned.v1\nlog.example/one\n00\n599\n")),
        (Class::Checkpoint, sign("sealtrail.pruned.v1\nlog.example/one\n599\n0\n")),
        (Class::Checkpoint, sign("sealtrail.pruned.v1\nlog.example/one\n0\n")),
        (Class::Checkpoint, "nonsense".into()),
    ] {
        let failure = with(note);
        assert_eq!(failure.class, class, "{failure}");
        assert_eq!(failure.file.as_deref(), Some(Path::new("pruned")), "{failure}");
    }
    // It was signed when there was a record 600, so the checkpoint was another one then.
    let failure = with(pruned(0, 600));
    assert_eq!((failure.class, failure.record), (Class::RolledBack, Some(600)), "{failure}");
}

/// All but the signature made to agree, with the lines that are left and with those that are gone.
#[test]
fn a_consistent_forgery_of_a_removed_record() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let bounds = bounds(&log);
    let first = bounds[4];
    for (i, path) in segments(&log).into_iter().enumerate() {
        if bounds[i] < first {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(log.join("pruned"), pruned(first, 599)).unwrap();
    for leaf_too in [false, true] {
        for index in [0, 100, first - 1] {
            let failure = after(&log, |dir| {
                let mut entries: Vec<_> =
                    lines(0..SIZE).iter().map(|line| entry_hash(line)).collect();
                entries[index as usize] = [7; 32];
                let chunk = (index / 256) as usize;
                let bundle = tile::encode_entries(&entries[256 * chunk..256 * chunk + 256]);
                fs::write(dir.join(format!("tile/entries/{chunk:03}")), bundle).unwrap();
                let mut edge = Edge::new();
                let mut tiles = Vec::new();
                for entry in &entries {
                    tiles.extend(edge.push(leaf_hash(entry)));
                }
                tiles.extend(edge.partials().map(|(tile, hashes)| (tile, hashes.to_vec())));
                for (tile, hashes) in tiles.iter().filter(|_| leaf_too) {
                    fs::write(dir.join(tile.path()), tile::encode_hashes(hashes)).unwrap();
                }
            });
            if leaf_too {
                assert_eq!(failure.class, Class::Root, "{failure}");
            } else {
                assert_eq!(
                    (failure.class, failure.record),
                    (Class::Bundle, Some(index)),
                    "{failure}"
                );
            }
        }
    }
}

#[test]
fn zeroes_ahead_of_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, SIZE);
    let all = segments(&log);
    let (last, first) = (all.last().unwrap(), &all[0]);
    let with = |path: &Path, more: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        copy(&log, folder.path());
        let path = folder.path().join(path.strip_prefix(&log).unwrap());
        fs::write(&path, [&fs::read(&path).unwrap(), more].concat()).unwrap();
        audit(folder.path())
    };
    let torn = |more: &[u8]| {
        let report = with(last, more).unwrap();
        (report.class(), report.uncovered, report.torn_bytes)
    };
    assert_eq!(torn(&[0; 100_000]), (Class::Intact, 0, 0));
    assert_eq!(torn(b"{}\n\0\0\0"), (Class::Uncovered, 1, 0));
    assert_eq!(torn(b"{}\n{\0\0\0"), (Class::Uncovered, 1, 1));
    // A later write reached the disk, and the one before did not.
    assert_eq!(torn(b"{}\n\0\0\0{}\n\0\0"), (Class::Uncovered, 1, 6));
    assert_eq!(torn(b"{}\n\n{}\n\0\0"), (Class::Uncovered, 1, 4));
    assert_eq!(torn(b"{}\n{\0}\n{}"), (Class::Uncovered, 1, 6));
    // In a segment that is left they are damage.
    for more in [b"\0\0\0".as_slice(), b"{}", b"{\0\0"] {
        let failure = with(first, more).unwrap_err();
        assert_eq!(failure.class, Class::Segment, "{failure}");
        assert_eq!(failure.file.as_deref(), Some(first.strip_prefix(&log).unwrap()));
        assert_eq!(failure.offset, Some(fs::metadata(first).unwrap().len()));
    }
    // And in the place of a line they are no tail.
    let failure = after(&log, |dir| {
        let path = dir.join(last.strip_prefix(&log).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        let length = bytes.len();
        bytes[length - 20..].fill(0);
        fs::write(path, bytes).unwrap();
    });
    assert_eq!((failure.class, failure.record), (Class::Truncated, Some(599)), "{failure}");
}

#[test]
fn lines_that_were_on_disk_and_no_checkpoint_covered() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, SIZE);
    let with = |text: &str| {
        fs::write(dir.join("durable"), text).unwrap();
        audit(&dir)
    };
    assert!(with("00000000000000000600\n").is_ok());
    let failure = with("00000000000000000601\n").unwrap_err();
    assert_eq!((failure.class, failure.record), (Class::Truncated, Some(600)), "{failure}");
    assert!(failure.message.contains("`durable`"), "{failure}");
    // What is no number promises nothing.
    for text in ["", "601\n", "00000000000000000601", "0000000000000000060x\n"] {
        assert!(with(text).is_ok(), "{text}");
    }
}

#[test]
fn compressed_and_removed_by_the_log_itself() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, SIZE);
    let log = open(&dir);
    for first in log.compressible(u64::MAX).unwrap() {
        log.compress(first).unwrap();
    }
    let removable = log.removable(300).unwrap().records;
    log.prune(removable.end, 599).unwrap();
    log.append(lines(600..650)).unwrap();
    log.close().unwrap();
    let report = audit(&dir).unwrap();
    assert_eq!((report.class(), report.covered), (Class::Intact, 650));
    assert_eq!(report.removed, Some(removable));
}

/// What looks missing may have been compressed or removed a moment ago.
#[test]
fn verify_beside_a_writer_that_compresses_and_removes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 3000);
    let log = open(&dir);
    let segments = log.compressible(u64::MAX).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for two in segments.windows(2) {
                log.compress(two[0]).unwrap();
                // Segments begin at multiples of ten.
                if two[0] % 70 == 0 {
                    log.prune(two[1], 2999).unwrap();
                }
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut looks = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || looks == 0 {
            let report = sealtrail_log::verify::verify(&dir, &fixture::vkey()).unwrap();
            assert_eq!((report.class(), report.covered), (Class::Intact, 3000));
            looks += 1;
        }
    });
    assert!(audit(&dir).unwrap().removed.is_some());
    log.close().unwrap();
}
