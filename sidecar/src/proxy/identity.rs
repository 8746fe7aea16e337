//! Who sent a request: the claims of its bearer token (RFC 6750, RFC 7519).
//!
//! The token itself is never kept. With a key in the configuration the signature and the times are
//! checked and the actor is marked `"verified":true`; without one, or when the check fails, what the
//! token claims is still worth knowing, but marked `"verified":false`. The proxy does not refuse
//! anybody: that is the service's decision.

use std::path::Path;

use http::{HeaderMap, header};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Validation};
use serde::Deserialize;

use crate::code::Code;
use crate::config::read_secret_file;
use crate::error::{Error, Result};

/// Longer tokens are not looked at, longer claims not kept.
const MAX_TOKEN: usize = 8 << 10;
const MAX_CLAIM: usize = 256;

/// The person or system behind a request, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub account_id: Option<String>,
    pub tenant: Option<String>,
    pub verified: bool,
}

/// The key that tokens are checked with.
pub struct TokenKey {
    key: DecodingKey,
    validation: Validation,
}

impl TokenKey {
    /// Reads a PEM public key (RSA, EC or Ed25519), or the shared secret of HMAC.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_key_file(path)?).map_err(|e| e.context(path.display()))
    }

    pub fn parse(text: &[u8]) -> Result<Self> {
        decoding_key(text).map(|(family, key)| Self::new(family, key))
    }

    fn new(family: AlgorithmFamily, key: DecodingKey) -> Self {
        let mut validation = Validation::new_for_family(family);
        validation.required_spec_claims.clear();
        validation.validate_nbf = true;
        // For whom the token was issued is the service's question.
        validation.validate_aud = false;
        Self { key, validation }
    }

    fn accepts(&self, token: &str) -> Option<Claims> {
        jsonwebtoken::decode(token, &self.key, &self.validation).ok().map(|token| token.claims)
    }
}

/// The text of a key. One that is public is no secret: anybody may be able to read its file.
pub fn read_key_file(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) if is_pem(&text) || content(&text).starts_with(b"{") => {
            Ok(zeroize::Zeroizing::new(text))
        }
        _ => read_secret_file(path),
    }
}

/// Without a byte order mark and white space.
pub fn content(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii()
}

/// PEM may have any text before its first line (RFC 7468 §5.2); who took that for a secret would believe everybody.
fn is_pem(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"-----BEGIN").is_some()
}

/// A PEM public key, or the shared secret of HMAC, and the algorithms that are its own.
pub fn decoding_key(text: &[u8]) -> Result<(AlgorithmFamily, DecodingKey)> {
    let refused = |message: &str| Error::new(Code::KeyFile, message);
    let text = content(text);
    if is_pem(text) {
        let kinds = [
            (AlgorithmFamily::Rsa, DecodingKey::from_rsa_pem(text)),
            (AlgorithmFamily::Ec, DecodingKey::from_ec_pem(text)),
            (AlgorithmFamily::Ed, DecodingKey::from_ed_pem(text)),
        ];
        let found = kinds.into_iter().find_map(|(family, key)| Some((family, key.ok()?)));
        let (family, key) =
            found.ok_or_else(|| refused("expected the PEM of an RSA, EC or Ed25519 public key"))?;
        return Ok((family, key));
    }
    let secret = text;
    // Everybody may know it, so whoever took it for a secret would believe everybody.
    if secret.starts_with(b"{") {
        return Err(refused("expected a PEM public key or an HMAC secret, got JSON"));
    }
    let is_public = [&b"ssh-"[..], b"ecdsa-", b"sk-"].iter().any(|kind| secret.starts_with(kind));
    let is_text = secret.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if is_public || !is_text {
        return Err(refused("expected a PEM public key or an HMAC secret of printable ASCII"));
    }
    // RFC 7518 §3.2: a key as long as the hash, or longer.
    if secret.len() < 32 {
        return Err(refused("expected a PEM public key or an HMAC secret of 32 bytes or more"));
    }
    Ok((AlgorithmFamily::Hmac, DecodingKey::from_secret(secret)))
}

impl Actor {
    /// The actor of a request, if it carries a bearer token that names one.
    pub fn of(headers: &HeaderMap, key: Option<&TokenKey>) -> Option<Actor> {
        let token = bearer(headers)?;
        let verified = key.and_then(|key| key.accepts(token));
        let is_verified = verified.is_some();
        let claims = verified.or_else(|| claims_unchecked(token))?;
        claims.actor(is_verified)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= MAX_TOKEN).then_some(token)
}

/// What a token says of itself, its signature not looked at.
fn claims_unchecked(token: &str) -> Option<Claims> {
    jsonwebtoken::dangerous::insecure_decode_claims(token).ok()
}

/// Claims of any type, so that one odd claim does not lose the others.
#[derive(Deserialize)]
struct Claims {
    sub: Option<serde_json::Value>,
    email: Option<serde_json::Value>,
    name: Option<serde_json::Value>,
    account_id: Option<serde_json::Value>,
    tenant: Option<serde_json::Value>,
}

impl Claims {
    fn actor(self, verified: bool) -> Option<Actor> {
        Some(Actor {
            id: text(self.sub)?,
            email: text(self.email),
            name: text(self.name),
            account_id: text(self.account_id),
            tenant: text(self.tenant),
            verified,
        })
    }
}

