//! The configuration as it works: what the file says, and the defaults of what it does not say.

use std::fmt::Write;
use std::path::Path;

use toml::{Table, Value};

use super::file::Config;
use super::unknown_key::SHAPE;
use crate::error::Result;

/// What holds where a file says nothing.
const DEFAULTS: &str = include_str!("defaults.toml");

/// Tables that are there only where the file has them.
const OPTIONAL: &[&str] = &["proxy", "api", "access"];

/// Keys whose value is an address, in whose query there may be a secret. No other value is one: secrets are in files and in
/// the environment, and their names are none.
const ADDRESS: &[&str] = &["jwks_url"];

/// A configuration that was read and accepted, with the defaults.
pub struct Effective(Table);

impl Effective {
    /// Refuses what [`Config::read`] refuses.
    pub fn read(path: &Path) -> Result<Self> {
        Config::read(path)?;
        let text = std::fs::read_to_string(path)?;
        Ok(Self::of(&text))
    }

    /// Of the text of an accepted file.
    fn of(text: &str) -> Self {
        let mut table = text.parse::<Table>().unwrap_or_default();
        for (key, default) in DEFAULTS.parse::<Table>().expect("it is TOML") {
            match (table.get_mut(&key), default) {
                (Some(Value::Table(there)), Value::Table(defaults)) => {
                    for (key, default) in defaults {
                        there.entry(key).or_insert(default);
                    }
                }
                (Some(_), _) => {}
                (None, Value::Table(_)) if OPTIONAL.contains(&key.as_str()) => {}
                (None, default) => drop(table.insert(key, default)),
            }
        }
        Self(table)
    }

    /// With all that is secret: to compare, not to show.
    pub fn table(&self) -> &Table {
        &self.0
    }

    /// The same to show.
    pub fn without_secrets(mut self) -> Self {
        hide(&mut self.0);
        self
    }

    /// TOML in the order of the manual.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let known = |table: &str| SHAPE.iter().find(|(name, _)| *name == table).map(|row| row.1);
        let is_section = |key: &str, value: &Value| value.is_table() && key != "kek";
        let root = known("").unwrap_or_default();
        for key in root {
            match self.0.get(*key) {
                Some(value) if !is_section(key, value) => write_key(&mut text, key, value),
                _ => {}
            }
        }
        for section in root {
            let Some(Value::Table(table)) = self.0.get(*section).filter(|v| is_section(section, v))
            else {
                continue;
            };
            let _ = write!(text, "\n[{section}]\n");
            let order = known(section).unwrap_or_default();
            for key in order {
                if let Some(value) = table.get(*key) {
                    write_key(&mut text, key, value);
                }
            }
        }
        text
    }
}

fn write_key(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "{key} = {value}");
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => hide(inner),
            Value::String(address) if ADDRESS.contains(&key.as_str()) => {
                if let Some(query) = address.find('?') {
                    address.truncate(query);
                    address.push_str("?***");
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
origin = "shop.example/audit"
log_dir = "log"
keyring_dir = "keyring"
policy = "policy.json"
signing_key = "keys/signing.key"
kek = { env = "SEALTRAIL_KEK" }
[proxy]
listen = "127.0.0.1:0"
upstream = "http://127.0.0.1:3000"
[api]
listen = "127.0.0.1:0"
[access]
"#;

    /// Everything that the program makes of a text.
    fn made_of(text: &str) -> String {
        format!("{:?}", Config::parse(text, Path::new("/etc")).unwrap())
    }

    #[test]
    fn the_defaults_are_those_of_the_code() {
        let printed = Effective::of(LEAST).to_toml();
        assert_eq!(made_of(&printed), made_of(LEAST), "{printed}");
        assert!(
            printed.starts_with("origin = \"shop.example/audit\"\nlog_dir = \"log\"\nindex_dir")
        );
        assert!(printed.contains("\nkek = { env = \"SEALTRAIL_KEK\" }\n"), "{printed}");
        assert!(printed.contains("\n[limits]\nbody = \"8MiB\"\nline"), "{printed}");
    }

    #[test]
    fn every_key_is_printed_but_those_without_a_default() {
        const WITHOUT: &[&str] = &[
            "proxy.workers",
            "proxy.tls",
            "request.jwt_key",
            "request.jwks_url",
            "request.jwks_ca",
            "collector.join_window",
            "retention.keep",
            "kek.env",
            "kek.file",
            "kek.aws_kms",
            "kek.timeout",
            "access.tokens",
            "access.jwt",
            "engine.guest",
        ];
        let effective = Effective::of(LEAST);
        // What is optional and below something optional has its default in the code.
        for (table, keys) in SHAPE.iter().filter(|(table, _)| !table.contains('.')) {
            for key in *keys {
                let there = match *table {
                    "" => effective.0.contains_key(*key),
                    table => effective.0[table].get(key).is_some(),
                };
                let name = format!("{table}.{key}");
                assert!(
                    there || WITHOUT.contains(&name.as_str()),
                    "{name} is not in defaults.toml"
                );
            }
        }
    }

    #[test]
    fn what_is_given_stays_and_optional_tables_stay_away() {
        let text = LEAST.split("[proxy]").next().unwrap();
        let printed = Effective::of(&format!("{text}[limits]\ndrain = \"3s\"")).to_toml();
        assert!(printed.contains("\ndrain = \"3s\"\n"));
        assert!(!printed.contains("[proxy]") && !printed.contains("[api]"), "{printed}");
        assert_eq!(made_of(&printed), made_of(&format!("{text}[limits]\ndrain = \"3s\"")));
    }

    #[test]
    fn secrets_are_hidden_and_what_is_shown_is_a_configuration() {
        let url = |name: &str| format!("jwks_url = \"https://login.example/{name}?key=hunter2\"");
        let text = format!("{LEAST}[access.jwt]\n{}\n[request]\n{}\n", url("a"), url("b"));
        made_of(&text);
        let shown = Effective::of(&text).without_secrets();
        let (table, toml) = (format!("{:?}", shown.table()), shown.to_toml());
        for shown in [table, toml.clone()] {
            assert!(!shown.contains("hunter2") && !shown.contains("key="), "{shown}");
            for name in ["a", "b"] {
                assert!(shown.contains(&format!("https://login.example/{name}?***")), "{shown}");
            }
        }
        made_of(&toml);
        // Who has changed a secret is told that only a restart reads it.
        let other = text.replace("hunter2", "hunter3");
        assert_ne!(Effective::of(&text).table(), Effective::of(&other).table());
    }
}
