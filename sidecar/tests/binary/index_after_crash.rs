//! The index of a server that is killed while it follows the log.

use std::path::Path;
use std::time::{Duration, Instant};

use super::place::{Place, sealtrail};
use super::served::Served;

const POLICY: &str = r#"{"id":"index","version":"1","default":"keep","context_default":"keep","rules":[],"secrets":false}"#;

/// More than a run of the index has, and behind it so many that they are written too.
const RECORDS: usize = 76_000;

#[test]
fn killed_at_any_moment_the_next_start_completes_it() {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    let lines = (0..RECORDS).map(|n| {
        let id = n % 1000;
        format!("{{\"entity\":{{\"type\":\"t\",\"id\":\"{id}\"}},\"action\":\"create\",\"after\":{{\"n\":{n}}}}}\n")
    });
    assert_eq!(place.append(lines.collect::<String>().as_bytes()).code, 0);
    let index = place.path("index");
    // A run that is written, one that is there, and the last records behind it.
    let steps: [fn(&Path) -> bool; 3] =
        [|at| named(at, "tmp") + runs(at) > 0, |at| runs(at) > 0, |at| runs(at) > 1];
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut partial = 0;
    // A kill may come too late for what was seen; then all of it is done again.
    while partial == 0 {
        // Nothing is left of it, and each start goes on where the one before was killed.
        std::fs::remove_dir_all(&index).unwrap();
        for (number, is_seen) in steps.iter().enumerate() {
            let served = Served::start(&place);
            while !is_seen(&index) {
                assert!(Instant::now() < deadline, "step {number} does not come");
                std::thread::sleep(Duration::from_millis(1));
            }
            served.kill();
            partial += usize::from(runs(&index) < 2);
            let ran = place.run("query", &["--type", "t", "--id", "7", "--json"]);
            let found = (ran.code, ran.stdout.lines().count());
            assert_eq!(found, (0, RECORDS / 1000), "after step {number}");
        }
        assert!(partial > 0 || Instant::now() < deadline, "no kill came while it was written");
    }
    let (code, said) = Served::start(&place).terminate();
    assert_eq!(code, 0, "{said}");
    let followed = files(&index);
    assert_eq!(sealtrail(&["index", "rebuild", "--config", &place.config()]).code, 0);
    assert!(followed == files(&index), "the files differ from those that are made at once");
}

fn runs(index: &Path) -> usize {
    named(index, "run")
}

/// How many files have this ending.
fn named(index: &Path, ending: &str) -> usize {
    let entries = std::fs::read_dir(index).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|e| e == ending)).count()
}

/// All but what a crash left beside them.
pub fn files(index: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let kept = entries.filter(|path| path.extension().is_none_or(|extension| extension != "tmp"));
    let mut files: Vec<_> = kept
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}
