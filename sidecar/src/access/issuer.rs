//! JSON Web Tokens (RFC 7519) of an issuer that the configuration trusts.
//!
//! The keys are a PEM public key, the secret of HMAC, or a JWK Set (RFC 7517) of public keys. A key knows its
//! algorithms; what a token says of its own (`alg`) must be among them, so `none`, or HMAC with a public key, is
//! never tried. A token that names a key (`kid`) is checked with that one and no other; one that names none only
//! where there is only one key. `exp` is required. A token that says for whom it is (`aud`) is refused unless the
//! configuration says that this is us.

use std::path::Path;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation};
use serde_json::Value;

use super::role::Grants;
use crate::code::Code;
use crate::config::AccessJwt;
use crate::error::{Error, Result};
use crate::proxy::identity::{self, decoding_key, read_key_file, text};

/// Roles or groups of one token that are looked at.
const MAX_CLAIMED: usize = 256;

pub struct Issuer {
    keys: Vec<Key>,
    issuer: Option<String>,
    audience: Option<String>,
    roles_claim: String,
    groups_claim: String,
}

struct Key {
    kid: Option<String>,
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// Whom a token names, and what it gives him.
#[derive(Debug, PartialEq, Eq)]
pub struct Claimed {
    pub id: String,
    pub grants: Grants,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    Expired,
    Invalid,
}

impl Issuer {
    pub fn open(config: &AccessJwt) -> Result<Self> {
        let keys = Key::read(&config.key)?;
        Ok(Self {
            keys,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            roles_claim: config.roles_claim.clone(),
            groups_claim: config.groups_claim.clone(),
        })
    }

    pub fn verify(&self, token: &str) -> Result<Claimed, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Invalid)?;
        let key = self.key(header.kid.as_deref()).ok_or(Refused::Invalid)?;
        if !key.algorithms.contains(&header.alg) {
            return Err(Refused::Invalid);
        }
        let claims = jsonwebtoken::decode::<Value>(token, &key.key, &self.validation(header.alg));
        let claims = claims.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refused::Expired,
            _ => Refused::Invalid,
        })?;
        let claims = claims.claims;
        let id = text(claims.get("sub").cloned()).ok_or(Refused::Invalid)?;
        let roles = claimed(&claims, &self.roles_claim);
        let groups = claimed(&claims, &self.groups_claim);
        Ok(Claimed { id, grants: Grants::of_claims(&roles, &groups) })
    }

    fn key(&self, kid: Option<&str>) -> Option<&Key> {
        match (kid, &self.keys[..]) {
            (Some(kid), [one]) if one.kid.is_none() || one.kid.as_deref() == Some(kid) => Some(one),
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [one]) => Some(one),
            (None, _) => None,
        }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

impl Key {
    fn read(path: &Path) -> Result<Vec<Key>> {
        let content = read_key_file(path)?;
        let text = identity::content(&content);
        let keys = if text.starts_with(b"{") {
            Self::of_set(text)
        } else {
            decoding_key(&content).map(|(family, key)| {
                vec![Key { kid: None, key, algorithms: family.algorithms().to_vec() }]
            })
        };
        keys.map_err(|error| error.context(path.display()))
    }

    /// The keys of a JWK Set that are for signatures and of a kind that is known.
    fn of_set(text: &[u8]) -> Result<Vec<Key>> {
        let refused = |message: &str| Error::new(Code::KeyFile, message);
        let set: JwkSet =
            serde_json::from_slice(text).map_err(|_| refused("expected a JWK Set (RFC 7517)"))?;
        let mut keys: Vec<Key> = Vec::new();
        for jwk in &set.keys {
            if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
                return Err(refused(
                    "expected public keys in the JWK Set, got a secret one (`oct`)",
                ));
            }
            let Some(key) = Self::of_jwk(jwk) else { continue };
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(refused("two keys of the JWK Set have the same `kid`"));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(refused("the JWK Set has no key that can verify a signature"));
        }
        Ok(keys)
    }

    fn of_jwk(jwk: &Jwk) -> Option<Key> {
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
        Some(Key { kid: jwk.common.key_id.clone(), key, algorithms })
    }
}

/// A list of texts, or one text of words, as `scope` is (RFC 8693 §4.2). A name with a `/` in front is a
/// pointer: `/realm_access/roles`.
fn claimed<'c>(claims: &'c Value, name: &str) -> Vec<&'c str> {
    let claim = if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) };
    match claim {
        Some(Value::String(words)) => words.split_ascii_whitespace().take(MAX_CLAIMED).collect(),
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).take(MAX_CLAIMED).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
