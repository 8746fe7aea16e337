//! The index of a server that is killed while it follows the log.

use std::path::Path;
use std::time::Duration;

use super::place::{Place, sealtrail};
use super::served::Served;

const POLICY: &str = r#"{"id":"index","version":"1","default":"keep","context_default":"keep","rules":[],"secrets":false}"#;

/// More than a run of the index has.
const RECORDS: usize = 70_000;

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
    // Nothing is left of it, and each start goes on where the one before was killed.
    std::fs::remove_dir_all(&index).unwrap();
    let mut partial = 0;
    for pause in [0, 520, 560, 600, 650, 700, 800, 1000, 1500] {
        let served = Served::start(&place);
        std::thread::sleep(Duration::from_millis(pause));
        served.kill();
        partial += usize::from(runs(&index) < 2);
        let ran = place.run("query", &["--type", "t", "--id", "7", "--json"]);
        assert_eq!((ran.code, ran.stdout.lines().count()), (0, RECORDS / 1000), "after {pause} ms");
    }
    assert!(partial > 0, "no kill came while the index was written");
    let (code, said) = Served::start(&place).terminate();
    assert_eq!(code, 0, "{said}");
    let followed = files(&index);
    assert_eq!(sealtrail(&["index", "rebuild", "--config", &place.config()]).code, 0);
    assert!(followed == files(&index), "the files differ from those that are made at once");
}

fn runs(index: &Path) -> usize {
    let entries = std::fs::read_dir(index).into_iter().flatten();
    entries
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "run"))
        .count()
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
