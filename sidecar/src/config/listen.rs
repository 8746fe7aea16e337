use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::invalid::invalid;
use crate::error::Result;

/// Where something listens: `127.0.0.1:8080`, or `unix:/run/sealtrail.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Address(SocketAddr),
    /// Who may connect is who may write to the file.
    Unix {
        path: PathBuf,
        mode: u32,
    },
}

impl Listen {
    /// `key` names the place in the configuration, for the error.
    pub(super) fn parse(key: &str, text: &str, folder: &Path, mode: Mode) -> Result<Self> {
        let refused = || {
            invalid(format!(
                "{key} must be an address and a port like `127.0.0.1:8080`, or a socket like \
                 `unix:/run/sealtrail.sock`, got `{text}`"
            ))
        };
        match text.strip_prefix("unix:") {
            Some("") => Err(refused()),
            Some(path) => Ok(Self::Unix { path: folder.join(path), mode: mode.0 }),
            None => text.parse().map(Self::Address).map_err(|_| refused()),
        }
    }
}

impl Listen {
    /// The system chooses the port, each time another one.
    pub fn is_any_port(&self) -> bool {
        matches!(self, Self::Address(address) if address.port() == 0)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The permissions of a socket as chmod(1) takes them: `"0660"`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode(u32);

impl Default for Mode {
    fn default() -> Self {
        Self(0o660)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
        let octal = text.bytes().all(|b| b.is_ascii_digit());
        mode.filter(|_| octal).map(Self).ok_or_else(|| {
            let expected = "expected permissions as octal digits in quotes like `0660`";
            D::Error::custom(format!("{expected}, got `{text}`"))
        })
    }
}

/// One, or a list of several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an address like `127.0.0.1:8090`, or a list of them")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
