//! Who acts and for which reason, such that the record of the act can say so.

use crate::code::Code;
use crate::engine::Actor;
use crate::error::{Error, Place, Result};
use crate::proxy::correlation::CorrelationId;

/// Bytes of a name or reason in a record.
const LONGEST: usize = 512;

/// An actor and a reason that a record can hold. There is no other way to begin an act, so nothing has been
/// done yet when one of them is refused.
#[derive(Debug, Clone)]
pub struct Justification {
    actor: Actor,
    reason: String,
    correlation_id: Option<CorrelationId>,
}

impl Justification {
    /// Each text must have 1 to 512 bytes without control characters, and must not be blank.
    pub fn parse(actor: Actor, reason: &str) -> Result<Self> {
        for (pointer, what, text) in [
            ("/reason", "the reason", reason),
            ("/actor/type", "the actor's type", &actor.kind),
            ("/actor/id", "the actor's id", &actor.id),
        ] {
            check(what, text).map_err(|error| {
                error.at(Some(Place { line: None, column: None, pointer: Some(pointer.into()) }))
            })?;
        }
        Ok(Self { actor, reason: reason.to_owned(), correlation_id: None })
    }

    /// The same with something behind the reason, if that fits into a record too.
    pub fn adding(&self, more: &str) -> Result<Self> {
        let reason = format!("{}{more}", self.reason);
        let added = Self::parse(self.actor.clone(), &reason)
            .map_err(|error| error.context(format_args!("with `{more}` behind it")))?;
        Ok(added.within(self.correlation_id.clone()))
    }

    /// The request in which it is done, if it has an id.
    #[must_use]
    pub fn within(self, correlation_id: Option<CorrelationId>) -> Self {
        Self { correlation_id, ..self }
    }

    /// What is left of an act that has happened already: recorded as far as a record can hold it.
    pub fn of_the_past(kind: &str, id: &str, reason: &str) -> Self {
        let actor = Actor { kind: fit(kind), id: fit(id) };
        Self { actor, reason: fit(reason), correlation_id: None }
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_ref().map(CorrelationId::as_str)
    }
}

fn check(what: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::new(Code::MissingField, format!("{what} must not be blank")));
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        let message = format!(
            "{what}: expected 1 to {LONGEST} bytes without control characters, got {} bytes{}",
            text.len(),
            if text.chars().any(char::is_control) { " with some" } else { "" }
        );
        return Err(Error::new(Code::InvalidField, message));
    }
    Ok(())
}

fn fit(text: &str) -> String {
    let mut fit = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if fit.len() + c.len_utf8() > LONGEST {
            break;
        }
        fit.push(c);
    }
    if check("", &fit).is_err() { "unknown".into() } else { fit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, id: &str, reason: &str) -> Result<Justification> {
        Justification::parse(Actor { kind: kind.into(), id: id.into() }, reason)
    }

    #[test]
    fn what_no_record_can_hold_is_refused_with_its_place() {
        let long = "x".repeat(513);
        for (kind, id, reason, code, pointer) in [
            ("user", "a", "line1\nline2", Code::InvalidField, "/reason"),
            ("user", "a", &long, Code::InvalidField, "/reason"),
            ("user", "a", " ", Code::MissingField, "/reason"),
            ("", "a", "x", Code::MissingField, "/actor/type"),
            ("u\u{7f}", "a", "x", Code::InvalidField, "/actor/type"),
            ("user", "\u{0}", "x", Code::InvalidField, "/actor/id"),
            ("user", "", "x", Code::MissingField, "/actor/id"),
            ("user", &long, "x", Code::InvalidField, "/actor/id"),
        ] {
            let error = parse(kind, id, reason).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert_eq!(error.place().unwrap().pointer.as_deref(), Some(pointer));
        }
        assert!(parse("user", "ä", &"x".repeat(512)).is_ok());
    }

    #[test]
    fn the_past_always_fits() {
        for text in ["", " \n", "line1\nline2", "\u{1}", &"é".repeat(600), &"\n".repeat(4096)] {
            let past = Justification::of_the_past(text, text, text);
            let again = parse(&past.actor.kind, &past.actor.id, &past.reason);
            assert!(again.is_ok(), "{past:?}");
        }
        assert_eq!(Justification::of_the_past("o", "a", "line1\nline2").reason(), "line1 line2");
    }
}
