//! The examples run and say what they promise. `cargo test` builds them beside the tests.

use std::process::Command;

#[test]
fn receipt() {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/receipt");
    let ran = Command::new(&path).output().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{said}");
    assert!(said.starts_with("c2sp.org/tlog-proof@v1\n"), "{said}");
    assert!(said.contains("\nrecord 1 verifies\nanother line does not: "), "{said}");
}