/// A claim as a record can hold it.
pub fn text(claim: Option<serde_json::Value>) -> Option<String> {
    let text = match claim? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= MAX_CLAIM && text.chars().all(is_character)).then_some(text)
}

/// What an attribute of a record may hold (CloudEvents 1.0 §3.1.1): no control characters, and none that
/// Unicode keeps from being characters.
fn is_character(c: char) -> bool {
    let is_none = matches!(u32::from(c), 0xFDD0..=0xFDEF) || u32::from(c) & 0xFFFE == 0xFFFE;
    !c.is_control() && !is_none
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn token(alg: Algorithm, claims: &serde_json::Value, secret: &[u8]) -> String {
        jsonwebtoken::encode(&Header::new(alg), claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn actor(authorization: &str, key: Option<&TokenKey>) -> Option<Actor> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        Actor::of(&headers, key)
    }

    #[test]
    fn verified_only_with_the_right_key_and_in_time() {
        let key = TokenKey::parse(SECRET).unwrap();
        let claims = json!({"sub": "u1", "email": "a@b.example", "name": "A", "account_id": 7,
            "tenant": "acme", "exp": 4_102_444_800_u64, "aud": "anyone"});
        let good = token(Algorithm::HS256, &claims, SECRET);
        let found = actor(&format!("bearer {good}"), Some(&key)).unwrap();
        assert!(found.verified);
        assert_eq!((found.id.as_str(), found.account_id.as_deref()), ("u1", Some("7")));
        assert_eq!(found.tenant.as_deref(), Some("acme"));

        let unverified =
            |token: &str, key| !actor(&format!("Bearer {token}"), key).unwrap().verified;
        assert!(unverified(&good, None));
        let forged = token(Algorithm::HS256, &claims, b"another secret of 32 bytes, truly");
        assert!(unverified(&forged, Some(&key)));
        let expired = token(Algorithm::HS256, &json!({"sub": "u1", "exp": 1}), SECRET);
        assert!(unverified(&expired, Some(&key)));
        let early =
            token(Algorithm::HS256, &json!({"sub": "u1", "nbf": 4_102_444_800_u64}), SECRET);
        assert!(unverified(&early, Some(&key)));
        // A token without expiry is good for ever, as its issuer wanted.
        let endless = token(Algorithm::HS512, &json!({"sub": "u1"}), SECRET);
        assert!(!unverified(&endless, Some(&key)));
    }

    #[test]
    fn a_set_of_public_keys_is_no_secret() {
        let set = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        assert!(TokenKey::parse(set).is_err());
    }

    #[test]
    fn alg_none_is_a_claim_and_no_more() {
        // {"alg":"none"} . {"sub":"root"} . (empty)
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.";
        let key = TokenKey::parse(SECRET).unwrap();
        let found = actor(&format!("Bearer {none}"), Some(&key));
        assert!(found.is_none_or(|actor| !actor.verified));
    }

    #[test]
    fn nothing_is_made_of_garbage() {
        let huge = format!("Bearer {}", "a".repeat(MAX_TOKEN + 1));
        for bad in ["", "Bearer", "Bearer ", "Bearer a.b", "Bearer ...", "Basic dTpw", &huge] {
            assert!(actor(bad, None).is_none(), "{bad}");
        }
        let nameless = token(Algorithm::HS256, &json!({"email": "a@b.example"}), SECRET);
        assert!(actor(&format!("Bearer {nameless}"), None).is_none());
        let long = token(Algorithm::HS256, &json!({"sub": "x".repeat(300)}), SECRET);
        assert!(actor(&format!("Bearer {long}"), None).is_none());
    }

    #[test]
    fn a_claim_with_control_characters_is_none() {
        for bad in ["a\nb", "a\0", "\u{1b}[2J", "\u{85}", "\u{fffe}", "\u{fdd0}"] {
            let nobody = token(Algorithm::HS256, &json!({"sub": bad}), SECRET);
            assert!(actor(&format!("Bearer {nobody}"), None).is_none(), "{bad:?}");
            let claims = json!({"sub": "u1", "email": bad, "name": bad, "tenant": bad});
            let found = token(Algorithm::HS256, &claims, SECRET);
            let found = actor(&format!("Bearer {found}"), None).unwrap();
            assert_eq!((found.email, found.name, found.tenant), (None, None, None), "{bad:?}");
        }
    }

    #[test]
    fn keys() {
        assert!(TokenKey::parse(b"too short").is_err());
        assert!(
            TokenKey::parse(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
                .is_err()
        );
        let ed25519 = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert!(TokenKey::parse(ed25519).is_ok());
    }

    /// Whoever took one for the secret of HMAC would believe everybody who knows it.
    #[test]
    fn what_is_public_is_never_a_secret() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        for before in ["\n", "\u{feff}", "# the key of the issuer\n", "Bag Attributes\n"] {
            let found = decoding_key(format!("{before}{pem}").as_bytes());
            assert!(!found.is_ok_and(|(family, _)| family == AlgorithmFamily::Hmac), "{before:?}");
        }
        for public in [
            &b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody@example"[..],
            b"\xef\xbb\xbf{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}]}",
            b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00 and so on for more than 32 bytes",
        ] {
            assert!(decoding_key(public).is_err());
        }
    }
}
