use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sealtrail_history::fold::Fold;
use sealtrail_record::json::{self, Value};
use sealtrail_record::time::unix_millis;
use sha2::{Digest, Sha256};

use super::database::Cell;
use crate::code::Code;
use crate::erasure::{Destroyed, actor_of, anonymise, erase_pseudonyms, keys_of};
use crate::error::{Error, Result};
use crate::export::{Format, Row, Table, action_of};
use crate::questions::{Found, Question, Questions, STORED};

/// Makes rows of records.
pub struct Rows<'q> {
    questions: &'q Questions,
    table: Table,
    /// The keys that do not exist any more.
    pub destroyed: Destroyed,
    entities: HashMap<(String, String), Entity>,
    /// Bytes of the snapshots of these.
    remembered: usize,
}

/// The rows of one record.
pub struct RecordRows {
    pub changes: Vec<Vec<Cell>>,
    pub record: Vec<Cell>,
    pub keys: Vec<Vec<Cell>>,
}

/// What is known of an entity between two of its records.
struct Entity {
    fold: Fold,
    /// The record that was folded last.
    last: u64,
}

/// Entities are forgotten, and folded anew from the log, past so many and past so many bytes of them.
const ENTITIES: usize = 10_000;
const BYTES: usize = 32 << 20;

/// A longer snapshot is left out: each record of an entity has one.
const LONGEST: usize = 1 << 20;

impl<'q> Rows<'q> {
    pub fn new(questions: &'q Questions, destroyed: Destroyed) -> Result<Self> {
        let table = Table::new(Format::Rows)?.with_nobody(questions.nobody());
        Ok(Self { questions, table, destroyed, entities: HashMap::new(), remembered: 0 })
    }

    /// The rows of a record as they are now that these keys are destroyed.
    pub fn of(&mut self, found: &Found) -> Result<RecordRows> {
        let damaged = |error: json::Error| {
            Error::new(Code::LogDamaged, format!("record {} cannot be read: {error}", found.index))
        };
        let mut record = json::parse(&found.line, &STORED).map_err(damaged)?;
        let mut keys = keys_of(&record);
        let snapshot = match entity_of(&record) {
            Some(entity) => self.snapshot(entity, found, &mut keys)?,
            None => None,
        };
        keys.retain(|kid| !self.destroyed.contains(kid));
        let index = Cell::Number(found.index);
        let keys = keys.iter().map(|kid| vec![hash_of(kid), index.clone()]).collect();
        let nobody = self.questions.nobody();
        let is_anonymised = anonymise(&mut record, &self.destroyed, nobody);
        let is_erased = erase_pseudonyms(&mut record, &self.destroyed);
        let line = match is_anonymised || is_erased {
            true => Cow::Owned(record.to_json().into_bytes()),
            false => Cow::Borrowed(&found.line[..]),
        };
        let changes = self.changes(&record, &line, &index)?;
        let user = actor_of(&record, &self.destroyed, nobody);
        Ok(RecordRows { changes, record: row_of(&record, index, user.as_deref(), snapshot), keys })
    }

    /// The eighteen columns of each change, as the core makes them.
    fn changes(&self, record: &Value<'_>, line: &[u8], index: &Cell) -> Result<Vec<Vec<Cell>>> {
        if record.pointer("/data/changes").is_none() {
            return Ok(Vec::new());
        }
        let row = |(ordinal, row): (usize, Row)| {
            let place = [index.clone(), Cell::Number(ordinal as u64)];
            place.into_iter().chain(row.map(|cell| text(cell.as_deref()))).collect()
        };
        Ok(self.table.cells(line, &self.destroyed)?.into_iter().enumerate().map(row).collect())
    }

    /// What the entity was after this record, as far as its history tells, and the keys of what is in it.
    fn snapshot(
        &mut self,
        entity: (String, String),
        found: &Found,
        keys: &mut HashSet<String>,
    ) -> Result<Option<String>> {
        if self.entities.len() >= ENTITIES || self.remembered >= BYTES {
            self.entities.clear();
            self.remembered = 0;
        }
        // What is written again may be before what was folded last.
        let known = self.entities.remove(&entity).filter(|known| known.last < found.index);
        let (mut fold, after) = match known {
            Some(Entity { fold, last }) => (fold, Some(last)),
            None => (Fold::default(), None),
        };
        let question = Question::parse([("type", entity.0.as_str()), ("id", entity.1.as_str())])?;
        let mut before = self.questions.fitting(&question, after)?;
        while let Some(earlier) = before.next()? {
            if earlier.index >= found.index {
                break;
            }
            fold.record(&earlier.line);
        }
        fold.record(&found.line);
        let shown = fold.exists().then(|| fold.shown(&|kid| self.destroyed.contains(kid)));
        fold.keys(&mut |kid| {
            if !keys.contains(kid) {
                keys.insert(kid.to_owned());
            }
        });
        self.remembered += shown.as_ref().map_or(0, String::len) + 100;
        self.entities.insert(entity, Entity { fold, last: found.index });
        Ok(shown.filter(|shown| shown.len() <= LONGEST))
    }
}

/// A key by its hash: the ids of keys are in no table.
pub fn hash_of(kid: &str) -> Cell {
    let digest = Sha256::digest(kid);
    Cell::Text(Some(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn entity_of(record: &Value<'_>) -> Option<(String, String)> {
    let text = |at| record.pointer(at).and_then(Value::as_str).map(str::to_owned);
    text("/data/entity/type").zip(text("/data/entity/id"))
}

/// What happened, in the order of the columns.
fn row_of(
    record: &Value<'_>,
    index: Cell,
    user: Option<&str>,
    snapshot: Option<String>,
) -> Vec<Cell> {
    let at = |at| record.pointer(at).and_then(Value::as_str);
    let time = |place| Cell::Time(at(place).and_then(unix_millis));
    vec![
        index,
        text(at("/id")),
        time("/recordedtime"),
        text(at("/source")),
        text(action_of(record)),
        time("/time"),
        text(at("/data/entity/type")),
        text(at("/data/entity/id")),
        text(user),
        Cell::Text(snapshot),
    ]
}

/// A text as every database takes it: PostgreSQL has none with U+0000.
fn text(text: Option<&str>) -> Cell {
    Cell::Text(text.map(|text| text.replace('\0', "\u{fffd}")))
}
