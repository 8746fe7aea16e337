//! A line of a log by the policy of the audit trail: what the trail protects, the log does not show.
//!
//! A log has an entity anywhere: `{"customer":{…}}`, `{"body":{"items":[{…}]}}`. So every object and array of the
//! line is taken for what the policy speaks of, an image or a context, and a rule holds wherever its path ends. Where
//! rules differ, the one that shows least decides; what none of them names has the policy's `default`, except where
//! `kept` keeps it.
//!
//! | action | what the line has |
//! |---|---|
//! | `keep` | the value; of a credential or a payment card number its mask |
//! | `mask` | the mask, as in a record |
//! | `seal`, `pseudonym` | `[sealed <group>]`, `[pseudonym <group>]`: there are no keys here |
//! | `drop` | nothing |
//!
//! What holds nothing but values of one group is sealed as one, so that its keys do not show.

mod place;

use sealtrail_record::json::{Buffers, Document, Event, Kind, Limits, NodeId, Place, write_string};

use crate::Error;
use crate::diff::{Image, PathStep};
use crate::policy::{Action, Cursor, Policy, Step};
pub use place::Treatment;

/// A policy for logs.
pub struct Redactor {
    policy: Policy,
    kept: Policy,
    limits: Limits,
    /// Of the line before.
    buffers: Buffers,
}

impl Redactor {
    /// `kept` is a policy too: what its `rules` keep, from the root of the line on, is not for the default.
    pub fn new(policy: &[u8], kept: &[u8]) -> Result<Self, Error> {
        let (policy, kept) = (Policy::parse(policy)?, Policy::parse(kept)?);
        Ok(Self { policy, kept, limits: Limits::default(), buffers: Buffers::default() })
    }

    /// The line as a log may have it, compact, without a line end.
    pub fn redact(&mut self, line: &[u8]) -> Result<Vec<u8>, Error> {
        let document = Document::read(line, &self.limits, std::mem::take(&mut self.buffers))
            .map_err(|e| Error::json("the line", e))?;
        let redacted = self.redacted(&document, line.len());
        self.buffers = document.into_buffers();
        redacted
    }

    fn redacted(&self, document: &Document<'_>, length: usize) -> Result<Vec<u8>, Error> {
        let root = document.kind(document.root());
        if root != Kind::Object {
            return Err(Error::field("/", "an object", root.name()));
        }
        let roots = self.roots();
        // Of all containers that are open, one behind another.
        let mut cursors: Vec<Cursor<'_>> = Vec::new();
        let mut out = Vec::with_capacity(length);
        let mut open: Vec<Open<'_>> = Vec::new();
        for event in document.walk(document.root()) {
            let mut start = out.len();
            let shown = match event {
                Event::Open(node, place) => {
                    let step = open.last().and_then(|above| above.step(document, place));
                    let above = open.last().map(|above| &above.standing).zip(step.as_ref());
                    let standing = self.enter(above, &roots, &mut cursors);
                    label(document, place, open.last(), &mut out);
                    let value = out.len();
                    let object = document.kind(node) == Kind::Object;
                    out.push(if object { b'{' } else { b'[' });
                    let length = if object { 0 } else { document.children(node).count() };
                    let shown = Shown::Nothing;
                    open.push(Open { standing, start, value, object, length, shown });
                    continue;
                }
                Event::Leaf(node, place) => {
                    let action = self.decide(open.last(), &cursors, document, place, node);
                    if *action != Action::Drop {
                        label(document, place, open.last(), &mut out);
                    }
                    write(action, document, node, &mut out)
                }
                Event::Close(_) => {
                    let Some(closed) = open.pop() else { break };
                    cursors.truncate(closed.standing.from);
                    out.push(if closed.object { b'}' } else { b']' });
                    start = closed.start;
                    match (open.is_empty(), closed.shown) {
                        (false, Shown::Sealed(name)) => {
                            out.truncate(closed.value);
                            write_seal(name, &mut out);
                            closed.shown
                        }
                        (false, Shown::Nothing) => Shown::Nothing,
                        _ => Shown::Clear,
                    }
                }
            };
            if shown == Shown::Nothing && !open.is_empty() {
                out.truncate(start);
            }
            if let Some(above) = open.last_mut() {
                above.shown = above.shown.and(shown);
            }
        }
        Ok(out)
    }

