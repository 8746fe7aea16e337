//! `[api]`: where it is asked, and under which names.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::invalid::invalid;
use super::listen::{Listen, Mode, OneOrMany};
use super::quantity::{Span, or};
use crate::error::Result;

#[derive(Debug, Clone)]
pub struct Api {
    /// One or more.
    pub listen: Vec<Listen>,
    /// Names under which it is reached, without a port.
    pub hosts: Vec<String>,
    /// While a client takes nothing of an answer.
    pub write_timeout: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiTable {
    listen: OneOrMany,
    #[serde(default)]
    socket_mode: Mode,
    #[serde(default)]
    hosts: Vec<String>,
    write_timeout: Option<Span>,
}

impl ApiTable {
    pub(super) fn finish(self, folder: &Path) -> Result<Api> {
        for host in &self.hosts {
            let name = host.parse::<http::uri::Authority>();
            if !name.is_ok_and(|name| name.host() == host) {
                let message = "api.hosts must be names without a port like `sidecar.internal`";
                return Err(invalid(format!("{message}, got `{}`", host.escape_debug())));
            }
        }
        let parse = |text: &String| Listen::parse("api.listen", text, folder, self.socket_mode);
        let listen = self.listen.as_slice().iter().map(parse).collect::<Result<Vec<_>>>()?;
        if listen.is_empty() {
            return Err(invalid("api.listen is an empty list; leave `[api]` out for no API"));
        }
        let write_timeout = or(self.write_timeout, Duration::from_mins(1));
        Ok(Api { listen, hosts: self.hosts, write_timeout })
    }
}
