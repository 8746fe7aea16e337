//! What a person has in one month of one class goes alone, and everything goes with the person.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::acts;
use crate::collector::record_id;
use crate::engine::{Actor, Stamp};
use crate::leases::{Wanted, grant};
use crate::questions::{Page, Question};

const POLICY: &str = r#"{"id":"p","version":"1","context_default":"keep","retain":"year",
    "default":{"action":"seal","group":"g"},
    "rules":[{"select":"$.note","action":"seal","group":"g","retain":"short"},
        {"select":"$.ship_to","action":"seal","group":"g","subject":"customer/{/customer_id}"}],
    "context":[{"select":"$.actor.id","action":"pseudonym","group":"actor"}]}"#;

const OCTOBER: &str = "2026-10";
const NOVEMBER: &str = "2026-11";

struct Shop {
    dir: TempDir,
    trail: Trail,
}

fn scope(scope: &str) -> String {
    format!("[keys]\nscope = \"{scope}\"")
}

fn because() -> Justification {
    let actor = Actor { kind: "user".into(), id: "dpo".into() };
    Justification::parse(actor, "Art. 17").unwrap()
}

fn customer(id: &str) -> Value {
    json!({"entity": {"type": "customer", "id": id}, "action": "create", "before": null,
        "after": {"email": "ada@example.com", "note": "vip"}})
}

/// What is left of such a one.
const ALL: [&str; 2] = ["/email", "/note"];

impl Shop {
    fn new(scope: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Trail::create_for_test(dir.path(), "").close().unwrap();
        std::fs::write(dir.path().join("policy.json"), POLICY).unwrap();
        let trail = Trail::open_for_test(dir.path(), &self::scope(scope));
        Self { dir, trail }
    }

    fn under(self, scope: &str) -> Self {
        let Self { dir, trail } = self;
        trail.close().unwrap();
        let trail = Trail::open_for_test(dir.path(), &self::scope(scope));
        Self { dir, trail }
    }

    /// A record of a month, by user 7.
    fn record(&self, month: &str, change: &Value) -> String {
        let (trail, policy) = (&self.trail, self.trail.policy.get());
        let mut guest = policy.guest().unwrap();
        guest.read(change.to_string().as_bytes()).unwrap();
        let time = format!("{month}-05T00:00:00.000Z");
        let context =
            json!({"correlation_id": "c", "time": time, "actor": {"type": "user", "id": "7"}});
        let plan = guest.plan(context.to_string().as_bytes()).unwrap();
        let keys = plan.needs.iter().map(|need| trail.key_source().keys_of(need, month).unwrap());
        let keys: Vec<_> = keys.collect();
        let (id, engine) = (record_id(), policy.sandbox().name());
        let stamp = Stamp { origin: &trail.origin, id: &id, recorded_time: &time, engine };
        trail.append(vec![guest.seal(&stamp, plan.nonces, &keys).unwrap()]).unwrap();
        id
    }

    fn line(&self, record: &str) -> Value {
        serde_json::from_slice(&self.trail.questions.record(record).unwrap().line).unwrap()
    }

    fn shred(&self, subject: &str, period: Option<&str>) -> Result<Shredded> {
        let manner = Manner { period, ..Manner::default() };
        shred(&self.trail, subject, &because(), manner).map(Awaiting::ended_blocking)
    }

    #[track_caller]
    fn refused(&self, subject: &str, period: &str, code: Code, said: &str) {
        let size = self.trail.size();
        let error = self.shred(subject, Some(period)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "expected `{said}`: {error}");
        assert_eq!(self.trail.size(), size);
    }

    /// The attributes that can still be read.
    fn left(&self, record: &str) -> Vec<String> {
        let revealed = match acts::reveal(&self.trail, record, "g", &because()) {
            Err(error) if error.code() == Code::Shredded => return Vec::new(),
            revealed => revealed.unwrap(),
        };
        let values = revealed.values.into_iter().filter(|value| value.value.is_some());
        let mut paths: Vec<_> = values.map(|value| value.path.unwrap()).collect();
        paths.sort();
        paths
    }

