//! What is about a data subject: records with values under its keys, those of the entity that it is, and what it did.

use std::sync::Arc;

use sealtrail_history::{Name, Order, Search, Snapshot};
use sealtrail_record::json::{self, Value};

use super::answer::Fitting;
use super::{Questions, STORED, no_record};
use crate::code::Code;
use crate::error::{Error, Result};

/// A data subject that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OfSubject {
    name: String,
    keys: Vec<String>,
}

impl OfSubject {
    pub fn new(name: &str, keys: &[String]) -> Self {
        Self { name: name.to_owned(), keys: keys.to_owned() }
    }

    /// Names of which each record has one. The index knows actors by their ids alone.
    pub fn names(&self) -> Vec<Name<'_>> {
        let actor = self.parts().map(|(_, id)| Name::Actor(id));
        self.sure().into_iter().chain(actor).collect()
    }

    /// Whether a record that has one of the names is about it.
    pub fn fits(&self, line: &[u8]) -> bool {
        Search::all().with_any(&self.sure()).fits(line) || self.acted(line)
    }

    /// Those names that no record of another has.
    fn sure(&self) -> Vec<Name<'_>> {
        let keys = self.keys.iter().map(|key| Name::Key(key));
        let entity = self.parts().map(|(kind, id)| Name::Entity { kind, id });
        keys.chain(entity).collect()
    }

    fn acted(&self, line: &[u8]) -> bool {
        let (Some((kind, id)), Ok(record)) = (self.parts(), json::parse(line, &STORED)) else {
            return false;
        };
        let text = |at| record.pointer(at).and_then(Value::as_str);
        let of_kind = text("/data/actor/type").or_else(|| text("/authtype")) == Some(kind);
        of_kind && (text("/data/actor/id") == Some(id) || text("/authid") == Some(id))
    }

    fn parts(&self) -> Option<(&str, &str)> {
        self.name.split_once('/')
    }
}

impl Questions {
    /// Whether a record is of an entity of this name, or of what an actor did who is called so in clear.
    pub fn knows(&self, subject: &str) -> Result<bool> {
        self.has_records_of(&self.snapshot()?, &OfSubject::new(subject, &[]))
    }

    /// Refuses a name that is nowhere: a typing error must not look as if nothing were known of somebody.
    pub(super) fn expect_known(&self, snapshot: &Arc<Snapshot>, subject: &OfSubject) -> Result<()> {
        if !subject.keys.is_empty() || self.has_records_of(snapshot, subject)? {
            return Ok(());
        }
        let message = format!(
            "{}, no entity or actor is called so, and no key is known of such a data subject; of one whose key was destroyed \
             nothing is found any more but the records of the entity of that name",
            no_record(&subject.name, self.reader()).message()
        );
        Err(Error::new(Code::NotFound, message))
    }

    fn has_records_of(&self, snapshot: &Arc<Snapshot>, subject: &OfSubject) -> Result<bool> {
        let search = Search::all().with_any(&subject.names());
        let fitting = self.fitting_within(snapshot, &search, 0..u64::MAX, Order::Oldest)?;
        Ok(Fitting::about(fitting, Some(subject)).next()?.is_some())
    }
}
