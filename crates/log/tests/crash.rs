//! A process that appends is killed, again and again: nothing acknowledged is lost or doubled.

mod fixture;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, io, thread};

use fixture::{ORIGIN, key, open, signer, vkey};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Log, Options, Reader};

const DIR: &str = "SEALTRAIL_CRASH_TEST_DIR";
/// Of every test run; `SEALTRAIL_KILLS` asks for another number.
const KILLS: usize = 100;
const ROUND: &str = "SEALTRAIL_CRASH_TEST_ROUND";

/// Not a test of its own: what the killed process runs. Appends and says what was acknowledged.
#[test]
fn child() {
    let (Some(dir), Ok(round)) = (env::var_os(DIR), env::var(ROUND)) else {
        return;
    };
    let options = Options {
        segment_bytes: 2048,
        checkpoint_interval: Duration::from_millis(2),
        ..Options::default()
    };
    let (log, _) = Log::open(Path::new(&dir), signer(), options).unwrap();
    let log = &log;
    thread::scope(|scope| {
        for writer in 0..4 {
            let round = &round;
            scope.spawn(move || {
                for i in 0.. {
                    let line = format!("{round}/{writer}/{i}");
                    // Now and then more than one page, so that a kill can come in the middle.
                    let padding = " ".repeat(if i % 7 == 0 { 9000 } else { i % 60 });
                    let range = log.append(vec![(line.clone() + &padding).into_bytes()]).unwrap();
                    let mut out = io::stdout().lock();
                    writeln!(out, "acknowledged {} {line}", range.start).unwrap();
                }
            });
        }
    });
}

#[test]
fn kills() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    let kills = env::var("SEALTRAIL_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    for round in 0..kills {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(DIR, &dir)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut enough = 1 + (round * 7 % 60) as i64;
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // After so many acknowledgements, not after so much time; then to the end of the pipe, where
        // stands what was acknowledged before the kill arrived.
        while out.read_line(&mut line).unwrap() > 0 {
            // The test runner's own words may share the first line.
            if let Some((_, said)) = line.trim_end().split_once("acknowledged ") {
                let (index, id) = said.split_once(' ').unwrap();
                assert_eq!(acknowledged.insert(id.into(), index.parse().unwrap()), None);
                enough -= 1;
                if enough == 0 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        assert!(enough <= 0, "the child of round {round} ended by itself");
        child.wait().unwrap();
        // Before anybody has recovered anything, all that was acknowledged is there, in its place.
        check(&dir, &acknowledged);
        verify(&dir, &vkey()).unwrap();
    }
    open(&dir).close().unwrap();
    check(&dir, &acknowledged);
    assert_eq!(verify(&dir, &vkey()).unwrap().class(), Class::Intact);
}

fn check(dir: &Path, acknowledged: &HashMap<String, u64>) {
    let mut found = HashMap::new();
    for line in Reader::open(dir).unwrap().lines(0).unwrap() {
        let (index, line) = line.unwrap();
        let id = String::from_utf8(line).unwrap().trim_end().to_owned();
        assert_eq!(found.insert(id, index), None, "a line is there twice");
    }
    for (id, index) in acknowledged {
        assert_eq!(found.get(id), Some(index), "`{id}` was acknowledged");
    }
}
