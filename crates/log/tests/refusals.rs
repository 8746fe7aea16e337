//! Wrong use: each a clear error, and nothing appended.

mod fixture;

use std::sync::mpsc;

use fixture::{ORIGIN, files, key, line, lines, log_of, open, options, signer};
use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Reader, Signer};

#[test]
fn a_directory_of_another_origin() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 3);
    let before = files(&dir);
    let key = SigningKey::from_seed("log.example/two", &[1; 32]).unwrap();
    let signer = Signer::new("log.example/two", key.clone()).unwrap();
    let error = Log::open(&dir, signer, options()).unwrap_err();
    assert!(error.is_other_origin());
    let text = error.to_string();
    assert!(text.contains("log.example/two") && text.contains(ORIGIN), "{text}");
    assert_eq!(files(&dir), before);

    // The key must be named like the origin, and be the one that signed before.
    assert!(Signer::new(ORIGIN, key).unwrap_err().is_other_key());
    let other = SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap();
    let signer = Signer::new(ORIGIN, other).unwrap();
    assert!(Log::open(&dir, signer, options()).unwrap_err().is_other_key());
    assert_eq!(files(&dir), before);
}

#[test]
fn a_second_writer() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 3);
    let first = open(&dir);
    let error = Log::open(&dir, signer(), options()).unwrap_err();
    assert!(error.is_locked(), "{error}");
    // A reader does not mind, nor does the writer mind the reader.
    assert_eq!(Reader::open(&dir).unwrap().size().unwrap(), 3);
    first.append(lines(3..4)).unwrap();
    first.close().unwrap();
    open(&dir);
    open(&dir);
}

#[test]
fn creating_where_something_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 3);
    let before = files(&dir);
    assert!(Log::create(&dir, ORIGIN, &key()).unwrap_err().is_already_there());
    assert_eq!(files(&dir), before);
    // Lines without a checkpoint are a damaged log, not a place for a new one.
    std::fs::remove_file(dir.join("checkpoint")).unwrap();
    assert!(Log::create(&dir, ORIGIN, &key()).unwrap_err().is_already_there());
    assert!(Log::open(&dir, signer(), options()).unwrap_err().is_damaged());

    // A creation that was cut short is done again.
    let half = folder.path().join("half");
    std::fs::create_dir_all(half.join("entries")).unwrap();
    assert!(Log::open(&half, signer(), options()).unwrap_err().is_not_a_log());
    Log::create(&half, ORIGIN, &key()).unwrap();
    open(&half);

    let missing = folder.path().join("missing");
    assert!(Log::open(&missing, signer(), options()).unwrap_err().is_not_a_log());
    assert!(Reader::open(&missing).unwrap_err().is_not_a_log());
    assert!(Log::create(&missing.join("deeper"), ORIGIN, &key()).unwrap_err().is_io());
    assert!(Log::create(&missing, "a name", &key()).is_err());
    assert!(!missing.exists());
}

#[test]
fn lines_that_are_no_lines() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options { max_line_bytes: 100, ..options() };
    let (log, _) = Log::open(&dir, signer(), options).unwrap();
    for bad in [&b""[..], b"two\nlines", b"\n", b"nul\0", &[b'x'; 101]] {
        // One bad line refuses its neighbours too.
        let error = log.append(vec![line(0), bad.to_vec()]).unwrap_err();
        assert!(error.is_refused_line(), "{error}");
        let (sender, receiver) = mpsc::channel();
        log.append_then(vec![bad.to_vec()], move |result| sender.send(result).unwrap());
        assert!(receiver.try_recv().unwrap().unwrap_err().is_refused_line());
    }
    assert_eq!(log.append(vec![]).unwrap(), 0..0);
    assert_eq!(log.size(), 0);
    assert_eq!(log.append(vec![vec![b'x'; 100]]).unwrap(), 0..1);
}

#[test]
fn questions_about_records_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    let log = open(&dir);
    log.append(lines(300..310)).unwrap();
    let reader = Reader::open(&dir).unwrap();
    assert!(reader.read(310).unwrap_err().is_no_record());
    assert!(reader.prove(310).unwrap_err().is_no_record());
    assert!(reader.prove(305).unwrap_err().is_not_covered());
    assert!(log.read(u64::MAX).unwrap_err().is_no_record());
    assert!(log.prove(310).unwrap_err().is_no_record());
    assert_eq!(reader.lines(310).unwrap().count(), 0);

    // The writer can do something about it.
    let receipt = log.prove(305).unwrap();
    receipt.verify(&line(305), &key().verifier_key()).unwrap();
    assert_eq!(reader.prove(305).unwrap(), receipt);
}

#[test]
fn the_read_api_serves_the_log_s_own_files_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    let reader = Reader::open(&dir).unwrap();
    for path in ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/entries/000"] {
        let served = reader.resource(path).unwrap().unwrap();
        assert_eq!(served, std::fs::read(dir.join(path)).unwrap());
    }
    for path in [
        "",
        "lock",
        "entries/00000000000000000000.jsonl",
        "../secret",
        "tile/../../secret",
        "tile/0/002",
        "tile/0/001.p/45",
        "/checkpoint",
    ] {
        assert!(reader.resource(path).unwrap().is_none(), "{path}");
    }
}
