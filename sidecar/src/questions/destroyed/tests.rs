use std::path::Path;

use super::*;
use crate::acts::{self, Justification, Manner};
use crate::collector::collect_blocking;
use crate::engine::Actor;
use crate::questions::Stop;
use crate::trail::Trail;

fn shred(trail: &Trail, subject: usize) {
    let actor = Actor { kind: "user".into(), id: "dpo".into() };
    let because = Justification::parse(actor, "ticket 1").unwrap();
    let shredded = acts::shred(trail, &format!("customer/{subject}"), &because, Manner::default());
    assert_eq!(shredded.unwrap().ended_blocking().leases_end_in_ms, 0);
}

fn record(trail: &Trail, subject: usize) {
    let change = format!(
        r#"{{"entity":{{"type":"customer","id":"{subject}"}},"action":"create","before":null,"after":{{"email":"a@example.com"}}}}"#
    );
    collect_blocking(trail, &[change.as_bytes()]).remove(0).unwrap();
}

/// The slow way: what the records say, each read again.
fn read_from(questions: &Questions, within: Range<u64>) -> Vec<String> {
    let mut kids = Vec::new();
    let see = |found: &Found| {
        kids.extend(destroyed_by(&found.line));
        Ok(())
    };
    questions.each_erasure(within, see).unwrap();
    kids
}

/// Both ways say the same of all records and of each span of them.
fn expect_equal(trail: &Trail, when: &str) {
    let (questions, size) = (&trail.questions, trail.size());
    let all = read_from(questions, 0..u64::MAX);
    for start in [0, 1, 3, size / 2, size] {
        for end in [0, start, start + 1, size / 2, size - 1, size, u64::MAX] {
            let destroyed = questions.destroyed_keys(start..end).unwrap();
            let expected = read_from(questions, start..end);
            for kid in &all {
                let is_expected = expected.contains(kid);
                assert_eq!(destroyed.contains(kid), is_expected, "{when}: {kid} by {start}..{end}");
            }
        }
    }
    assert!(!questions.destroyed_keys(0..u64::MAX).unwrap().contains("k_AAAAAAAAAAAAAAAAAAAAAA"));
}

fn reopened(trail: Trail, dir: &Path) -> Trail {
    trail.close().unwrap();
    Trail::open_for_test(dir, "")
}

#[test]
fn what_is_kept_is_what_the_records_say_also_after_a_restart_and_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = Trail::create_for_test(dir.path(), "");
    for subject in 0..8 {
        record(&trail, subject);
        shred(&trail, subject);
        if subject == 2 {
            expect_equal(&trail, "while it follows");
            trail = reopened(trail, dir.path());
        }
        // Once before anybody has asked, once after that.
        if subject == 4 {
            expect_equal(&trail, "after a restart");
        }
        // The same person comes again, and goes again.
        record(&trail, subject);
        shred(&trail, subject);
    }
    expect_equal(&trail, "more came");
    assert_eq!(read_from(&trail.questions, 0..u64::MAX).len(), 16);
    let (reader, origin) = (trail.log().reader().clone(), trail.origin.clone());
    let index = Trail::config_for_test(dir.path(), "").index_dir;
    trail.close().unwrap();
    Questions::rebuild(reader, &index, &origin).unwrap();
    let trail = Trail::open_for_test(dir.path(), "");
    expect_equal(&trail, "after a rebuild");
}

#[test]
fn no_erasure_is_read_a_second_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = Trail::create_for_test(dir.path(), "");
    for round in 0..2 {
        for subject in 0..5 {
            record(&trail, subject);
            shred(&trail, subject);
        }
        // With somebody who has gone, whatever goes through records ends with an error.
        let gone = trail.questions.until(&Stop::new().0);
        let kids = read_from(&trail.questions, 0..u64::MAX);
        assert_eq!(kids.len(), 5 * (round + 1));
        assert!(gone.each_erasure(0..u64::MAX, |_| Ok(())).is_err());
        if round == 1 {
            // Those of before the restart are read once.
            gone.destroyed_keys(0..u64::MAX).unwrap_err();
            trail.questions.destroyed_keys(0..u64::MAX).unwrap();
        }
        let destroyed = gone.destroyed_keys(0..u64::MAX).unwrap();
        assert!(kids.iter().all(|kid| destroyed.contains(kid)));
        trail = reopened(trail, dir.path());
    }
}
