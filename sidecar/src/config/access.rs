//! `[access]`: who may do what over the API.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::invalid::invalid;
use super::jwt_keys::{JwtKeys, Told};
use super::listen::Listen;
use crate::access::Grants;
use crate::code::Code;
use crate::error::{Error, Result};

/// Who is given which roles, and by which keys tokens are known.
#[derive(Debug, Clone)]
pub struct Access {
    /// Whether the configuration has the table.
    pub is_told: bool,
    pub tokens: Option<PathBuf>,
    pub jwt: Option<AccessJwt>,
    /// Of whoever asks without a token over loopback.
    pub loopback: Grants,
    /// The same over a Unix socket.
    pub unix: Grants,
}

/// An issuer of JSON Web Tokens.
#[derive(Debug, Clone)]
pub struct AccessJwt {
    pub keys: JwtKeys,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub roles_claim: String,
    pub groups_claim: String,
    /// Without it tokens say nothing of services, and whoever may write may for any.
    pub services_claim: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessTable {
    tokens: Option<PathBuf>,
    jwt: Option<JwtTable>,
    #[serde(default)]
    loopback: Vec<String>,
    unix: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtTable {
    key: Option<PathBuf>,
    jwks_url: Option<String>,
    jwks_ca: Option<PathBuf>,
    issuer: Option<String>,
    audience: Option<String>,
    roles_claim: Option<String>,
    groups_claim: Option<String>,
    services_claim: Option<String>,
}

impl AccessTable {
    /// Without the table loopback may write and read, as it could before there were roles, and nobody may do more.
    pub fn finish(table: Option<Self>, folder: &Path) -> Result<Access> {
        let Some(Self { tokens, jwt, loopback, unix }) = table else {
            return Ok(Access {
                is_told: false,
                tokens: None,
                jwt: None,
                loopback: grants("loopback", &["writer".into(), "reader".into()])?,
                unix: grants("unix", &["writer".into()])?,
            });
        };
        let unix = unix.unwrap_or_else(|| vec!["writer".into()]);
        Ok(Access {
            is_told: true,
            tokens: tokens.map(|path| folder.join(path)),
            jwt: jwt.map(|jwt| jwt.finish(folder)).transpose()?,
            loopback: grants("loopback", &loopback)?,
            unix: grants("unix", &unix)?,
        })
    }
}

impl Access {
    /// Refuses to listen where nobody could be known.
    pub fn expect_to_know(&self, listen: &[Listen]) -> Result<()> {
        let is_beyond = |listen: &&Listen| match listen {
            Listen::Address(address) => !address.ip().to_canonical().is_loopback(),
            Listen::Unix { .. } => false,
        };
        let Some(listen) = listen.iter().find(is_beyond) else { return Ok(()) };
        if self.tokens.is_some() || self.jwt.is_some() {
            return Ok(());
        }
        Err(Error::new(
            Code::ConfigInvalid,
            format!(
                "api.listen `{listen}` is reached from other machines, so it needs `access.tokens` or \
                 `access.jwt` to know who asks; listen on `127.0.0.1` otherwise"
            ),
        ))
    }
}

impl JwtTable {
    fn finish(self, folder: &Path) -> Result<AccessJwt> {
        let keys = Told {
            table: "access.jwt",
            key_name: "key",
            key: self.key,
            url: self.jwks_url,
            ca: self.jwks_ca,
        };
        let keys = keys.finish(folder)?;
        Ok(AccessJwt {
            keys: keys.ok_or_else(|| invalid("access.jwt: expected `key` or `jwks_url`"))?,
            issuer: self.issuer,
            audience: self.audience,
            roles_claim: self.roles_claim.unwrap_or_else(|| "roles".into()),
            groups_claim: self.groups_claim.unwrap_or_else(|| "groups".into()),
            services_claim: self.services_claim,
        })
    }
}

fn grants(key: &str, roles: &[String]) -> Result<Grants> {
    Grants::parse(roles, &[])
        .map_err(|e| Error::new(Code::ConfigInvalid, format!("access.{key}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    fn parse(text: &str) -> Result<Access> {
        AccessTable::finish(Some(toml::from_str(text).unwrap()), Path::new("/etc"))
    }

    #[test]
    fn an_older_configuration_writes_and_reads_over_loopback_and_no_more() {
        let access = AccessTable::finish(None, Path::new("/etc")).unwrap();
        let roles = |grants: &Grants| grants.roles().collect::<Vec<_>>();
        assert_eq!(roles(&access.loopback), [Role::Writer, Role::Reader]);
        assert_eq!(roles(&access.unix), [Role::Writer]);
        let told = parse("").unwrap();
        assert!(roles(&told.loopback).is_empty(), "whoever says who may, says it of everybody");
        assert_eq!(roles(&told.unix), [Role::Writer]);
        assert!(roles(&parse("unix = []").unwrap().unix).is_empty());
    }

    #[test]
    fn the_way_one_comes_may_be_for_some_services_only() {
        let access =
            parse("loopback = [\"writer:shop\", \"reader\"]\nunix = [\"writer:*\"]").unwrap();
        let (loopback, unix) = (access.loopback.services(), access.unix.services());
        assert!(loopback.have("shop") && !loopback.have("billing") && unix.have("billing"));
    }

    fn at_unix() -> Listen {
        Listen::Unix { path: "/run/a.sock".into(), mode: 0o660 }
    }

    #[test]
    fn beyond_loopback_somebody_must_be_known() {
        let listen = |text: &str, at: &str| {
            parse(text).unwrap().expect_to_know(&[at_unix(), Listen::Address(at.parse().unwrap())])
        };
        for loopback in ["127.0.0.1:80", "127.8.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(listen("", loopback).is_ok(), "{loopback}");
        }
        for beyond in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"] {
            let error = listen("loopback = [\"reader\"]", beyond).unwrap_err().to_string();
            assert!(error.contains("needs `access.tokens` or `access.jwt`"), "{error}");
            assert!(listen("tokens = \"t\"", beyond).is_ok());
            assert!(listen("jwt = { key = \"k\" }", beyond).is_ok());
        }
        let older = AccessTable::finish(None, Path::new("/etc")).unwrap();
        assert!(older.expect_to_know(&[Listen::Address("0.0.0.0:80".parse().unwrap())]).is_err());
    }

    #[test]
    fn a_wrong_role_names_its_key() {
        let error = parse("loopback = [\"admin\"]").unwrap_err().to_string();
        assert!(error.starts_with("access.loopback: ") && error.contains("got `admin`"), "{error}");
        assert!(parse("unix = [\"revealer\"]").is_err());
    }
}
