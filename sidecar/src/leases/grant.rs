//! Gives leases.

use std::sync::Arc;
use std::time::Instant;

use sealtrail_keyring::{Key, KeyId};
use serde::{Deserialize, Serialize};

use crate::acts::{self, Justification, Openings, Value};
use crate::clock::Moment;
use crate::code::Code;
use crate::collector::record_id;
use crate::engine::{Actor, LeasedKey, Leasing, Need, Purpose};
use crate::error::{Error, Place, Result};
use crate::trail::Trail;

/// Keys for one record at most.
const AT_MOST: usize = 1000;

/// What is asked for, as the plan of a change says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Digest of the policy that the record was planned by. Without it a lease may be given that nobody can use, and
    /// a shredding waits for it.
    policy: Option<String>,
    needs: Vec<WantedKey>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedKey {
    subject: String,
    group: String,
    retain: String,
    #[serde(default, rename = "use")]
    purpose: Purpose,
}

/// A lease as its holder gets it.
#[derive(Debug, Serialize)]
pub struct Granted {
    stamp: Stamp,
    /// Digest of the policy that is in force now; a record that was made by another one is refused.
    policy: String,
    expires_in_ms: u64,
    /// In the order in which they were asked for.
    keys: Vec<Leased>,
}

/// What the record must have.
#[derive(Debug, Serialize)]
struct Stamp {
    origin: String,
    id: String,
    recorded_time: String,
}

#[derive(Debug, Serialize)]
pub struct Leased {
    kids: [String; 2],
    #[serde(flatten)]
    key: LeasedKey,
}

/// What a record that was sealed with a lease is held to; as the core reads it.
#[derive(Debug, Serialize)]
pub struct Terms {
    id: String,
    recorded_time: String,
    policy: String,
    keys: Vec<TermsKey>,
}

#[cfg(test)]
impl Terms {
    pub(super) fn of_test(id: &str) -> Self {
        let (recorded_time, policy) = (String::new(), String::new());
        Self { id: id.into(), recorded_time, policy, keys: Vec::new() }
    }
}

