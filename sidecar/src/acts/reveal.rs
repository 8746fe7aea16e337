//! Opens the sealed values of one data group of one record, and says so in the log first.

use sealtrail_keyring::{Key, KeyId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::seals::{Place, Seal, seals_of};
use super::{Entry, Justification};
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::{Act, Kids, Opened, OpeningKeys};
use crate::erasure::Gone;
use crate::error::{Error, Result};
use crate::trail::{Known, Trail};

/// The values, and the record that says who read them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Revealed {
    /// The record whose values these are.
    pub record: String,
    pub group: String,
    pub values: Vec<Value>,
    /// The record of this reveal.
    pub reveal: String,
    pub reveal_index: u64,
}

/// One value of the group: opened, or erased because a key of it was shredded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Value {
    pub at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    pub group: String,
    /// None if it is erased; a value that is `null` is a value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub value: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// What can be done about one seal of the group.
enum Access {
    Keys(Kids),
    Erased { key: KeyId, gone: Gone },
}

/// The keys of each seal of a group by its index, and the values whose key was destroyed.
pub type Openings = (Vec<(usize, Kids)>, Vec<Value>);

/// The record of the reveal is durable before the first value is opened.
///
/// Subjects are erased one by one, so a group may hold values that can be opened beside some that cannot;
/// it is refused when there are none of the first kind.
pub fn reveal(
    trail: &Trail,
    record: &str,
    group: &str,
    because: &Justification,
) -> Result<Revealed> {
    let found = trail.questions.record(record)?;
    let (keys, erased) = openings(trail, &found.line, group)?;
    let kids = keys.iter().flat_map(|(_, kids)| kids).map(|(kid, _)| kid.clone());
    // Until the values are opened: what is told after an erasure would be too late.
    let _in_use = trail.take_up_to_open(&kids.collect::<Vec<_>>())?;
    let (reveal, reveal_index) = tell_reveal(trail, record, group, because)?;
    let opening = |(seal, [(_, subject_key), (_, period_key)]): (usize, Kids)| OpeningKeys {
        seal,
        subject_key,
        period_key,
    };
    let keys: Vec<_> = keys.into_iter().map(opening).collect();
    let opened = trail.guest()?.open(&trail.origin, &found.line, &keys)?;
    trail.metrics.reveals.add(1);
    let values = opened.into_iter().map(Value::opened).chain(erased).collect();
    let (record, group) = (record.to_owned(), group.to_owned());
    Ok(Revealed { record, group, values, reveal, reveal_index })
}

/// The record of a reveal, durable; before it nobody sees a value or has a key.
pub fn tell_reveal(
    trail: &Trail,
    record: &str,
    group: &str,
    because: &Justification,
) -> Result<(String, u64)> {
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Reveal { actor, reason, record, group };
    Entry::within(trail, &act, because, Moment::now())?.append(trail)
}

/// Refuses where there is nothing left to open.
pub fn openings(trail: &Trail, line: &[u8], group: &str) -> Result<Openings> {
    let (mut keys, mut erased) = (Vec::new(), Vec::new());
    let mut last = None;
    for (number, seal) in seals_of_group(line, group)? {
        match access(trail, &seal)? {
            Access::Keys(opening) => keys.push((number, opening)),
            Access::Erased { key, gone } => {
                erased.extend(seal.places.into_iter().map(|place| Value::erased(place, group)));
                last = Some((key, gone));
            }
        }
    }
    if let (true, Some((key, gone))) = (keys.is_empty(), last) {
        return Err(shredded(&key, &gone));
    }
    Ok((keys, erased))
}

impl Value {
    fn opened(Opened { at, path, side, group, value }: Opened) -> Self {
        Self { at, path, side, group, value: Some(value), erased: false }
    }

    fn erased(Place { at, path, side }: Place, group: &str) -> Self {
        let (path, side) = (Some(path), Some(side));
        Self { at, path, side, group: group.to_owned(), value: None, erased: true }
    }
}

fn seals_of_group(line: &[u8], group: &str) -> Result<Vec<(usize, Seal)>> {
    let (named, others): (Vec<_>, Vec<_>) =
        seals_of(line)?.into_iter().enumerate().partition(|(_, seal)| seal.group == group);
    if named.is_empty() {
        let mut groups: Vec<_> =
            others.iter().map(|(_, seal)| format!("`{}`", seal.group)).collect();
        groups.sort();
        groups.dedup();
        let has = if groups.is_empty() { "nothing".to_owned() } else { groups.join(", ") };
        let message = format!("the record has nothing sealed in group `{group}`; it has {has}");
        return Err(Error::new(Code::NotFound, message));
    }
    Ok(named)
}

fn access(trail: &Trail, named: &Seal) -> Result<Access> {
    let [subject, period] = &named.kids;
    let (subject_key, period_key) = match (key(trail, subject)?, key(trail, period)?) {
        (Ok(subject), Ok(period)) => (subject, period),
        (Err(gone), _) => return Ok(Access::Erased { key: subject.clone(), gone }),
        (_, Err(gone)) => return Ok(Access::Erased { key: period.clone(), gone }),
    };
    Ok(Access::Keys([(subject.clone(), subject_key), (period.clone(), period_key)]))
}

/// The key, or what is left of it.
fn key(trail: &Trail, kid: &KeyId) -> Result<Result<Key, Gone>> {
    match trail.key(kid)? {
        Known::Key(key) => Ok(Ok(key)),
        Known::Gone(gone) => Ok(Err(gone)),
        Known::Unknown => {
            let message =
                format!("the keyring has no key `{}`; was it made by another one?", kid.as_str());
            Err(Error::new(Code::WrongKey, message))
        }
    }
}

fn shredded(kid: &KeyId, gone: &Gone) -> Error {
    let message = format!(
        "the key `{}` was shredded at {} by `{}`: {}; nobody can read the value any more",
        kid.as_str(),
        gone.when,
        gone.who,
        gone.reason
    );
    Error::new(Code::Shredded, message)
}

/// A member that is there is a value, `null` too.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_a_value_and_erased_is_none() {
        let json =
            r#"[{"at":"/a","group":"g","value":null},{"at":"/b","group":"g","erased":true}]"#;
        let values: Vec<Value> = serde_json::from_str(json).unwrap();
        assert_eq!(values[0].value.as_ref().unwrap().get(), "null");
        assert!(values[1].erased && values[1].value.is_none());
        assert_eq!(serde_json::to_string(&values).unwrap(), json);
    }
}
