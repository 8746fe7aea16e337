//! Removing and holding: what goes, what stays, and a crash at every step.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{copy, files, line, lines, log_of, open, options, segments, signer, vkey};
use sealtrail_log::proof::Note;
use sealtrail_log::{Error, Log, Pruned, Reader};

/// The first records of the segments.
fn firsts(dir: &Path) -> Vec<u64> {
    let first = |path: &std::path::PathBuf| path.file_name()?.to_str()?.get(..20)?.parse().ok();
    segments(dir).iter().map(|path| first(path).unwrap()).collect()
}

/// A log of 600 records whose records below the second number were removed.
fn pruned(dir: &Path) -> (Log, u64) {
    log_of(dir, 600);
    let log = open(dir);
    let first = log.removable(300).unwrap().records.end;
    log.prune(first, 599).unwrap();
    (log, first)
}

#[test]
fn what_is_removed_is_gone_and_the_rest_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, whole) = (folder.path().join("log"), folder.path().join("whole"));
    log_of(&whole, 600);
    let (log, first) = pruned(&dir);
    assert!(first > 200 && first <= 300);
    assert_eq!(firsts(&dir)[0], first);
    assert!(firsts(&whole).ends_with(&firsts(&dir)));
    // No tile or bundle is touched.
    let tiles = |dir: &Path| -> Vec<_> {
        files(dir).into_iter().filter(|(path, _)| path.starts_with("tile")).collect()
    };
    assert_eq!(tiles(&dir), tiles(&whole));

    for reader in [&Reader::open(&dir).unwrap(), log.reader()] {
        assert_eq!((reader.first().unwrap(), reader.size().unwrap()), (first, 600));
        assert_eq!(reader.pruned().unwrap(), Some(Pruned { first_kept: first, told_at: 599 }));
        for index in [0, first - 1] {
            let error = reader.read(index).unwrap_err();
            assert!(error.is_pruned());
            assert_eq!(error.first_kept(), Some(first));
            let expected =
                format!("record {index} was removed by retention; the first kept one is {first}");
            assert_eq!(error.to_string(), expected);
            assert!(reader.lines(index).unwrap().next().unwrap().unwrap_err().is_pruned());
            // Its line is gone, but not the proof that it was there.
            reader.prove(index).unwrap().verify(&line(index), &vkey()).unwrap();
        }
        let kept: Vec<_> = reader.lines(first).unwrap().map(Result::unwrap).collect();
        assert!(kept.into_iter().eq((first..600).map(|index| (index, line(index)))));
        assert_eq!(reader.partition_point(|index, _| index < 10).unwrap(), first);
        assert_eq!(reader.partition_point(|index, _| index < 555).unwrap(), 555);
    }
    log.append(lines(600..700)).unwrap();
    log.close().unwrap();
    let log = open(&dir);
    assert_eq!((log.size(), log.reader().first().unwrap()), (700, first));
    // Once more, and further.
    let again = log.removable(u64::MAX).unwrap().records;
    assert_eq!(again.start, first);
    log.prune(again.end, 699).unwrap();
    assert_eq!(firsts(&dir)[0], again.end);
    assert_eq!(log.read(again.end).unwrap(), line(again.end));
}

#[test]
fn what_says_so_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let (_, first) = pruned(&dir);
    let note = fs::read(dir.join("pruned")).unwrap();
    let expected = format!("sealtrail.pruned.v1\nlog.example/one\n{first}\n599\n");
    assert_eq!(Note::parse(&note).unwrap().verify(&vkey()).unwrap(), expected);
}

#[test]
fn what_must_not_go_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let log = open(&dir);
    let firsts = firsts(&dir);
    let [.., before_last, last] = firsts[..] else { panic!() };
    log.append(lines(600..610)).unwrap();
    let before = segments(&dir);
    let refused = |first, told_at, why: &str| {
        let error: Error = log.prune(first, told_at).unwrap_err();
        assert!(error.is_refused() && error.to_string().contains(why), "{error}");
        assert_eq!(segments(&dir), before);
    };
    // The last covered record was in the last segment when the log was opened.
    refused(firsts[1] + 1, 605, "only whole segments");
    refused(u64::MAX, 605, "expected the record that tells");
    refused(0, 605, "were removed before");
    refused(firsts[1], 610, "expected the record that tells");
    refused(before_last, firsts[1], "expected the record that tells");
    refused(605, 609, "only whole segments");
    assert_eq!(log.removable(u64::MAX).unwrap().records, 0..last);
    assert_eq!(log.removable(last - 1).unwrap().records, 0..before_last);
    assert_eq!(log.removable(0).unwrap().records, 0..0);
    // The record that tells of it is covered before anything goes.
    assert!(log.checkpoint().size() > 605);
    log.prune(last, 609).unwrap();
    assert_eq!(self::firsts(&dir), [last]);
    assert!(log.removable(u64::MAX).unwrap().records.is_empty());
}

