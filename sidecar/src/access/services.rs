//! For which services somebody may write.
//!
//! The service of a change is the `source` of its record, and with it what its id is unique in. Who writes under another's
//! name forges what that one did, and takes ids away from him: of two changes with one (source, id) the second gets the
//! first one's receipt.

use std::collections::BTreeSet;

use crate::code::Code;
use crate::error::{Error, Result, shown};

/// Any service, or these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services(Option<BTreeSet<String>>);

/// Stands for every service.
const EVERY_SERVICE: &str = "*";

/// So many are named to who asked for another one.
const TOLD: usize = 8;

impl Services {
    /// From now on these, and those that were named before.
    pub(super) fn restrict<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let known = self.0.get_or_insert_default();
        known.extend(names.into_iter().map(str::to_owned));
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(String::as_str)
    }

    pub fn have(&self, source: &str) -> bool {
        let names =
            |known: &BTreeSet<String>| known.contains(EVERY_SERVICE) || known.contains(source);
        self.0.as_ref().is_none_or(names)
    }

    /// Refuses the source of another service, and says which there are. What names no service has the name of the log.
    pub fn require(&self, source: &str, origin: &str) -> Result<()> {
        if self.have(source) {
            return Ok(());
        }
        let known = self.0.as_ref().map_or(0, BTreeSet::len);
        let quoted = self.names().take(TOLD).map(|name| format!("`{}`", shown(name)));
        let more = (known > TOLD).then(|| format!("{} more", known - TOLD));
        let mut names: Vec<_> = quoted.chain(more).collect();
        if names.is_empty() {
            names.push("no service".to_owned());
        }
        let other = match source == origin {
            true => format!("one without a service is of `{}`", shown(origin)),
            false => "this one is of another service".to_owned(),
        };
        let message = format!("this caller may write for {}, and {other}", names.join(", "));
        Err(Error::new(Code::Forbidden, message))
    }
}

/// As a change names it: the core takes nothing else.
pub(super) fn is_service(name: &str) -> bool {
    (1..=512).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(names: &[&str]) -> Services {
        let mut services = Services::default();
        services.restrict(names.iter().copied());
        services
    }

    #[test]
    fn who_is_given_none_by_name_has_all_of_them() {
        for (services, has_billing, has_log) in [
            (Services::default(), true, true),
            (services(&["*"]), true, true),
            (services(&["billing", "log.example"]), true, true),
            (services(&["billing"]), true, false),
            (services(&["billin", "billing2", "Billing", "*x"]), false, false),
            (services(&[]), false, false),
        ] {
            let may = |source| services.require(source, "log.example").is_ok();
            assert_eq!(
                (may("billing"), may("log.example")),
                (has_billing, has_log),
                "{services:?}"
            );
        }
    }

    #[test]
    fn a_refusal_says_what_may_be_written_and_nothing_of_what_was_sent() {
        let said = |services: &Services, source| {
            let error = services.require(source, "log.example").unwrap_err();
            assert_eq!(error.code(), Code::Forbidden);
            error.message().to_owned()
        };
        assert_eq!(
            said(&services(&["shop", "billing"]), "a secret"),
            "this caller may write for `billing`, `shop`, and this one is of another service"
        );
        assert_eq!(
            said(&services(&[]), "log.example"),
            "this caller may write for no service, and one without a service is of `log.example`"
        );
        let many: Vec<_> = (0..1000).map(|n| format!("{n:0500}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let said = said(&services(&many), "a");
        assert!(said.contains(", 992 more, and ") && said.len() < 1000, "{said}");
    }
}
