//! From the headers of a request to who asks.

use http::{HeaderMap, HeaderName, header};

use super::caller::Caller;
use super::issuer::{Issuer, Refused};
use super::role::Grants;
use super::token::{Found, PREFIX, TokenFile};
use crate::clock::Moment;
use crate::code::Code;
use crate::config;
use crate::engine::Actor;
use crate::error::{Error, Result};
use crate::jwt::{Fetches, Source};
use crate::listener::Peer;
use crate::metrics::Counter;
use crate::proxy::identity;
use crate::reload::Reload;

/// Longer tokens are not looked at.
const MAX_TOKEN: usize = 8 << 10;

/// Who is who, by the configuration.
pub struct Gate {
    tokens: Option<TokenFile>,
    issuer: Option<Issuer>,
    /// Names callers and gives them nothing: of a configuration from before there were roles.
    named_by: Option<Source>,
    loopback: Grants,
    unix: Grants,
    /// The configuration says who may do what.
    is_told: bool,
    pub unauthenticated: Counter,
    pub forbidden: Counter,
}

impl Gate {
    /// Reads the keys and the tokens, all of which must be right. Keys are read again by `reload`, tokens whenever
    /// their file has changed.
    pub fn open(
        config: &config::Access,
        named_by: Option<Source>,
        reload: &mut Reload,
    ) -> Result<Self> {
        let issuer = config.jwt.as_ref().map(|jwt| Issuer::open(jwt, reload)).transpose()?;
        Ok(Self {
            tokens: config.tokens.as_deref().map(TokenFile::open).transpose()?,
            issuer,
            named_by,
            loopback: config.loopback.clone(),
            unix: config.unix.clone(),
            is_told: config.is_told,
            unauthenticated: Counter::default(),
            forbidden: Counter::default(),
        })
    }

    /// Refuses a token that is not good. Without one the way counts.
    pub fn identify(&self, headers: &HeaderMap, peer: Peer) -> Result<Caller> {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        let Some(first) = sent.next() else { return Ok(self.unknown(headers, peer)) };
        if sent.next().is_some() {
            return Err(invalid("the request has more than one `Authorization`"));
        }
        let token = bearer(first.as_bytes());
        match (token, &self.tokens, &self.issuer) {
            (Some(token), Some(tokens), _) if token.starts_with(PREFIX) => {
                match tokens.find(token, Moment::now()) {
                    Found::Good { name, grants } => Ok(Caller::known("token", name, grants)),
                    Found::Expired => Err(invalid("the token has expired")),
                    Found::Unknown => Err(invalid("the token is not known")),
                }
            }
            (Some(token), None, _) if token.starts_with(PREFIX) => {
                Err(invalid("the token is not known: `access.tokens` is not set"))
            }
            (Some(token), _, Some(issuer)) => match issuer.verify(token) {
                Ok(claimed) => Ok(Caller::known("user", claimed.id, claimed.grants)),
                Err(Refused::Expired) => Err(invalid("the token has expired")),
                Err(Refused::Invalid) => Err(invalid("the token is not valid here")),
                Err(Refused::Unknown) => Err(Error::new(
                    Code::IssuerUnavailable,
                    "the keys of the issuer of tokens are not known yet; try again later",
                )),
            },
            (_, Some(_), _) | (None, _, Some(_)) => {
                Err(invalid("expected `Authorization: Bearer` and a token that is known here"))
            }
            // Whoever is not asked for a token may send what he likes.
            (_, None, None) => Ok(self.named(headers, peer)),
        }
    }

    fn named(&self, headers: &HeaderMap, peer: Peer) -> Caller {
        let mut caller = self.unknown(headers, peer);
        let actor = identity::Actor::of(headers, self.named_by.as_ref());
        if let Some(actor) = actor.filter(|actor| actor.verified) {
            caller.actor = Actor { kind: "user".into(), id: actor.id };
            caller.is_known = true;
        }
        caller
    }

    fn unknown(&self, headers: &HeaderMap, peer: Peer) -> Caller {
        let is_passed_on = headers.keys().any(is_of_a_proxy);
        let (grants, hint) = match peer {
            Peer::Unix { .. } => (self.unix.clone(), None),
            Peer::Address(address) if !address.ip().to_canonical().is_loopback() => {
                (Grants::default(), None)
            }
            Peer::Address(_) if self.is_told && is_passed_on => {
                let hint = "a request that a proxy passed on is not one from loopback";
                (Grants::default(), Some(hint))
            }
            Peer::Address(_) => {
                let hint = "`access.loopback` says what is allowed without one";
                (self.loopback.clone(), Some(hint))
            }
        };
        Caller { hint, ..Caller::new(actor_of(peer), false, grants) }
    }

    /// How issuers were asked for their keys, by the table that names them.
    pub fn fetches(&self) -> impl Iterator<Item = (&'static str, &Fetches)> {
        let access = self.issuer.as_ref().and_then(|issuer| issuer.keys().fetches());
        let request = self.named_by.as_ref().and_then(Source::fetches);
        [("access.jwt", access), ("request", request)]
            .into_iter()
            .filter_map(|(table, fetches)| Some((table, fetches?)))
    }

    /// Counts a refusal.
    pub fn note(&self, error: &Error) {
        match error.code() {
            Code::Unauthenticated | Code::InvalidToken => self.unauthenticated.add(1),
            Code::Forbidden => self.forbidden.add(1),
            _ => {}
        }
    }
}

/// All that is known of a caller who says nothing of himself.
pub fn actor_of(peer: Peer) -> Actor {
    let kind = match peer {
        Peer::Address(_) => "address",
        Peer::Unix { .. } => "unix_user",
    };
    Actor { kind: kind.into(), id: peer.to_string() }
}

impl Caller {
    fn known(kind: &str, id: String, grants: Grants) -> Self {
        Self::new(Actor { kind: kind.into(), id }, true, grants)
    }
}

/// What a proxy adds when it passes a request on.
fn is_of_a_proxy(name: &HeaderName) -> bool {
    matches!(*name, header::FORWARDED | header::VIA)
        || name.as_str().starts_with("x-forwarded-")
        || name.as_str() == "x-real-ip"
}

/// The token of `Bearer` credentials (RFC 6750 §2.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = (1..=MAX_TOKEN).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

fn invalid(message: &str) -> Error {
    Error::new(Code::InvalidToken, message)
}

#[cfg(test)]
mod tests;
