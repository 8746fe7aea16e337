use super::*;
use crate::error::Error;

struct Place {
    _dir: tempfile::TempDir,
    keyring: Keyring,
    leases: Arc<Leases>,
}

fn place(lifetime: Duration, at_most: usize) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let kek = sealtrail_keyring::Kek::from_bytes(&[7; 32]);
    Keyring::create(&dir.path().join("keyring"), &kek).unwrap();
    let keyring = Keyring::open(&dir.path().join("keyring"), kek).unwrap();
    let config = config::Leases { lifetime, at_most };
    let leases = Arc::new(Leases::new(config, &keyring).unwrap());
    Place { _dir: dir, keyring, leases }
}

impl Place {
    fn begin(&self, id: &str, owner: &Actor, kid: &KeyId) -> Result<Instant> {
        let terms = Some(Arc::new(Terms::of_test(id)));
        self.leases.begin(&self.keyring, id, owner, vec![kid.clone()], terms)
    }
}

const MINUTE: Duration = Duration::from_mins(1);

fn actor(id: &str) -> Actor {
    Actor { kind: "token".into(), id: id.into() }
}

fn kid(letter: char) -> KeyId {
    KeyId::parse(&format!("k_{}", letter.to_string().repeat(21) + "A")).unwrap()
}

fn recorded(id: &str) -> Outcome {
    Ok(Receipt::Recorded { id: id.into(), index: 7, correlation_id: "c".into() })
}

fn claim(leases: &Arc<Leases>, id: &str, owner: &Actor) -> Result<Claim> {
    leases.claim(id, owner, [0; 32])
}

#[test]
fn a_lease_is_of_one_caller_and_one_record() {
    let place = place(MINUTE, 10);
    let (leases, me) = (&place.leases, actor("me"));
    place.begin("a", &me, &kid('a')).unwrap();
    assert!(matches!(claim(leases, "b", &me), Ok(Claim::Unknown)));
    assert!(matches!(claim(leases, "a", &actor("other")), Ok(Claim::Unknown)));
    let Ok(Claim::Mine(claimed)) = claim(leases, "a", &me) else { panic!("it is mine") };
    let error = claim(leases, "a", &me).err().expect("it is under way");
    assert_eq!(error.code(), Code::QueueFull);
    // Nothing came of it, so it can be used again.
    drop(claimed);
    let Ok(Claim::Mine(claimed)) = claim(leases, "a", &me) else { panic!("it is mine") };
    claimed.settle(&Err(Error::new(Code::QueueFull, "the log is full")));
    let Ok(Claim::Mine(claimed)) = claim(leases, "a", &me) else { panic!("it is mine") };
    claimed.settle(&recorded("a"));
    assert!(matches!(claim(leases, "a", &me), Ok(Claim::Unknown)));
    assert_eq!(leases.len(), 0);
}

#[test]
fn what_is_spooled_is_told_again_to_the_same_line_only() {
    let place = place(MINUTE, 10);
    let me = actor("me");
    place.begin("a", &me, &kid('a')).unwrap();
    let Ok(Claim::Mine(claimed)) = claim(&place.leases, "a", &me) else { panic!("it is mine") };
    let spooled = Receipt::Spooled { id: "a".into(), correlation_id: "c".into() };
    claimed.settle(&Ok(spooled.clone()));
    assert!(
        matches!(claim(&place.leases, "a", &me), Ok(Claim::Done(receipt)) if receipt == spooled)
    );
    assert!(matches!(place.leases.claim("a", &me, [1; 32]), Ok(Claim::Unknown)));
}

#[test]
fn a_shredding_ends_the_leases_of_its_keys_and_waits_for_those_that_are_not_used_up() {
    let place = place(MINUTE, 10);
    let (leases, me) = (&place.leases, actor("me"));
    assert_eq!(leases.end(&[kid('a')]), None);
    let first = place.begin("a", &me, &kid('a')).unwrap();
    let last = place.begin("b", &me, &kid('a')).unwrap();
    place.begin("other", &me, &kid('b')).unwrap();
    let Ok(Claim::Mine(claimed)) = claim(leases, "b", &me) else { panic!("it is mine") };
    // Also for the one under way: it may come back.
    assert_eq!(leases.end(&[kid('a')]), Some(last));
    drop(claimed);
    for id in ["a", "b"] {
        assert_eq!(claim(leases, id, &me).err().map(|e| e.code()), Some(Code::Shredded), "{id}");
    }
    assert!(matches!(claim(leases, "other", &me), Ok(Claim::Mine(_))));
    assert!(first <= last);

    // What is in the log is held by nobody.
    place.begin("c", &me, &kid('c')).unwrap();
    let Ok(Claim::Mine(claimed)) = claim(leases, "c", &me) else { panic!("it is mine") };
    claimed.settle(&recorded("c"));
    assert_eq!(leases.end(&[kid('c')]), None);
}

#[test]
fn old_ones_are_forgotten_and_there_are_never_too_many() {
    let place = place(MINUTE, 2);
    let me = actor("me");
    place.begin("a", &me, &kid('a')).unwrap();
    place.begin("b", &me, &kid('a')).unwrap();
    assert_eq!(place.begin("c", &me, &kid('a')).unwrap_err().code(), Code::QueueFull);
    let mut table = place.leases.table();
    table.forget_old(Instant::now() + 2 * MINUTE);
    assert!(table.leases.is_empty() && table.order.is_empty());
    drop(table);
    place.begin("c", &me, &kid('a')).unwrap();
}

#[test]
fn a_later_process_knows_that_there_may_be_leases() {
    let Place { _dir, keyring, leases } = place(MINUTE, 10);
    assert_eq!(keyring.lent_until().unwrap(), None);
    let config = leases.config;
    let begin = || leases.begin(&keyring, "a", &actor("me"), vec![kid('a')], None).unwrap();
    begin();
    let noted = keyring.lent_until().unwrap().expect("it is on disk before anybody has a lease");
    assert!(Moment::parse(&noted).unwrap() > Moment::now().plus(jiff::Span::new().minutes(1)));
    begin();
    assert_eq!(keyring.lent_until().unwrap().unwrap(), noted, "once for many");

    let later = Leases::new(config, &keyring).unwrap();
    let until = later.end(&[kid('z')]).expect("nobody knows whose it was");
    assert!(until > Instant::now() + MINUTE && until < Instant::now() + 3 * MINUTE);
    // A clock that was wrong for a while.
    for (noted, waits) in
        [("2999-01-01T00:00:00Z", true), ("2001-01-01T00:00:00Z", false), ("x", false)]
    {
        keyring.lend_until(noted).unwrap();
        let until = Leases::new(config, &keyring).unwrap().end(&[kid('z')]);
        assert_eq!(until.is_some(), waits, "{noted}");
        assert!(until.is_none_or(|until| until <= Instant::now() + 3 * config::Leases::LONGEST));
    }
}
