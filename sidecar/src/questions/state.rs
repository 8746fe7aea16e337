//! What an entity was at a time.

use sealtrail_history::fold::{self, Fold};
use sealtrail_history::{Name, Order, Search};
use sealtrail_log::proof::{Checkpoint, Note};
use sealtrail_record::json::{self, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Questions, STORED};
use crate::clock::Moment;
use crate::code::Code;
use crate::erasure::Destroyed;
use crate::error::{Error, Result, shown};

/// An entity at a time, and the checkpoint under which that was so: all records that it covers were looked at,
/// and no others. Whoever asks again under the same checkpoint gets the same bytes.
pub struct State {
    pub kind: String,
    pub id: String,
    pub at: Moment,
    pub folded: fold::State,
    pub last: Option<Last>,
    pub checkpoint: Checkpoint,
    /// The keys of its sealed values that do not exist any more.
    pub erased: Destroyed,
    /// Whether there are records of it, up to that time, that wait for the next checkpoint.
    pub is_waiting: bool,
}

/// It as text for a person.
#[derive(Debug, Serialize, Deserialize)]
pub struct StateText {
    pub text: String,
    pub is_waiting: bool,
}

/// The record that was folded last.
pub struct Last {
    pub index: u64,
    pub id: String,
    pub time: Option<String>,
}

impl Questions {
    /// The fold of what was recorded of an entity up to a time, that included. Records are carried out in the order in
    /// which they were appended; clocks may differ.
    pub fn state(&self, kind: &str, id: &str, at: Moment) -> Result<State> {
        let checkpoint = self.checkpoint()?;
        let (end, millis) = (checkpoint.size(), at.milliseconds());
        let search = Search::all().with(Name::Entity { kind, id });
        let mut fitting = self.fitting_in(&search, 0..end, Order::Oldest)?;
        let (mut fold, mut last) = (Fold::default(), None);
        let until = Search::all().until(millis.saturating_add(1));
        let waiting = search.clone().until(millis.saturating_add(1));
        let waiting = self.fitting_in(&waiting, end..u64::MAX, Order::Oldest)?.next()?;
        let is_waiting = waiting.is_some();
        while let Some(found) = fitting.next()? {
            if !until.fits(&found.line) {
                continue;
            }
            fold.record(&found.line);
            last = Some(Last::of(found.index, &found.line));
        }
        if last.is_none() {
            let (kind, id) = (shown(kind), shown(id));
            let message = match is_waiting {
                false => format!("no record of `{kind}/{id}` is of {at} or earlier"),
                true => format!(
                    "what is recorded of `{kind}/{id}` up to {at} is not covered by a checkpoint yet; ask again when \
                     the next one is signed: a running server does that every `checkpoint_interval`, a command that \
                     writes when it ends"
                ),
            };
            return Err(Error::new(Code::NotFound, message));
        }
        let erased = self.destroyed_keys(0..end)?;
        let (kind, id) = (kind.to_owned(), id.to_owned());
        Ok(State { kind, id, at, folded: fold.state(), last, checkpoint, erased, is_waiting })
    }

    /// The newest checkpoint. Nobody has verified it.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let text = self.reader().resource("checkpoint")?;
        let damaged = |why: String| Error::new(Code::LogDamaged, why).context("the checkpoint");
        let text = text.ok_or_else(|| damaged("there is none".into()))?;
        let note = Note::parse(&text).map_err(|error| damaged(error.to_string()))?;
        Checkpoint::parse(note.unverified_text()).map_err(|error| damaged(error.to_string()))
    }
}

impl Last {
    fn of(index: u64, line: &[u8]) -> Self {
        let record = json::parse(line, &STORED).unwrap_or(Value::Null);
        let text = |name| record.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            index,
            id: text("id").unwrap_or_default(),
            time: text("time").or(text("recordedtime")),
        }
    }
}

impl State {
    /// Whether nobody can open a value any more.
    pub fn is_erased(&self, value: &fold::SealedValue) -> bool {
        value.kids.iter().any(|kid| self.erased.contains(kid))
    }

    /// The same state gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let sealed: Vec<_> = self
            .folded
            .sealed
            .iter()
            .map(|value| {
                let mut told = json!({"path": value.path, "group": value.group,
                    "record": value.record, "at": value.at});
                if self.is_erased(value) {
                    told["erased"] = true.into();
                }
                told
            })
            .collect();
        let last = self
            .last
            .as_ref()
            .map(|Last { index, id, time }| json!({"index": index, "id": id, "time": time}));
        let head = json!({"entity": {"type": self.kind, "id": self.id}, "at": self.at.to_string(),
            "exists": self.folded.exists, "complete": self.folded.complete,
            "unknown": self.folded.unknown, "sealed": sealed, "records": self.folded.records,
            "last": last, "checkpoint": {"origin": self.checkpoint.origin(),
            "size": self.checkpoint.size(), "root": self.checkpoint.root_text()}});
        let mut out = serde_json::to_vec(&head).unwrap_or_default();
        // What the entity is stays as its records spell it.
        out.pop();
        out.extend_from_slice(b",\"state\":");
        out.extend_from_slice(self.folded.json.as_bytes());
        out.push(b'}');
        out
    }
}
