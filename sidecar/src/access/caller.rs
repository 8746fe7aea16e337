//! Who asks, and what he may do.

use super::gate::Via;
use super::need::Need;
use super::role::{Grants, Role};
use crate::code::Code;
use crate::engine::Actor;
use crate::error::{Error, Result};

/// A caller whose token, if he sent one, is good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    /// By a token; else only the way he came is known.
    pub is_known: bool,
    pub grants: Grants,
    /// Why the way he came gives him nothing, where that is not obvious.
    pub hint: Option<&'static str>,
}

impl Caller {
    /// Who asks for what anybody may have.
    pub fn anybody(via: Via) -> Self {
        Self { actor: via.actor(), is_known: false, grants: Grants::default(), hint: None }
    }

    /// Whom the body names counts only where no token says better.
    pub fn or_named(self, named: Option<Actor>) -> Actor {
        match named {
            Some(named) if !self.is_known => named,
            _ => self.actor,
        }
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
