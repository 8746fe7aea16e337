use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

use crate::code::Code;
use crate::config::read_secret_file;
use crate::error::{Error, Result};

/// All keys of an issuer. None is what is known of one that could not be asked yet.
#[derive(Default)]
pub struct Keys(Vec<Arc<Key>>);

pub struct Key {
    pub kid: Option<String>,
    pub key: DecodingKey,
    pub algorithms: Vec<Algorithm>,
}

impl Keys {
    /// Reads a PEM public key (RSA, EC or Ed25519), a JWK Set of public keys, or the shared secret of HMAC.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_key_file(path)?).map_err(|e| e.context(path.display()))
    }

    pub fn parse(text: &[u8]) -> Result<Self> {
        let text = content(text);
        match text.starts_with(b"{") {
            true => Self::of_set(text),
            false => Key::of_one(text).map(|key| Self(vec![Arc::new(key)])),
        }
    }

    /// The keys of a JWK Set that are for signatures and of a kind that is known.
    pub fn of_set(text: &[u8]) -> Result<Self> {
        let set: JwkSet =
            serde_json::from_slice(text).map_err(|_| refused("expected a JWK Set (RFC 7517)"))?;
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for jwk in &set.keys {
            if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
                return Err(refused(
                    "expected public keys in the JWK Set, got a secret one (`oct`)",
                ));
            }
            let Some(key) = Key::of_jwk(jwk) else { continue };
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(refused("two keys of the JWK Set have the same `kid`"));
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            return Err(refused("the JWK Set has no key that can verify a signature"));
        }
        Ok(Self(keys))
    }

    /// The key that a token names.
    pub fn find(&self, kid: Option<&str>) -> Option<&Arc<Key>> {
        match (kid, &self.0[..]) {
            (Some(kid), [one]) if one.kid.is_none() || one.kid.as_deref() == Some(kid) => Some(one),
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [one]) => Some(one),
            (None, _) => None,
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Key {
    /// A PEM public key, or the shared secret of HMAC.
    fn of_one(text: &[u8]) -> Result<Self> {
        if is_pem(text) {
            let kinds = [
                (AlgorithmFamily::Rsa, DecodingKey::from_rsa_pem(text)),
                (AlgorithmFamily::Ec, DecodingKey::from_ec_pem(text)),
                (AlgorithmFamily::Ed, DecodingKey::from_ed_pem(text)),
            ];
            let found = kinds.into_iter().find_map(|(family, key)| Some((family, key.ok()?)));
            let (family, key) = found
                .ok_or_else(|| refused("expected the PEM of an RSA, EC or Ed25519 public key"))?;
            return Ok(Self::of_family(family, key));
        }
        // Everybody may know it, so whoever took it for a secret would believe everybody.
        let is_public = [&b"ssh-"[..], b"ecdsa-", b"sk-"].iter().any(|kind| text.starts_with(kind));
        let is_text = text.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        if is_public || !is_text {
            return Err(refused(
                "expected a PEM public key, a JWK Set, or an HMAC secret of printable ASCII",
            ));
        }
        // RFC 7518 §3.2: a key as long as the hash, or longer.
        if text.len() < 32 {
            return Err(refused(
                "expected a PEM public key, a JWK Set, or an HMAC secret of 32 bytes or more",
            ));
        }
        Ok(Self::of_family(AlgorithmFamily::Hmac, DecodingKey::from_secret(text)))
    }

    fn of_family(family: AlgorithmFamily, key: DecodingKey) -> Self {
        Self { kid: None, key, algorithms: family.algorithms().to_vec() }
    }

    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|of| *of != PublicKeyUse::Signature) {
            return None;
        }
        let own = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            _ => return None,
        };
        let algorithms = match &jwk.common.key_algorithm {
            None => own,
            Some(named) => {
                let named: Algorithm = named.to_string().parse().ok()?;
                own.into_iter().filter(|algorithm| *algorithm == named).collect()
            }
        };
        let key = DecodingKey::from_jwk(jwk).ok().filter(|_| !algorithms.is_empty())?;
        Some(Self { kid: jwk.common.key_id.clone(), key, algorithms })
    }
}

