use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Style, input, output};
use crate::code::Code;
use crate::config::Limits;
use crate::engine::Sandbox;
use crate::error::{Error, Result};

/// Compares two JSON images attribute by attribute
#[derive(Args)]
pub struct Diff {
    /// The image before
    before: PathBuf,
    /// The image after
    after: PathBuf,
    /// Leave out what this policy ignores, and fold keys if it says so
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Compare keys trimmed, in lower case, with spaces as underscores and no leading underscore
    #[arg(long)]
    fold_keys: bool,
    /// With `--format patch`: a `test` of the old value for every operation that replaces, removes or moves one
    #[arg(long)]
    tests: bool,
    /// With `--format changes`: the words that differ within long texts, beside their values
    #[arg(long)]
    words: bool,
    /// With `--format words`: what the changes are on
    #[arg(long, value_name = "TYPE/ID", value_parser = entity)]
    entity: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// As a record has them: [{"op","path","old","new"}]
    Changes,
    /// RFC 6902, to be applied to BEFORE
    Patch,
    /// One line an attribute
    Text,
    /// Sentences: what was added, removed and changed, collection by collection
    Words,
}

fn entity(text: &str) -> Result<String, &'static str> {
    match text.split_once('/') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(text.to_owned()),
        _ => Err("expected a type and an id with `/` between them"),
    }
}

impl Diff {
    pub fn run(self, style: Style) -> Result<u8> {
        let format = match (self.format, style.json) {
            (Format::Changes, _) | (Format::Text, true) => "changes",
            (Format::Patch, _) => "patch",
            (Format::Text, false) => "text",
            (Format::Words, _) => "words",
        };
        for (flag, is_given, of) in [
            ("--tests", self.tests, "patch"),
            ("--words", self.words, "changes"),
            ("--entity", self.entity.is_some(), "words"),
        ] {
            if is_given && format != of {
                let message = format!("`{flag}` goes with `--format {of}`");
                return Err(Error::new(Code::WrongUse, message));
            }
        }
        let options = json!({
            "format": format, "fold_keys": self.fold_keys, "tests": self.tests, "words": self.words,
            "entity": self.entity,
        });
        input::check_read_once(self.policy.iter().chain([&self.before, &self.after]))?;
        let policy = self.policy.as_deref().map(input::read).transpose()?.unwrap_or_default();
        let (before, after) = (input::read(&self.before)?, input::read(&self.after)?);
        let mut guest = Sandbox::new(&Limits::default())?.guest()?;
        if let Some(path) = &self.policy {
            guest.policy(&policy).map_err(|e| e.context(path.display()))?;
        }
        let difference =
            guest.diff(&options, &policy, &before, &after).map_err(|e| self.named(e))?;
        // No difference is no line of text.
        if !difference.is_empty() {
            output::print_line(&difference)?;
        }
        Ok(0)
    }

    /// The core knows the images as `before` and `after`; whoever typed two paths knows them by those.
    fn named(&self, error: Error) -> Error {
        let is_in = |image: &str| error.message().starts_with(&format!("{image}: "));
        let path = match () {
            () if is_in("before") => &self.before,
            () if is_in("after") => &self.after,
            () => return error,
        };
        error.context(path.display())
    }
}
