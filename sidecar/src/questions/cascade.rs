//! A change of one parent can change thousands of children. What was recorded of those is told as one.

use std::collections::HashSet;
use std::ops::Range;

use sealtrail_history::{Name, Order};
use sealtrail_record::json::{self as record, Value};
use serde::Serialize;
use serde_json::json;

use super::answer::Fitting;
use super::{Found, Page, Question, Questions, STORED};
use crate::error::Result;

/// As many records of one cause are told as one, and fewer are not.
const MANY: usize = 10;

/// Records that one cause had.
#[derive(Debug, Clone, Serialize)]
pub struct Cascade {
    /// What caused them: ask for it as `causation` to have them all.
    pub causation: String,
    pub count: usize,
    pub first_index: u64,
    pub last_index: u64,
    /// Of the first of them, as it is for all where all were treated alike.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub action: Option<String>,
    pub time: Option<String>,
    pub attributes: Vec<String>,
}

/// A record, or many as one.
#[derive(Debug)]
pub enum Told {
    One(Found),
    Many(Cascade),
}

impl Cascade {
    /// A line that tells of all in the way of a record, to be put into words.
    pub fn line(&self) -> Vec<u8> {
        let Self { causation, count, kind, action, time, attributes, .. } = self;
        let (action, kind) = (action.as_deref().unwrap_or("record"), kind.as_deref());
        let what = format!("{action} {count} times {}", kind.unwrap_or_default());
        let line = json!({"time": time, "data": {"action": what.trim_end(), "cause": causation,
            "attributes": attributes.join(", ")}});
        serde_json::to_vec(&line).unwrap_or_default()
    }
}

impl Told {
    /// The place of what is told in the answer.
    pub fn index(&self, order: Order) -> u64 {
        match (self, order) {
            (Self::One(found), _) => found.index,
            (Self::Many(cascade), Order::Oldest) => cascade.first_index,
            (Self::Many(cascade), Order::Newest) => cascade.last_index,
        }
    }
}

/// One page of an answer in which cascades are told as one.
#[derive(Debug, Default)]
pub struct Collapsed {
    pub told: Vec<Told>,
    pub next: Option<u64>,
    pub first_kept: u64,
}

impl Questions {
    /// One page of an answer, with what has many records of one cause as one, where the first of them stands.
    pub fn ask_collapsed(&self, question: &Question, page: Page) -> Result<Collapsed> {
        let order = question.order();
        let mut fitting = self.fitting(question, page.after)?;
        let (mut told, mut bytes) = (Vec::<Told>::new(), 0_usize);
        let mut known = HashSet::new();
        let mut next = None;
        while let Some(record) = fitting.next()? {
            bytes = bytes.saturating_add(record.line.len());
            if told.len() >= page.limit || (bytes > page.bytes && !told.is_empty()) {
                next = told.last().map(|last| last.index(order));
                break;
            }
            let cause = causation(&record.line).filter(|cause| known.insert(cause.clone()));
            let Some(cause) = cause else {
                told.push(Told::One(record));
                continue;
            };
            let of_cause = self.of_cause(question, &cause)?;
            if of_cause.len() < MANY {
                told.push(Told::One(record));
                continue;
            }
            fitting.skip.extend(&of_cause);
            let (first, last) = (of_cause[0], of_cause[of_cause.len() - 1]);
            let is_first = record.index == if order == Order::Oldest { first } else { last };
            // Otherwise a page before this one told it.
            if is_first {
                told.push(Told::Many(cascade(&record, cause, of_cause.len(), first..last)));
            }
        }
        Ok(Collapsed { told, next, first_kept: fitting.first_kept })
    }

    /// The records of the answer that have this cause, oldest first.
    fn of_cause(&self, question: &Question, cause: &str) -> Result<Vec<u64>> {
        let search = question.search().clone().with(Name::Causation(cause));
        let fitting: Fitting = self.fitting_in(&search, 0..u64::MAX, Order::Oldest)?;
        // So many that to read them all is too much; the index may name one too many among them.
        let indices = fitting.indices()?;
        if indices.len() > 8 * MANY {
            return Ok(indices);
        }
        let mut fitting = self.fitting_in(&search, 0..u64::MAX, Order::Oldest)?;
        let mut indices = Vec::new();
        while let Some(found) = fitting.next()? {
            indices.push(found.index);
        }
        Ok(indices)
    }
}

fn cascade(record: &Found, causation: String, count: usize, ends: Range<u64>) -> Cascade {
    let parsed = record::parse(&record.line, &STORED).unwrap_or(Value::Null);
    let text = |pointer| parsed.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let changes = parsed.pointer("/data/changes").map(Value::items).unwrap_or_default();
    let paths = changes.iter().filter_map(|change| change.get("path")?.as_str()).take(8);
    Cascade {
        causation,
        count,
        first_index: ends.start,
        last_index: ends.end,
        kind: text("/data/entity/type"),
        action: text("/data/action"),
        time: text("/time"),
        attributes: paths.map(|path| path.trim_start_matches('/').to_owned()).collect(),
    }
}

fn causation(line: &[u8]) -> Option<String> {
    let record = record::parse(line, &STORED).ok()?;
    record.get("causationid").and_then(Value::as_str).map(str::to_owned)
}
