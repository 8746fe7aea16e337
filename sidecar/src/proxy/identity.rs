//! Who sent a request: the claims of its bearer token (RFC 6750, RFC 7519).
//!
//! The token itself is never kept. With a key in the configuration the signature and the times are
//! checked and the actor is marked `"verified":true`; without one, or when the check fails, what the
//! token claims is still worth knowing, but marked `"verified":false`. The proxy does not refuse
//! anybody: that is the service's decision.

use http::{HeaderMap, header};
use jsonwebtoken::Validation;
use serde::Deserialize;

use crate::jwt::Source;

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

impl Actor {
    /// The actor of a request, if it carries a bearer token that names one.
    pub fn of(headers: &HeaderMap, keys: Option<&Source>) -> Option<Actor> {
        let token = bearer(headers)?;
        let verified = keys.and_then(|keys| claims_checked(token, keys));
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

/// What a token says whose signature and times are good. For whom it was issued is the service's question.
fn claims_checked(token: &str, keys: &Source) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = keys.key_of(&header).ok()?;
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_nbf = true;
    validation.validate_aud = false;
    jsonwebtoken::decode(token, &key.key, &validation).ok().map(|token| token.claims)
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
    use crate::jwt::Keys;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn token(alg: Algorithm, claims: &serde_json::Value, secret: &[u8]) -> String {
        jsonwebtoken::encode(&Header::new(alg), claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn actor(authorization: &str, key: Option<&Source>) -> Option<Actor> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        Actor::of(&headers, key)
    }

    #[test]
    fn verified_only_with_the_right_key_and_in_time() {
        let key = Source::of(Keys::parse(SECRET).unwrap());
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
    fn alg_none_is_a_claim_and_no_more() {
        // {"alg":"none"} . {"sub":"root"} . (empty)
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.";
        let key = Source::of(Keys::parse(SECRET).unwrap());
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
}
