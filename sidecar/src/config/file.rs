//! From the text of `sealtrail.toml` to a [`Config`] that cannot be wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::access::{Access, AccessTable};
use super::actors::ActorsTable;
use super::apart::{expect_apart, expect_outside_log};
use super::api::{Api, ApiTable};
use super::collector::{Collector, CollectorTable};
use super::engine::{Engine, EngineTable};
use super::invalid::invalid;
use super::jwt_keys::JwtKeys;
use super::kek::KekSource;
use super::kek_table::KekEntry;
use super::key_scope::{KeyScope, KeysTable};
use super::leases::{Leases, LeasesTable};
use super::limits::{Limits, LimitsTable};
use super::log::Log;
use super::own_listener::expect_another;
use super::proxy::{Proxy, ProxyTable};
use super::quantity::{Span, or};
use super::request::{Remembering, RequestTable};
use super::retention::{Retention, RetentionTable};
use super::unknown_key::{place_of, refuse_unknown_keys};
use crate::code::Code;
use crate::error::{Error, Result};

/// Everything that `serve` and the other commands need to know. Paths are ready to open.
#[derive(Debug, Clone)]
pub struct Config {
    pub origin: String,
    pub log_dir: PathBuf,
    pub index_dir: PathBuf,
    pub keyring_dir: PathBuf,
    pub policy: PathBuf,
    pub signing_key: PathBuf,
    pub kek: KekSource,
    pub checkpoint_interval: Duration,
    /// Whether the segment being written may end with NULs.
    pub fill_ahead: bool,
    pub proxy: Option<Proxy>,
    pub api: Option<Api>,
    pub access: Access,
    pub remembering: Remembering,
    pub collector: Collector,
    pub key_scope: KeyScope,
    /// In the place of the id of an actor who was shredded.
    pub anonymised_actor: String,
    pub leases: Leases,
    pub retention: Retention,
    pub log: Log,
    pub engine: Engine,
    pub limits: Limits,
}

impl Config {
    /// Reads a file; paths inside it are relative to its folder.
    pub fn read(path: &Path) -> Result<Self> {
        let named = |error: Error| error.context(path.display());
        let text = std::fs::read_to_string(path)
            .map_err(|e| named(Error::new(Code::ConfigInvalid, unreadable(&e))))?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        Self::parse(&text, folder.unwrap_or(Path::new("."))).map_err(named)
    }

    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let invalid = |error: toml::de::Error| {
            let place = error.span().map(|span| place_of(text, span.start));
            Error::new(Code::ConfigInvalid, error.message().trim_end()).at(place)
        };
        let table = toml::de::DeTable::parse(text).map_err(invalid)?;
        refuse_unknown_keys(table.get_ref(), text)?;
        let file: File = toml::from_str(text).map_err(invalid)?;
        file.finish(folder)
    }
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("{error}; --config says where it is"),
        _ => error.to_string(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    origin: String,
    log_dir: PathBuf,
    index_dir: Option<PathBuf>,
    keyring_dir: PathBuf,
    policy: PathBuf,
    signing_key: PathBuf,
    kek: KekEntry,
    checkpoint_interval: Option<Span>,
    fill_ahead: Option<bool>,
    proxy: Option<ProxyTable>,
    api: Option<ApiTable>,
    access: Option<AccessTable>,
    #[serde(default)]
    request: RequestTable,
    #[serde(default)]
    collector: CollectorTable,
    #[serde(default)]
    keys: KeysTable,
    #[serde(default)]
    actors: ActorsTable,
    #[serde(default)]
    leases: LeasesTable,
    #[serde(default)]
    retention: RetentionTable,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    engine: EngineTable,
    #[serde(default)]
    limits: LimitsTable,
}