/// The text of a key. One that is public is no secret: anybody may be able to read its file.
fn read_key_file(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) if is_pem(&text) || content(&text).starts_with(b"{") => {
            Ok(zeroize::Zeroizing::new(text))
        }
        _ => read_secret_file(path),
    }
}

/// Without a byte order mark and white space.
fn content(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii()
}

/// PEM may have any text before its first line (RFC 7468 §5.2); who took that for a secret would believe everybody.
fn is_pem(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"-----BEGIN").is_some()
}

fn refused(message: &str) -> Error {
    Error::new(Code::KeyFile, message)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The public key of RFC 8037, appendix A.2.
    pub const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// The public key of RFC 7515, appendix A.3.1.
    pub const P256: &str = r#"{"kty":"EC","crv":"P-256","kid":"p","use":"sig","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    pub fn set(keys: &[&str]) -> Result<Keys, String> {
        let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        Keys::of_set(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// The secret of HMAC for each name.
    pub fn hmac(keys: &[(Option<&str>, &[u8])]) -> Keys {
        let key = |(kid, secret): &(Option<&str>, &[u8])| {
            let key = Key::of_family(AlgorithmFamily::Hmac, DecodingKey::from_secret(secret));
            Arc::new(Key { kid: kid.map(str::to_owned), ..key })
        };
        Keys(keys.iter().map(key).collect())
    }

    fn is_hmac(text: &[u8]) -> bool {
        Keys::parse(text).is_ok_and(|keys| keys.0[0].algorithms.contains(&Algorithm::HS256))
    }

    #[test]
    fn a_set_pins_the_algorithms_of_its_keys() {
        let keys = set(&[ED25519, P256]).unwrap();
        assert_eq!(
            (&keys.0[0].algorithms[..], &keys.0[1].algorithms[..]),
            (&[Algorithm::EdDSA][..], &[Algorithm::ES256][..])
        );
        let encryption = P256.replace("\"sig\"", "\"enc\"");
        let other_algorithm = P256.replace("\"use\"", "\"alg\":\"ES384\",\"use\"");
        let unknown = r#"{"kty":"LMS","kid":"l"}"#;
        for skipped in [&encryption[..], &other_algorithm] {
            assert_eq!(set(&[skipped, ED25519]).unwrap().len(), 1, "{skipped}");
            assert!(set(&[skipped]).err().unwrap().contains("no key that can verify"));
        }
        assert!(set(&[unknown, ED25519]).is_ok_and(|keys| keys.len() == 1));
        assert!(set(&[]).is_err());
        assert!(set(&[ED25519, ED25519]).err().unwrap().contains("the same `kid`"));
        let secret = r#"{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;
        let error = set(&[ED25519, secret]).err().unwrap();
        assert!(error.contains("got a secret one") && !error.contains("MDEy"), "{error}");
        assert!(Keys::of_set(b"{}").is_err());
    }

    #[test]
    fn pem_sets_and_secrets_are_told_apart() {
        assert!(Keys::parse(b"too short").is_err());
        let no_key = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert!(Keys::parse(no_key).is_err());
        assert!(Keys::parse(PEM.as_bytes()).is_ok());
        assert!(Keys::parse(format!("\n{{\"keys\":[{ED25519}]}}").as_bytes()).is_ok());
        assert!(is_hmac(b"0123456789abcdef0123456789abcdef"));
    }

    /// Whoever took one for the secret of HMAC would believe everybody who knows it.
    #[test]
    fn what_is_public_is_never_a_secret() {
        for before in ["\n", "\u{feff}", "# the key of the issuer\n", "Bag Attributes\n"] {
            assert!(!is_hmac(format!("{before}{PEM}").as_bytes()), "{before:?}");
        }
        for public in [
            &b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody@example"[..],
            b"\xef\xbb\xbf{\"keys\":[]}",
            b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00 and so on for more than 32 bytes",
        ] {
            assert!(Keys::parse(public).is_err());
        }
    }
}
