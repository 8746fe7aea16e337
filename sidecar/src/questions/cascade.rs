//! A change of one parent can change thousands of children. What was recorded of those is told as one.

use std::collections::HashSet;
use std::sync::Arc;

use sealtrail_history::{Name, Order, Snapshot};
use sealtrail_record::json::{self as record, Value};
use serde::Serialize;
use serde_json::json;

use super::{Cursor, Found, Page, Question, Questions, STORED, Span};
use crate::error::{Error, Result};

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

/// One page of an answer in which cascades are told as one.
#[derive(Debug, Default)]
pub struct Collapsed {
    pub told: Vec<Told>,
    /// Where the next page begins, if there may be more.
    pub next: Option<Next>,
    pub first_kept: u64,
}

/// The last that was told, and among which records it was counted.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    pub after: u64,
    span: Span,
}

impl Next {
    pub fn cursor(self, question: &Question) -> Cursor {
        Cursor::of(question, self.after).with(self.span)
    }
}

impl Questions {
    /// One page of an answer, with what has many records of one cause as one, where the first of them stands.
    ///
    /// Records of a cause may arrive while the pages are read. What has many of them was decided when the first page
    /// was told, and is the same for all that follow: else a page would leave out as told what none has told. What
    /// arrived since is looked at by itself.
    pub fn ask_collapsed(&self, question: &Question, page: Page) -> Result<Collapsed> {
        let (order, snapshot) = (question.order(), self.snapshot()?);
        let mut fitting = self.fitting_of(&snapshot, question, page.after)?;
        let mut span = page.span.unwrap_or_else(|| match (order, page.after) {
            (_, None) => Span { start: 0, end: snapshot.next() },
            // All until there was told one by one.
            (Order::Oldest, Some(after)) => {
                Span { start: after.saturating_add(1), end: snapshot.next() }
            }
            (Order::Newest, Some(after)) => Span { start: 0, end: after },
        });
        let (mut told, mut bytes) = (Vec::<Told>::new(), 0_usize);
        let mut known = HashSet::new();
        let (mut last, mut next) = (None, None);
        while let Some(record) = fitting.next()? {
            bytes = bytes.saturating_add(record.line.len());
            if told.len() >= page.limit || (bytes > page.bytes && !told.is_empty()) {
                next = last;
                break;
            }
            if order == Order::Oldest && record.index >= span.end {
                span = Span { start: span.end, end: snapshot.next() };
                known.clear();
            }
            let at = Next { after: record.index, span };
            let cause = causation(&record.line).filter(|cause| known.insert(cause.clone()));
            let of_cause = match &cause {
                Some(cause) => self.of_cause(&snapshot, question, cause, span)?,
                None => Vec::new(),
            };
            let is_one = of_cause.len() < MANY || of_cause.binary_search(&record.index).is_err();
            let Some(cause) = cause.filter(|_| !is_one) else {
                told.push(Told::One(record));
                last = Some(at);
                continue;
            };
            fitting.skip.extend(&of_cause);
            let ends = [of_cause[0], of_cause[of_cause.len() - 1]];
            let was_told = page.after.is_some_and(|after| match order {
                Order::Oldest => ends[0] <= after,
                Order::Newest => ends[1] >= after,
            });
            if !was_told {
                told.push(Told::Many(cascade(&record, cause, of_cause.len(), ends)));
                last = Some(at);
            }
        }
        Ok(Collapsed { told, next, first_kept: fitting.first_kept })
    }

    /// The records of the answer within a span that have this cause, oldest first.
    fn of_cause(
        &self,
        snapshot: &Arc<Snapshot>,
        question: &Question,
        cause: &str,
        span: Span,
    ) -> Result<Vec<u64>> {
        let search = question.search().clone().with(Name::Causation(cause));
        let within = |order| {
            let fitting = self.fitting_within(snapshot, &search, span.start..span.end, order)?;
            Ok::<_, Error>(fitting.about(question.subject()))
        };
        // The index knows the times of many records together, and of an actor the id alone, so then each is looked at.
        if !question.has_times() && question.subject().is_none() {
            let mut indices = within(Order::Oldest)?.indices()?;
            // So many that to read them all is too much. The index may name one too many among them, and the ends
            // must not be such: they say where the cascade is told.
            if indices.len() > 8 * MANY {
                let ends = [within(Order::Oldest)?.next()?, within(Order::Newest)?.next()?];
                let [Some(first), Some(last)] = ends else { return Ok(Vec::new()) };
                indices.retain(|index| (first.index..=last.index).contains(index));
                return Ok(indices);
            }
        }
        let mut fitting = within(Order::Oldest)?;
        let mut indices = Vec::new();
        while let Some(found) = fitting.next()? {
            indices.push(found.index);
        }
        Ok(indices)
    }
}

fn cascade(record: &Found, causation: String, count: usize, ends: [u64; 2]) -> Cascade {
    let parsed = record::parse(&record.line, &STORED).unwrap_or(Value::Null);
    let text = |pointer| parsed.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let changes = parsed.pointer("/data/changes").map(Value::items).unwrap_or_default();
    let paths = changes.iter().filter_map(|change| change.get("path")?.as_str()).take(8);
    Cascade {
        causation,
        count,
        first_index: ends[0],
        last_index: ends[1],
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
