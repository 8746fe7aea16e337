//! Destroys the key of a data subject: what was sealed with it is unreadable everywhere, in every copy
//! of the log, and the log still verifies.

use std::sync::PoisonError;

use sealtrail_keyring::{Erased, KeyId, Why};
use serde::Serialize;

use super::certificate::{Certificate, certify};
use super::unrecorded::catch_up_before_erasing;
use super::{Awaiting, Entry, Justification, expire};
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::Act;
use crate::error::{Error, Result, shown};
use crate::trail::{Known, Trail};

/// What is to be shredded, and what else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Change the key-encryption key too, so that copies of the keyring are of no use.
    pub hard: bool,
    /// Say how much was destroyed and prove the record; reads the whole log.
    pub certificate: bool,
}

#[derive(Debug, Serialize)]
pub struct Shredded {
    /// The keys that do not exist any more.
    pub kids: Vec<String>,
    pub hard: bool,
    /// The record of the erasure. It names the keys and not the subject.
    pub shred: String,
    pub shred_index: u64,
    /// The key that the subject shares with others by `keys.scope`, or several; what was sealed with that is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<String>,
    /// Above zero only where the server was stopped meanwhile: for so long somebody may still hold keys of single
    /// records of theirs.
    pub leases_end_in_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// Returns when all is durable: the key is gone, and the log says so. It is told when the leases are over.
pub fn shred(
    trail: &Trail,
    subject: &str,
    because: &Justification,
    manner: Manner,
) -> Result<Awaiting<Shredded>> {
    // No hold is placed between the look at them and the shredding.
    let turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Moment::now();
    rehearse(trail, because, now)?;
    catch_up_before_erasing(trail)?;
    let shares = still_shared(trail, subject)?;
    let key = trail.keyring.existing_subject_key(subject)?.map(|(kid, _)| kid);
    let _closed = trail.in_use.close(key.into_iter().collect());
    drain(trail)?;
    refuse_if_held(trail, subject)?;
    // Nothing is made for an unknown subject. What is made goes with a refusal.
    let kek = match manner.hard && trail.keyring.existing_subject_key(subject)?.is_some() {
        true => Some(trail.prepare_kek()?),
        false => None,
    };
    let why = Why { when: &now.to_string(), who: &because.actor().id, reason: because.reason() };
    let ending = trail.returned.ending();
    let erased = match manner.hard {
        true => trail.keyring.shred_subject_before_rotation(subject, &why),
        false => trail.keyring.shred_subject(subject, &why),
    };
    drop(ending);
    let erased = match erased {
        Err(error) if error.is_unknown_subject() => {
            return Err(nothing_to_erase(trail, subject)?);
        }
        erased => erased?,
    };
    let leased_until = trail.leases.end(&erased.kids);
    trail.in_use.end(&erased.kids);
    if manner.hard {
        let changed = match kek {
            Some(kek) => kek.carry_out(),
            // The subject came after the look.
            None => trail.rotate_kek(),
        };
        changed.map_err(|error| {
            error.context(
                "the key is destroyed, and the change of the key-encryption key is not complete; the next start, or \
                 `sealtrail keys rotate`, completes it, and then the erasure is recorded",
            )
        })?;
    }
    let entry = entry(trail, &erased.kids, manner.hard, because, now)?;
    let (shred, shred_index) = append(trail, entry, &erased)?;
    trail.metrics.shreds.add(1);
    // Nobody else need wait for the index to be written, and for the log to be read.
    drop(turn);
    forget(trail)?;
    let certificate = match manner.certificate {
        true => Some(certify(trail, &erased.kids, &shred, shred_index)?),
        false => None,
    };
    let shredded = Shredded {
        kids: names(&erased.kids),
        hard: manner.hard,
        shred,
        shred_index,
        shares,
        leases_end_in_ms: 0,
        certificate,
    };
    let awaiting = Awaiting::until(leased_until, shredded);
    Ok(awaiting.noted(|shredded, left| shredded.leases_end_in_ms = left))
}

/// The names of the keys that the subject shares with others and that still exist: by the scope of now, or by another one
/// that its records still tell of.
fn still_shared(trail: &Trail, subject: &str) -> Result<Option<String>> {
    let by_scope = trail.key_scope.name(subject);
    let (mut names, mut around) = (Vec::new(), None);
    for (name, kid) in shared_keys(trail, subject)? {
        if name != by_scope {
            let around = match &mut around {
                Some(around) => around,
                none => none.insert(trail.questions.keys_around(subject)?),
            };
            if !around.contains(kid.as_str()) {
                continue;
            }
        }
        names.push(name);
    }
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

/// Those keys of a subject that are others' too.
fn shared_keys(trail: &Trail, subject: &str) -> Result<Vec<(String, KeyId)>> {
    let mut keys = trail.keys_of_subject(subject)?;
    keys.retain(|(name, _)| name != subject);
    Ok(keys)
}

/// Why there is no key to destroy: it was destroyed before, it is another's, or nobody was ever called so.
///
/// Neither keyring nor log keeps the name of whoever was erased; but the records of the entity or actor of that name
/// still have the ids of their keys. As long as one of these is shared and alive, nobody is told that all is erased.
fn nothing_to_erase(trail: &Trail, subject: &str) -> Result<Error> {
    let (mut destroyed, mut alive) = (Vec::new(), Vec::new());
    for kid in trail.questions.keys_around(subject)? {
        let kid = KeyId::parse(&kid)?;
        match trail.key(&kid)? {
            Known::Gone(gone) => destroyed.push((kid, gone)),
            Known::Key(_) => alive.push(kid),
            Known::Unknown => {}
        }
    }
    let shared = shared_keys(trail, subject)?;
    let are_others = alive.iter().any(|kid| shared.iter().all(|(_, shared)| shared != kid));
    let left: Vec<_> = shared.into_iter().filter(|(_, kid)| alive.contains(kid)).collect();
    // The last one, of a subject that came again.
    let last = destroyed.into_iter().max_by(|(_, a), (_, b)| a.when.cmp(&b.when));
    let shown = shown(subject);
    if let (Some((kid, gone)), true) = (&last, left.is_empty()) {
        let rest = if are_others {
            "what else is in its records belongs to other data subjects, and is still there"
        } else {
            "nothing is left under this name"
        };
        let message = format!(
            "`{shown}`: erased already: the key {kid} of its values was destroyed at {} by `{}`: {}; {rest}, and `sealtrail \
             query --acts-about {kid}` shows the record",
            gone.when, gone.who, gone.reason
        );
        return Ok(Error::new(Code::Shredded, message));
    }
    let names = left.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join("`, `");
    let by_scope = trail.key_scope.name(subject);
    let mut message = match last {
        Some((kid, gone)) => format!(
            "`{shown}` has no key of its own any more (the key {kid} was destroyed at {} by `{}`: {}), and what is sealed in \
             its records with the key that it shares as `{names}` by `keys.scope` can still be read; to shred that key \
             is to forget all who share it",
            gone.when, gone.who, gone.reason
        ),
        None if !left.is_empty() || by_scope != subject => {
            let names = if left.is_empty() { &*by_scope } else { &names };
            format!("`{shown}` has no key of its own, it shares that of `{names}` by `keys.scope`")
        }
        None if are_others => format!(
            "`{shown}`: this subject has no key: what is sealed in its records belongs to other data subjects, which \
             the rules of the policy name as `subject`"
        ),
        None if trail.questions.knows(subject)? => format!(
            "`{shown}`: this subject has no key: the records of the entity or actor of that name have nothing that was \
             sealed under it, and a shredding does not reach what is in clear"
        ),
        None => format!(
            "`{shown}`: this subject has no key, and no record has values of an entity or actor of that name, erased or \
             not: is it a typing error?"
        ),
    };
    if !subject.contains('/') {
        message += "; a data subject is called `<type>/<id>`, like `customer/3`, unless the policy says otherwise";
    }
    Ok(Error::new(Code::NotFound, message))
}

/// What a hold keeps must stay readable: it is refused while one keeps a record with values of theirs.
fn refuse_if_held(trail: &Trail, subject: &str) -> Result<()> {
    let reader = trail.log().reader();
    let Some(hold) = reader.holds()?.into_iter().min_by_key(|hold| hold.from) else {
        return Ok(());
    };
    let Some((kid, _)) = trail.keyring.existing_subject_key(subject)? else { return Ok(()) };
    let Some(index) = trail.questions.first_with_key(kid.as_str(), hold.from)? else {
        return Ok(());
    };
    let message = format!(
        "the hold `{}` keeps record {index}, which has values of this data subject; `sealtrail hold remove` ends it",
        hold.name
    );
    Err(Error::new(Code::Held, message))
}

/// Records that wait in the spool come before the end of their keys, or it is not begun.
pub(super) fn drain(trail: &Trail) -> Result<()> {
    trail.drain_spool().map_err(|error| {
        error.context(
            "nothing is erased as long as records wait in the spool, for some may be of theirs",
        )
    })
}

/// A crash, or a log without room, can come between a shred, or the end of a period, and its record: the keyring
/// remembers, and this catches up. To be called by who has the turn of [`Trail::retaining`], or one that is under way would
/// be recorded twice.
///
/// Gives why one is left of which no record can be made now; the log serves on without it, for nothing would be better
/// for its refusing to.
pub fn record_interrupted_shreds(trail: &Trail) -> Result<Option<Error>> {
    // Keys that came back are destroyed without a record, for the log has it.
    let ending = trail.returned.ending();
    let unrecorded = trail.keyring.unrecorded()?;
    drop(ending);
    if unrecorded.is_empty() {
        return Ok(None);
    }
    let (mut made, mut left) = (Vec::new(), None);
    for erased in unrecorded {
        match entry_of_interrupted(trail, &erased) {
            Ok(entry) => made.push((erased, entry)),
            Err(error) => {
                let keys = names(&erased.kids).join(", ");
                left = Some(error.context(format_args!("the key {keys} is destroyed")));
            }
        }
    }
    if made.is_empty() {
        return Ok(left);
    }
    // What waits there may be of theirs, and comes first.
    trail.drain_spool()?;
    // A crash may have come just after the record.
    let recorded = trail.questions.destroyed_keys(0..u64::MAX)?;
    for (erased, entry) in made {
        if erased.kids.iter().all(|kid| recorded.contains(kid.as_str())) {
            settle(trail, &erased)?;
            continue;
        }
        let (record, _) = append(trail, entry, &erased)?;
        match expire::period_of(&erased) {
            Some(_) => trail.metrics.expired_periods.add(1),
            None => trail.metrics.shreds.add(1),
        }
        tracing::warn!(record, "recorded a shred that had been interrupted");
    }
    forget(trail)?;
    Ok(left)
}

fn entry_of_interrupted(trail: &Trail, erased: &Erased) -> Result<Entry> {
    if erased.generation.is_some_and(|before| before >= trail.keyring.generation()) {
        let message = "the key-encryption key was to be changed too; it is recorded after `sealtrail keys rotate`";
        return Err(Error::new(Code::KeyFile, message));
    }
    let marker = &erased.marker;
    let because = Justification::of_the_past("operator", &marker.who, &marker.reason);
    match expire::period_of(erased) {
        Some(kid) => expire::entry(trail, kid, &because, Moment::now()),
        None => entry(trail, &erased.kids, erased.generation.is_some(), &because, Moment::now()),
    }
}

/// Makes the record of a key that never was, and drops it: whatever the core would refuse is refused while
/// the key still exists.
fn rehearse(trail: &Trail, because: &Justification, at: Moment) -> Result<()> {
    let nobody = KeyId::parse("k_AAAAAAAAAAAAAAAAAAAAAA")?;
    entry(trail, &[nobody], false, because, at).map(|_| ())
}

fn entry(
    trail: &Trail,
    kids: &[KeyId],
    hard: bool,
    because: &Justification,
    at: Moment,
) -> Result<Entry> {
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Shred { actor, reason, kids: &names(kids), hard };
    Entry::within(trail, &act, because, at)
}

fn append(trail: &Trail, entry: Entry, erased: &Erased) -> Result<(String, u64)> {
    let appended = entry.append_of_destroyed(trail, &erased.kids)?;
    settle(trail, erased)?;
    Ok(appended)
}

/// What is left to do when the record is durable.
fn settle(trail: &Trail, erased: &Erased) -> Result<()> {
    if expire::period_of(erased).is_some() {
        trail.log().checkpoint_now()?;
    }
    Ok(trail.keyring.recorded(erased)?)
}

/// The index still names the keys, and the pseudonyms that were made with them.
fn forget(trail: &Trail) -> Result<()> {
    trail.questions.purge()
}

pub(super) fn names(kids: &[KeyId]) -> Vec<String> {
    kids.iter().map(|kid| kid.as_str().to_owned()).collect()
}
