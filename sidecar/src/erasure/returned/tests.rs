use std::fs;
use std::path::Path;
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::acts::{self, Justification, Manner};
use crate::code::Code;
use crate::collector::{Receipt, collect_blocking};
use crate::engine::{Actor, Need, Purpose};
use crate::questions::{Page, Question};
use crate::trail::Known;

const CHANGE: &[u8] = br#"{"entity":{"type":"customer","id":"3"},"action":"create","before":null,"after":{"email":"ada@example.com"}}"#;
const SUBJECT: &str = "customer/3";

/// Others have a key too.
const SUBJECTS: usize = 20;

fn many(n: usize) -> String {
    format!("customer/many-{n}")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn because() -> Justification {
    let actor = Actor { kind: "user".into(), id: "dpo".into() };
    Justification::parse(actor, "ticket 1").unwrap()
}

fn record(trail: &Trail) -> String {
    let outcome = collect_blocking(trail, &[CHANGE]).remove(0).unwrap();
    let Receipt::Recorded { id, .. } = outcome else { panic!("{outcome:?}") };
    id
}

/// A log that says what was destroyed, a keyring from before, and the record and the keys of it.
struct PutBack {
    dir: TempDir,
    /// Of the configuration.
    more: &'static str,
    record: String,
    subject: KeyId,
    period: KeyId,
}

fn put_back(destroy: impl FnOnce(&Trail, &KeyId)) -> PutBack {
    put_back_under("", destroy)
}

fn put_back_under(more: &'static str, destroy: impl FnOnce(&Trail, &KeyId)) -> PutBack {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::create_for_test(dir.path(), more);
    let record = record(&trail);
    for n in 0..SUBJECTS {
        trail.keyring.subject_key(&many(n)).unwrap();
    }
    let subject = trail.kid_of_subject(SUBJECT).unwrap().unwrap();
    let period = Keyring::period_keys(&trail.keyring_dir).unwrap().remove(0);
    copy(&dir.path().join("keyring"), &dir.path().join("older"));
    destroy(&trail, &period);
    trail.close().unwrap();
    fs::remove_dir_all(dir.path().join("keyring")).unwrap();
    fs::rename(dir.path().join("older"), dir.path().join("keyring")).unwrap();
    PutBack { dir, more, record, subject, period }
}

fn shred(trail: &Trail, _period: &KeyId) {
    let shredded = acts::shred(trail, SUBJECT, &because(), Manner::default()).unwrap();
    assert_eq!(shredded.ended_blocking().leases_end_in_ms, 0);
}

impl PutBack {
    fn open(&self) -> Trail {
        Trail::open_for_test(self.dir.path(), self.more)
    }

    fn reveal(&self, trail: &Trail) -> Code {
        acts::reveal(trail, &self.record, "g", &because()).unwrap_err().code()
    }
}

#[test]
fn what_the_log_says_is_destroyed_is_gone_whatever_the_keyring_has() {
    let put_back = put_back(shred);
    let trail = put_back.open();
    assert!(matches!(trail.keyring.key(&put_back.subject).unwrap(), Found::Key(_)), "it is there");
    assert_eq!(put_back.reveal(&trail), Code::Shredded);
    let Known::Gone(gone) = trail.key(&put_back.subject).unwrap() else { panic!() };
    assert_eq!((&*gone.who, &*gone.reason), ("dpo", "ticket 1"));
    assert!(!trail.has_key(&put_back.subject).unwrap());
    assert!(trail.take_up(std::slice::from_ref(&put_back.subject)).unwrap().is_none());
    assert_eq!(trail.kid_of_subject(SUBJECT).unwrap(), None, "no name leads to it");
    assert_eq!(trail.size(), 2, "and no act of it has a record");
}

#[test]
fn the_next_change_of_the_subject_destroys_it_and_has_a_new_one() {
    let put_back = put_back(shred);
    let trail = put_back.open();
    assert_eq!(trail.returned.look(&trail).unwrap(), 1);
    // In the memory of the keyring too.
    assert!(trail.keyring.existing_subject_key(SUBJECT).unwrap().is_some());
    let other = String::from_utf8(CHANGE.to_vec()).unwrap().replace("\"3\"", "\"4\"");
    assert!(collect_blocking(&trail, &[other.as_bytes()]).remove(0).is_ok(), "and the month's");
    let later = record(&trail);
    let kid = trail.kid_of_subject(SUBJECT).unwrap().unwrap();
    assert_ne!(kid, put_back.subject);
    assert!(matches!(trail.keyring.key(&put_back.subject).unwrap(), Found::Shredded(_)));
    assert!(trail.keyring.unrecorded().unwrap().is_empty(), "the log has the record of it");
    assert!(acts::reveal(&trail, &later, "g", &because()).is_ok());
    // Whoever saw the old one too, and comes later.
    trail.returned.end(&trail.keyring, SUBJECT, None).unwrap();
    assert_eq!(trail.kid_of_subject(SUBJECT).unwrap(), Some(kid));
    // It can be shredded again, and that is told again.
    shred(&trail, &put_back.period);
    assert_eq!(trail.kid_of_subject(SUBJECT).unwrap(), None);
}

/// What the subject has for other months is not touched: the log says nothing of it.
#[test]
fn the_key_of_one_month_of_a_subject_is_destroyed_again_alone() {
    let put_back = put_back_under("[keys]\nscope = \"period\"", |trail, period| {
        let other = trail.keyring.period_key("year", "2019-01").unwrap().0;
        trail.keyring.subject_key_in(SUBJECT, &other).unwrap();
        let manner = Manner { period: period.as_str().strip_prefix("t_"), ..Manner::default() };
        let shredded = acts::shred(trail, SUBJECT, &because(), manner).unwrap();
        assert_eq!(shredded.ended_blocking().kids.len(), 1);
    });
    let trail = put_back.open();
    let other = trail.keyring.period_key("year", "2019-01").unwrap().0;
    let stays = trail.keyring.subject_key_in(SUBJECT, &other).unwrap().0;
    let whole = trail.keyring.subject_key(SUBJECT).unwrap().0;
    assert_eq!(trail.returned.look(&trail).unwrap(), 1);
    assert_eq!(put_back.reveal(&trail), Code::Shredded);
    let later = record(&trail);
    assert!(acts::reveal(&trail, &later, "g", &because()).is_ok());
    assert!(matches!(trail.keyring.key(&put_back.subject).unwrap(), Found::Shredded(_)));
    for kid in [stays, whole] {
        assert!(matches!(trail.keyring.key(&kid).unwrap(), Found::Key(_)));
    }
}

/// A second one who found the old key must not destroy the new one.
#[test]
fn many_who_need_it_at_once_have_one_new_key() {
    let put_back = put_back(|trail, _| {
        for n in 0..SUBJECTS {
            let shredded = acts::shred(trail, &many(n), &because(), Manner::default()).unwrap();
            assert_eq!(shredded.ended_blocking().kids.len(), 1);
        }
    });
    let trail = put_back.open();
    assert_eq!(trail.returned.look(&trail).unwrap(), SUBJECTS);
    for n in 0..SUBJECTS {
        let need = Need { subject: many(n), retain: "year".into(), purpose: Purpose::Seal };
        let key = || trail.key_source().keys_of(&need, "2026-11").unwrap()[0].0.clone();
        let kids: Vec<KeyId> = thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(key)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(kids.iter().all(|kid| *kid == kids[0]), "{kids:?}");
        assert!(matches!(trail.keyring.key(&kids[0]).unwrap(), Found::Key(_)));
    }
}

/// Nobody can open anything with it.
#[test]
fn one_that_cannot_be_read_stops_nobody() {
    let put_back = put_back(shred);
    let name = format!("{}.key", put_back.subject);
    let folders = fs::read_dir(put_back.dir.path().join("keyring/keys")).unwrap();
    let mut files = folders.map(|folder| folder.unwrap().path().join(&name));
    fs::write(files.find(|file| file.exists()).unwrap(), "edited").unwrap();
    let trail = put_back.open();
    assert_eq!(trail.returned.look(&trail).unwrap(), 0);
    assert_eq!(put_back.reveal(&trail), Code::LogDamaged);
}

#[test]
fn the_key_of_a_month_is_destroyed_at_once() {
    let early = acts::Ending { running: true, certificate: false };
    let put_back = put_back(|trail, period| {
        let ended = acts::shred_period(trail, period.as_str(), &because(), early).unwrap();
        assert_eq!(ended.ended_blocking().kid, period.as_str());
    });
    let trail = put_back.open();
    assert!(matches!(trail.keyring.key(&put_back.period).unwrap(), Found::Key(_)), "it is there");
    assert_eq!(trail.returned.look(&trail).unwrap(), 0);
    assert!(matches!(trail.keyring.key(&put_back.period).unwrap(), Found::Shredded(_)));
    assert_eq!(put_back.reveal(&trail), Code::Shredded);
    assert!(trail.keyring.unrecorded().unwrap().is_empty());
    let refused = collect_blocking(&trail, &[CHANGE]).remove(0).unwrap_err();
    assert_eq!(refused.code(), Code::PeriodExpired);
    assert_eq!(trail.size(), 2);
}

/// As a version before this one did that had sealed with such a key.
#[test]
fn the_index_forgets_records_that_were_made_with_it_since() {
    let put_back = put_back(shred);
    let trail = put_back.open();
    let kid = put_back.subject.as_str();
    let line = format!(
        r#"{{"id":"later","recordedtime":"2026-11-21T00:00:00Z","data":{{"seals":[{{"kids":["{kid}","t_year.2026-11"],"at":[]}}]}}}}"#
    );
    trail.append(vec![line.into_bytes()]).unwrap();
    let found = || {
        let question = Question::parse([("subject", "somebody"), ("key", kid)]).unwrap();
        let page = Page { limit: 10, bytes: 1 << 20, ..Page::ALL };
        trail.questions.ask(&question, page).unwrap().found.len()
    };
    assert_eq!(found(), 1);
    trail.returned.look(&trail).unwrap();
    assert_eq!(found(), 0);
}

#[test]
fn a_keyring_that_is_as_the_log_says_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Trail::create_for_test(dir.path(), "");
    record(&trail);
    shred(&trail, &KeyId::parse("t_year.2026-11").unwrap());
    record(&trail);
    assert_eq!(trail.returned.look(&trail).unwrap(), 0);
    // What is destroyed from now on is not looked for again.
    shred(&trail, &KeyId::parse("t_year.2026-11").unwrap());
    assert_eq!(trail.returned.look(&trail).unwrap(), 0);
}
