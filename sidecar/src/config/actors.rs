//! `[actors]`: how somebody is shown who acted and cannot be named any more.

use serde::Deserialize;
use uuid::Uuid;

use super::invalid::invalid;
use crate::error::Result;

/// The nil UUID (RFC 9562 §5.9), where nothing else is said.
const NOBODY: Uuid = Uuid::nil();

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ActorsTable {
    anonymised: Option<String>,
}

impl ActorsTable {
    /// The UUID in the place of an actor's id.
    pub fn finish(self) -> Result<String> {
        let Some(text) = self.anonymised else { return Ok(NOBODY.to_string()) };
        let uuid = text.parse::<Uuid>().ok().filter(|uuid| *text == uuid.to_string());
        uuid.map(|uuid| uuid.to_string()).ok_or_else(|| {
            let text = text.escape_debug();
            invalid(format!("actors.anonymised must be a UUID like `{NOBODY}`, got `{text}`"))
        })
    }
}
