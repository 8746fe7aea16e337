//! What a crash may leave, what it may not, and what opening does about it.

mod fixture;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use fixture::{
    ORIGIN, copy, files, key, line, lines, log_of, open, options, segments, signer, vkey,
};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Error, Log, Reader, Recovery};

fn append_bytes(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn reopen(dir: &Path) -> (Log, Recovery) {
    Log::open(dir, signer(), options()).unwrap()
}

/// Opening is refused, and nothing in the directory has changed.
fn refused(intact: &Path, damage: impl FnOnce(&Path)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    copy(intact, folder.path());
    damage(folder.path());
    let before = files(folder.path());
    let error = Log::open(folder.path(), signer(), options()).unwrap_err();
    assert_eq!(files(folder.path()), before, "{error}");
    error
}

#[test]
fn a_clean_log_opens_with_nothing_to_do() {
    for size in [0, 1, 255, 256, 257, 512, 600] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        log_of(&dir, size);
        let before = files(&dir);
        let (log, recovery) = reopen(&dir);
        assert_eq!(recovery, Recovery { lines: size, recovered: 0, torn: None, missing: 0 });
        log.close().unwrap();
        assert_eq!(files(&dir), before);
        assert_eq!(verify(&dir, &vkey()).unwrap().covered, size);
    }
}

#[test]
fn complete_lines_after_the_checkpoint_are_kept_and_covered() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, reference) = (folder.path().join("log"), folder.path().join("reference"));
    // A copy taken while the log was open is what a crash leaves; this tail spans several segments.
    let live = folder.path().join("live");
    log_of(&live, 250);
    let log = open(&live);
    for first in (250..600).step_by(10) {
        log.append(lines(first..first + 10)).unwrap();
    }
    copy(&live, &dir);
    drop(log);
    assert_eq!(verify(&dir, &vkey()).unwrap().uncovered, 350);

    let (log, recovery) = reopen(&dir);
    assert_eq!((recovery.lines, recovery.recovered), (600, 350));
    log.close().unwrap();
    assert_eq!(verify(&dir, &vkey()).unwrap().class(), Class::Intact);
    let reader = Reader::open(&dir).unwrap();
    for (index, read) in (0..).zip(reader.lines(0).unwrap()) {
        assert_eq!(read.unwrap(), (index, line(index)));
    }
    // The same tree as if nothing had happened.
    log_of(&reference, 600);
    let note = |dir| Reader::open(dir).unwrap().checkpoint_note().unwrap();
    assert_eq!(note(&dir), note(&reference));
}

#[test]
fn a_torn_last_line_is_set_aside_and_told() {
    for tail in [
        &b"{\"half"[..],
        // Data that never arrived, and whatever follows it.
        b"\0\0\0\0\0\0\n{\"id\":\"x\"}\n",
        b"{\"a\0\n",
        b"\n\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        log_of(&dir, 300);
        let last = segments(&dir).pop().unwrap();
        append_bytes(&last, b"{\"whole\":1}\n");
        let whole = fs::read(&last).unwrap();
        append_bytes(&last, tail);

        let (log, recovery) = reopen(&dir);
        assert_eq!((recovery.lines, recovery.recovered), (301, 1));
        let torn = recovery.torn.unwrap();
        assert_eq!((torn.index, torn.bytes), (301, tail.len() as u64));
        assert_eq!(fs::read(&torn.path).unwrap(), tail);
        assert_eq!(fs::read(&last).unwrap(), whole);
        assert_eq!(log.append(vec![b"{\"next\":1}".to_vec()]).unwrap(), 301..302);
        log.close().unwrap();
        assert_eq!(verify(&dir, &vkey()).unwrap().covered, 302);

        // A second one gets a file of its own.
        append_bytes(&last, b"again");
        let second = reopen(&dir).1.torn.unwrap();
        assert_ne!(second.path, torn.path);
        assert_eq!(fs::read(&torn.path).unwrap(), tail);
    }
}

