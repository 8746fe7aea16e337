use std::fmt;

use sealtrail_record::json;

/// Why the core refused its input. The text never quotes a value of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: &'static str,
    message: String,
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    pointer: String,
}

impl Error {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None }
    }

    /// An error of a field of the change or its context, named by pointer.
    pub(crate) fn field(pointer: &str, expected: &str, got: &str) -> Self {
        Self::new("invalid_field", format!("`{pointer}` must be {expected}, got {got}"))
    }

    pub(crate) fn missing(pointer: &str) -> Self {
        Self::new("missing_field", format!("`{pointer}` is missing"))
    }

    pub(crate) fn json(what: &str, error: json::Error) -> Self {
        Self {
            code: error.code(),
            message: format!("{what}: {error}"),
            place: Some(Place {
                line: error.line(),
                column: error.column(),
                pointer: error.pointer().to_owned(),
            }),
        }
    }

    /// An input of an edge that is not of its form; `message` must quote nothing of a payload.
    pub fn invalid_input(message: &str) -> Self {
        Self::new("invalid_field", message)
    }

    /// A stable code, such as `malformed_json`, `unknown_action` or `wrong_key`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Line and column, from 1, where the input is a text with a place to name.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|p| (p.line, p.column))
    }

    /// `{"code":…,"message":…,"at":{"line":…,"column":…,"pointer":…}}`, the form in which an error
    /// crosses an edge.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = b"{\"code\":".to_vec();
        json::write_string(self.code, &mut out);
        out.extend_from_slice(b",\"message\":");
        json::write_string(&self.message, &mut out);
        if let Some(place) = &self.place {
            let numbers = format!(",\"at\":{{\"line\":{},\"column\":{}", place.line, place.column);
            out.extend_from_slice(numbers.as_bytes());
            out.extend_from_slice(b",\"pointer\":");
            json::write_string(&place.pointer, &mut out);
            out.push(b'}');
        }
        out.push(b'}');
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<sealtrail_record::frame::Missing> for Error {
    fn from(missing: sealtrail_record::frame::Missing) -> Self {
        Self::new("missing_field", missing.to_string())
    }
}