    /// Of a value that may be an image, or a context, itself.
    fn roots(&self) -> Vec<Cursor<'_>> {
        let sets = [&self.policy.payload, &self.policy.context];
        sets.into_iter().filter(|set| set.has_own_rules()).map(Cursor::new).collect()
    }

    /// Where the walk stands in a container, by where it stood above and the step from there.
    fn enter<'r>(
        &'r self,
        above: Option<(&Standing<'r>, &Step<'_>)>,
        roots: &[Cursor<'r>],
        cursors: &mut Vec<Cursor<'r>>,
    ) -> Standing<'r> {
        let from = cursors.len();
        let standing = match above {
            Some((above, step)) => {
                for at in above.from..from {
                    let below = cursors[at].down(&self.policy, step);
                    // Most paths end at their first step.
                    if !below.is_over() {
                        cursors.push(below);
                    }
                }
                let secret = above.secret || self.policy.is_secret_step(step);
                Standing { from, kept: above.kept.down(&self.kept, step), secret }
            }
            None => Standing { from, kept: Cursor::new(&self.kept.payload), secret: false },
        };
        cursors.extend_from_slice(roots);
        standing
    }

    fn decide<'r>(
        &'r self,
        above: Option<&Open<'r>>,
        cursors: &[Cursor<'r>],
        document: &Document<'_>,
        place: Place,
        leaf: NodeId,
    ) -> &'r Action {
        let Some((above, step)) =
            above.and_then(|above| Some((above, above.step(document, place)?)))
        else {
            // The line itself, when it is empty.
            return &Action::Keep;
        };
        match self.named(&above.standing, cursors, &step) {
            Action::Keep => {
                let secret = above.standing.secret || self.policy.is_secret_step(&step);
                self.policy.secret(secret, document, leaf).unwrap_or(&Action::Keep)
            }
            action => action,
        }
    }

    /// What the rules say of the value one step down, whatever it is.
    fn named<'r>(
        &'r self,
        above: &Standing<'r>,
        cursors: &[Cursor<'r>],
        step: &Step<'_>,
    ) -> &'r Action {
        let named = cursors[above.from..].iter().filter_map(|c| c.named_below(&self.policy, step));
        let decided = named.reduce(|a, b| if strength(b) > strength(a) { b } else { a });
        decided.unwrap_or_else(|| {
            // Only here: it is asked for what no rule names.
            match above.kept.named_below(&self.kept, step) {
                Some(Action::Keep) => &Action::Keep,
                _ => self.policy.payload.default(),
            }
        })
    }
}

/// Where the walk stands in both policies.
struct Standing<'r> {
    /// Where the cursors begin that stand there.
    from: usize,
    kept: Cursor<'r>,
    /// Whether a key on the way is that of a credential.
    secret: bool,
}

/// A container that is being written.
struct Open<'r> {
    standing: Standing<'r>,
    /// Where it begins with its label, and without.
    start: usize,
    value: usize,
    object: bool,
    /// Of an array, its number of items.
    length: usize,
    /// What it holds so far.
    shown: Shown<'r>,
}

impl Open<'_> {
    fn step<'d>(&self, document: &'d Document<'_>, place: Place) -> Option<Step<'d>> {
        Some(PathStep::of(place, self.length)?.step(document, Image::Before))
    }
}

/// What of a value is in the line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown<'r> {
    Nothing,
    Clear,
    /// Its label and group.
    Sealed((&'static str, &'r str)),
}