    /// The records that are found about somebody.
    fn about(&self, subject: &str) -> Vec<u64> {
        let keys = self.trail.keys_of_subject(subject).unwrap();
        assert!(keys.iter().all(|(name, _)| name == subject), "nobody else's");
        let keys = keys.iter().map(|(_, kid)| ("key", kid.as_str()));
        let question = Question::parse(keys.chain([("subject", subject)])).unwrap();
        let found = self.trail.questions.ask(&question, Page::ALL).unwrap().found;
        found.into_iter().map(|found| found.index).collect()
    }
}

#[test]
fn what_a_person_has_in_a_month_of_a_class_goes_alone_and_everything_with_the_person() {
    let shop = Shop::new("period");
    let october = shop.record(OCTOBER, &customer("3"));
    let november = shop.record(NOVEMBER, &customer("3"));
    let other = shop.record(OCTOBER, &customer("4"));
    let order = shop.record(
        OCTOBER,
        &json!({"entity": {"type": "order", "id": "1"}, "action": "create", "before": null,
            "after": {"customer_id": "3", "ship_to": "Ulm"}}),
    );
    assert_eq!(shop.about("customer/3"), [0, 1, 3]);

    let of_october = Some("year.2026-10");
    let shredded = shop.shred("customer/3", of_october).unwrap();
    assert_eq!((shredded.kids.len(), shredded.period.as_deref()), (1, of_october));
    assert_eq!(shredded.shares, None);
    assert_eq!(shop.left(&october), ["/note"]);
    assert_eq!(shop.left(&order), ["/customer_id"]);
    assert_eq!(
        (shop.left(&november), shop.left(&other)),
        (ALL.map(Into::into).into(), ALL.map(Into::into).into())
    );
    let act = shop.line(&shredded.shred);
    assert_eq!(
        (&act["type"], &act["data"]["kids"]),
        (&json!("sealtrail.shred.v1"), &json!(shredded.kids))
    );
    // Neither the log nor the index leads from the person to what is gone.
    let kid = KeyId::parse(&shredded.kids[0]).unwrap();
    assert_eq!(shop.trail.questions.first_with_key(&[kid], 0).unwrap(), None);
    assert_eq!(shop.about("customer/3"), [0, 1]);
    assert!(shop.trail.keyring.unrecorded().unwrap().is_empty());

    shop.refused("customer/3", "year.2026-10", Code::Shredded, "erased already in `year.2026-10`");
    shop.refused("customer/4", "short.2026-11", Code::NotFound, "nothing of theirs");
    shop.refused("customer/3", "year.2027-01", Code::NotFound, "no key `t_year.2027-01`");
    shop.refused("customer/55", "year.2026-10", Code::NotFound, "is it a typing error?");
    shop.refused("customer/3", "year", Code::InvalidField, "`t_<class>.<period>`");
    shop.refused("customer/3", "year.2026-99", Code::InvalidField, "got `2026-99`");
    shop.refused("customer/3", "k_AAAAAAAAAAAAAAAAAAAAAA", Code::InvalidField, "key id");

    // Who comes again in that month has a new key, and both can be forgotten once more.
    let again = shop.record(OCTOBER, &customer("3"));
    assert_eq!(shop.left(&again), ALL);
    assert_eq!(shop.shred("customer/3", of_october).unwrap().kids.len(), 1);
    assert_eq!(shop.left(&again), ["/note"]);

    let size = shop.trail.size();
    let whole = shop.shred("customer/3", None).unwrap();
    assert_eq!((whole.kids.len(), whole.shred_index, shop.trail.size()), (3, size, size + 1));
    assert_eq!(shop.line(&whole.shred)["data"]["kids"], json!(whole.kids));
    for record in [&october, &november, &again] {
        assert_eq!(shop.left(record), [""; 0]);
    }
    assert_eq!(shop.left(&other), ALL);
    assert_eq!(shop.shred("customer/3", None).unwrap_err().code(), Code::Shredded);
    shop.refused("customer/3", "short.2026-11", Code::Shredded, "erased already");
}

