//! Who asks, and what he may do.

use super::gate::actor_of;
use super::need::Need;
use super::role::{Grants, Role};
use crate::acts::Justification;
use crate::code::Code;
use crate::engine::Actor;
use crate::error::{Error, Result};
use crate::listener::Peer;
use crate::proxy::correlation::CorrelationId;

/// A caller whose token, if he sent one, is good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    /// By a token; else only the way he came is known.
    pub is_known: bool,
    pub grants: Grants,
    /// Why the way he came gives him nothing, where that is not obvious.
    pub hint: Option<&'static str>,
    /// The id of the request that he makes, where it brings one.
    pub correlation_id: Option<CorrelationId>,
}

impl Caller {
    /// Who asks for what anybody may have.
    pub fn anybody(peer: Peer) -> Self {
        Self::new(actor_of(peer), false, Grants::default())
    }

    pub(super) fn new(actor: Actor, is_known: bool, grants: Grants) -> Self {
        Self { actor, is_known, grants, hint: None, correlation_id: None }
    }

    /// Who acts, why, and in which request. Whom the body names counts only where no token says better.
    pub fn because(self, named: Option<Actor>, reason: &str) -> Result<Justification> {
        let actor = named.filter(|_| !self.is_known).unwrap_or(self.actor);
        Ok(Justification::parse(actor, reason)?.within(self.correlation_id))
    }

    pub fn require(&self, need: Need) -> Result<()> {
        if need.0.iter().any(|role| self.grants.has(*role)) {
            return Ok(());
        }
        let roles = need.0.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>();
        Err(self.refused(&format!("the role {}", roles.join(" or "))))
    }

    /// The role of a revealer of this group.
    pub fn require_group(&self, group: &str) -> Result<()> {
        if self.grants.reveals(group) {
            return Ok(());
        }
        // What the refusal says goes into the log, where nobody writes what he likes.
        let group = if is_plain(group) { format!("group `{group}`") } else { "this group".into() };
        Err(self.refused(&format!("the role `{}` of {group}", Role::Revealer)))
    }

    fn refused(&self, what: &str) -> Error {
        if self.is_known {
            return Error::new(Code::Forbidden, format!("{what} is missing"));
        }
        let hint = self.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Error::new(Code::Unauthenticated, format!("{what} is missing, and no token was sent{hint}"))
    }
}

/// A name such as a policy gives a group, if it is one.
pub fn is_plain(group: &str) -> bool {
    (1..=64).contains(&group.len())
        && group.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
