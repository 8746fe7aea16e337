//! Where the keys of JSON Web Tokens come from: a file, or whoever issues them.

use std::path::{Path, PathBuf};

use http::Uri;

use super::invalid::invalid;
use crate::error::Result;

#[derive(Debug, Clone)]
pub enum JwtKeys {
    /// PEM public key, secret of HMAC, or JWK Set.
    File(PathBuf),
    /// A JWK Set, and the certificates that are trusted there instead of those of the web.
    Published { url: Uri, ca: Option<PathBuf> },
}

/// The keys of a table that say it.
pub(super) struct Told {
    pub table: &'static str,
    pub key_name: &'static str,
    pub key: Option<PathBuf>,
    pub url: Option<String>,
    pub ca: Option<PathBuf>,
}

impl Told {
    pub(super) fn finish(self, folder: &Path) -> Result<Option<JwtKeys>> {
        let Self { table, key_name, key, url, ca } = self;
        match (key, url, ca) {
            (Some(_), Some(_), _) => {
                Err(invalid(format!("{table}: expected `{key_name}` or `jwks_url`, got both")))
            }
            (_, None, Some(_)) => Err(invalid(format!(
                "{table}.jwks_ca: it vouches for `jwks_url`, which is not set"
            ))),
            (Some(path), None, None) => Ok(Some(JwtKeys::File(folder.join(path)))),
            (None, Some(url), ca) => {
                let url = parse(&format!("{table}.jwks_url"), &url)?;
                Ok(Some(JwtKeys::Published { url, ca: ca.map(|path| folder.join(path)) }))
            }
            (None, None, None) => Ok(None),
        }
    }
}

impl JwtKeys {
    /// Its file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Published { .. } => None,
        }
    }
}

/// Whoever could change the keys on their way could make tokens.
fn parse(name: &str, text: &str) -> Result<Uri> {
    let url = text.parse::<Uri>().ok().filter(|url| {
        let authority = url.authority().map(|authority| authority.as_str());
        let is_secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => url.host().is_some_and(is_here),
            _ => false,
        };
        is_secure && authority.is_some_and(|authority| !authority.contains('@'))
    });
    url.ok_or_else(|| {
        invalid(format!(
            "{name}: expected the address of a JWK Set, as `https://login.example/jwks.json`; `http` is taken on \
             this machine only, and no address has a user"
        ))
    })
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: Option<&str>, url: Option<&str>, ca: Option<&str>) -> Result<Option<JwtKeys>> {
        let told = Told {
            table: "access.jwt",
            key_name: "key",
            key: key.map(PathBuf::from),
            url: url.map(str::to_owned),
            ca: ca.map(PathBuf::from),
        };
        told.finish(Path::new("/etc"))
    }

    #[test]
    fn one_of_both_or_none() {
        assert!(told(None, None, None).unwrap().is_none());
        assert_eq!(told(Some("k"), None, None).unwrap().unwrap().file(), Some(Path::new("/etc/k")));
        let both = told(Some("k"), Some("https://a.example/"), None).unwrap_err().to_string();
        assert!(both.contains("access.jwt: expected `key` or `jwks_url`"), "{both}");
        let alone = told(Some("k"), None, Some("ca.pem")).unwrap_err().to_string();
        assert!(alone.contains("access.jwt.jwks_ca"), "{alone}");
    }

    #[test]
    fn what_could_be_changed_on_its_way_is_refused() {
        for good in [
            "https://login.example/jwks.json",
            "https://login.example:8443/t/keys?p=b2c",
            "http://127.0.0.1:9000/jwks",
            "http://localhost/jwks",
            "http://[::1]:1/jwks",
        ] {
            assert!(told(None, Some(good), None).is_ok(), "{good}");
        }
        for bad in [
            "http://login.example/jwks.json",
            "http://127.0.0.1.example/jwks",
            "https://user:secret@login.example/jwks",
            "login.example/jwks",
            "file:///etc/jwks",
            "/etc/jwks",
            "",
        ] {
            let error = told(None, Some(bad), None).unwrap_err().to_string();
            assert!(error.contains("access.jwt.jwks_url: expected"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