impl Shown<'_> {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, shown) | (shown, Self::Nothing) => shown,
            (a, b) if a == b => a,
            _ => Self::Clear,
        }
    }
}

/// How much an action keeps back.
fn strength(action: &Action) -> u8 {
    match action {
        Action::Keep => 0,
        Action::Mask(_) => 1,
        Action::Pseudonym(_) => 2,
        Action::Seal(_) => 3,
        Action::Drop => 4,
    }
}

fn label(document: &Document<'_>, place: Place, above: Option<&Open<'_>>, out: &mut Vec<u8>) {
    if above.is_some_and(|above| above.shown != Shown::Nothing) {
        out.push(b',');
    }
    if let Place::Key(key) = place {
        document.write_key(key, out);
        out.push(b':');
    }
}

fn write<'r>(
    action: &'r Action,
    document: &Document<'_>,
    leaf: NodeId,
    out: &mut Vec<u8>,
) -> Shown<'r> {
    match action {
        Action::Drop => return Shown::Nothing,
        Action::Keep => document.write_leaf(leaf, out),
        Action::Mask(mask) => write_string(&mask.apply(&document.to_value(leaf)), out),
        Action::Seal(seal) => {
            write_seal(("sealed", &seal.group), out);
            return Shown::Sealed(("sealed", &seal.group));
        }
        Action::Pseudonym(seal) => {
            write_seal(("pseudonym", &seal.group), out);
            return Shown::Sealed(("pseudonym", &seal.group));
        }
    }
    Shown::Clear
}

