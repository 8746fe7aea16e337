//! What SIGHUP does not read: who has closed a door in the configuration must not take "reloaded" for a yes.

use std::path::PathBuf;

use toml::{Table, Value};

use crate::config::Effective;
use crate::error::Result;

/// The only table that a running server reads again.
const READ_AGAIN: &str = "engine";

/// The configuration that a server was started with.
pub struct RestartOnly {
    path: PathBuf,
    started: Table,
}

impl RestartOnly {
    pub fn of(path: PathBuf) -> Result<Self> {
        let started = Effective::read(&path)?.table().clone();
        Ok(Self { path, started })
    }

    /// The keys whose values are others now, `access.loopback`. None where the file cannot be read: that is told elsewhere.
    pub fn changed(&self) -> Vec<String> {
        let now = Effective::read(&self.path).map(|read| read.table().clone());
        now.map_or_else(|_| Vec::new(), |now| differing(&self.started, &now, ""))
    }
}

fn differing(old: &Table, new: &Table, above: &str) -> Vec<String> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let mut keys = Vec::new();
    for key in old.keys().chain(added) {
        let place = format!("{above}{key}");
        match (old.get(key), new.get(key)) {
            _ if place == READ_AGAIN => {}
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                keys.extend(differing(old, new, &format!("{place}.")));
            }
            (old, new) if old != new => keys.push(place),
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_another_is_named_but_those_of_the_engine() {
        let old = "a = 1\n[access]\nloopback = [\"writer\"]\nunix = []\n[engine]\nallow = []\n[proxy.tls]\nkey = \"k\"";
        let new = "a = 1\nb = 2\n[access]\nloopback = []\nunix = []\n[engine]\nallow = [\"x\"]\n[proxy]\n";
        let differing = differing(&old.parse().unwrap(), &new.parse().unwrap(), "");
        assert_eq!(differing, ["access.loopback", "proxy.tls", "b"]);
    }
}
