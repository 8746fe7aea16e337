//! What caused what, across services: requests by their correlation ids, records by their causation ids.

use std::collections::HashSet;

use sealtrail_history::{Name, Order, Search};
use sealtrail_record::json::{self, Value};
use serde::{Deserialize, Serialize};

use super::{Questions, STORED, no_record};
use crate::code::Code;
use crate::error::{Error, Result};

/// Causes and what they caused, each behind what caused it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lineage {
    /// The name of the log: the source of what no service sent.
    pub origin: String,
    pub nodes: Vec<Node>,
    /// Whether there is more than is told.
    pub cut: bool,
}

/// A request, a record, or a cause that this log has nothing of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Node {
    /// 0 of the first cause.
    pub depth: usize,
    /// What records name as their cause, and is neither a request nor a record here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Of a request: its correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub index: u64,
    pub id: String,
    pub time: Option<String>,
    pub source: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub entity: Option<String>,
    pub action: Option<String>,
    #[serde(skip)]
    correlation: Option<String>,
    #[serde(skip)]
    causation: Option<String>,
}

/// Nodes that are told, and steps that are gone upwards.
const MOST: usize = 10_000;

enum Cause {
    /// Somebody has named it as a cause, and this log has nothing of it.
    Elsewhere(String),
    Request(String),
    Record(Box<Record>),
}

impl Questions {
    /// Everything that has to do with a record, or with a request: from its first cause down.
    pub fn lineage(&self, id: &str) -> Result<Lineage> {
        let root = self.first_cause(self.known_as(id)?)?;
        let origin = self.reader().origin().to_owned();
        let mut lineage = Lineage { origin, nodes: Vec::new(), cut: false };
        let mut told = HashSet::new();
        let mut open = vec![(0, root)];
        while let Some((depth, cause)) = open.pop() {
            let name = match &cause {
                Cause::Elsewhere(id) => format!("cause {id}"),
                Cause::Request(id) => format!("request {id}"),
                Cause::Record(record) => format!("record {}", record.id),
            };
            if !told.insert(name) {
                continue;
            }
            if lineage.nodes.len() == MOST {
                lineage.cut = true;
                break;
            }
            let node = Node { depth, ..Node::default() };
            let (effects, node) = match cause {
                Cause::Elsewhere(id) => {
                    let caused = self.some(Search::all().with(Name::Causation(&id)), MOST)?;
                    let effects = caused.into_iter().map(Cause::of).collect();
                    (effects, Node { cause: Some(id), ..node })
                }
                Cause::Request(id) => {
                    (self.effects_of_request(&id)?, Node { request: Some(id), ..node })
                }
                Cause::Record(record) => {
                    (self.effects_of_record(&record)?, Node { record: Some(*record), ..node })
                }
            };
            lineage.nodes.push(node);
            open.extend(effects.into_iter().rev().map(|effect| (depth + 1, effect)));
        }
        Ok(lineage)
    }

    /// The record of this id, or the first of a request, or of those that it caused.
    fn known_as(&self, id: &str) -> Result<Record> {
        for name in [Name::Record(id), Name::Correlation(id), Name::Causation(id)] {
            if let Some(record) = self.some(Search::all().with(name), 1)?.pop() {
                return Ok(record);
            }
        }
        let error = no_record(id, self.reader());
        let message =
            format!("{}, no request has it, and none names it as a cause", error.message());
        Err(Error::new(Code::NotFound, message))
    }

    /// Goes up as far as anybody has said what the cause was. A circle ends it.
    fn first_cause(&self, mut at: Record) -> Result<Cause> {
        let mut seen = HashSet::new();
        while seen.len() < MOST && seen.insert(at.id.clone()) {
            let Some(cause) = at.causation.clone() else { break };
            let of_record = self.some(Search::all().with(Name::Record(&cause)), 1)?.pop();
            let of_request = self.some(Search::all().with(Name::Correlation(&cause)), 1)?.pop();
            match of_record.or(of_request) {
                Some(above) => at = above,
                None => return Ok(Cause::Elsewhere(cause)),
            }
        }
        Ok(match at.correlation.clone() {
            Some(correlation) => Cause::Request(correlation),
            None => Cause::Record(Box::new(at)),
        })
    }

    /// Its own records, but for those that another of them caused; and the requests that name it as their cause.
    fn effects_of_request(&self, id: &str) -> Result<Vec<Cause>> {
        let own = self.some(Search::all().with(Name::Correlation(id)), MOST)?;
        let ids: HashSet<String> = own.iter().map(|record| record.id.clone()).collect();
        let is_first =
            |record: &Record| !record.causation.as_ref().is_some_and(|by| ids.contains(by));
        let mut effects: Vec<Cause> = own
            .into_iter()
            .filter(is_first)
            .map(|record| Cause::Record(Box::new(record)))
            .collect();
        let caused = self.some(Search::all().with(Name::Causation(id)), MOST)?;
        let others = caused.into_iter().filter(|r| r.correlation.as_deref() != Some(id));
        effects.extend(others.map(Cause::of));
        Ok(effects)
    }

    fn effects_of_record(&self, record: &Record) -> Result<Vec<Cause>> {
        let caused = self.some(Search::all().with(Name::Causation(&record.id)), MOST)?;
        let of = |effect: Record| match effect.correlation == record.correlation {
            true => Cause::Record(Box::new(effect)),
            false => Cause::of(effect),
        };
        Ok(caused.into_iter().map(of).collect())
    }

    fn some(&self, search: Search, limit: usize) -> Result<Vec<Record>> {
        let mut fitting = self.fitting_in(&search, 0..u64::MAX, Order::Oldest)?;
        let mut records = Vec::new();
        while records.len() < limit
            && let Some(found) = fitting.next()?
        {
            records.push(record(found.index, &found.line));
        }
        Ok(records)
    }
}

impl Cause {
    /// An effect in another request stands below that.
    fn of(effect: Record) -> Self {
        match effect.correlation.clone() {
            Some(correlation) => Self::Request(correlation),
            None => Self::Record(Box::new(effect)),
        }
    }
}

fn record(index: u64, line: &[u8]) -> Record {
    let record = json::parse(line, &STORED).unwrap_or(Value::Null);
    let text = |at| record.pointer(at).and_then(Value::as_str).map(str::to_owned);
    Record {
        index,
        id: text("/id").unwrap_or_default(),
        time: text("/time").or_else(|| text("/recordedtime")),
        source: text("/source"),
        kind: text("/type"),
        entity: text("/subject"),
        action: text("/data/action"),
        correlation: text("/correlationid"),
        causation: text("/causationid"),
    }
}
