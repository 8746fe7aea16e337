//! Answers that are no records, as text for a person.

use sealtrail_history::words::shown;
use sealtrail_record::json::{self, Value};
use sealtrail_record::pointer;

use crate::questions::{Lineage, Node, STORED, State, Touched};

impl Touched {
    pub fn words(&self) -> String {
        let mut text = shown(&self.kind);
        for part in
            [self.id.as_deref(), self.attribute.as_deref().map(|at| at.trim_start_matches('/'))]
        {
            text += &part.map(|part| format!("/{}", shown(part))).unwrap_or_default();
        }
        let records = if self.records == 1 { "record" } else { "records" };
        text += &format!("  {} {records}", self.records);
        if let Some(time) = &self.last_time {
            text += &format!("  last {}", shown(time));
        }
        if let Some(actor) = &self.last_actor {
            text += &format!(" by {}", shown(actor));
        }
        text
    }
}

impl Lineage {
    /// A tree, with a mark at the record that was asked for.
    pub fn words(&self, asked: &str) -> String {
        let mut text = String::new();
        for Node { depth, request, record } in &self.nodes {
            text += &"  ".repeat((*depth).min(40));
            if let Some(request) = request {
                text += &format!("request {}\n", shown(request));
            }
            let Some(record) = record else { continue };
            let word = || record.kind.as_deref()?.rsplit('.').nth(1).map(str::to_owned);
            let action = record.action.clone().or_else(word).unwrap_or_default();
            text +=
                &format!("{} {}", shown(&action), shown(record.entity.as_deref().unwrap_or("")));
            for (label, told) in [("by", &record.source), ("at", &record.time)] {
                text += &told
                    .iter()
                    .map(|told| format!("  {label} {}", shown(told)))
                    .collect::<String>();
            }
            text += &format!("  record {}", shown(&record.id));
            text += if record.id == asked { "  ←\n" } else { "\n" };
        }
        if self.cut {
            text += "…\n";
        }
        text
    }
}

impl State {
    /// Every attribute on a line of its own.
    pub fn words(&self, colour: bool) -> String {
        let (on, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let mut text = format!("{on}{}/{}{off} at {}", shown(&self.kind), shown(&self.id), self.at);
        text += match (self.folded.exists, self.folded.complete) {
            (Some(false), _) => ": does not exist",
            (_, true) => "",
            (_, false) => ": only what its history tells",
        };
        text.push('\n');
        let mut rows = Vec::new();
        let state = json::parse(self.folded.json.as_bytes(), &STORED).unwrap_or(Value::Null);
        self.rows(&state, &mut String::new(), &mut rows);
        rows.extend(
            self.folded
                .unknown
                .iter()
                .filter(|at| !at.is_empty())
                .map(|at| (shown(at.trim_start_matches('/')), "(unknown)".to_owned())),
        );
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(40);
        for (name, value) in rows {
            let pad = width.saturating_sub(name.chars().count());
            text += &format!("  {name}:{:pad$}  {value}\n", "");
        }
        if let Some(last) = &self.last {
            text += &format!(
                "  after {} records, the last is {}\n",
                self.folded.records,
                shown(&last.id)
            );
        }
        let (origin, size) = (shown(self.checkpoint.origin()), self.checkpoint.size());
        text += &format!("  under the checkpoint of `{origin}` of size {size}\n");
        text
    }

    /// The leaves, by their pointers. The depth of a value is bounded where it is read.
    fn rows(&self, value: &Value<'_>, at: &mut String, rows: &mut Vec<(String, String)>) {
        let here = at.len();
        match value {
            Value::Object(members) if !members.is_empty() => {
                for member in members {
                    pointer::push_key(at, &member.key);
                    self.rows(&member.value, at, rows);
                    at.truncate(here);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    pointer::push_index(at, index);
                    self.rows(item, at, rows);
                    at.truncate(here);
                }
            }
            // An entity without attributes.
            Value::Object(_) if at.is_empty() => {}
            leaf => {
                let sealed = self.folded.sealed.iter().find(|sealed| sealed.path == *at);
                let value = match sealed {
                    Some(sealed) if self.is_erased(sealed) => "[erased]".to_owned(),
                    Some(sealed) => format!("[sealed {}]", shown(&sealed.group)),
                    None => shown(&leaf.to_json()),
                };
                rows.push((shown(at.trim_start_matches('/')), value));
            }
        }
    }
}
