//! What records in clear still tell of a data subject that has no key.

use std::collections::BTreeSet;

use sealtrail_history::{Name, Order, Search};
use sealtrail_keyring::KeyId;
use sealtrail_record::json::{self, Value};

use super::about::{is_of_the_entity, kids_of};
use super::{Questions, STORED};
use crate::error::Result;

/// As many records are looked at, the newest first.
const MOST: usize = 10_000;

/// Keys, and the period that they must be of, if one is asked about.
struct Around<'p> {
    period: Option<&'p str>,
    kids: BTreeSet<String>,
}

impl Questions {
    /// The keys that values of the entity or actor of this name are sealed or named with; with a period, those that such
    /// values are sealed with beside its key. A rule of the policy may have given them to others: the records do not say
    /// whose a key is.
    pub fn keys_around(&self, subject: &str, period: Option<&KeyId>) -> Result<BTreeSet<String>> {
        let mut around = Around { period: period.map(KeyId::as_str), kids: BTreeSet::new() };
        let Some((kind, id)) = subject.split_once('/') else { return Ok(around.kids) };
        // By `keys.scope` all of a type share the key of `customer/*`.
        let entity = if id == "*" { Name::Type(kind) } else { Name::Entity { kind, id } };
        self.collect(entity, &mut around, |_, at| is_of_the_entity(at))?;
        self.collect(Name::Actor(id), &mut around, |record, at| {
            let of_kind = |at| record.pointer(at).and_then(Value::as_str) == Some(kind);
            at.starts_with("/data/actor") && (of_kind("/data/actor/type") || of_kind("/authtype"))
        })?;
        Ok(around.kids)
    }

    /// The first record from one on that something is sealed or named in with one of these keys.
    pub fn first_with_key(&self, kids: &[KeyId], from: u64) -> Result<Option<u64>> {
        let names: Vec<_> = kids.iter().map(|kid| Name::Key(kid.as_str())).collect();
        let search = Search::all().with_any(&names);
        let first = self.fitting_in(&search, from..u64::MAX, Order::Oldest)?.next()?;
        Ok(first.map(|found| found.index))
    }

    /// Whether something is sealed with both of these keys.
    pub fn is_sealed_with(&self, [one, other]: [&KeyId; 2]) -> Result<bool> {
        let search = [one, other]
            .into_iter()
            .fold(Search::all(), |search, kid| search.with(Name::Key(kid.as_str())));
        let mut fitting = self.fitting_in(&search, 0..u64::MAX, Order::Newest)?;
        while let Some(found) = fitting.next()? {
            let Ok(record) = json::parse(&found.line, &STORED) else { continue };
            let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
            let has = |seal: &Value<'_>, key: &KeyId| kids_of(seal).any(|kid| kid == key.as_str());
            if seals.iter().any(|seal| has(seal, one) && has(seal, other)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn collect(
        &self,
        name: Name<'_>,
        around: &mut Around<'_>,
        counts: impl Fn(&Value<'_>, &str) -> bool,
    ) -> Result<()> {
        let search = Search::all().with(name);
        let mut fitting = self.fitting_in(&search, 0..u64::MAX, Order::Newest)?;
        for _ in 0..MOST {
            let Some(found) = fitting.next()? else { break };
            let Ok(record) = json::parse(&found.line, &STORED) else { continue };
            let list = |at| record.pointer(at).map(Value::items).unwrap_or_default();
            for protected in list("/data/seals").iter().chain(list("/data/pseudonyms")) {
                if around.period.is_some_and(|period| kids_of(protected).all(|kid| kid != period)) {
                    continue;
                }
                let places = protected.get("at").map(Value::items).unwrap_or_default();
                if places.iter().filter_map(Value::as_str).any(|at| counts(&record, at)) {
                    let of_subjects = kids_of(protected).filter(|kid| kid.starts_with("k_"));
                    around.kids.extend(of_subjects.map(str::to_owned));
                }
            }
        }
        Ok(())
    }
}
