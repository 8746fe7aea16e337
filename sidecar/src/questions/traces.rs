//! What records in clear still tell of a data subject that has no key.

use std::collections::BTreeSet;

use sealtrail_history::{Name, Order, Search};
use sealtrail_record::json::{self, Value};

use super::about::{is_of_the_entity, kids_of};
use super::{Questions, STORED};
use crate::error::Result;

/// As many records are looked at, the newest first.
const MOST: usize = 10_000;

impl Questions {
    /// The keys that values of the entity or actor of this name are sealed or named with. A rule of the policy may have
    /// given them to others: the records do not say whose a key is.
    pub fn keys_around(&self, subject: &str) -> Result<BTreeSet<String>> {
        let mut kids = BTreeSet::new();
        let Some((kind, id)) = subject.split_once('/') else { return Ok(kids) };
        // By `keys.scope` all of a type share the key of `customer/*`.
        let entity = if id == "*" { Name::Type(kind) } else { Name::Entity { kind, id } };
        self.collect(entity, &mut kids, |_, at| is_of_the_entity(at))?;
        self.collect(Name::Actor(id), &mut kids, |record, at| {
            let of_kind = |at| record.pointer(at).and_then(Value::as_str) == Some(kind);
            at.starts_with("/data/actor") && (of_kind("/data/actor/type") || of_kind("/authtype"))
        })?;
        Ok(kids)
    }

    /// The first record from one on that something is sealed or named in with this key.
    pub fn first_with_key(&self, kid: &str, from: u64) -> Result<Option<u64>> {
        let search = Search::all().with(Name::Key(kid));
        let first = self.fitting_in(&search, from..u64::MAX, Order::Oldest)?.next()?;
        Ok(first.map(|found| found.index))
    }

    fn collect(
        &self,
        name: Name<'_>,
        kids: &mut BTreeSet<String>,
        counts: impl Fn(&Value<'_>, &str) -> bool,
    ) -> Result<()> {
        let search = Search::all().with(name);
        let mut fitting = self.fitting_in(&search, 0..u64::MAX, Order::Newest)?;
        for _ in 0..MOST {
            let Some(found) = fitting.next()? else { break };
            let Ok(record) = json::parse(&found.line, &STORED) else { continue };
            let list = |at| record.pointer(at).map(Value::items).unwrap_or_default();
            for protected in list("/data/seals").iter().chain(list("/data/pseudonyms")) {
                let places = protected.get("at").map(Value::items).unwrap_or_default();
                if places.iter().filter_map(Value::as_str).any(|at| counts(&record, at)) {
                    let of_subjects = kids_of(protected).filter(|kid| kid.starts_with("k_"));
                    kids.extend(of_subjects.map(str::to_owned));
                }
            }
        }
        Ok(())
    }
}
