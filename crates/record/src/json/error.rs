use std::fmt;

/// Why a text was refused, and where.
///
/// The message never quotes a value; a value may be personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub(super) kind: Kind,
    pub(super) offset: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) pointer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Syntax { expected: &'static str },
    Utf8,
    LoneSurrogate,
    DuplicateKey,
    TooDeep { limit: usize },
    TooManyBytes { limit: usize, got: usize },
    TooManyValues { limit: usize },
}

impl Error {
    pub(super) fn at(kind: Kind, input: &[u8], offset: usize, pointer: String) -> Self {
        let before = &input[..offset.min(input.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let is_char_start = |b: &&u8| (**b & 0xC0) != 0x80;
        Self {
            kind,
            offset,
            line: before.iter().filter(|&&b| b == b'\n').count() + 1,
            column: before[line_start..].iter().filter(is_char_start).count() + 1,
            pointer,
        }
    }

    /// A stable code: `malformed_json`, `duplicate_key`, `lone_surrogate`, `too_deep` or `too_large`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::Syntax { .. } | Kind::Utf8 => "malformed_json",
            Kind::LoneSurrogate => "lone_surrogate",
            Kind::DuplicateKey => "duplicate_key",
            Kind::TooDeep { .. } => "too_deep",
            Kind::TooManyBytes { .. } | Kind::TooManyValues { .. } => "too_large",
        }
    }

    /// Offset of the offending byte, from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Line of the offending byte, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Column of the offending character, from 1, counted in Unicode scalar values.
    pub fn column(&self) -> usize {
        self.column
    }

    /// RFC 6901 pointer to the innermost value that was being read.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What was wrong, without the place: fit for a log, because it quotes no input.
    pub fn reason(&self) -> String {
        match self.kind {
            Kind::Syntax { expected } => format!("malformed JSON: expected {expected}"),
            Kind::Utf8 => "malformed JSON: not UTF-8".into(),
            Kind::LoneSurrogate => {
                "a lone surrogate escape cannot be carried as Unicode text".into()
            }
            Kind::DuplicateKey => "the object has this key twice".into(),
            Kind::TooDeep { limit } => format!("nested deeper than {limit} levels"),
            Kind::TooManyBytes { limit, got } => {
                format!("larger than {limit} bytes (got {got})")
            }
            Kind::TooManyValues { limit } => format!("more than {limit} values"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.reason(), self.line, self.column)?;
        if !self.pointer.is_empty() {
            write!(f, ", in `{}`", self.pointer)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
