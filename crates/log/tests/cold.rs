//! Compressed segments: the same lines in fewer bytes, and a crash at every step.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{copy, files, line, lines, log_of, open, segments, vkey};
use sealtrail_log::Reader;

/// A log of 600 records, all segments compressed that can be.
fn compressed(dir: &Path) -> u64 {
    log_of(dir, 600);
    let log = open(dir);
    let all = log.compressible(u64::MAX).unwrap();
    let mut end = 0;
    for first in &all {
        let done = log.compress(*first).unwrap();
        assert!(done.records.start == end && done.after < done.before, "{done:?}");
        end = done.records.end;
    }
    assert!(log.compressible(u64::MAX).unwrap().is_empty());
    log.close().unwrap();
    end
}

fn reads_as_before(dir: &Path) {
    let reader = Reader::open(dir).unwrap();
    let read: Vec<_> = reader.lines(0).unwrap().map(Result::unwrap).collect();
    assert!(read.into_iter().eq((0..600).map(|index| (index, line(index)))));
    for index in (0..600).step_by(37) {
        assert_eq!(reader.read(index).unwrap(), line(index));
        reader.prove(index).unwrap().verify(&line(index), &vkey()).unwrap();
        assert_eq!(reader.partition_point(|at, _| at < index).unwrap(), index);
    }
}

#[test]
fn the_same_lines_in_fewer_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, plain) = (folder.path().join("log"), folder.path().join("plain"));
    log_of(&plain, 600);
    assert!(compressed(&dir) > 400);
    reads_as_before(&dir);
    // Any tool that knows zstd gives the file that was.
    for path in segments(&plain) {
        let cold = dir.join("entries").join(path.file_name().unwrap()).with_extension("jsonl.zst");
        if let Ok(file) = fs::File::open(cold) {
            assert_eq!(zstd::decode_all(file).unwrap(), fs::read(path).unwrap());
        }
    }
    let log = open(&dir);
    log.append(lines(600..700)).unwrap();
    assert_eq!(log.read(0).unwrap(), line(0));
    // Compressed segments are removed like others.
    let old = log.removable(300).unwrap();
    assert!(old.segments > 1 && old.bytes > 0);
    log.prune(old.records.end, 699).unwrap();
    assert!(log.read(0).unwrap_err().is_pruned());
    assert_eq!(log.read(old.records.end).unwrap(), line(old.records.end));
}

#[test]
fn many_frames_and_long_lines() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    fixture::log_of(&dir, 0);
    let long = |index: u64| {
        let mut line = vec![b'a' + (index % 26) as u8; (index as usize % 4) * 700_000 + 1];
        line.extend_from_slice(index.to_string().as_bytes());
        line
    };
    let options = sealtrail_log::Options { segment_bytes: 20 << 20, ..fixture::options() };
    let (log, _) = sealtrail_log::Log::open(&dir, fixture::signer(), options).unwrap();
    for index in 0..40 {
        log.append(vec![long(index)]).unwrap();
    }
    log.checkpoint_now().unwrap();
    let beside = Reader::open(&dir).unwrap();
    assert_eq!(beside.read(3).unwrap(), long(3));
    let mut under_way = beside.lines(0).unwrap();
    assert_eq!(under_way.next().unwrap().unwrap().1, long(0));
    let done = log.compress(0).unwrap();
    assert!(done.records.end > 15);
    // One that had the old file open goes on with it, one that had not finds the new one.
    for (index, read) in under_way.map(Result::unwrap) {
        assert_eq!(read, long(index));
    }
    for index in (0..40).rev() {
        assert_eq!(beside.read(index).unwrap(), long(index), "{index}");
    }
}

#[test]
fn a_crash_at_every_step_leaves_one_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, done) = (folder.path().join("plain"), folder.path().join("done"));
    log_of(&plain, 600);
    compressed(&done);
    let name = "entries/00000000000000000000.jsonl";
    let cold = format!("{name}.zst");
    let bytes = fs::read(done.join(&cold)).unwrap();
    // A temporary file, half and whole; both files; and both with the new one torn, which its rename
    // forbids but another tool's copy may do.
    for (file, content) in [
        (format!("{cold}.tmp"), &bytes[..bytes.len() / 2]),
        (format!("{cold}.tmp"), &bytes[..]),
        (cold.clone(), &bytes[..]),
        (cold.clone(), &bytes[..bytes.len() / 2]),
    ] {
        let crashed = tempfile::tempdir().unwrap();
        copy(&plain, crashed.path());
        fs::write(crashed.path().join(&file), content).unwrap();
        reads_as_before(crashed.path());
        let log = open(crashed.path());
        assert_eq!(log.read(0).unwrap(), line(0));
        assert!(!crashed.path().join(format!("{cold}.tmp")).exists());
        assert_eq!(log.compressible(u64::MAX).unwrap()[0], 0);
        log.compress(0).unwrap();
        assert_eq!(fs::read(crashed.path().join(&cold)).unwrap(), bytes);
        assert!(!crashed.path().join(name).exists());
    }
    // A segment that was removed goes in both forms.
    let crashed = tempfile::tempdir().unwrap();
    copy(&plain, crashed.path());
    fs::write(crashed.path().join(&cold), &bytes).unwrap();
    let log = open(crashed.path());
    log.prune(log.removable(300).unwrap().records.end, 599).unwrap();
    assert!(!crashed.path().join(&cold).exists() && !crashed.path().join(name).exists());
}

#[test]
fn a_line_that_was_changed_is_not_compressed_away() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let path = &segments(&dir)[1];
    let whole = fs::read(path).unwrap();
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let torn = &whole[..whole.len() - 1];
    let longer = [&whole[..], b"more\n"].concat();
    for bad in [&changed(10)[..], &changed(whole.len() - 3), torn, &longer] {
        fs::write(path, bad).unwrap();
        let log = open(&dir);
        let before = files(&dir);
        let error = log.compress(first).unwrap_err();
        assert!(error.is_damaged(), "{error}");
        let is_stored =
            |(path, _): &&(std::path::PathBuf, _)| path.extension().is_none_or(|e| e != "tmp");
        assert!(files(&dir).iter().filter(is_stored).eq(before.iter().filter(is_stored)));
    }
    fs::write(path, &whole).unwrap();
    let log = open(&dir);
    for wrong in [first + 1, 600, u64::MAX] {
        assert!(log.compress(wrong).unwrap_err().is_refused());
    }
    log.compress(first).unwrap();
    assert!(log.compress(first).unwrap_err().is_refused());
}

#[test]
fn what_cannot_be_decompressed_is_damage_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    compressed(&dir);
    let name = "00000000000000000000.jsonl.zst";
    let path = dir.join("entries").join(name);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        match Reader::open(&dir).unwrap().read(0) {
            // A bit that nobody reads is no damage to the line.
            Ok(found) => assert_eq!(found, line(0)),
            Err(error) => {
                assert!(error.is_damaged() && error.to_string().contains(name), "{error}");
            }
        }
    }
    fs::write(&path, &whole[..whole.len() - 2]).unwrap();
    assert!(Reader::open(&dir).unwrap().read(0).unwrap_err().is_damaged());
}
