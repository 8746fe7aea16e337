use sealtrail_record::json::write_string;

use super::rows::{COLUMNS, Row};
use crate::Error;

/// The forms of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A JSON array with an object for each row.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with CR LF and, where it is asked for, a first line of names. What is null is empty, an
    /// empty text is `""`. Values are exact: one that begins with `=` is a formula to a spreadsheet, so
    /// import such columns as text.
    Csv { header: bool },
}

impl Table {
    /// The form of this name: `json`, `ndjson` or `csv`. Only `csv` has a header to leave out.
    pub fn select(name: &str, header: Option<bool>) -> Result<Self, Error> {
        match (name, header) {
            ("json", None) => Ok(Self::Json),
            ("ndjson", None) => Ok(Self::Ndjson),
            ("csv", header) => Ok(Self::Csv { header: header.unwrap_or(true) }),
            ("json" | "ndjson", Some(_)) => {
                let message = "`/header` belongs to the format `csv` and to no other";
                Err(Error::new("invalid_field", message))
            }
            _ => Err(Error::field("/format", "`json`, `ndjson` or `csv`", "another text")),
        }
    }

    /// Writes the rows as they come. The cells that all of them share make a table longer than its
    /// record, so its length has a bound.
    pub(super) fn write(
        self,
        rows: impl Iterator<Item = Result<Row, Error>>,
    ) -> Result<Vec<u8>, Error> {
        let mut out = match self {
            Self::Json => b"[".to_vec(),
            Self::Ndjson | Self::Csv { header: false } => Vec::new(),
            Self::Csv { header: true } => [COLUMNS.join(",").as_bytes(), b"\r\n"].concat(),
        };
        for row in rows {
            let row = row?;
            let cells: usize = row.iter().flatten().map(String::len).sum();
            if out.len().saturating_add(cells) > LONGEST {
                let message = format!("a table has at most {LONGEST} bytes, and this record more");
                return Err(Error::new("too_large", message));
            }
            match self {
                Self::Json => {
                    out.extend_from_slice(if out.len() == 1 { b"" } else { b"," });
                    write_object(&row, &mut out);
                }
                Self::Ndjson => {
                    write_object(&row, &mut out);
                    out.push(b'\n');
                }
                Self::Csv { .. } => write_record(&row, &mut out),
            }
        }
        if self == Self::Json {
            out.push(b']');
        }
        Ok(out)
    }
}

/// As much as a record may have.
const LONGEST: usize = 64 << 20;

fn write_object(row: &Row, out: &mut Vec<u8>) {
    for (i, (name, cell)) in COLUMNS.iter().zip(row).enumerate() {
        out.push(if i == 0 { b'{' } else { b',' });
        write_string(name, out);
        out.push(b':');
        match cell {
            Some(text) => write_string(text, out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

fn write_record(row: &Row, out: &mut Vec<u8>) {
    for (i, cell) in row.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"" } else { b"," });
        let Some(text) = cell else { continue };
        if !text.is_empty() && !text.contains([',', '"', '\r', '\n']) {
            out.extend_from_slice(text.as_bytes());
            continue;
        }
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b"\r\n");
}
