//! The one error of the binary.

use std::fmt;

use serde::Serialize;

use crate::code::Code;

/// What went wrong, for the person or the service that asked.
///
/// The message never holds a value of a payload, a token or a key: it may be logged and sent.
#[derive(Debug, Clone)]
pub struct Error {
    code: Code,
    message: String,
    at: Option<Place>,
}

/// Where in the input it went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), at: None }
    }

    #[must_use]
    pub fn at(mut self, at: Option<Place>) -> Self {
        self.at = at;
        self
    }

    /// Of a text that stands in this line of a larger one, and that was looked at alone.
    #[must_use]
    pub fn in_line(mut self, line: u64) -> Self {
        let alone = || Place { line: None, column: None, pointer: None };
        self.at.get_or_insert_with(alone).line = Some(line);
        // The core says it in words, too.
        self.message = self.message.replacen(" at line 1, ", &format!(" at line {line}, "), 1);
        self
    }

    /// Puts in front what was being done, `config.toml: ...`.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn place(&self) -> Option<&Place> {
        self.at.as_ref()
    }
}

/// What somebody sent, as an error may show it: escaped, and no more of it than helps to find it.
pub fn shown(text: &str) -> String {
    cut(text, SHOWN)
}

/// A sentence about what somebody sent, which may quote any of it.
pub fn bounded(message: &str) -> String {
    cut(message, LONGEST)
}

fn cut(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut shown = String::new();
    for char in chars.by_ref().take(most) {
        match char {
            '"' | '\'' | '\\' => shown.push(char),
            _ => shown.extend(char.escape_debug()),
        }
    }
    if chars.next().is_some() { shown + "…" } else { shown }
}

const SHOWN: usize = 64;
const LONGEST: usize = 1000;

/// Lower case, no full stop; the place last, unless the message names it already, as the core's do.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let Some(at) = &self.at else { return Ok(()) };
        if self.message.contains("at line ") {
            return Ok(());
        }
        match (at.line, at.column) {
            (Some(line), Some(column)) => write!(f, " (line {line}, column {column})")?,
            (Some(line), None) => write!(f, " (line {line})")?,
            (None, _) => {}
        }
        match &at.pointer {
            Some(pointer) if !pointer.is_empty() => write!(f, " at `{pointer}`"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Reading or writing a file; the caller adds which one with [`Error::context`].
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Internal, error.to_string())
    }
}

/// Proofs made from the hashes of a log that do not fit together; keys and notes name their own codes.
impl From<sealtrail_log::proof::Error> for Error {
    fn from(error: sealtrail_log::proof::Error) -> Self {
        let code = if error.is_out_of_range() { Code::NotFound } else { Code::LogDamaged };
        Self::new(code, error.to_string())
    }
}

impl From<sealtrail_log::Error> for Error {
    fn from(error: sealtrail_log::Error) -> Self {
        let code = match () {
            () if error.is_locked() => Code::LogInUse,
            () if error.is_other_origin() || error.is_other_key() => Code::ForeignLog,
            () if error.is_damaged() => Code::LogDamaged,
            () if error.is_full() => Code::QueueFull,
            () if error.is_refused_line() => Code::TooLarge,
            () if error.is_no_record() || error.is_pruned() || error.is_no_hold() => Code::NotFound,
            () if error.is_held() => Code::Held,
            () if error.is_refused() => Code::WrongUse,
            () if error.is_replaced() => Code::ForeignLog,
            () if error.is_not_covered()
                || error.is_poisoned()
                || error.is_disk_full()
                || error.is_closed() =>
            {
                Code::LogUnavailable
            }
            () if error.is_not_a_log() => Code::LogUnavailable,
            () => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<sealtrail_history::Error> for Error {
    fn from(error: sealtrail_history::Error) -> Self {
        let code = match () {
            () if error.is_other_origin() => Code::ForeignLog,
            () if error.is_damaged() => Code::LogDamaged,
            () => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<sealtrail_keyring::Error> for Error {
    fn from(error: sealtrail_keyring::Error) -> Self {
        let refusal = error.refusal().map(|refusal| refusal.downcast_ref::<Self>());
        let code = match () {
            () if refusal.is_some() => refusal.flatten().map_or(Code::KeyFile, Self::code),
            () if error.is_wrong_kek() || error.is_between() || error.is_missing() => Code::KeyFile,
            () if error.is_in_use() => Code::LogInUse,
            () if error.is_unknown_subject() || error.is_unknown_period() => Code::NotFound,
            () if error.is_shredded() => Code::Shredded,
            () if error.is_bad_argument() => Code::InvalidField,
            () if error.is_edited() => Code::LogDamaged,
            () if error.is_stopped() || error.is_disk_full() => Code::LogUnavailable,
            () => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_sentence() {
        let at = Place { line: Some(2), column: Some(9), pointer: Some("/before/a".into()) };
        let error = Error::new(Code::DuplicateKey, "the key `a` is given twice").at(Some(at));
        assert_eq!(
            error.context("changes.ndjson").to_string(),
            "changes.ndjson: the key `a` is given twice (line 2, column 9) at `/before/a`"
        );
        assert_eq!(Error::new(Code::TooLarge, "x").in_line(7).to_string(), "x (line 7)");
    }

    #[test]
    fn what_was_sent_is_shown_in_part_and_escaped() {
        assert_eq!(shown("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(shown(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(shown(&"é".repeat(65)), "é".repeat(64) + "…");
        assert_eq!(bounded(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_line_of_many_has_its_own_number_in_words_too() {
        let at = Place { line: Some(1), column: Some(3), pointer: None };
        let error = Error::new(Code::MalformedJson, "expected a value at line 1, column 3");
        let error = error.at(Some(at)).in_line(11);
        assert_eq!(error.to_string(), "expected a value at line 11, column 3");
        assert_eq!(error.place().unwrap().line, Some(11));
        assert_eq!(error.place().unwrap().column, Some(3));
    }
}
