//! The examples run and say what they promise. `cargo test` builds them beside the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

fn run(example: &str, args: &[&str]) -> String {
    // target/<profile>/deps/<this test> → target/<profile>/examples/<example>
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path: PathBuf = profile.join("examples").join(example);
    let ran = Command::new(&path).args(args).output().unwrap_or_else(|error| {
        panic!("{}: {error}", path.display());
    });
    assert!(ran.status.success(), "{example}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn append_follow_and_prove() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| Path::join(folder.path(), name).display().to_string();
    let (dir, cursor) = (path("trail"), path("cursor"));
    assert_eq!(run("append", &[&dir, "{\"n\":0}", "{\"n\":1}"]), "appended the records 0..2\n");
    assert_eq!(run("follow", &[&dir, "2", &cursor]), "0 {\"n\":0}\n1 {\"n\":1}\n");
    assert_eq!(run("append", &[&dir, "{\"n\":2}"]), "appended the records 2..3\n");
    assert_eq!(run("follow", &[&dir, "1", &cursor]), "2 {\"n\":2}\n");
    let proof = run("prove", &[&dir, "1"]);
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
    assert!(proof.ends_with("record 1 is in the log of 3 records\n"), "{proof}");
}
