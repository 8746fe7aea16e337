use super::*;
use crate::acts::Manner;
use crate::collector::{Receipt, collect_blocking};

const CHANGE: &[u8] = br#"{"entity":{"type":"customer","id":"3"},"action":"create","before":null,"after":{"email":"ada@example.com"}}"#;

#[test]
fn what_was_erased_since_its_keys_were_found_is_not_lent() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::create_for_test(dir.path(), "");
    let outcome = collect_blocking(&trail, &[CHANGE]).remove(0).unwrap();
    let Receipt::Recorded { id, .. } = outcome else { panic!("{outcome:?}") };
    let owner = Actor { kind: "user".into(), id: "u".into() };
    let because = Justification::parse(owner.clone(), "ticket 1").unwrap();
    let found = trail.questions.record(&id).unwrap();
    let keys_of = || acts::openings(&trail, &found.line, "g").unwrap();
    let lend = |openings| lend(&trail, &owner, &id, "g", openings, &because);
    assert!(lend(keys_of()).is_ok());
    let openings = keys_of();
    let shredded = acts::shred(&trail, "customer/3", &because, Manner::default()).unwrap();
    let (size, leases) = (trail.size(), trail.leases.len());
    assert_eq!(lend(openings).unwrap_err().code(), Code::Shredded);
    assert_eq!((trail.size(), trail.leases.len()), (size, leases), "nobody is told of it");
    drop(shredded);
}
