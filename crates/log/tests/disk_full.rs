//! A disk that is really full: a small file system in memory, where this may be mounted.

mod fixture;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use fixture::{ORIGIN, key, signer, vkey};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Log, Options, Reader};

/// A file system of so many KiB, unmounted when the test is over.
struct Small(PathBuf);

impl Small {
    fn mount(path: &Path, kib: u64) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "none"])
            .arg(path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path.into())),
            other => {
                let why = "a really full disk needs the right to mount a tmpfs";
                eprintln!("NOT TRIED: {why}: {other:?}");
                // For whoever runs all tests and sums them up.
                if let Some(path) = std::env::var_os("SEALTRAIL_NOT_TRIED") {
                    let file = fs::OpenOptions::new().create(true).append(true).open(path);
                    file.unwrap().write_all(format!("{why}\n").as_bytes()).unwrap();
                }
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(folder.path(), 4096) else { return };
    let dir = small.0.join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options {
        segment_bytes: 200 << 10,
        fill_ahead: 32 << 10,
        checkpoint_interval: Duration::from_millis(5),
        ..Options::default()
    };
    let (log, _) = Log::open(&dir, signer(), options).unwrap();
    let ballast = small.0.join("ballast");
    let mut acknowledged = Vec::new();
    let mut append = |text: &str| {
        let line = format!("{text} {}", "x".repeat(1000));
        log.append(vec![line.clone().into_bytes()])
            .map(|range| acknowledged.push((range.start, line)))
    };
    for round in 0..5 {
        for i in 0..30 {
            append(&format!("{round} with room {i}")).unwrap();
        }
        // Somebody takes all there is.
        fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
        let error = loop {
            if let Err(error) = append(&format!("{round} until it is full")) {
                break error;
            }
        };
        assert!(error.is_disk_full() && error.to_string().contains("No space left"), "{error}");
        assert!(log.poisoned().is_none() && log.disk_full().is_some());
        fs::remove_file(&ballast).unwrap();
        // By itself, without anybody trying.
        while log.disk_full().is_some() {
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(log.size(), acknowledged.len() as u64);
    // What is there stays, checkpoint or not; with room again, all is covered.
    log.close().unwrap();
    for (index, line) in &acknowledged {
        assert_eq!(Reader::open(&dir).unwrap().read(*index).unwrap(), line.as_bytes());
    }
    let copy = folder.path().with_extension("copy");
    fixture::copy(&dir, &copy);
    let (log, recovery) = Log::open(&copy, signer(), Options::default()).unwrap();
    assert_eq!((recovery.lines, recovery.torn), (acknowledged.len() as u64, None));
    log.close().unwrap();
    let report = verify(&copy, &vkey()).unwrap();
    assert_eq!((report.class(), report.covered), (Class::Intact, acknowledged.len() as u64));
    fs::remove_dir_all(copy).unwrap();
}
