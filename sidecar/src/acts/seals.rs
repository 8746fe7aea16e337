//! The seals that a record lists in `data.seals`.

use sealtrail_keyring::KeyId;
use sealtrail_record::json::{self, Value};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::STORED;

/// One seal: a data group, the ids of its two keys, and where its values stand.
#[derive(Debug)]
pub struct Seal {
    pub group: String,
    /// The subject key, then the period key.
    pub kids: [KeyId; 2],
    pub places: Vec<Place>,
}

/// Where a sealed value stands, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The pointer of the token in the record.
    pub at: String,
    /// The attribute of the entity, or the same pointer for what is not part of a change.
    pub path: String,
    /// `old`, `new`, or `rec` for what is not part of a change.
    pub side: String,
}

/// The seals of a record's line, in their order; none in a record that has nothing sealed.
pub fn seals_of(line: &[u8]) -> Result<Vec<Seal>> {
    let strange = || Error::new(Code::LogDamaged, "the record's list of seals cannot be read");
    let record = json::parse(line, &STORED).map_err(|_| strange())?;
    let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
    let seal = |seal: &Value<'_>| -> Option<Seal> {
        let [subject, period] = seal.get("kids")?.items() else { return None };
        let places = seal.get("at")?.items().iter().map(|at| place(&record, at.as_str()?));
        Some(Seal {
            group: seal.get("group")?.as_str()?.to_owned(),
            kids: [KeyId::parse(subject.as_str()?).ok()?, KeyId::parse(period.as_str()?).ok()?],
            places: places.collect::<Option<_>>()?,
        })
    };
    seals.iter().map(|one| seal(one).ok_or_else(strange)).collect()
}

fn place(record: &Value<'_>, at: &str) -> Option<Place> {
    let Some((number, rest)) =
        at.strip_prefix("/data/changes/").and_then(|rest| rest.split_once('/'))
    else {
        return Some(Place { at: at.to_owned(), path: at.to_owned(), side: "rec".to_owned() });
    };
    let side = rest.split('/').next().unwrap_or_default();
    let below = &rest[side.len()..];
    let path = record.pointer(&format!("/data/changes/{number}/path"))?.as_str()?;
    Some(Place { at: at.to_owned(), path: format!("{path}{below}"), side: side.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_list_and_refuses_another_form() {
        let line = br#"{"id":"1","data":{"changes":[{"op":"add","path":"/a","new":{"b":"st1"}}],"before":"st1","seals":[{"alg":"x","group":"contact","kids":["k_AAAAAAAAAAAAAAAAAAAAAA","t_a.2026-11"],"commit":"","at":["/data/changes/0/new/b","/data/before"]}]}}"#;
        let seals = seals_of(line).unwrap();
        assert_eq!(seals[0].group, "contact");
        assert_eq!(seals[0].kids[1].as_str(), "t_a.2026-11");
        let place = |at: &str, path: &str, side: &str| Place {
            at: at.into(),
            path: path.into(),
            side: side.into(),
        };
        assert_eq!(
            seals[0].places,
            [
                place("/data/changes/0/new/b", "/a/b", "new"),
                place("/data/before", "/data/before", "rec")
            ]
        );
        assert!(seals_of(br#"{"data":{}}"#).unwrap().is_empty());
        assert!(seals_of(br#"{"data":{"seals":[{"group":"a","kids":["k"]}]}}"#).is_err());
        assert!(seals_of(b"{").is_err());
    }
}
