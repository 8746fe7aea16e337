//! What is called when lines are durable may use the log that calls it.

mod fixture;

#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use fixture::{ORIGIN, key, open, options, signer};
use sealtrail_log::Log;

#[test]
fn an_append_that_would_wait_for_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = Arc::new(open(&dir));
    let (sender, receiver) = mpsc::channel();
    let inner = Arc::clone(&log);
    log.append_then(vec![b"first".to_vec()], move |_| {
        sender.send(inner.append(vec![b"never".to_vec()])).unwrap();
        sender.send(inner.checkpoint_now().map(|checkpoint| 0..checkpoint.size())).unwrap();
        let last = sender.clone();
        inner.append_then(vec![b"second".to_vec()], move |result| last.send(result).unwrap());
    });
    assert!(receiver.recv().unwrap().unwrap_err().is_refused());
    assert_eq!(receiver.recv().unwrap().unwrap(), 0..1);
    assert_eq!(receiver.recv().unwrap().unwrap(), 1..2);
    assert_eq!(log.append(vec![b"third".to_vec()]).unwrap(), 2..3);
}

#[test]
fn the_last_one_who_has_the_log_may_be_what_it_calls() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = Arc::new(open(&dir));
    let (sender, receiver) = mpsc::channel();
    let (inner, alone) = (Arc::clone(&log), Arc::new(Barrier::new(2)));
    let dropped = Arc::clone(&alone);
    let again = dir.clone();
    log.append_then(vec![b"first".to_vec()], move |result| {
        dropped.wait();
        assert_eq!(Arc::strong_count(&inner), 1);
        drop(inner);
        // This thread still writes the log, so nobody else may.
        let other = Log::open(&again, signer(), options());
        sender.send((result, other.map(|_| ()))).unwrap();
    });
    drop(log);
    alone.wait();
    let (result, other) = receiver.recv().expect("the call went to its end");
    assert_eq!(result.unwrap(), 0..1);
    assert!(other.unwrap_err().is_locked());
    let (log, recovery) = loop {
        match Log::open(&dir, signer(), options()) {
            Err(error) if error.is_locked() => thread::sleep(Duration::from_millis(1)),
            opened => break opened.unwrap(),
        }
    };
    assert_eq!((recovery.lines, log.read(0).unwrap()), (1, b"first".to_vec()));
}

/// Processes that are started meanwhile have the lock's file open for a moment.
#[cfg(unix)]
#[test]
fn a_log_that_was_closed_can_be_opened_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // With something to do before it is another program, so that this process is copied.
                    let mut command = Command::new("true");
                    // SAFETY: it does nothing.
                    unsafe { command.pre_exec(|| Ok(())) };
                    command.status().unwrap();
                }
            });
        }
        let opened: Vec<_> = (0..100)
            .map(|_| Log::open(&dir, signer(), options()).map(|(log, _)| log.close()))
            .collect();
        is_over.store(true, Ordering::Relaxed);
        for opened in opened {
            opened.unwrap().unwrap();
        }
    });
}
