//! Refuses a key that the configuration does not have, and names the one that was probably meant.
//!
//! serde would refuse it too, but with a list of everything and no guess.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code::Code;
use crate::error::{Error, Place, Result};

/// Every table and its keys; the test in `file.rs` holds it to the structs.
pub const SHAPE: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "origin",
            "log_dir",
            "index_dir",
            "keyring_dir",
            "policy",
            "signing_key",
            "kek",
            "checkpoint_interval",
            "fill_ahead",
            "proxy",
            "api",
            "access",
            "request",
            "collector",
            "keys",
            "actors",
            "leases",
            "retention",
            "log",
            "engine",
            "limits",
        ],
    ),
    (
        "proxy",
        &[
            "listen",
            "socket_mode",
            "workers",
            "upstream",
            "connect_timeout",
            "response_timeout",
            "header_timeout",
            "idle_timeout",
            "body_timeout",
            "stream_timeout",
            "write_timeout",
            "half_close_timeout",
            "upstream_http2",
            "retries",
            "tls",
            "trace",
        ],
    ),
    ("proxy.tls", &["certificate", "key"]),
    ("api", &["listen", "socket_mode", "hosts", "write_timeout"]),
    ("access", &["tokens", "jwt", "loopback", "unix"]),
    ("keys", &["scope"]),
    ("actors", &["anonymised"]),
    ("leases", &["lifetime", "at_most"]),
    (
        "access.jwt",
        &[
            "key",
            "jwks_url",
            "jwks_ca",
            "issuer",
            "audience",
            "roles_claim",
            "groups_claim",
            "services_claim",
        ],
    ),
    (
        "request",
        &[
            "trusted_proxies",
            "trusted_hops",
            "forwarded",
            "jwt_key",
            "jwks_url",
            "jwks_ca",
            "remember",
            "remember_at_most",
            "remember_size",
        ],
    ),
    (
        "collector",
        &[
            "when_full",
            "block_at_most",
            "spool_dir",
            "spool_size",
            "join_window",
            "remember_ids",
            "remember_ids_at_most",
        ],
    ),
    ("retention", &["keep", "segment", "classes"]),
    ("log", &["access", "paths"]),
    ("engine", &["guest", "allow"]),
    ("limits", &["body", "line", "queue", "answers", "guest_memory", "guest_time", "drain"]),
    ("kek", &["env", "file", "aws_kms", "timeout"]),
];

/// Walks a parsed configuration; `text` is its source, for the line.
pub fn refuse_unknown_keys(table: &DeTable<'_>, text: &str) -> Result<()> {
    check("", table, text)
}

fn check(name: &str, table: &DeTable<'_>, text: &str) -> Result<()> {
    let Some((_, known)) = SHAPE.iter().find(|(of, _)| *of == name) else { return Ok(()) };
    for (key, value) in table {
        if !known.contains(&key.get_ref().as_ref()) {
            return Err(unknown(name, key, known, text));
        }
        if let DeValue::Table(inner) = value.get_ref() {
            let dot = if name.is_empty() { "" } else { "." };
            check(&format!("{name}{dot}{}", key.get_ref()), inner, text)?;
        }
    }
    Ok(())
}

fn unknown(
    table: &str,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    known: &[&str],
    text: &str,
) -> Error {
    let key_text = key.get_ref();
    let place = if table.is_empty() { String::new() } else { format!(" in `[{table}]`") };
    let message = match closest(key_text, known) {
        Some(meant) => format!("unknown key `{key_text}`{place}; did you mean `{meant}`?"),
        None => format!("unknown key `{key_text}`{place}; known are `{}`", known.join("`, `")),
    };
    Error::new(Code::ConfigInvalid, message).at(Some(place_of(text, key.span().start)))
}

fn closest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = known.iter().map(|k| (strsim::jaro_winkler(key, k), *k));
    close.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, k)| k)
}

/// Line and column, from 1, of a byte offset.
pub fn place_of(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    Place { line: Some(line as u64), column: Some(column as u64), pointer: None }
}
