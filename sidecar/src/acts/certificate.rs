//! What somebody is given whose data was erased: which keys are gone, how much died with them, and the proof that
//! the log says so.

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;
use sealtrail_keyring::KeyId;
use sealtrail_record::json::{self, Value};
use serde::{Deserialize, Serialize};

use super::seals::seals_of;
use super::shred::names;
use crate::code::Code;
use crate::counted::counted;
use crate::error::{Error, Result};
use crate::questions::STORED;
use crate::trail::Trail;

/// What the first member of a certificate says.
const FORMAT: &str = "sealtrail certificate of erasure v1";

/// A certificate of erasure. `record` and `proof` prove that the log says that the keys are gone; the counts are
/// what whoever keeps the log found in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    format: String,
    origin: String,
    /// The keys that do not exist any more.
    kids: Vec<String>,
    /// Records that hold values which were sealed with them, and how many values.
    records: u64,
    values: u64,
    /// The record of the erasure.
    id: String,
    index: u64,
    /// Its line, byte for byte.
    record: String,
    /// Its receipt, a C2SP .tlog-proof.
    proof: String,
}

/// Reads the whole log.
pub fn certify(trail: &Trail, kids: &[KeyId], id: &str, index: u64) -> Result<Certificate> {
    let (mut records, mut values) = (0, 0);
    let named = Named::new(kids);
    let reader = trail.log().reader();
    for line in reader.lines(reader.first()?)? {
        let (at, line) = line?;
        if at == index || !named.is_one_in(&line) {
            continue;
        }
        let seals = seals_of(&line)?;
        let dead = seals.iter().filter(|seal| seal.kids.iter().any(|kid| kids.contains(kid)));
        let dead: u64 = dead.map(|seal| seal.places.len() as u64).sum();
        values += dead;
        records += u64::from(dead > 0);
    }
    let record = String::from_utf8(trail.log().read(index)?)
        .map_err(|_| Error::new(Code::LogDamaged, "the record of the erasure is not UTF-8"))?;
    Ok(Certificate {
        format: FORMAT.to_owned(),
        origin: trail.origin.clone(),
        kids: names(kids),
        records,
        values,
        id: id.to_owned(),
        index,
        record,
        proof: trail.log().prove(index)?.to_text(),
    })
}

/// Finds lines that may name one of some keys, with one look at each: a data subject may have hundreds.
struct Named<'k> {
    kids: HashSet<&'k [u8]>,
    /// What all of them begin with, and how long they are.
    start: memmem::Finder<'k>,
    lengths: BTreeSet<usize>,
}

impl<'k> Named<'k> {
    fn new(kids: &'k [KeyId]) -> Self {
        let names = || kids.iter().map(|kid| kid.as_str().as_bytes());
        let start = match kids {
            [one] => one.as_str(),
            _ if kids.iter().all(|kid| kid.period().is_none()) => "k_",
            _ => "",
        };
        let (kids, lengths) = (names().collect(), names().map(<[u8]>::len).collect());
        Self { kids, start: memmem::Finder::new(start), lengths }
    }

    fn is_one_in(&self, line: &[u8]) -> bool {
        self.start.find_iter(line).any(|at| {
            let named = |length: &usize| line.get(at..at + length);
            self.lengths.iter().filter_map(named).any(|name| self.kids.contains(name))
        })
    }
}

impl Certificate {
    /// None where the text is none; an error where it is one that was edited or that says something else than
    /// its record.
    pub fn parse(text: &[u8]) -> Option<Result<Self>> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let head: Head = serde_json::from_slice(text).ok()?;
        if head.format != FORMAT {
            return None;
        }
        let edited = |what: &str| {
            let message = format!("the certificate was edited: {what}");
            Error::new(Code::InvalidField, message)
        };
        let read = || {
            let certificate: Self = serde_json::from_slice(text)
                .map_err(|error| edited(&format!("it does not have its members ({error})")))?;
            let record = json::parse(certificate.record.as_bytes(), &STORED)
                .map_err(|_| edited("its record is not JSON"))?;
            let text = |at: &str| record.pointer(at).and_then(Value::as_str).unwrap_or_default();
            let kids = record.pointer("/data/kids").map(Value::items).unwrap_or_default();
            let kids: Vec<_> = kids.iter().filter_map(Value::as_str).collect();
            if !matches!(text("/type"), "sealtrail.shred.v1" | "sealtrail.expire.v1") {
                return Err(edited("its record is none of an erasure"));
            }
            if text("/id") != certificate.id || kids != certificate.kids {
                return Err(edited("it names another record or other keys than its record"));
            }
            Ok(certificate)
        };
        Some(read())
    }

    pub fn proof(&self) -> &[u8] {
        self.proof.as_bytes()
    }

    pub fn record(&self) -> &[u8] {
        self.record.as_bytes()
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What it says, for people.
    pub fn words(&self) -> String {
        let Self { kids, records, values, .. } = self;
        let (values, records) = (counted(*values, "value"), counted(*records, "record"));
        format!(
            "erased: {}\n  by count of who keeps the log, sealed with it: {values} in {records}",
            kids.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_does_not_fit_its_record_is_told_from_what_is_none() {
        let record = r#"{"id":"r","type":"sealtrail.shred.v1","data":{"kids":["k_1"]}}"#;
        let good = serde_json::json!({"format": FORMAT, "origin": "o", "kids": ["k_1"], "records": 1,
            "values": 2, "id": "r", "index": 3, "record": record, "proof": "p"});
        let parse = |value: &serde_json::Value| Certificate::parse(value.to_string().as_bytes());
        assert_eq!(parse(&good).unwrap().unwrap().index(), 3);
        for (member, other) in [
            ("kids", serde_json::json!(["k_2"])),
            ("id", "other".into()),
            ("record", "{".into()),
            ("record", record.replace("shred", "reveal").into()),
            ("more", 1.into()),
            ("index", "3".into()),
        ] {
            let mut edited = good.clone();
            edited[member] = other;
            let error = parse(&edited).unwrap().unwrap_err().to_string();
            assert!(error.starts_with("the certificate was edited: "), "{error}");
        }
        for none in ["", "c2sp.org/tlog-proof@v1\n", "{}", r#"{"format":"x"}"#] {
            assert!(Certificate::parse(none.as_bytes()).is_none(), "{none}");
        }
    }
}
