//! Records on standard output: words for a person, or the lines as they are.

use std::collections::HashSet;

use sealtrail_history::{Order, words};
use sealtrail_log::Reader;

use super::criteria::Show;
use super::{Style, output, terminal};
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::export::{Format, Table, erased_mark, mark_erased};
use crate::questions::{Cursor, Found, Question, Questions, Told};

/// Opens the log to read, without its lock.
pub fn open(config: &Config) -> Result<Questions> {
    let reader = Reader::open(&config.log_dir)?;
    check_origin(&reader, config)?;
    let questions = Questions::open_beside(reader, &config.index_dir, &config.origin)?;
    Ok(questions.with_nobody(&config.anonymised_actor))
}

/// A log that the configuration does not mean is not answered from.
pub fn check_origin(reader: &Reader, config: &Config) -> Result<()> {
    if reader.origin() != config.origin {
        let message = format!(
            "expected the log of `{}` in `{}`, got the log of `{}`",
            config.origin,
            config.log_dir.display(),
            reader.origin().escape_debug()
        );
        return Err(Error::new(Code::ForeignLog, message));
    }
    Ok(())
}

/// Prints records as they are asked for; in words, those of one cause as one.
pub fn print(questions: &Questions, question: &Question, show: &Show, style: Style) -> Result<()> {
    let page = show.page(question)?;
    let next = if show.format.is_some() || style.json || show.expand {
        let records = questions.ask(question, page)?;
        tell_removed(records.first_kept);
        match show.format {
            Some(format) => print_rows(questions, &records.found, format)?,
            None if style.json => {
                records.found.iter().try_for_each(|found| output::print_line(&found.line))?;
            }
            None => words_of(questions, records.found.into_iter().map(Told::One).collect())?,
        }
        records.next
    } else {
        let answer = questions.ask_collapsed(question, page)?;
        tell_removed(answer.first_kept);
        words_of(questions, answer.told)?;
        answer.next
    };
    if let Some(next) = next {
        eprintln!("note: there are more; go on with --cursor {}", Cursor::of(question, next));
    }
    Ok(())
}

fn tell_removed(first_kept: u64) {
    if let Some(last) = first_kept.checked_sub(1) {
        eprintln!("note: the records 0 to {last} were removed by retention and are not looked at");
    }
}

fn words_of(questions: &Questions, told: Vec<Told>) -> Result<()> {
    let Some(first) = told.iter().map(|told| told.index(Order::Oldest)).min() else {
        eprintln!("no records");
        return Ok(());
    };
    let shredded = questions.destroyed_keys(first..u64::MAX)?;
    let mark = erased_mark();
    let style = words::Style { colour: terminal::wants_colour() };
    let mut text = String::new();
    // Heads stand below each other, as far as they follow each other.
    for same in told.chunk_by(|a, b| matches!((a, b), (Told::One(_), Told::One(_)))) {
        let lines = same.iter().map(|told| match told {
            Told::One(found) => mark_erased(&found.line, &shredded, &mark, questions.nobody()),
            Told::Many(cascade) => cascade.line().into(),
        });
        text += if text.is_empty() { "" } else { "\n" };
        text += &words::history(lines, style);
        if let Told::Many(cascade) = &same[0] {
            let causation = cascade.causation.escape_debug();
            text += &format!("    --expand, or --causation {causation}, shows each\n");
        }
    }
    output::print(text.replace(&format!("[sealed {mark}]"), "[erased]").as_bytes())
}

fn print_rows(questions: &Questions, found: &[Found], format: Format) -> Result<()> {
    let destroyed = match found.first() {
        Some(first) => questions.destroyed_keys(first.index..u64::MAX)?,
        None => HashSet::new(),
    };
    let table = Table::new(format)?.with_nobody(questions.nobody());
    // A table has its names even where it has no rows.
    output::print(table.names()?.as_bytes())?;
    found
        .iter()
        .try_for_each(|found| output::print(table.rows(&found.line, &destroyed)?.as_bytes()))
}
