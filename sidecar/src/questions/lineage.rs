//! What caused what, across services: requests by their correlation ids, records by their causation ids.

use std::collections::HashSet;

use sealtrail_history::{Name, Order, Search};
use sealtrail_record::json::{self, Value};
use serde::Serialize;

use super::{Questions, STORED};
use crate::code::Code;
use crate::error::Result;

/// Causes and what they caused, each behind what caused it.
#[derive(Debug, Serialize)]
pub struct Lineage {
    pub nodes: Vec<Node>,
    /// Whether there is more than is told.
    pub cut: bool,
}

/// A request, or a record.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// 0 of the first cause.
    pub depth: usize,
    /// Of a request: its correlation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Record {
    pub index: u64,
    pub id: String,
    pub time: Option<String>,
    pub source: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub entity: Option<String>,
    pub action: Option<String>,
    #[serde(skip_serializing)]
    correlation: Option<String>,
    #[serde(skip_serializing)]
    causation: Option<String>,
}

/// Nodes that are told, and steps that are gone upwards.
const MOST: usize = 10_000;

enum Cause {
    Request(String),
    Record(Box<Record>),
}

impl Questions {
    /// Everything that has to do with a record, or with a request: from its first cause down.
    pub fn lineage(&self, id: &str) -> Result<Lineage> {
        let found = match self.record(id) {
            Err(error) if error.code() == Code::NotFound => {
                let of_request = Search::all().with(Name::Correlation(id));
                let mut fitting = self.fitting_in(&of_request, 0..u64::MAX, Order::Oldest)?;
                fitting.next()?.ok_or(error)?
            }
            found => found?,
        };
        let root = self.first_cause(record(found.index, &found.line))?;
        let mut lineage = Lineage { nodes: Vec::new(), cut: false };
        let mut told = HashSet::new();
        let mut open = vec![(0, root)];
        while let Some((depth, cause)) = open.pop() {
            let name = match &cause {
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
            let (effects, node) = match cause {
                Cause::Request(id) => {
                    (self.effects_of_request(&id)?, Node { depth, request: Some(id), record: None })
                }
                Cause::Record(record) => {
                    let effects = self.effects_of_record(&record)?;
                    (effects, Node { depth, request: None, record: Some(*record) })
                }
            };
            lineage.nodes.push(node);
            open.extend(effects.into_iter().rev().map(|effect| (depth + 1, effect)));
        }
        Ok(lineage)
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
                None => break,
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
