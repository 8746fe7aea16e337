//! The same decisions for a host that walks the lines itself, and asks once for each place in them.
//!
//! A path is a JSON array: the keys on the way, and `null` for an item of an array.

use sealtrail_record::json::{Buffers, Document, Kind};

use super::{Redactor, write};
use crate::Error;
use crate::policy::{Action, Mask, Step};

/// What becomes of a value that holds no others, as far as its place says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It is in the line as it is.
    Keep,
    /// The same, unless it is a text or a number with a payment card number in it.
    Look,
    /// There is nothing of it.
    Drop,
    /// One text stands for all values here.
    Write,
    /// The same, also for a container that holds nothing else.
    Seal,
    /// It depends on the value.
    Mask,
}

impl Redactor {
    /// Whether the place of an item in its array decides: then a path says too little.
    pub fn counts(&self) -> bool {
        let sets = [&self.policy.payload, &self.policy.context, &self.kept.payload];
        sets.iter().any(|set| set.counts())
    }

    /// What becomes of the values at a path.
    pub fn treatment(&self, path: &[u8]) -> Result<Treatment, Error> {
        Ok(match self.at(path)? {
            (Action::Keep, true) => Treatment::Write,
            (Action::Keep, false) if self.policy.looks_for_secrets() => Treatment::Look,
            (Action::Keep, false) => Treatment::Keep,
            (Action::Drop, _) => Treatment::Drop,
            (Action::Mask(Mask::Fixed), _) => Treatment::Write,
            (Action::Mask(_), _) => Treatment::Mask,
            (Action::Seal(_) | Action::Pseudonym(_), _) => Treatment::Seal,
        })
    }

    /// What a line has of a value at a path, as JSON text; nothing of what is dropped. The value holds no others.
    pub fn shown(&self, path: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        let (action, secret) = self.at(path)?;
        let document = self.read("the value", value)?;
        let leaf = document.root();
        if document.children(leaf).next().is_some() {
            return Err(Error::field(
                "/",
                "a value that holds no others",
                document.kind(leaf).name(),
            ));
        }
        let action = match action {
            Action::Keep => self.policy.secret(secret, &document, leaf).unwrap_or(action),
            action => action,
        };
        let mut out = Vec::new();
        write(action, &document, leaf, &mut out);
        Ok(out)
    }

    /// What the rules say, and whether a key on the way is that of a credential.
    fn at(&self, path: &[u8]) -> Result<(&Action, bool), Error> {
        let path = self.read("the path", path)?;
        let mut steps = path.children(path.root()).map(|(_, node)| match path.kind(node) {
            Kind::String => Step::Key(path.written(node)),
            _ => Step::Index { index: 0, length: 1 },
        });
        let Some(mut step) = steps.next() else {
            return Err(Error::field("/", "a path", "an empty one"));
        };
        let (roots, mut cursors) = (self.roots(), Vec::new());
        let mut standing = self.enter(None, &roots, &mut cursors);
        for below in steps {
            standing = self.enter(Some((&standing, &step)), &roots, &mut cursors);
            step = below;
        }
        let secret = standing.secret || self.policy.is_secret_step(&step);
        Ok((self.named(&standing, &cursors, &step), secret))
    }

    fn read<'t>(&self, what: &str, text: &'t [u8]) -> Result<Document<'t>, Error> {
        Document::read(text, &self.limits, Buffers::default()).map_err(|e| Error::json(what, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"id":"p","version":"1","default":"keep","rules":[
        {"select":"$.customer.email","action":"seal","group":"contact"},
        {"select":"$.plan","action":"pseudonym","group":"tier"},
        {"select":"$.iban","action":"mask","mask":{"first":2,"last":0}},
        {"select":"$.name","action":"mask"},
        {"select":"$.internal","action":"drop"}],
        "context":[{"select":"$.actor.email","action":"seal","group":"staff"}]}"#;
    const KEPT: &[u8] = br#"{"id":"k","version":"1","default":"drop","rules":[]}"#;

    #[test]
    fn a_place_is_treated_as_in_a_line() {
        let redactor = Redactor::new(POLICY.as_bytes(), KEPT).unwrap();
        assert!(!redactor.counts());
        for (path, treatment, value, shown) in [
            (r#"["tier"]"#, Treatment::Look, "1.50", "1.50"),
            (r#"["a",null]"#, Treatment::Look, r#""4111111111111111 x""#, r#""*** x""#),
            (r#"["a",null,"customer","email"]"#, Treatment::Seal, "1", r#""[sealed contact]""#),
            (r#"["actor","email"]"#, Treatment::Seal, "[]", r#""[sealed staff]""#),
            (r#"["x","plan","y"]"#, Treatment::Seal, "null", r#""[pseudonym tier]""#),
            (r#"["iban"]"#, Treatment::Mask, r#""DE12""#, r#""DE***""#),
            (r#"["name"]"#, Treatment::Write, r#""Ada""#, r#""***""#),
            (r#"["token","x"]"#, Treatment::Write, "{}", r#""***""#),
            (r#"["internal","x"]"#, Treatment::Drop, "1", ""),
        ] {
            assert_eq!(redactor.treatment(path.as_bytes()).unwrap(), treatment, "{path}");
            let out = redactor.shown(path.as_bytes(), value.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(&out).unwrap(), shown, "{path}");
        }
        let open = POLICY.replace(r#""default""#, r#""secrets":false,"default""#);
        let open = Redactor::new(open.as_bytes(), KEPT).unwrap();
        assert_eq!(open.treatment(br#"["password"]"#).unwrap(), Treatment::Keep);
        let counting = POLICY.replace("$.plan", "$.plans[0]");
        assert!(Redactor::new(counting.as_bytes(), KEPT).unwrap().counts());
    }

    #[test]
    fn what_is_no_place_and_no_leaf() {
        let redactor = Redactor::new(POLICY.as_bytes(), KEPT).unwrap();
        assert_eq!(redactor.treatment(b"[").unwrap_err().code(), "malformed_json");
        assert_eq!(redactor.treatment(b"[]").unwrap_err().code(), "invalid_field");
        assert_eq!(redactor.shown(br#"["a"]"#, b"[1]").unwrap_err().code(), "invalid_field");
        assert_eq!(redactor.shown(br#"["a"]"#, b"").unwrap_err().code(), "malformed_json");
    }
}