/// Equality over the years is what a pseudonym is for.
#[test]
fn a_pseudonym_is_the_same_in_all_months_and_goes_with_the_person() {
    let shop = Shop::new("period");
    let [october, november] =
        [OCTOBER, NOVEMBER].map(|month| shop.line(&shop.record(month, &customer("3"))));
    let actor = &october["data"]["actor"]["id"];
    assert!(actor.as_str().unwrap().starts_with("ps1."), "{october}");
    assert_eq!(actor, &november["data"]["actor"]["id"]);
    shop.refused("user/7", "year.2026-10", Code::NotFound, "nothing of theirs");
    assert_eq!(shop.about("user/7"), [0, 1]);
    let kids = shop.shred("user/7", None).unwrap().kids;
    assert_eq!(json!(kids), json!([october["data"]["pseudonyms"][0]["kid"]]));
}

#[test]
fn a_hold_keeps_the_months_that_it_keeps_records_of() {
    let shop = Shop::new("period");
    shop.record(OCTOBER, &customer("3"));
    let november = shop.record(NOVEMBER, &customer("3"));
    shop.trail.log().hold("case", 1).unwrap();
    shop.refused("customer/3", "year.2026-11", Code::Held, "the hold `case` keeps record 1");
    assert_eq!(shop.shred("customer/3", None).unwrap_err().code(), Code::Held);
    assert_eq!(shop.shred("customer/3", Some("year.2026-10")).unwrap().kids.len(), 1);
    assert_eq!(shop.left(&november), ALL);
    shop.trail.log().release("case").unwrap();
    assert_eq!(shop.shred("customer/3", None).unwrap().kids.len(), 3);
    assert_eq!(shop.left(&november), [""; 0]);
}

/// What was sealed keeps its key; whoever forgets reaches it, or is told what he does not reach.
#[test]
fn the_scope_of_a_log_can_change() {
    let shop = Shop::new("subject");
    let first = shop.record(OCTOBER, &customer("3"));
    shop.refused("customer/3", "year.2026-10", Code::NotConfigured, "`keys.scope` is `subject`");
    assert_eq!(shop.left(&first), ALL);

    let shop = shop.under("period");
    shop.refused("customer/3", "year.2026-10", Code::NotFound, "before `keys.scope` was `period`");
    let second = shop.record(OCTOBER, &customer("3"));
    let half = shop.shred("customer/3", Some("year.2026-10")).unwrap();
    assert_eq!((half.kids.len(), half.shares.as_deref()), (1, Some("customer/3")));
    assert_eq!(
        (shop.left(&first), shop.left(&second)),
        (ALL.map(Into::into).into(), vec!["/note".into()])
    );
    shop.refused("customer/3", "year.2026-10", Code::NotFound, "the key of `customer/3`");

    // The keys of months are there under every scope.
    let third = shop.record(NOVEMBER, &customer("3"));
    let shop = shop.under("stream");
    let fourth = shop.record(NOVEMBER, &customer("3"));
    let half = shop.shred("customer/3", Some("year.2026-11")).unwrap();
    assert_eq!(half.shares.as_deref(), Some("customer/*"));
    assert_eq!(
        (shop.left(&third), shop.left(&fourth)),
        (vec!["/note".into()], ALL.map(Into::into).into())
    );
    shop.refused("customer/3", "year.2026-11", Code::NotConfigured, "`keys.scope` is `stream`");

    let whole = shop.shred("customer/3", None).unwrap();
    // The one of all months, and those of the notes of October and November.
    assert_eq!((whole.kids.len(), whole.shares.as_deref()), (3, Some("customer/*")));
    for record in [&first, &second, &third] {
        assert_eq!(shop.left(record), [""; 0]);
    }
    assert_eq!(shop.left(&fourth), ALL);
    assert_eq!(shop.shred("customer/*", None).unwrap().kids.len(), 1);
    assert_eq!(shop.shred("customer/3", None).unwrap_err().code(), Code::Shredded);
}

