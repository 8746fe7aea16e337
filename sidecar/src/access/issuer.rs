//! JSON Web Tokens (RFC 7519) of an issuer that the configuration trusts.
//!
//! Which key it takes is the matter of [`crate::jwt`]. `exp` is required. A token that says for whom it is (`aud`) is refused unless the
//! configuration says that this is us.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::Value;

use super::role::Grants;
use crate::config::AccessJwt;
use crate::error::Result;
use crate::jwt::{Absent, Source};
use crate::proxy::identity::text;
use crate::reload::Reload;

/// Roles or groups of one token that are looked at.
const MAX_CLAIMED: usize = 256;

pub struct Issuer {
    keys: Source,
    issuer: Option<String>,
    audience: Option<String>,
    roles_claim: String,
    groups_claim: String,
    services_claim: Option<String>,
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
    /// Nobody can say: the keys of the issuer are not known.
    Unknown,
}

impl Issuer {
    pub fn open(config: &AccessJwt, reload: &mut Reload) -> Result<Self> {
        Ok(Self {
            keys: Source::open(&config.keys, reload)?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            roles_claim: config.roles_claim.clone(),
            groups_claim: config.groups_claim.clone(),
            services_claim: config.services_claim.clone(),
        })
    }

    pub fn verify(&self, token: &str) -> Result<Claimed, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Invalid)?;
        let key = self.keys.key_of(&header).map_err(|absent| match absent {
            Absent::Unknown => Refused::Invalid,
            Absent::NotFetched => Refused::Unknown,
        })?;
        let claims = jsonwebtoken::decode::<Value>(token, &key.key, &self.validation(header.alg));
        let claims = claims.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refused::Expired,
            _ => Refused::Invalid,
        })?;
        let claims = claims.claims;
        let id = text(claims.get("sub").cloned()).ok_or(Refused::Invalid)?;
        let roles = claimed(&claims, &self.roles_claim);
        let groups = claimed(&claims, &self.groups_claim);
        let grants = Grants::of_claims(&roles, &groups);
        let grants = match &self.services_claim {
            Some(name) => grants.of_claimed_services(&claimed(&claims, name)),
            None => grants,
        };
        Ok(Claimed { id, grants })
    }

    pub fn keys(&self) -> &Source {
        &self.keys
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
