//! `[engine]`: which guest may seal.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::invalid::invalid;
use crate::error::Result;

/// The guest to run, and those that may.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// None for the one in the binary.
    pub guest: Option<PathBuf>,
    /// SHA-256 of each guest that may run, in lower case; empty: only the one in the binary.
    pub allow: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct EngineTable {
    guest: Option<PathBuf>,
    #[serde(default)]
    allow: Vec<String>,
}

impl EngineTable {
    pub(super) fn finish(self, folder: &Path) -> Result<Engine> {
        for digest in &self.allow {
            let is_hex = digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if digest.len() != 64 || !is_hex {
                return Err(invalid(format!(
                    "engine.allow must list SHA-256 digests, 64 hexadecimal digits in lower case each, got `{}`",
                    digest.escape_debug()
                )));
            }
        }
        Ok(Engine { guest: self.guest.map(|path| folder.join(path)), allow: self.allow })
    }
}
