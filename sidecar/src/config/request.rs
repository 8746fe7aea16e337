//! `[request]`: what the proxy keeps of a request, for how long, and whom it believes about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::invalid::invalid;
use super::jwt_keys::{JwtKeys, Told};
use super::quantity::{Bytes, Span, or};
use crate::error::Result;
use crate::proxy::client_address::Trust;
use crate::proxy::network::Network;

#[derive(Debug, Clone)]
pub struct Remembering {
    pub trust: Trust,
    /// Of the tokens that say who acts.
    pub jwt_keys: Option<JwtKeys>,
    pub remember: Duration,
    pub at_most: usize,
    /// Bytes.
    pub size: usize,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestTable {
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    trusted_hops: usize,
    #[serde(default)]
    forwarded: bool,
    jwt_key: Option<PathBuf>,
    jwks_url: Option<String>,
    jwks_ca: Option<PathBuf>,
    remember: Option<Span>,
    remember_at_most: Option<usize>,
    remember_size: Option<Bytes>,
}

impl RequestTable {
    pub(super) fn finish(self, folder: &Path) -> Result<Remembering> {
        let networks = self.trusted_proxies.iter().map(|text| {
            text.parse::<Network>().map_err(|e| invalid(format!("request.trusted_proxies: {e}")))
        });
        let keys = Told {
            table: "request",
            key_name: "jwt_key",
            key: self.jwt_key,
            url: self.jwks_url,
            ca: self.jwks_ca,
        };
        Ok(Remembering {
            trust: Trust {
                networks: networks.collect::<Result<_>>()?,
                hops: self.trusted_hops,
                forwarded: self.forwarded,
            },
            jwt_keys: keys.finish(folder)?,
            remember: or(self.remember, Duration::from_mins(5)),
            at_most: self.remember_at_most.unwrap_or(100_000).max(1),
            size: self.remember_size.map_or(64 << 20, |size| size.0),
        })
    }
}