#[test]
fn the_segment_of_the_last_covered_record_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let log = open(&dir);
    // It is not the last segment any more, but opening reads it again.
    for first in (600..900).step_by(10) {
        log.append(lines(first..first + 10)).unwrap();
    }
    let holding = *firsts(&dir).iter().rfind(|first| **first < 600).unwrap();
    assert_eq!(log.removable(u64::MAX).unwrap().records, 0..holding);
    assert_eq!(
        log.compressible(u64::MAX).unwrap().last().map(|first| *first < holding),
        Some(true)
    );
}

#[test]
fn a_hold_keeps_its_record_and_all_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let log = open(&dir);
    let all = log.removable(u64::MAX).unwrap().records.end;
    log.hold("case-17", 250).unwrap();
    log.hold("audit", 400).unwrap();
    assert!(log.hold("audit", 3).unwrap_err().is_refused());
    assert_eq!(fs::read(dir.join("holds/case-17")).unwrap(), b"250\n");

    let error = log.prune(all, 599).unwrap_err();
    assert!(error.is_held() && error.to_string().contains("`case-17` keeps record 250"), "{error}");
    let removable = log.removable(u64::MAX).unwrap();
    assert!(removable.records.end <= 250 && removable.records.end > 200);
    assert_eq!(removable.held_by.unwrap().name, "case-17");
    log.prune(removable.records.end, 599).unwrap();
    assert_eq!(log.read(250).unwrap(), line(250));
    drop(log);

    // It is still there after a restart, and for who only reads.
    let log = open(&dir);
    assert_eq!(Reader::open(&dir).unwrap().holds().unwrap(), log.holds().unwrap());
    assert!(log.prune(all, 599).unwrap_err().is_held());
    assert_eq!(log.release("case-17").unwrap().from, 250);
    assert!(log.release("case-17").unwrap_err().is_no_hold());
    assert!(log.prune(all, 599).unwrap_err().to_string().contains("`audit`"));
    log.release("audit").unwrap();
    // What cannot be read as a hold is not taken for none.
    fs::write(dir.join("holds/torn"), "").unwrap();
    assert!(log.prune(all, 599).unwrap_err().is_damaged());
    fs::remove_file(dir.join("holds/torn")).unwrap();
    log.prune(all, 599).unwrap();
    assert!(log.read(250).unwrap_err().is_pruned());
}

#[test]
fn a_crash_at_every_step_is_finished_at_open() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    log_of(&before, 600);
    let (log, first) = pruned(&after);
    log.close().unwrap();
    let gone: Vec<_> = firsts(&before).into_iter().filter(|at| *at < first).collect();
    let name = |first: u64| format!("entries/{first:020}.jsonl");
    // Before `pruned` was in its place, nothing has happened.
    let half = folder.path().join("half");
    copy(&before, &half);
    fs::write(half.join("pruned.tmp"), "half").unwrap();
    assert_eq!(open(&half).read(0).unwrap(), line(0));
    // With it, oldest first, any number of them removed.
    for removed in 0..=gone.len() {
        let crashed = folder.path().join(format!("crashed {removed}"));
        copy(&before, &crashed);
        fs::copy(after.join("pruned"), crashed.join("pruned")).unwrap();
        for first in &gone[..removed] {
            fs::remove_file(crashed.join(name(*first))).unwrap();
        }
        // A reader is told, or still reads what is there; it never takes it for damage.
        let read = Reader::open(&crashed).unwrap().read(0);
        assert_eq!(read.is_ok(), removed == 0);
        assert!(read.map_or_else(|error| error.is_pruned(), |found| found == line(0)));
        open(&crashed).close().unwrap();
        assert_eq!(files(&crashed), files(&after), "{removed} removed");
    }
}

#[test]
fn a_statement_that_this_log_cannot_have_made_is_refused_and_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, after) = (folder.path().join("log"), folder.path().join("after"));
    log_of(&dir, 600);
    let (_, first) = pruned(&after);
    let sign = |text: String| Note::sign(&text, &fixture::key()).unwrap();
    let statement = |first: u64, told: u64| {
        sign(format!("sealtrail.pruned.v1\nlog.example/one\n{first}\n{told}\n"))
    };
    let good = fs::read_to_string(after.join("pruned")).unwrap();
    for bad in [
        String::new(),
        good.replace(&format!("\n{first}\n"), "\n300\n"),
        good.replace("599", "598"),
        statement(first + 1, 599),
        statement(first, 600),
        statement(first, first - 1),
        sign(format!("sealtrail.pruned.v1\nlog.example/two\n{first}\n599\n")),
        // What the same key has signed for something else.
        fs::read_to_string(dir.join("checkpoint")).unwrap(),
    ] {
        let crashed = tempfile::tempdir().unwrap();
        copy(&dir, crashed.path());
        fs::write(crashed.path().join("pruned"), &bad).unwrap();
        let before = files(crashed.path());
        let error = Log::open(crashed.path(), signer(), options()).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("pruned"), "{error}");
        assert_eq!(files(crashed.path()), before);
    }
}
