//! Roles, and what somebody was given of them.

use std::collections::BTreeSet;
use std::fmt;

use super::token::PREFIX;
use crate::error::shown;

/// What one may do. None holds another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Writer,
    Sealer,
    Reader,
    Revealer,
    Eraser,
    Operator,
}

const NAMES: [(Role, &str); 6] = [
    (Role::Writer, "writer"),
    (Role::Sealer, "sealer"),
    (Role::Reader, "reader"),
    (Role::Revealer, "revealer"),
    (Role::Eraser, "eraser"),
    (Role::Operator, "operator"),
];

/// Stands for every data group.
const EVERY_GROUP: &str = "*";

/// The roles of one caller, and the data groups that he may reveal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    roles: BTreeSet<Role>,
    groups: BTreeSet<String>,
}

impl Role {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    fn of_name(name: &str) -> Option<Role> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role)
    }
}

impl Grants {
    /// What a person wrote: `writer`, `revealer` with groups beside it, or `revealer:contact`. An error says
    /// what was expected and what was got.
    pub fn parse(roles: &[String], groups: &[String]) -> Result<Self, String> {
        let mut grants = Self::default();
        for text in roles {
            if !grants.add(text) {
                let known = NAMES.map(|(_, name)| name).join("`, `");
                return Err(format!(
                    "expected one of the roles `{known}`, or `revealer:GROUP`, got {}",
                    quoted(text)
                ));
            }
        }
        grants.groups.extend(groups.iter().cloned());
        if let Some(bad) = grants.groups.iter().find(|group| !is_group(group)) {
            return Err(format!(
                "expected the name of a data group, or `*` for all, got {}",
                quoted(bad)
            ));
        }
        match (grants.has(Role::Revealer), grants.groups.is_empty()) {
            (true, true) => Err("a `revealer` needs a data group, or `*` for all".into()),
            (false, false) => Err("data groups are given to a `revealer` only".into()),
            _ => Ok(grants),
        }
    }

    /// What an issuer claims of somebody, of whose roles ours are only some: what is not known is passed over.
    pub fn of_claims(roles: &[&str], groups: &[&str]) -> Self {
        let mut grants = Self::default();
        for role in roles {
            grants.add(role);
        }
        grants.groups.extend(groups.iter().map(|group| (*group).to_owned()));
        grants.groups.retain(|group| is_group(group));
        grants
    }

    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub fn reveals(&self, group: &str) -> bool {
        self.has(Role::Revealer)
            && (self.groups.contains(EVERY_GROUP) || self.groups.contains(group))
    }

    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.roles.iter().copied()
    }

    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    fn add(&mut self, text: &str) -> bool {
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        match (Role::of_name(name), group) {
            (Some(Role::Revealer), Some(group)) => {
                self.groups.insert(group.to_owned());
                self.roles.insert(Role::Revealer)
            }
            (Some(role), None) => self.roles.insert(role),
            _ => return false,
        };
        true
    }
}

/// Whoever mixes up two lines of a file writes a token or its hash where a role belongs.
fn quoted(text: &str) -> String {
    let is_secret = text.starts_with(PREFIX) || text.len() > 40;
    if is_secret { "another text".to_owned() } else { format!("`{}`", shown(text)) }
}

fn is_group(group: &str) -> bool {
    (1..=128).contains(&group.len()) && !group.chars().any(char::is_control)
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(roles: &[&str], groups: &[&str]) -> Result<Grants, String> {
        let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Grants::parse(&owned(roles), &owned(groups))
    }

    #[test]
    fn a_role_holds_no_other() {
        for (role, name) in NAMES {
            let grants = parse(&[name], if role == Role::Revealer { &["a"] } else { &[] }).unwrap();
            for (other, _) in NAMES {
                assert_eq!(grants.has(other), role == other, "{name}");
            }
            assert_eq!(Role::of_name(name), Some(role));
        }
        assert_eq!(parse(&[], &[]).unwrap(), Grants::default());
    }

    #[test]
    fn groups_are_those_that_were_given() {
        for grants in [
            parse(&["revealer:contact", "revealer:bank"], &[]).unwrap(),
            parse(&["revealer"], &["bank", "contact"]).unwrap(),
            Grants::of_claims(&["revealer:contact", "admin", "x:y"], &["bank", ""]),
        ] {
            assert!(grants.reveals("contact") && grants.reveals("bank"));
            assert!(!grants.reveals("contac") && !grants.reveals("*") && !grants.reveals(""));
        }
        let all = parse(&["revealer:*"], &[]).unwrap();
        assert!(all.reveals("contact") && all.reveals("") && !all.has(Role::Reader));
        assert!(!Grants::of_claims(&["revealer"], &[]).reveals("contact"));
        assert!(!Grants::of_claims(&["reader"], &["contact"]).reveals("contact"));
    }

    #[test]
    fn what_was_meant_otherwise_is_refused() {
        for (roles, groups, said) in [
            (&["admin"][..], &[][..], "got `admin`"),
            (&["Writer"], &[], "got `Writer`"),
            (&["writer:contact"], &[], "got `writer:contact`"),
            (&["revealer"], &[], "needs a data group"),
            (&["revealer:"], &[], "the name of a data group"),
            (&["reader"], &["contact"], "to a `revealer` only"),
            (&["revealer"], &["a\n"], "got `a\\n`"),
        ] {
            let error = parse(roles, groups).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
