//! What comes from a log or a service is not trusted with the terminal.

use std::io::IsTerminal;

/// Whether to colour: on a terminal that did not say no (no-color.org).
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}