#[derive(Debug, Serialize)]
struct TermsKey {
    group: String,
    kids: [String; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// The id, the time and the keys of a new record.
pub fn grant(trail: &Trail, owner: &Actor, wanted: &Wanted) -> Result<Granted> {
    check(wanted)?;
    let policy = trail.policy.get();
    let in_force = &policy.summary().sha256;
    if wanted.policy.as_ref().is_some_and(|planned| planned != in_force) {
        let message = "another policy is in force than the one that the record was planned by; get it and plan again";
        return Err(Error::new(Code::PolicyChanged, message));
    }
    let (now, id) = (Moment::now(), record_id());
    let month = now.month();
    let mut leasings = Vec::with_capacity(wanted.needs.len());
    for want in &wanted.needs {
        let (subject, retain, purpose) = (want.subject.clone(), want.retain.clone(), want.purpose);
        let keys = trail.key_source().keys_of(&Need { subject, retain, purpose }, &month)?;
        let is_pseudonym = purpose == Purpose::Pseudonym;
        leasings.push(Leasing { group: want.group.clone(), is_pseudonym, keys });
    }
    let leased = policy.guest()?.lease(&trail.origin, &id, &leasings)?;
    let names = |leasing: &Leasing| leasing.keys.each_ref().map(|(kid, _)| kid.as_str().to_owned());
    let recorded_time = now.to_string();
    let terms = Terms {
        id: id.clone(),
        recorded_time: recorded_time.clone(),
        policy: in_force.clone(),
        keys: leasings
            .iter()
            .zip(&leased)
            .map(|(leasing, leased)| TermsKey {
                group: leasing.group.clone(),
                kids: names(leasing),
                commit: leased.commit.clone(),
            })
            .collect(),
    };
    let kids = kids_of(leasings.iter().flat_map(|leasing| &leasing.keys));
    let terms = Some(Arc::new(terms));
    let until = trail.leases.begin(&trail.keyring, &id, owner, kids.clone(), terms)?;
    refuse_gone(trail, &kids).inspect_err(|_| trail.leases.cancel(&id))?;
    trail.metrics.leases.add(1);
    Ok(Granted {
        stamp: Stamp { origin: trail.origin.clone(), id, recorded_time },
        policy: in_force.clone(),
        expires_in_ms: milliseconds_until(until),
        keys: leasings
            .iter()
            .zip(leased)
            .map(|(leasing, key)| Leased { kids: names(leasing), key })
            .collect(),
    })
}

/// The keys of one data group of one record, and the record that says who has them.
#[derive(Debug, Serialize)]
pub struct Lent {
    record: String,
    group: String,
    origin: String,
    expires_in_ms: u64,
    keys: Vec<LentKey>,
    /// Values whose key was destroyed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased: Vec<Value>,
    reveal: String,
    reveal_index: u64,
}

#[derive(Debug, Serialize)]
struct LentKey {
    /// Which entry of the record's `seals` it opens.
    seal: usize,
    #[serde(flatten)]
    leased: Leased,
}

/// As a [reveal](acts::reveal), which its record says it is; but what the values are is seen by the caller alone.
pub fn lease_for_reading(
    trail: &Trail,
    owner: &Actor,
    record: &str,
    group: &str,
    because: &Justification,
) -> Result<Lent> {
    let found = trail.questions.record(record)?;
    let openings = acts::openings(trail, &found.line, group)?;
    lend(trail, owner, record, group, openings, because)
}

fn lend(
    trail: &Trail,
    owner: &Actor,
    record: &str,
    group: &str,
    (openings, erased): Openings,
    because: &Justification,
) -> Result<Lent> {
    let (seals, leasings): (Vec<_>, Vec<_>) = openings
        .into_iter()
        .map(|(seal, keys)| (seal, Leasing { group: group.to_owned(), is_pseudonym: false, keys }))
        .unzip();
    let kids = kids_of(leasings.iter().flat_map(|leasing| &leasing.keys));
    // Until it is told: what is told after an erasure would be too late.
    let _in_use = trail.take_up_to_open(&kids)?;
    let leased = trail.guest()?.lease(&trail.origin, record, &leasings)?;
    let lease = record_id();
    let until = trail.leases.begin(&trail.keyring, &lease, owner, kids.clone(), None)?;
    let told = acts::tell_reveal(trail, record, group, because);
    let (reveal, reveal_index) = told.inspect_err(|_| trail.leases.cancel(&lease))?;
    let keys = seals.into_iter().zip(leasings.iter().zip(leased));
    let keys = keys.map(|(seal, (leasing, key))| {
        let kids = leasing.keys.each_ref().map(|(kid, _)| kid.as_str().to_owned());
        LentKey { seal, leased: Leased { kids, key } }
    });
    Ok(Lent {
        record: record.to_owned(),
        group: group.to_owned(),
        origin: trail.origin.clone(),
        expires_in_ms: milliseconds_until(until),
        keys: keys.collect(),
        erased,
        reveal,
        reveal_index,
    })
}

/// A key that went before its lease was noted would not be ended by its erasure.
fn refuse_gone(trail: &Trail, kids: &[KeyId]) -> Result<()> {
    let is_gone = |kid: &&KeyId| !trail.has_key(kid).unwrap_or(false);
    let Some(gone) = kids.iter().find(is_gone) else { return Ok(()) };
    let message = format!("the key `{gone}` was shredded while it was leased; ask again");
    Err(Error::new(Code::Shredded, message))
}

/// What is left of a lease: its holder counts from the answer, and an erasure from its beginning.
fn milliseconds_until(until: Instant) -> u64 {
    u64::try_from(until.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX)
}

fn kids_of<'k>(keys: impl Iterator<Item = &'k (KeyId, Key)>) -> Vec<KeyId> {
    let mut kids: Vec<_> = keys.map(|(kid, _)| kid.clone()).collect();
    kids.sort();
    kids.dedup();
    kids
}

fn check(wanted: &Wanted) -> Result<()> {
    let refused = |at: String, message: String| {
        let place = Place { line: None, column: None, pointer: Some(at) };
        Err(Error::new(Code::InvalidField, message).at(Some(place)))
    };
    if wanted.needs.len() > AT_MOST {
        let message = format!("at most {AT_MOST} keys of one record, got {}", wanted.needs.len());
        return refused("/needs".into(), message);
    }
    for (i, WantedKey { group, retain, .. }) in wanted.needs.iter().enumerate() {
        if !(1..=512).contains(&group.len()) || group.chars().any(char::is_control) {
            let message = "the group must be 1 to 512 bytes without control characters".to_owned();
            return refused(format!("/needs/{i}/group"), message);
        }
        if KeyId::parse(&format!("t_{retain}.0")).is_err() {
            let message = "the retention class must be 1 to 64 of `A-Z a-z 0-9 _ -`".to_owned();
            return refused(format!("/needs/{i}/retain"), message);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