fn write_seal((label, group): (&str, &str), out: &mut Vec<u8>) {
    write_string(&format!("[{label} {group}]"), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"id":"p","version":"1","default":"seal","rules":[
        {"select":"$.title","action":"keep"},
        {"select":"$.customer.email","action":"seal","group":"contact"},
        {"select":"$.iban","action":"mask","mask":{"first":2,"last":0}},
        {"select":"$.internal","action":"drop"},
        {"select":"$.plan","action":"pseudonym","group":"tier"},
        {"select":"$.lines[*].note","action":"keep"}],
        "context":[{"select":"$.actor.email","action":"seal","group":"staff"}]}"#;
    const KEPT: &str = r#"{"id":"k","version":"1","default":"drop","rules":[
        {"select":"$.level","action":"keep"},{"select":"$.msg","action":"keep"}]}"#;

    fn redacted(line: &str) -> String {
        let mut redactor = Redactor::new(POLICY.as_bytes(), KEPT.as_bytes()).unwrap();
        String::from_utf8(redactor.redact(line.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn each_action_wherever_its_path_ends() {
        for (line, expected) in [
            (r#"{"level":30,"msg":"hi"}"#, r#"{"level":30,"msg":"hi"}"#),
            (r#"{"title":"a","x":{"title":"b"}}"#, r#"{"title":"a","x":{"title":"b"}}"#),
            (
                r#"{"level":30,"o":{"customer":{"email":"a@b.c","title":"Dr"}}}"#,
                r#"{"level":30,"o":{"customer":{"email":"[sealed contact]","title":"Dr"}}}"#,
            ),
            (
                r#"{"iban":"DE12","a":[{"iban":"DE34"}]}"#,
                r#"{"iban":"DE***","a":[{"iban":"DE***"}]}"#,
            ),
            (r#"{"a":{"internal":{"x":1}},"level":1}"#, r#"{"level":1}"#),
            (r#"{"level":1,"a":[{"internal":1},{"title":2}]}"#, r#"{"level":1,"a":[{"title":2}]}"#),
            (r#"{"plan":"gold","level":1}"#, r#"{"plan":"[pseudonym tier]","level":1}"#),
            (r#"{"actor":{"email":"a"},"level":1}"#, r#"{"actor":"[sealed staff]","level":1}"#),
            (r#"{"body":{"lines":[{"note":"n"}]}}"#, r#"{"body":{"lines":[{"note":"n"}]}}"#),
            // A name that is kept at the root of a line says nothing of what is below.
            (
                r#"{"level":1,"x":{"msg":"m","title":1}}"#,
                r#"{"level":1,"x":{"msg":"[sealed default]","title":1}}"#,
            ),
            (r#"{"level":1,"x":[]}"#, r#"{"level":1,"x":"[sealed default]"}"#),
        ] {
            assert_eq!(redacted(line), expected, "{line}");
        }
    }

    #[test]
    fn the_rule_that_shows_least_decides() {
        let policy = r#"{"id":"p","version":"1","default":"keep","rules":[
            {"select":"$.title","action":"keep"},{"select":"$.customer.title","action":"seal","group":"c"},
            {"select":"$.a.title","action":"mask"}]}"#;
        let mut redactor = Redactor::new(policy.as_bytes(), KEPT.as_bytes()).unwrap();
        let line = br#"{"title":1,"customer":{"title":2},"a":{"title":3},"customer2":{"title":4}}"#;
        let shown = String::from_utf8(redactor.redact(line).unwrap()).unwrap();
        assert_eq!(
            shown,
            r#"{"title":1,"customer":"[sealed c]","a":{"title":"***"},"customer2":{"title":4}}"#
        );
    }

    #[test]
    fn what_is_of_one_group_is_sealed_as_one_with_its_keys() {
        let line =
            r#"{"level":1,"by":{"ada@example.org":{"n":[1,{"m":2}]}},"k":{"title":"t","ada":1}}"#;
        let expected =
            r#"{"level":1,"by":"[sealed default]","k":{"title":"t","ada":"[sealed default]"}}"#;
        assert_eq!(redacted(line), expected);
        assert_eq!(redacted(r#"{"a":1}"#), r#"{"a":"[sealed default]"}"#, "a line stays an object");
        assert_eq!(redacted(r#"{"internal":1}"#), "{}");
        assert_eq!(redacted("{}"), "{}");
    }

    #[test]
    fn secrets_are_masked_where_they_would_be_kept() {
        let line = r#"{"msg":"card 4111 1111 1111 1111 of Ada","title":{"password":"x","a":4111111111111111}}"#;
        let expected =
            r#"{"msg":"card **** **** **** **** of Ada","title":{"password":"***","a":"***"}}"#;
        assert_eq!(redacted(line), expected.replace("**** **** **** ****", &redacted_card()));
        let policy = r#"{"id":"p","version":"1","default":"keep"}"#;
        let mut redactor = Redactor::new(policy.as_bytes(), KEPT.as_bytes()).unwrap();
        let line = br#"{"a":{"secret":{"b":"x"}}}"#;
        assert_eq!(redactor.redact(line).unwrap(), br#"{"a":{"secret":{"b":"***"}}}"#);
        // Nobody keeps this: the rest of the text stays sealed too.
        assert_eq!(
            redacted(r#"{"level":1,"note":"4111 1111 1111 1111 of Ada"}"#),
            r#"{"level":1,"note":"[sealed default]"}"#
        );
    }

    fn redacted_card() -> String {
        let shown = redacted(r#"{"msg":"4111 1111 1111 1111"}"#);
        assert!(!shown.contains("4111 1111"), "{shown}");
        shown[8..shown.len() - 2].to_owned()
    }

    #[test]
    fn what_is_no_line() {
        let mut redactor = Redactor::new(POLICY.as_bytes(), KEPT.as_bytes()).unwrap();
        for (line, code) in [
            ("{", "malformed_json"),
            (r#"{"a":1,"a":2}"#, "duplicate_key"),
            ("7", "invalid_field"),
            ("[]", "invalid_field"),
            ("", "malformed_json"),
        ] {
            assert_eq!(redactor.redact(line.as_bytes()).unwrap_err().code(), code, "{line}");
        }
        assert!(Redactor::new(b"{}", KEPT.as_bytes()).is_err());
    }
}
