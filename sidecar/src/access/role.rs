//! Roles, and what somebody was given of them.

use std::collections::BTreeSet;
use std::fmt;

use super::services::{Services, is_service};
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

/// The roles of one caller, the data groups that he may reveal, and the services that he may write for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    roles: BTreeSet<Role>,
    groups: BTreeSet<String>,
    services: Services,
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
    /// What a person wrote: `writer`, `revealer` with groups beside it, `revealer:contact`, or `writer:billing`. An
    /// error says what was expected and what was got.
    pub fn parse(roles: &[String], groups: &[String]) -> Result<Self, String> {
        let mut grants = Self::default();
        for text in roles {
            if !grants.add(text) {
                let known = NAMES.map(|(_, name)| name).join("`, `");
                return Err(format!(
                    "expected one of the roles `{known}`, or `revealer:GROUP`, `writer:SERVICE`, `sealer:SERVICE`, \
                     got {}",
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
            _ => grants.for_services(&[]),
        }
    }

    /// For these services, and those that a role named. Where nobody names one it is for all.
    pub fn for_services(mut self, services: &[String]) -> Result<Self, String> {
        if !services.is_empty() {
            self.services.restrict(services.iter().map(String::as_str));
        }
        if let Some(bad) = self.services.names().find(|name| !is_service(name)) {
            let bad = quoted(bad);
            return Err(format!("expected the name of a service, or `*` for any, got {bad}"));
        }
        if !self.services.is_any() && !self.has(Role::Writer) && !self.has(Role::Sealer) {
            return Err("services are given to a `writer` or a `sealer` only".into());
        }
        Ok(self)
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

    /// For the services that an issuer claims, and none where it claims none.
    #[must_use]
    pub fn of_claimed_services(mut self, services: &[&str]) -> Self {
        self.services.restrict(services.iter().copied());
        self
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

    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The services by their names; none where it is any.
    pub fn service_names(&self) -> impl Iterator<Item = &str> {
        self.services.names()
    }

    fn add(&mut self, text: &str) -> bool {
        let (name, of) = match text.split_once(':') {
            Some((name, of)) => (name, Some(of)),
            None => (text, None),
        };
        match (Role::of_name(name), of) {
            (Some(Role::Revealer), Some(group)) => {
                self.groups.insert(group.to_owned());
                self.roles.insert(Role::Revealer)
            }
            (Some(role @ (Role::Writer | Role::Sealer)), Some(service)) => {
                self.services.restrict([service]);
                self.roles.insert(role)
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
    fn services_are_those_that_were_given() {
        let may = |grants: &Grants, source| grants.services().have(source);
        let any = parse(&["writer", "sealer"], &[]).unwrap();
        assert!(may(&any, "shop") && any.service_names().next().is_none());
        let given = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let claimed = |roles: &[&str]| Grants::of_claims(roles, &[]);
        for grants in [
            parse(&["writer:shop", "sealer:billing"], &[]).unwrap(),
            parse(&["writer:shop", "reader"], &[])
                .unwrap()
                .for_services(&given(&["billing"]))
                .unwrap(),
            parse(&["sealer"], &[]).unwrap().for_services(&given(&["shop", "billing"])).unwrap(),
            claimed(&["writer"]).of_claimed_services(&["shop", "billing"]),
            claimed(&["writer:shop", "writer:billing", "x:other"]),
        ] {
            assert!(may(&grants, "shop") && may(&grants, "billing"), "{grants:?}");
            assert!(
                !may(&grants, "other") && !may(&grants, "") && !may(&grants, "*"),
                "{grants:?}"
            );
        }
        // An issuer whose claim is missing gives none: the configuration says that it is asked.
        assert!(!may(&claimed(&["writer"]).of_claimed_services(&[]), "shop"));
        assert!(may(&claimed(&["writer"]), "shop"));
        let refused = parse(&["reader"], &[]).unwrap().for_services(&given(&["shop"]));
        assert!(refused.unwrap_err().contains("to a `writer` or a `sealer` only"));
    }

    #[test]
    fn what_was_meant_otherwise_is_refused() {
        for (roles, groups, said) in [
            (&["admin"][..], &[][..], "got `admin`"),
            (&["Writer"], &[], "got `Writer`"),
            (&["reader:contact"], &[], "got `reader:contact`"),
            (&["writer:"], &[], "the name of a service"),
            (&["sealer:a\n"], &[], "got `a\\n`"),
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