impl File {
    fn finish(self, folder: &Path) -> Result<Config> {
        if self.origin.trim().is_empty() || self.origin.contains(['\n', '+', ' ']) {
            return Err(invalid(format!(
                "origin must be a name without spaces or `+`, like `shop.example/audit`, got `{}`",
                self.origin.escape_debug()
            )));
        }
        let limits = self.limits.finish()?;
        let index_dir = self.index_dir.unwrap_or_else(|| PathBuf::from("index"));
        let config = Config {
            kek: self.kek.finish(&self.origin, folder)?,
            origin: self.origin,
            log_dir: folder.join(self.log_dir),
            index_dir: folder.join(index_dir),
            keyring_dir: folder.join(self.keyring_dir),
            policy: folder.join(self.policy),
            signing_key: folder.join(self.signing_key),
            checkpoint_interval: or(self.checkpoint_interval, Duration::from_secs(1)),
            fill_ahead: self.fill_ahead.unwrap_or(true),
            proxy: self.proxy.map(|proxy| proxy.finish(folder)).transpose()?,
            api: self.api.map(|api| api.finish(folder)).transpose()?,
            access: AccessTable::finish(self.access, folder)?,
            remembering: self.request.finish(folder)?,
            collector: self.collector.finish(folder),
            key_scope: self.keys.scope,
            anonymised_actor: self.actors.finish()?,
            leases: self.leases.finish()?,
            retention: self.retention.finish(),
            log: self.log,
            engine: self.engine.finish(folder)?,
            limits,
        };
        if let Some(api) = &config.api {
            config.access.expect_to_know(&api.listen)?;
        }
        if let Some(proxy) = &config.proxy {
            let apis = config.api.iter().flat_map(|api| &api.listen);
            let apis = apis.map(|listen| ("api.listen", listen));
            expect_another(
                &proxy.upstream,
                [("proxy.listen", &proxy.listen)].into_iter().chain(apis),
            )?;
        }
        let kek = match &config.kek {
            KekSource::File { path, .. } => Some(("kek", path.as_path())),
            KekSource::Env(_) => None,
        };
        let of_file = |keys: Option<&JwtKeys>| keys.and_then(JwtKeys::file).map(Path::to_owned);
        let jwt_key = of_file(config.remembering.jwt_keys.as_ref());
        let jwt_key = jwt_key.as_deref().map(|path| ("request.jwt_key", path));
        let others = [
            ("log_dir", config.log_dir.as_path()),
            ("keyring_dir", &config.keyring_dir),
            ("policy", &config.policy),
            ("signing_key", &config.signing_key),
            ("collector.spool_dir", &config.collector.spool_dir),
        ];
        let tokens = config.access.tokens.as_deref().map(|path| ("access.tokens", path));
        let issuer = of_file(config.access.jwt.as_ref().map(|jwt| &jwt.keys));
        let issuer = issuer.as_deref().map(|path| ("access.jwt.key", path));
        let guest = config.engine.guest.as_deref().map(|path| ("engine.guest", path));
        let secrets =
            [("keyring_dir", config.keyring_dir.as_path()), ("signing_key", &config.signing_key)];
        expect_outside_log(&config.log_dir, secrets.into_iter().chain(kek))?;
        let keys = [kek, jwt_key, tokens, issuer, guest].into_iter().flatten();
        expect_apart(&config.index_dir, others.into_iter().chain(keys))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::unknown_key::SHAPE;
    use crate::config::{Listen, Upstream};

    const FULL: &str = r#"
origin = "shop.example/audit"
log_dir = "log"
index_dir = "index"
keyring_dir = "keyring"
policy = "policy.json"
signing_key = "keys/signing.key"
kek = { env = "SEALTRAIL_KEK" }
checkpoint_interval = "1s"
fill_ahead = true
[proxy]
listen = "127.0.0.1:0"
socket_mode = "0660"
workers = 2
upstream = "http://127.0.0.1:3000"
connect_timeout = "5s"
response_timeout = "60s"
header_timeout = "30s"
idle_timeout = "4s"
body_timeout = "30s"
stream_timeout = "5m"
write_timeout = "60s"
half_close_timeout = "10s"
upstream_http2 = false
retries = 0
trace = "pass"
[proxy.tls]
certificate = "keys/tls.crt"
key = "keys/tls.key"
[api]
listen = ["[::1]:0", "unix:api.sock"]
socket_mode = "0600"
hosts = ["sidecar.internal"]
write_timeout = "60s"
[access]
tokens = "tokens.toml"
loopback = ["writer", "revealer:contact"]
unix = ["writer"]
[access.jwt]
key = "keys/issuer.jwks"
issuer = "https://login.example"
audience = "sealtrail"
roles_claim = "roles"
groups_claim = "groups"
services_claim = "services"
[request]
trusted_proxies = ["10.0.0.0/8", "::1"]
trusted_hops = 1
forwarded = true
jwt_key = "keys/jwt.pem"
remember = "5m"
remember_at_most = 10
remember_size = "1MiB"
[collector]
when_full = "spool"
block_at_most = "5s"
spool_dir = "spool"
spool_size = "64MiB"
join_window = "2s"
remember_ids = "24h"
remember_ids_at_most = 250000
[keys]
scope = "stream"
[actors]
anonymised = "00000000-0000-0000-0000-000000000000"
[leases]
lifetime = "30s"
at_most = 1000
[retention]
keep = "7y"
segment = "64MiB"
classes = { standard-7y = "7y" }
[log]
access = true
paths = false
[engine]
guest = "guest.cwasm"
allow = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
[limits]
body = "8MiB"
line = 1048576
queue = "64MiB"
answers = "64MiB"
guest_memory = "256MiB"
guest_time = "5s"
drain = "10s"
"#;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/etc/sealtrail"))
    }

    fn refusal(text: &str) -> String {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code(), Code::ConfigInvalid);
        error.to_string()
    }

    #[test]
    fn a_full_file_and_the_known_keys_are_the_same() {
        let config = parse(FULL).unwrap();
        assert_eq!(config.log_dir, Path::new("/etc/sealtrail/log"));
        let proxy = config.proxy.unwrap();
        assert_eq!(proxy.upstream, Upstream::Tcp { host: "127.0.0.1".into(), port: 3000 });
        let socket = Listen::Unix { path: "/etc/sealtrail/api.sock".into(), mode: 0o600 };
        assert_eq!(
            config.api.unwrap().listen,
            [Listen::Address("[::1]:0".parse().unwrap()), socket]
        );
        let written = toml::de::DeTable::parse(FULL).unwrap();
        let mut keys = vec![];
        let mut open = vec![(String::new(), written.get_ref())];
        while let Some((table, entries)) = open.pop() {
            for (key, value) in entries {
                keys.push((table.clone(), key.get_ref().to_string()));
                let dot = if table.is_empty() { "" } else { "." };
                let inner = format!("{table}{dot}{}", key.get_ref());
                let table = value.get_ref().as_table().map(|entries| (inner, entries));
                // Classes have the names that the policy gives them.
                open.extend(table.filter(|(name, _)| name != "retention.classes"));
            }
        }
        let known = SHAPE.iter().flat_map(|(t, keys)| keys.iter().map(move |k| (*t, *k)));
        let mut known: Vec<_> = known.map(|(t, k)| (t.to_owned(), k.to_owned())).collect();
        // A key-encryption key is in one place.
        known.retain(|(table, key)| table != "kek" || key == "env");
        // So are those of tokens.
        known.retain(|(_, key)| !key.starts_with("jwks_"));
        known.sort();
        keys.sort();
        assert_eq!(keys, known);
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_suggestion_and_its_line() {
        let text = FULL.replace("upstream =", "upstraem =");
        assert_eq!(
            refusal(&text),
            "unknown key `upstraem` in `[proxy]`; did you mean `upstream`? (line 15, column 1)"
        );
        let text = FULL.replace("origin =", "colour = 1\norigin =");
        assert!(refusal(&text).starts_with("unknown key `colour`; known are `origin`, `log_dir`"));
    }

    #[test]
    fn wrong_values_name_their_key() {
        let cases = [
            ("listen = \"127.0.0.1:0\"", "listen = \"localhost\"", "proxy.listen must be"),
            ("listen = \"127.0.0.1:0\"", "listen = \"unix:\"", "proxy.listen must be"),
            ("socket_mode = \"0660\"", "socket_mode = \"rw\"", "expected permissions as octal"),
            ("socket_mode = \"0600\"", "socket_mode = \"7777\"", "expected permissions as octal"),
            ("\"[::1]:0\", \"unix:api.sock\"", "", "api.listen is an empty list"),
            ("\"unix:api.sock\"", "\"localhost\"", "api.listen must be"),
            ("retries = 0", "retries = 4", "proxy.retries must be 0 to 3, got 4"),
            (
                "certificate =",
                "certifcate =",
                "unknown key `certifcate` in `[proxy.tls]`; did you mean",
            ),
            ("workers = 2", "workers = 0", "proxy.workers must be 1 to 1024, got 0"),
            ("http://127.0.0.1:3000", "https://a:1", "proxy.upstream must look like"),
            ("http://127.0.0.1:3000", "unix:", "proxy.upstream must look like"),
            ("http://127.0.0.1:3000", "http://a/path", "proxy.upstream must look like"),
            (
                "http://127.0.0.1:3000",
                "unix:api.sock",
                "is this sidecar's own api.listen `unix:/etc/",
            ),
            ("\"10.0.0.0/8\"", "\"10.0.0.0/33\"", "request.trusted_proxies: "),
            ("\"pass\"", "\"off\"", "unknown variant `off`, expected `participate` or `pass`"),
            ("revealer:contact", "revealer", "access.loopback: a `revealer` needs a data group"),
            ("tokens.toml", "index/tokens.toml", "holds access.tokens"),
            ("sidecar.internal", "sidecar:80", "api.hosts must be names without a port"),
            ("\"5m\"", "\"soon\"", "expected a duration like `5s` or `250ms`, got `soon`"),
            ("\"stream\"", "\"table\"", "unknown variant `table`, expected one of"),
            ("anonymised = \"00", "anonymised = \"", "actors.anonymised must be a UUID like"),
            ("lifetime = \"30s\"", "lifetime = \"6m\"", "leases.lifetime must be 1s to 5m"),
            ("\"7y\"", "\"ever\"", "expected a period like `7y`, `6mo` or `90d`, got `ever`"),
            ("segment = \"64MiB\"", "segment = 0", "expected a size above zero"),
            ("standard-7y = \"7y\"", "a = \"6m\"", "months are written `6mo`, got `6m`"),
            ("standard-7y =", "\"7 years\" =", "expected a retention class"),
            ("queue = \"64MiB\"", "queue = \"1MiB\"", "limits.queue is smaller than limits.body"),
            ("shop.example/audit", "shop example", "origin must be a name"),
            ("{ env = \"SEALTRAIL_KEK\" }", "3", "expected the path of a file, `{ env"),
            (
                "{ env = \"SEALTRAIL_KEK\" }",
                "{ file = \"kek\", aws_kms = \"a:b\" }",
                "kek.aws_kms: expected a key of AWS KMS, `arn:aws:kms:",
            ),
            (
                "{ env = \"SEALTRAIL_KEK\" }",
                "{ fil = \"kek\", aws_kms = \"alias/a\" }",
                "unknown key `fil` in `[kek]`; did you mean `file`?",
            ),
            ("log_dir = \"log\"", "", "missing field `log_dir`"),
            ("log_dir = \"log\"", "log_dir = 3", "invalid type: integer `3`"),
            ("index_dir = \"index\"", "index_dir = \".\"", "holds log_dir `/etc/sealtrail/log`"),
            ("index_dir = \"index\"", "index_dir = \"keyring\"", "is keyring_dir"),
            ("index_dir = \"index\"", "index_dir = \"log/index\"", "lies in log_dir"),
            ("index_dir = \"index\"", "index_dir = \"keys\"", "holds signing_key"),
            ("\"keyring\"", "\"log/keyring\"", "keyring_dir must lie outside of log_dir"),
            ("{ env = \"SEALTRAIL_KEK\" }", "\"log/kek\"", "kek must lie outside of log_dir"),
            ("keys/signing.key", "./log/signing.key", "signing_key must lie outside of log_dir"),
            ("policy = \"policy.json\"", "policy = \"index/policy.json\"", "holds policy"),
            ("jwt_key = \"keys/", "jwt_key = \"index/", "holds request.jwt_key"),
            ("\"guest.cwasm\"", "\"index/guest.cwasm\"", "holds engine.guest"),
            ("\"0123456789abcdef", "\"0123456789ABCDEF", "engine.allow must list SHA-256 digests"),
            ("\"0123456789abcdef", "\"", "64 hexadecimal digits in lower case each, got `0123"),
        ];
        for (from, to, expected) in cases {
            let text = FULL.replace(from, to);
            assert_ne!(text, FULL);
            let got = refusal(&text);
            assert!(got.contains(expected), "{got}");
        }
    }
}
