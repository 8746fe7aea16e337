//! What a record says of its entity, in the [sentences](sealtrail_record::sentences) of a difference: a line for each attribute
//! and for each item of a collection.

use sealtrail_record::json::Value;
use sealtrail_record::pointer;
use sealtrail_record::sentences::{Change, Teller, groups};

use super::columns::Columns;
use super::{DIM, GREEN, MAGENTA, RED, Style, YELLOW};

/// So many sentences tell of a record, and so many of one collection in it; the rest is counted. A record may have as many
/// changes as fit into it.
pub(super) const MOST: usize = 200;
const MOST_OF_ONE: usize = 50;

/// The changes, each a sentence.
pub(super) fn changes(record: &Value<'_>, teller: &Teller<'_>, style: Style) -> String {
    let changes = record.pointer("/data/changes").map(Value::items).unwrap_or_default();
    let changes: Vec<Change<'_>> = changes.iter().enumerate().map(change).collect();
    let (mut lines, mut told) = (Lines::new(), 0);
    for group in groups(&changes) {
        let some = group.changes.len().min(MOST_OF_ONE).min(MOST - told);
        told += some;
        match (&group.collection, &group.changes[..some]) {
            (_, []) => break,
            (None, all) => {
                all.iter().for_each(|&one| lines.row(sentence("  ", &changes[one], teller)));
            }
            (Some(collection), &[one]) if group.changes.len() == 1 => {
                let [(name, colour), (told, of_told)] = sentence("", &changes[one], teller);
                let (name, told) = (style.paint(colour, &name), style.paint(of_told, &told));
                lines.note(format!("  {} 1. {name} {told}", teller.collection(collection)), "");
            }
            (Some(collection), some) => {
                lines.note(format!("  {}", teller.collection(collection)), "");
                let mut items = Columns::new();
                for (number, &item) in some.iter().enumerate() {
                    items.row(sentence(&format!("    {}. ", number + 1), &changes[item], teller));
                }
                if let more @ 1.. = group.changes.len() - some.len() {
                    items.row([(format!("    … and {more} more"), DIM)]);
                }
                lines.below(items);
            }
        }
    }
    if told < changes.len() {
        let all = changes.len();
        lines.note(format!("  … {told} of {all} changes are told here; {LINE}"), DIM);
    }
    lines.set(style)
}

/// The one image that is known where the other is not. It is no change, so nothing is said of one.
pub(super) fn image(record: &Value<'_>, teller: &Teller<'_>, style: Style) -> String {
    let mut lines = Lines::new();
    for (side, says, verb) in [
        ("before", "  the entity before (what came after is not known):", "was"),
        ("after", "  the entity after (what came before is not known):", "="),
    ] {
        let mut at = format!("/data/{side}");
        let Some(image) = record.pointer(&at) else { continue };
        lines.note(says.to_owned(), "");
        let mut found = 0;
        teller.leaves(image, &mut String::new(), &mut at, &mut |name, value, at| {
            found += 1;
            if found <= MOST {
                let colour = if (teller.hidden)(at, value).is_some() { MAGENTA } else { "" };
                let told = format!("{verb} {}", teller.quoted(value, at));
                lines.row([(format!("    {name}"), ""), (told, colour)]);
            }
            true
        });
        if found > MOST {
            let more = found - MOST;
            lines.note(format!("    … and {more} more; {LINE}"), DIM);
        }
    }
    lines.set(style)
}

/// Where the rest is.
const LINE: &str = "the line of the record has all";

/// A record does not say which tokens of a path are indices. One of digits is taken for an index, but for the first, which is
/// the name of an attribute.
fn change<'c>((number, change): (usize, &'c Value<'_>)) -> Change<'c> {
    let text = |name| change.get(name).and_then(Value::as_str);
    let path = text("path").unwrap_or("(no path)");
    let tokens = pointer::tokens(path).unwrap_or_default();
    let indices = (1..tokens.len()).filter(|&place| pointer::index(&tokens[place]).is_some());
    Change {
        op: text("op").unwrap_or_default(),
        path,
        indices: indices.collect::<Vec<_>>().into(),
        from: text("from"),
        coarse: matches!(change.get("coarse"), Some(Value::Bool(true))),
        old: change.get("old"),
        new: change.get("new"),
        at: format!("/data/changes/{number}"),
    }
}

type Cell = (String, &'static str);

/// The name in the colour of what was done, and what is said of it.
fn sentence(before: &str, change: &Change<'_>, teller: &Teller<'_>) -> [Cell; 2] {
    let mut told = String::new();
    teller.tell(change, &mut told);
    let is_hidden = |side, value: Option<&Value<'_>>| {
        value.is_none_or(|value| (teller.hidden)(&format!("{}/{side}", change.at), value).is_some())
    };
    let is_sealed = (change.old.is_some() || change.new.is_some())
        && is_hidden("old", change.old)
        && is_hidden("new", change.new);
    let name = format!("{before}{}", teller.name(change));
    [(name, colour(change.op)), (told, if is_sealed { MAGENTA } else { "" })]
}

fn colour(op: &str) -> &'static str {
    match op {
        "add" => GREEN,
        "remove" => RED,
        "replace" | "move" => YELLOW,
        _ => "",
    }
}

/// Lines, below some of which stand others, in columns of their own.
struct Lines {
    rows: Columns,
    /// Behind the row of which number.
    below: Vec<(usize, Columns)>,
}

impl Lines {
    fn new() -> Self {
        Self { rows: Columns::new(), below: Vec::new() }
    }

    fn row(&mut self, cells: [Cell; 2]) {
        self.rows.row(cells);
    }

    /// A line that is in no column.
    fn note(&mut self, text: String, colour: &'static str) {
        self.rows.row([(text, colour)]);
    }

    fn below(&mut self, lines: Columns) {
        self.below.push((self.rows.len(), lines));
    }

    fn set(&self, style: Style) -> String {
        let mut text = String::new();
        let mut below = self.below.iter().peekable();
        for (row, line) in self.rows.sentences(style).iter().enumerate() {
            text += line;
            text.push('\n');
            if let Some((_, lines)) = below.next_if(|(behind, _)| *behind == row + 1) {
                lines.sentences(style).iter().for_each(|line| {
                    text += line;
                    text.push('\n');
                });
            }
        }
        text
    }
}
