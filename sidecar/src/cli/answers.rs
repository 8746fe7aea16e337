//! Answers that are no records, as text for a person.

use sealtrail_history::words::shown;
use sealtrail_record::json::{self, Value};
use sealtrail_record::pointer;

use crate::counted::counted;
use crate::questions::{Lineage, Node, STORED, State, Touched};

impl Touched {
    /// A line for each, in columns.
    pub fn words(all: &[Self]) -> String {
        let rows: Vec<[String; 3]> = all.iter().map(Self::cells).collect();
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(60)
        };
        let (name_width, number_width) = (width(0), width(1));
        let mut text = String::new();
        for [name, number, last] in &rows {
            let line = format!("{name:name_width$}  {number:>number_width$}  {last}");
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// What, how many records, and when and by whom last.
    fn cells(&self) -> [String; 3] {
        let mut name = shown(&self.kind);
        for part in
            [self.id.as_deref(), self.attribute.as_deref().map(|at| at.trim_start_matches('/'))]
        {
            name += &part.map(|part| format!("/{}", shown(part))).unwrap_or_default();
        }
        let records = if self.records == 1 { "record " } else { "records" };
        let mut last = String::new();
        if let Some(time) = &self.last_time {
            last += &format!("last {}", shown(time));
        }
        if let Some(actor) = &self.last_actor {
            last += &format!(" by {}", shown(actor));
        }
        [name, format!("{} {records}", self.records), last.trim_start().to_owned()]
    }
}

/// So many effects of one cause that are alike are told as one.
const MANY: usize = 10;

impl Lineage {
    /// A tree, with a mark at what was asked for.
    pub fn words(&self, asked: &str, expand: bool) -> String {
        let mut text = String::new();
        let mut rest = &self.nodes[..];
        while let Some((node, behind)) = rest.split_first() {
            let alike = if expand { 0 } else { node.alike(behind, asked) };
            text += &node.words(asked, &self.origin);
            rest = behind;
            if alike + 1 >= MANY {
                let indent = "  ".repeat(node.depth.min(40));
                text += &format!("{indent}… and {alike} like it; --expand shows each\n");
                rest = &behind[alike..];
            }
        }
        if self.cut {
            text += "…\n";
        }
        text
    }
}

impl Node {
    /// How many of those behind it are effects of the same cause that did the same to things of the same type, and
    /// had no effects.
    fn alike(&self, behind: &[Self], asked: &str) -> usize {
        let deed = |node: &Self| {
            let record = node.record.as_ref()?;
            let kind = record.entity.as_deref().map(|entity| entity.split('/').next());
            (record.id != asked)
                .then(|| (node.depth, record.action.clone(), kind.flatten().map(str::to_owned)))
        };
        let Some(own) = deed(self) else { return 0 };
        let alike = behind.iter().take_while(|node| deed(node).as_ref() == Some(&own)).count();
        // The last one may have effects of its own, which stand below it.
        let has_effects = behind.get(alike).is_some_and(|next| next.depth > self.depth);
        alike - usize::from(has_effects && alike > 0)
    }

    /// `origin` is the source of what no service sent, and tells nothing there.
    fn words(&self, asked: &str, origin: &str) -> String {
        let mut text = "  ".repeat(self.depth.min(40));
        let mut mark = "\n";
        if let Some(cause) = &self.cause {
            text +=
                &format!("cause {}  (named by what follows, and not in this log)", shown(cause));
            mark = if cause == asked { "  ←\n" } else { mark };
        }
        if let Some(request) = &self.request {
            text += &format!("request {}", shown(request));
            mark = if request == asked { "  ←\n" } else { mark };
        }
        if let Some(record) = &self.record {
            let word = || record.kind.as_deref()?.rsplit('.').nth(1).map(str::to_owned);
            let action = record.action.clone().or_else(word).unwrap_or_default();
            text +=
                &format!("{} {}", shown(&action), shown(record.entity.as_deref().unwrap_or("")));
            let service = record.source.clone().filter(|source| source != origin);
            for (label, told) in [("service", &service), ("at", &record.time)] {
                if let Some(told) = told {
                    text += &format!("  {label} {}", shown(told));
                }
            }
            text += &format!("  record {}", shown(&record.id));
            mark = if record.id == asked { "  ←\n" } else { mark };
        }
        text + mark
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
                "  after {}, the last is {}\n",
                counted(self.folded.records, "record"),
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
