//! Records on standard output: words for a person, rows, or the lines as they are.

use sealtrail_history::words;
use sealtrail_log::Reader;

use super::criteria::{Given, Show};
use super::remote::Sidecar;
use super::{Style, output, terminal};
use crate::code::Code;
use crate::config::Config;
use crate::counted::counted;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::questions::{Question, Questions};
use crate::telling::{Telling, Text, tell};

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
    let telling = telling(show, style);
    let text = tell(questions, question, show.page(question)?, telling, !show.expand)?;
    output::print(text.text.as_bytes())?;
    print_notes(&text, telling);
    Ok(())
}

/// The same of a running sidecar, page by page.
pub fn print_from(sidecar: &Sidecar, given: &Given, show: &Show, style: Style) -> Result<()> {
    const PAGE: usize = 1000;
    let telling = telling(show, style);
    let mut all = Text { cursor: show.cursor.clone(), ..Text::default() };
    loop {
        let limit = show.limit().saturating_sub(all.told).min(PAGE);
        let mut asked = given.clone();
        asked.extend([("limit", limit.to_string()), ("format", telling.name().to_owned())]);
        asked.push(("collapse", (!show.expand).to_string()));
        asked.extend(all.cursor.take().map(|cursor| ("cursor", cursor)));
        let page: Text = sidecar.look(&target("/v1/records", &asked))?;
        let is_first = all.told == 0;
        let text = match telling {
            Telling::Rows(Format::Csv) if !is_first => {
                page.text.split_once('\n').map_or("", |(_, rows)| rows)
            }
            _ => &page.text,
        };
        if matches!(telling, Telling::Words(_)) && !is_first && !text.is_empty() {
            output::print(b"\n")?;
        }
        output::print(text.as_bytes())?;
        all.told += page.told;
        all.without_rows += page.without_rows;
        all.first_kept = page.first_kept;
        all.shared_keys = page.shared_keys;
        all.cursor = page.cursor;
        if all.cursor.is_none() || all.told >= show.limit() {
            break;
        }
    }
    print_notes(&all, telling);
    tell_shared(&all.shared_keys);
    Ok(())
}

/// A path with a query.
pub fn target(path: &str, given: &Given) -> String {
    let given = given.iter().map(|(name, text)| format!("{name}={}", super::remote::segment(text)));
    format!("{path}?{}", given.collect::<Vec<_>>().join("&"))
}

fn telling(show: &Show, style: Style) -> Telling {
    match show.format {
        Some(format) => Telling::Rows(format),
        None if style.json => Telling::Lines,
        None => Telling::Words(words::Style { colour: terminal::wants_colour() }),
    }
}

fn print_notes(text: &Text, telling: Telling) {
    if let Some(last) = text.first_kept.checked_sub(1) {
        eprintln!("note: the records 0 to {last} were removed by retention and are not looked at");
    }
    if text.told == 0 && matches!(telling, Telling::Words(_)) {
        eprintln!("no records");
    }
    tell_left_out(text.without_rows);
    if let Some(cursor) = &text.cursor {
        eprintln!("note: there are more; go on with --cursor {cursor}");
    }
}

/// What is asked for by a key of several data subjects is no answer about one of them alone.
pub fn tell_shared(keys: &[String]) {
    if !keys.is_empty() {
        let keys = keys.iter().map(|name| format!("`{}`", name.escape_debug())).collect::<Vec<_>>();
        eprintln!(
            "note: values are sealed with the key of {} too, which others share by `keys.scope`, and no record tells whose \
             they are: some of what is found may be of others",
            keys.join(" and ")
        );
    }
}

/// What a form for others has nothing of must not look as if nothing had been done.
pub fn tell_left_out(records: u64) {
    if records > 0 {
        let (records, have) =
            (counted(records, "record"), if records == 1 { "has" } else { "have" });
        eprintln!(
            "note: {records} that fit {have} no row here, because no attribute changed: acts (reveal, shred, …), events, \
             changes of nothing, entities of which one image is unknown; words, --json, and `export --format lines`, `ocsf` \
             or `ecs` show them"
        );
    }
}
