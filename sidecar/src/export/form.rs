use clap::ValueEnum;

use crate::code::Code;
use crate::error::{Error, Result, shown};

/// The forms in which an answer is given to others, by their names on the command line and in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One row per changed attribute, RFC 4180, values as they are
    Csv,
    /// The same for spreadsheet programs: what they would take for a formula stands behind an apostrophe
    Spreadsheet,
    /// The same as NDJSON
    Rows,
    /// The same as an Apache Parquet file, each row with its place in the log
    Parquet,
    /// The lines of the log, byte for byte
    Lines,
    /// A patch for each record (RFC 6902), as NDJSON
    Patch,
    /// Open Cybersecurity Schema Framework, Entity Management
    Ocsf,
    /// Elastic Common Schema
    Ecs,
    /// For an auditor: lines, receipts, the checkpoint and its cosignatures; `verify-proof` checks it
    Bundle,
}

impl Form {
    pub fn parse(name: &str) -> Result<Self> {
        <Self as ValueEnum>::from_str(name, false).map_err(|_| {
            let message = format!("`format` is {}, got `{}`", Self::names(), shown(name));
            Error::new(Code::BadRequest, message)
        })
    }

    /// All of them, for a sentence.
    pub fn names() -> String {
        let names = Self::value_variants().iter().map(|form| format!("`{}`", form.name()));
        let names: Vec<String> = names.collect();
        let (last, others) = names.split_last().expect("there are forms");
        format!("{} or {last}", others.join(", "))
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::Spreadsheet => "text/csv; charset=utf-8; header=present",
            Self::Rows | Self::Lines | Self::Patch | Self::Ocsf | Self::Ecs => {
                "application/x-ndjson"
            }
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Bundle => "application/x-tar",
        }
    }

    /// What the name of a file ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::Spreadsheet => "csv",
            Self::Parquet => "parquet",
            Self::Bundle => "tar",
            _ => "ndjson",
        }
    }

    /// How much of it is in memory at a time, about: pieces that wait to be sent, and what the next one is made of.
    pub fn in_memory(self) -> usize {
        match self {
            Self::Parquet => 24 << 20,
            _ => 256 << 10,
        }
    }

    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_its_name() {
        for form in Form::value_variants() {
            assert_eq!(Form::parse(&form.name()).unwrap(), *form);
        }
        for other in ["", "CSV", "xml"] {
            let error = Form::parse(other).unwrap_err();
            assert_eq!(
                error.message(),
                format!(
                    "`format` is `csv`, `spreadsheet`, `rows`, `parquet`, `lines`, `patch`, `ocsf`, `ecs` or `bundle`, got `{other}`"
                )
            );
        }
    }
}
