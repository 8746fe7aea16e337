//! Opens the sealed values of one data group of one record, and says so in the log first.

use sealtrail_keyring::{Found, Key, KeyId};
use serde::{Deserialize, Serialize};

use super::seals::seals_of;
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::{Act, Actor, Opened, OpeningKeys};
use crate::error::{Error, Result};
use crate::trail::Trail;

/// The values, and the record that says who read them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Revealed {
    /// The record whose values these are.
    pub record: String,
    pub group: String,
    pub values: Vec<Opened>,
    /// The record of this reveal.
    pub reveal: String,
    pub reveal_index: u64,
}

/// The record of the reveal is durable before the first value is opened.
pub fn reveal(
    trail: &Trail,
    record: &str,
    group: &str,
    reason: &str,
    actor: &Actor,
) -> Result<Revealed> {
    if reason.trim().is_empty() {
        return Err(Error::new(Code::MissingField, "a reveal needs a reason"));
    }
    let found = trail.questions.record(record)?;
    let keys = keys_of_group(trail, &found.line, group)?;
    let act = Act::Reveal { actor, reason, record, group };
    let (reveal, reveal_index) = super::record(trail, &act, Moment::now())?;
    let values = trail.guest()?.open(&trail.origin, &found.line, &keys)?;
    trail.metrics.reveals.add(1);
    let (record, group) = (record.to_owned(), group.to_owned());
    Ok(Revealed { record, group, values, reveal, reveal_index })
}

fn keys_of_group(trail: &Trail, line: &[u8], group: &str) -> Result<Vec<OpeningKeys>> {
    let seals = seals_of(line)?;
    let mut keys = Vec::new();
    for (seal, named) in seals.iter().enumerate().filter(|(_, seal)| seal.group == group) {
        let [subject, period] = named.key_ids()?;
        keys.push(OpeningKeys {
            seal,
            subject_key: key(trail, &subject)?,
            period_key: key(trail, &period)?,
        });
    }
    if keys.is_empty() {
        let mut groups: Vec<_> = seals.iter().map(|seal| format!("`{}`", seal.group)).collect();
        groups.sort();
        groups.dedup();
        let has = if groups.is_empty() { "nothing".to_owned() } else { groups.join(", ") };
        let message = format!("the record has nothing sealed in group `{group}`; it has {has}");
        return Err(Error::new(Code::NotFound, message));
    }
    Ok(keys)
}

fn key(trail: &Trail, kid: &KeyId) -> Result<Key> {
    match trail.keyring.key(kid)? {
        Found::Key(key) => Ok(key),
        Found::Shredded(marker) => {
            let message = format!(
                "the key `{}` was shredded at {} by `{}`: {}; nobody can read the value any more",
                kid.as_str(),
                marker.when,
                marker.who,
                marker.reason
            );
            Err(Error::new(Code::Shredded, message))
        }
        Found::Unknown => {
            let message =
                format!("the keyring has no key `{}`; was it made by another one?", kid.as_str());
            Err(Error::new(Code::WrongKey, message))
        }
    }
}
