//! The table `[log]`.

use serde::Deserialize;

/// What log lines say beyond what the operator must know.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A line for each request.
    #[serde(default)]
    pub access: bool,
    /// The path in it; paths may hold personal data.
    #[serde(default)]
    pub paths: bool,
}