#[test]
fn damage_in_what_was_signed_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let last = |dir: &Path| segments(dir).pop().unwrap();
    let last_name = last(&dir).file_name().unwrap().to_str().unwrap().to_owned();
    type Damage = Box<dyn Fn(&Path)>;
    let cut = |bytes: u64| -> Damage {
        Box::new(move |dir: &Path| {
            let file = OpenOptions::new().write(true).open(last(dir)).unwrap();
            file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
        })
    };
    let flip = |name: &'static str| -> Damage {
        Box::new(move |dir: &Path| {
            let mut bytes = fs::read(dir.join(name)).unwrap();
            bytes[5] ^= 1;
            fs::write(dir.join(name), bytes).unwrap();
        })
    };
    let cases: Vec<(&str, Damage)> = vec![
        // A torn line is a torn line only after the checkpoint.
        (&last_name, cut(1)),
        (&last_name, cut(60)),
        (&last_name, Box::new(move |dir| fs::write(last(dir), "").unwrap())),
        (
            &last_name,
            Box::new(move |dir| {
                let text = fs::read_to_string(last(dir)).unwrap();
                let changed = text.replacen("\"id\":\"599\"", "\"id\":\"598\"", 1);
                assert_ne!(changed, text);
                fs::write(last(dir), changed).unwrap();
            }),
        ),
        (".jsonl", Box::new(move |dir| fs::remove_file(last(dir)).unwrap())),
        (
            ".jsonl",
            Box::new(|dir| {
                for path in segments(dir) {
                    fs::remove_file(path).unwrap();
                }
            }),
        ),
        ("tile", flip("tile/0/002.p/88")),
        ("tile", flip("tile/1/000.p/2")),
        (
            "tile/0/002.p/88",
            Box::new(|dir| {
                fs::remove_file(dir.join("tile/0/002.p/88")).unwrap();
            }),
        ),
        ("tile/0/002.p/88", Box::new(|dir| fs::write(dir.join("tile/0/002.p/88"), "").unwrap())),
        ("tile/entries/002.p/88", flip("tile/entries/002.p/88")),
        ("checkpoint", Box::new(|dir| fs::remove_file(dir.join("checkpoint")).unwrap())),
        ("checkpoint", Box::new(|dir| fs::write(dir.join("checkpoint"), "").unwrap())),
        (
            "checkpoint",
            Box::new(|dir| {
                let note = fs::read_to_string(dir.join("checkpoint")).unwrap();
                fs::write(dir.join("checkpoint"), note.replace("\n600\n", "\n599\n")).unwrap();
            }),
        ),
    ];
    for (i, (name, damage)) in cases.into_iter().enumerate() {
        let error = refused(&dir, damage);
        assert!(error.is_damaged(), "{i}: {error}");
        assert!(error.to_string().contains(name), "{i}: {error}");
    }
}

#[test]
fn a_hole_between_segments_of_the_tail_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, crashed) = (folder.path().join("log"), folder.path().join("crashed"));
    log_of(&dir, 10);
    let log = open(&dir);
    for first in (10..400).step_by(10) {
        log.append(lines(first..first + 10)).unwrap();
    }
    copy(&dir, &crashed);
    assert!(segments(&crashed).len() > 3);
    for damage in [
        (|path| fs::remove_file(path).unwrap()) as fn(&Path),
        |path| append_bytes(path, b"torn in the middle"),
        |path| append_bytes(path, b"one more\n"),
    ] {
        let error = refused(&crashed, |dir| damage(&segments(dir)[1]));
        assert!(error.is_damaged(), "{error}");
    }
}

#[test]
fn a_crash_between_tiles_and_checkpoint_is_repeated_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, crashed) = (folder.path().join("log"), folder.path().join("crashed"));
    log_of(&dir, 250);
    let notes = "checkpoints/00000000000000000000.notes";
    let old = ["checkpoint", notes].map(|name| (name, fs::read(dir.join(name)).unwrap()));
    let log = open(&dir);
    log.append(lines(250..300)).unwrap();
    log.close().unwrap();
    let expected = files(&dir);

    // Everything of the second checkpoint is there but itself; a temporary file lies about.
    copy(&dir, &crashed);
    for (name, content) in old {
        fs::write(crashed.join(name), content).unwrap();
    }
    fs::create_dir_all(crashed.join("tile/0/000.p")).unwrap();
    fs::copy(dir.join("tile/0/000"), crashed.join("tile/0/000.tmp")).unwrap();
    assert_eq!(verify(&crashed, &vkey()).unwrap().uncovered, 50);
    reopen(&crashed).0.close().unwrap();
    assert_eq!(verify(&crashed, &vkey()).unwrap().covered, 300);
    let mut found = files(&crashed);
    found.retain(|(path, _)| path.extension().is_none_or(|ending| ending != "tmp"));
    assert_eq!(found, expected);
}

#[test]
fn opening_reads_the_edge_of_the_tree_and_no_early_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    // Early segments and tiles could be on a disk that is not even there.
    fs::remove_file(&segments(&dir)[0]).unwrap();
    fs::remove_file(dir.join("tile/0/000")).unwrap();
    fs::remove_file(dir.join("tile/entries/000")).unwrap();
    let (log, recovery) = reopen(&dir);
    assert_eq!(recovery.lines, 600);
    log.append(lines(600..900)).unwrap();
    log.close().unwrap();
    assert_eq!(verify(&dir, &vkey()).unwrap_err().class, Class::Segment);
}

