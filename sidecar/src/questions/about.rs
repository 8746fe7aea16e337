//! The acts that concern something: who opened it or was refused that, and what was erased of it.
//!
//! An act has no entity. It names the record that it opened, or the keys that it destroyed; so what it concerns is
//! found through the records.

use std::collections::HashSet;
use std::sync::Arc;

use sealtrail_history::{Name, Order, Search, Snapshot};
use sealtrail_keyring::KeyId;
use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};
use sha2::{Digest, Sha256};

use super::answer::Fitting;
use super::{Questions, STORED, Stop, no_record};
use crate::code::Code;
use crate::erasure::destroyed_by;
use crate::error::{Error, Result};

/// What acts are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The id of a record or of a key, or an entity or data subject: `customer/3`.
    pub what: String,
    /// The keys of the data subject, as far as they are known.
    pub keys: Vec<String>,
}

/// Whether it is the id of a record or of a key: no data subject is called so.
pub fn names_no_subject(what: &str) -> bool {
    what.parse::<uuid::Uuid>().is_ok() || KeyId::parse(what).is_ok()
}

/// The acts that open something or destroy a key, and the attempts.
pub const ACTS: [&str; 4] = ["reveal", "refused", "shred", "expire"];

/// An entity with more records is not looked for: their ids are kept while its acts are.
const MOST: usize = 1_000_000;

/// What is asked about, looked up.
pub(super) struct Targets {
    snapshot: Arc<Snapshot>,
    reader: Reader,
    /// The records, by the beginning of the SHA-256 of their ids.
    records: HashSet<[u8; 16]>,
    /// Keys whose end concerns it.
    ends: HashSet<String>,
    /// Keys of which every value concerns it, in whatever record.
    keys: HashSet<String>,
    stop: Stop,
}

impl Questions {
    /// Refuses what is nowhere: a typing error must not look as if nobody had done anything.
    pub(super) fn targets(&self, about: &About) -> Result<Targets> {
        let About { what, keys: known } = about;
        let (snapshot, reader) = (self.snapshot()?, self.reader().clone());
        let (records, ends, keys) = Default::default();
        let stop = self.stop.clone();
        let mut targets = Targets { snapshot, reader, records, ends, keys, stop };
        let own = KeyId::parse(what).is_ok().then_some(what);
        for key in own.into_iter().chain(known) {
            targets.keys.insert(key.clone());
            targets.ends.insert(key.clone());
        }
        match what.split_once('/') {
            Some((kind, id)) => {
                let mut fitting = targets.fitting(Search::all().with(Name::Entity { kind, id }))?;
                while let Some(found) = fitting.next()? {
                    targets.add(&found.line, is_of_the_entity)?;
                }
            }
            None => {
                let mut fitting = targets.fitting(Search::all().with(Name::Record(what)))?;
                if let Some(found) = fitting.next()? {
                    targets.add(&found.line, |_| true)?;
                }
            }
        }
        if targets.records.is_empty() && targets.keys.is_empty() {
            return Err(nowhere(&no_record(what, self.reader())));
        }
        Ok(targets)
    }
}

impl Targets {
    /// Whether a record is an act that concerns what is asked about.
    pub(super) fn concern(&self, line: &[u8]) -> Result<bool> {
        let Ok(act) = json::parse(line, &STORED) else { return Ok(false) };
        let text = |at| act.pointer(at).and_then(Value::as_str);
        // An event of a business can be called like an act.
        let name =
            text("/type").and_then(|kind| kind.strip_prefix("sealtrail.")?.strip_suffix(".v1"));
        if name.is_none_or(|name| !ACTS.contains(&name)) {
            return Ok(false);
        }
        if destroyed_by(line).iter().any(|kid| self.ends.contains(kid)) {
            return Ok(true);
        }
        let Some(record) = text("/data/record") else { return Ok(false) };
        if self.records.contains(&digest(record)) {
            return Ok(true);
        }
        if self.keys.is_empty() {
            return Ok(false);
        }
        let target = self.fitting(Search::all().with(Name::Record(record)))?.next()?;
        Ok(target.is_some_and(|target| self.are_in(&target.line, text("/data/group"))))
    }

    /// Whether a record has a value under one of the keys, in a group where one is named.
    fn are_in(&self, line: &[u8], group: Option<&str>) -> bool {
        let Ok(record) = json::parse(line, &STORED) else { return false };
        let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
        seals.iter().any(|seal| {
            let of_group = seal.get("group").and_then(Value::as_str);
            let is_asked = group.is_none_or(|group| of_group == Some(group));
            is_asked && kids_of(seal).any(|kid| self.keys.contains(kid))
        })
    }

    /// A record that is asked about, and the keys of those of its values that count.
    fn add(&mut self, line: &[u8], counts: impl Fn(&str) -> bool) -> Result<()> {
        let Ok(record) = json::parse(line, &STORED) else { return Ok(()) };
        if self.records.len() == MOST {
            let message = format!("it has more than {MOST} records; ask about one of them");
            return Err(Error::new(Code::TooLarge, message));
        }
        self.records.extend(record.get("id").and_then(Value::as_str).map(digest));
        let list = |at| record.pointer(at).map(Value::items).unwrap_or_default();
        for protected in list("/data/seals").iter().chain(list("/data/pseudonyms")) {
            let places = protected.get("at").map(Value::items).unwrap_or_default();
            if places.iter().filter_map(Value::as_str).any(&counts) {
                self.ends.extend(kids_of(protected).map(str::to_owned));
            }
        }
        Ok(())
    }

    fn fitting(&self, search: Search) -> Result<Fitting> {
        let all = 0..u64::MAX;
        let fitting = Fitting::of(&self.reader, &self.snapshot, search, all, Order::Oldest)?;
        Ok(fitting.until(&self.stop))
    }
}

/// Whether a value is of the entity, and not of who acted, from where, and for whom.
pub(super) fn is_of_the_entity(at: &str) -> bool {
    ["/data/changes/", "/data/before", "/data/after", "/data/event/"]
        .iter()
        .any(|part| at.starts_with(part))
}

/// The keys of a seal, or of a list of pseudonyms.
pub(super) fn kids_of<'v>(protected: &'v Value<'_>) -> impl Iterator<Item = &'v str> {
    let kids = protected.get("kids").map(Value::items).unwrap_or_default();
    kids.iter().chain(protected.get("kid")).filter_map(Value::as_str)
}

fn digest(id: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(id).into();
    *digest.first_chunk().expect("16 of 32 bytes")
}

fn nowhere(no_record: &Error) -> Error {
    let message = format!(
        "{}, no entity is called so, and no key is known of such a data subject; one whose key was destroyed is asked \
         about by the id of the key, `k_…`, which the record of the erasure names",
        no_record.message()
    );
    Error::new(Code::NotFound, message)
}