/// The end of a month leaves the keys that persons had for it, which open nothing any more.
#[test]
fn a_month_that_is_over_is_looked_for_too() {
    let shop = Shop::new("period");
    let october = shop.record(OCTOBER, &customer("3"));
    let ending = acts::Ending { running: true, certificate: false };
    let ended = acts::shred_period(&shop.trail, "t_year.2026-10", &because(), ending).unwrap();
    assert_eq!(ended.ended_blocking().kid, "t_year.2026-10");
    assert_eq!(shop.left(&october), ["/note"]);
    assert_eq!(shop.shred("customer/3", None).unwrap().kids.len(), 2);
    assert_eq!(shop.trail.keyring.subject_keys_in_periods("customer/3").unwrap(), []);
}

#[test]
fn only_the_leases_of_that_month_end() {
    let shop = Shop::new("period");
    let trail = &shop.trail;
    let owner = Actor { kind: "service".into(), id: "shop".into() };
    for retain in ["year", "short"] {
        let needs = json!([{"subject": "customer/3", "group": "g", "retain": retain}]);
        let wanted: Wanted = serde_json::from_value(json!({ "needs": needs })).unwrap();
        let month = Moment::now().month();
        let granted = json!(grant(trail, &owner, &wanted).unwrap());
        assert_eq!(granted["keys"][0]["kids"][1], format!("t_{retain}.{month}"));
    }
    let period = format!("short.{}", Moment::now().month());
    let manner = Manner { period: Some(&period), ..Manner::default() };
    let shredding = shred(trail, "customer/3", &because(), manner).unwrap();
    // Nobody is left to wait for but the holder of the lease, and who stops waits for nobody.
    trail.start_draining();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shredded = runtime.block_on(shredding.ended(trail));
    assert!(shredded.leases_end_in_ms > 0, "{shredded:?}");
    assert_eq!(shredded.kids.len(), 1);
    // That of the other class has another key.
    let left = trail.keys_of_subject("customer/3").unwrap();
    assert_eq!(left.len(), 1);
    let needs = json!([{"subject": "customer/3", "group": "g", "retain": "year"}]);
    let wanted: Wanted = serde_json::from_value(json!({ "needs": needs })).unwrap();
    let granted = json!(grant(trail, &owner, &wanted).unwrap());
    assert_eq!(granted["keys"][0]["kids"][0], left[0].1.as_str());
}

#[test]
fn more_keys_than_a_record_tells_of_are_refused_before_anything_is_destroyed() {
    let shop = Shop::new("period");
    let keyring = &shop.trail.keyring;
    let month = |n: usize| keyring.period_key("year", &format!("20{n:02}-01")).unwrap().0;
    for n in 0..=AT_MOST {
        keyring.subject_key_in("customer/3", &month(n)).unwrap();
    }
    let refused = shop.shred("customer/3", None).unwrap_err();
    assert_eq!(refused.code(), Code::TooLarge, "{refused}");
    assert_eq!(keyring.subject_keys_in_periods("customer/3").unwrap().len(), AT_MOST + 1);
    assert_eq!(shop.shred("customer/3", Some("year.2000-01")).unwrap().kids.len(), 1);
    assert_eq!(shop.shred("customer/3", None).unwrap().kids.len(), AT_MOST);
    // As many as it says fit, whatever the reason is.
    let kids = vec![KeyId::parse("k_AAAAAAAAAAAAAAAAAAAAAA").unwrap(); IN_A_RECORD];
    let actor = Actor { kind: "\"".repeat(512), id: "\"".repeat(512) };
    let because = Justification::parse(actor, &"\"".repeat(512)).unwrap();
    entry(&shop.trail, &kids, true, &because, Moment::now()).unwrap();
}
