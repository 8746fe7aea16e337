//! Records as text: words for a person, rows of attributes, or the lines as they are. The same for the command line
//! and the API.

use sealtrail_history::words;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::erasure::Destroyed;
use crate::error::{Error, Result};
use crate::export::{Format, Table, erased_mark, mark_erased};
use crate::questions::{Cursor, Found, Page, Question, Questions, Told};

/// How records are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    Words(words::Style),
    Rows(Format),
    Lines,
}

/// A page of an answer, as text.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Text {
    pub text: String,
    /// How many records, or cascades, it tells of.
    pub told: usize,
    /// Where the next page begins, if there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The first record that is kept, where retention has removed some.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first_kept: u64,
    /// Records that have no row in a table, as acts have none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_rows: u64,
    /// The names of keys that are asked for and are of several data subjects: some of it may be of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_keys: Vec<String>,
}

impl Telling {
    /// By its name in a request.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "words" => Self::Words(words::Style::PLAIN),
            "colour" => Self::Words(words::Style::COLOUR),
            "rows" => Self::Rows(Format::Rows),
            "csv" => Self::Rows(Format::Csv),
            "lines" => Self::Lines,
            other => {
                let other = other.escape_debug();
                let message = format!(
                    "`format` is `words`, `colour`, `rows`, `csv` or `lines`, got `{other}`"
                );
                return Err(Error::new(Code::BadRequest, message));
            }
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Words(words::Style { colour: false }) => "words",
            Self::Words(words::Style { colour: true }) => "colour",
            Self::Rows(Format::Rows) => "rows",
            Self::Rows(Format::Csv) => "csv",
            Self::Lines => "lines",
        }
    }
}

/// One page of the records that fit; with `collapse` those of one cause as one, where words are asked for.
pub fn tell(
    questions: &Questions,
    question: &Question,
    page: Page,
    telling: Telling,
    collapse: bool,
) -> Result<Text> {
    if let (Telling::Words(style), true) = (telling, collapse) {
        let answer = questions.ask_collapsed(question, page)?;
        return Ok(Text {
            told: answer.told.len(),
            text: words_of(questions, &answer.told, style)?,
            cursor: answer.next.map(|next| next.cursor(question).to_string()),
            first_kept: answer.first_kept,
            without_rows: 0,
            shared_keys: question.shared_keys(),
        });
    }
    let records = questions.ask(question, page)?;
    let mut text = Text {
        told: records.found.len(),
        cursor: records.next.map(|next| Cursor::of(question, next).to_string()),
        first_kept: records.first_kept,
        shared_keys: question.shared_keys(),
        ..Text::default()
    };
    match telling {
        Telling::Words(style) => {
            let told: Vec<Told> = records.found.into_iter().map(Told::One).collect();
            text.text = words_of(questions, &told, style)?;
        }
        Telling::Rows(format) => {
            (text.text, text.without_rows) = rows_of(questions, &records.found, format)?;
        }
        Telling::Lines => {
            for found in records.found {
                text.text += &String::from_utf8_lossy(&found.line);
                text.text.push('\n');
            }
        }
    }
    Ok(text)
}

fn words_of(questions: &Questions, told: &[Told], style: words::Style) -> Result<String> {
    if told.is_empty() {
        return Ok(String::new());
    }
    let shredded = questions.destroyed_keys(0..u64::MAX)?;
    let mark = erased_mark();
    let mut text = String::new();
    // Heads stand below each other, as far as they follow each other.
    for same in told.chunk_by(|a, b| matches!((a, b), (Told::One(_), Told::One(_)))) {
        let lines = same.iter().map(|told| match told {
            Told::One(found) => mark_erased(&found.line, &shredded, &mark, questions.nobody()),
            Told::Many(cascade) => cascade.line().into(),
        });
        text += if text.is_empty() { "" } else { "\n" };
        text += &words::history(lines, style, &mark);
        if let Told::Many(cascade) = &same[0] {
            let causation = cascade.causation.escape_debug();
            text += &format!("    --expand, or --causation {causation}, shows each\n");
        }
    }
    Ok(text)
}

/// The rows, and how many records have none.
fn rows_of(questions: &Questions, found: &[Found], format: Format) -> Result<(String, u64)> {
    let destroyed = match found {
        [] => Destroyed::default(),
        _ => questions.destroyed_keys(0..u64::MAX)?,
    };
    let table = Table::new(format)?.with_nobody(questions.nobody());
    // A table has its names even where it has no rows.
    let (mut text, mut without_rows) = (table.names()?, 0);
    for found in found {
        let rows = table.rows(&found.line, &destroyed)?;
        without_rows += u64::from(rows.is_empty());
        text += &rows;
    }
    Ok((text, without_rows))
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