#[test]
fn a_checkpoint_that_somebody_else_put_there_is_not_signed_over() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 10);
    let old = fs::read(dir.join("checkpoint")).unwrap();
    let log = open(&dir);
    log.append(lines(10..20)).unwrap();
    log.checkpoint_now().unwrap();
    fs::write(dir.join("checkpoint"), &old).unwrap();
    log.append(lines(20..30)).unwrap();
    let error = log.checkpoint_now().unwrap_err();
    assert!(error.is_poisoned(), "{error}");
    assert!(log.append(lines(30..31)).unwrap_err().is_poisoned());
    assert!(log.close().unwrap_err().is_poisoned());
    assert_eq!(fs::read(dir.join("checkpoint")).unwrap(), old);
}

#[test]
fn a_directory_that_was_put_back_is_not_signed_on() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 10);
    let old = fs::read(dir.join("checkpoint")).unwrap();
    let log = open(&dir);
    log.append(lines(10..20)).unwrap();
    log.close().unwrap();
    // The lines and tiles of the earlier size are all there: signing on from it would be a fork.
    let error = refused(&dir, |dir| fs::write(dir.join("checkpoint"), &old).unwrap());
    assert!(error.is_damaged(), "{error}");
    assert!(error.to_string().contains("size 10") && error.to_string().contains("size 20"));
}

#[test]
fn every_checkpoint_is_kept_and_a_torn_one_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 10);
    let log = open(&dir);
    log.append(lines(10..20)).unwrap();
    log.close().unwrap();
    let path = dir.join("checkpoints/00000000000000000000.notes");
    let kept = fs::read_to_string(&path).unwrap();
    let current = fs::read_to_string(dir.join("checkpoint")).unwrap();
    assert!(kept.ends_with(&current));
    let sizes: Vec<&str> =
        kept.split("log.example/one\n").map(|n| n.lines().next().unwrap_or("")).collect();
    assert_eq!(sizes, ["", "0", "10", "20"].map(|size| size));
    for torn in [1, current.len() / 2, current.len()] {
        fs::write(&path, &kept[..kept.len() - torn]).unwrap();
        open(&dir).close().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), kept, "{torn}");
    }
    // A log of before there was a history gets one.
    fs::remove_dir_all(dir.join("checkpoints")).unwrap();
    open(&dir).close().unwrap();
    assert_eq!(
        fs::read_to_string(dir.join("checkpoints/00000000000000000020.notes")).unwrap(),
        current
    );
    // What is no beginning of the current checkpoint was not left by a crash.
    let error = refused(&dir, |dir| {
        append_bytes(&dir.join("checkpoints/00000000000000000020.notes"), b"somebody's");
    });
    assert!(error.is_damaged(), "{error}");
}

#[test]
fn nuls_after_the_last_line_are_there_while_the_log_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 0);
    let options = sealtrail_log::Options { segment_bytes: 1 << 20, ..options() };
    let (log, _) = Log::open(&dir, signer(), options.clone()).unwrap();
    log.append(lines(0..10)).unwrap();
    let segment = segments(&dir).pop().unwrap();
    let lines_end = fs::read(&segment).unwrap().iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(fs::read_to_string(dir.join("durable")).unwrap(), format!("{:020}\n", 10));
    let reader = Reader::open(&dir).unwrap();
    assert_eq!((reader.size().unwrap(), reader.read(9).unwrap()), (10, line(9)));
    let crashed = folder.path().join("crashed");
    copy(&dir, &crashed);
    log.close().unwrap();
    assert_eq!(fs::metadata(&segment).unwrap().len(), lines_end as u64);

    // No torn line: only what is not NUL is set aside.
    let (log, recovery) = Log::open(&crashed, signer(), options).unwrap();
    assert_eq!((recovery.lines, recovery.torn), (10, None));
    log.close().unwrap();
    assert_eq!(verify(&crashed, &vkey()).unwrap().class(), Class::Intact);
}

/// The next opening cannot bring them back, and it must not be the end of anybody's knowing.
#[test]
fn lines_that_were_on_disk_and_are_gone_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, crashed) = (folder.path().join("log"), folder.path().join("crashed"));
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = open(&dir);
    log.append(lines(0..20)).unwrap();
    log.checkpoint_now().unwrap();
    log.append(lines(20..30)).unwrap();
    fs::create_dir(&crashed).unwrap();
    copy(&dir, &crashed);
    let segment = &segments(&crashed)[0];
    let text = fs::read(segment).unwrap();
    let left: usize = (0..25).map(|index| line(index).len() + 1).sum();
    fs::write(segment, &text[..left]).unwrap();
    let (log, recovery) = reopen(&crashed);
    assert_eq!((recovery.lines, recovery.recovered, recovery.missing), (25, 5, 5));
    log.close().unwrap();
    // Once is enough: what comes next takes their places.
    assert_eq!(reopen(&crashed).1.missing, 0);
}
