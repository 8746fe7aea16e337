//! The policy: what happens to every attribute before anything is stored.
//!
//! ```json
//! {
//!   "id": "shop", "version": "3",
//!   "default": {"action": "seal"},
//!   "rules": [
//!     {"select": "$.title", "action": "keep"},
//!     {"select": "$.customer.email", "action": "seal", "group": "contact",
//!      "subject": "customer/{/customer/id}", "retain": "standard-7y"},
//!     {"select": "$.iban", "action": "mask", "mask": {"first": 4, "last": 2}},
//!     {"select": "$.internal", "action": "drop"}
//!   ],
//!   "context": [{"select": "$.actor.email", "action": "seal", "group": "staff"}],
//!   "ignore": ["$.updated_at"],
//!   "arrays": [{"select": "$.items", "match": "key", "key": "id"}, {"select": "$.tags", "match": "set"}],
//!   "fold_keys": false, "secrets": true, "pad": 16, "retain": "standard"
//! }
//! ```
//!
//! - `rules` speak of the images of an entity, `context` of the `actor`, `request` and `tenant`.
//!   The **first** rule that names a value, or anything above it, decides.
//! - `default` is for what no rule names; a policy without one is refused.
//! - `drop` leaves no trace of the attribute, `mask` leaves `***`, `seal` an encrypted field.
//! - `mask` may keep more: `{"first": 4, "last": 2}` characters, or the shape of an `email`, `phone`
//!   or `card` (`"mask": "email"` makes `p****@*******.com`).
//! - `subject` is the data subject whose key protects the field: a pointer into the image
//!   (`/email`), a text with pointers in braces (`customer/{/customer_id}`), or, where it is left
//!   out, the entity itself (`<type>/<id>`) and in the context the actor (`<type>/<id>`).
//! - `secrets` masks credentials (by the name of their attribute) and payment card numbers (also
//!   within a text) that a rule keeps or no rule names.
//! - `arrays` says how the items of an array are matched: by `key` (a name or a pointer, or a list of
//!   them), as a `set` (equal items are counted, order has no meaning), by `position`, or as a
//!   `sequence`, which is what holds where nothing is said.
//! - `ignore` names what is not a change; `fold_keys` reads keys trimmed, in lower case, with
//!   underscores for spaces and without a leading underscore.
//! - `$schema` is for editors; `policy.schema.json` beside this crate's sources is the schema, and a test
//!   holds it to this reader. [`lint`] finds what a policy says in vain.

mod automaton;
mod document;
mod lint;
mod mask;
mod secrets;
mod selector;

use std::borrow::Cow;

use sealtrail_record::json::Value;
use sha2::{Digest, Sha256};

pub use automaton::State;
pub use lint::lint;
pub use selector::Step;

use crate::Error;
use crate::fold::fold_key;
use automaton::Automaton;
pub(crate) use mask::{Mask, Shape};

/// A policy that has been read and cannot be wrong.
pub struct Policy {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) fold_keys: bool,
    /// Sealed plaintexts are padded to a multiple of this many bytes.
    pub(crate) pad: usize,
    secrets: bool,
    pub(crate) payload: RuleSet,
    pub(crate) context: RuleSet,
    ignore: Automaton,
    ignores_nothing: bool,
    arrays: ArrayRules,
}

/// How the items of arrays are matched, by path.
pub(crate) struct ArrayRules {
    automaton: Automaton,
    matchings: Vec<Matching>,
}

/// How the items of two arrays are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matching {
    /// By their order: the longest common subsequence, or one that is near it.
    Sequence,
    /// The first with the first, the second with the second.
    Position,
    /// By how often each value is there; the order has no meaning.
    Set,
    /// By an identity, at these pointers of each item.
    Key(Vec<String>),
}

/// Rules in their order, and what holds where none of them matches.
pub(crate) struct RuleSet {
    automaton: Automaton,
    rules: Vec<Rule>,
    default: Action,
    /// `rules` or `context`, as the document calls them.
    name: &'static str,
    /// Rules from here on are not the document's but built in.
    built_in: usize,
}

pub(crate) struct Rule {
    select: String,
    action: Action,
}

/// What happens to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Keep,
    Drop,
    Mask(Mask),
    Seal(Seal),
}

/// Under which keys a value is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) group: String,
    /// `None`: the entity, or in the context the actor.
    pub(crate) subject: Option<Subject>,
    /// Retention class.
    pub(crate) retain: String,
}

/// How the id of the data subject is found: fixed text and pointers, joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject(pub(crate) Vec<SubjectPart>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubjectPart {
    Text(String),
    Pointer(String),
}

/// What a policy decided about one value, and why.
#[derive(Clone, Copy)]
pub(crate) struct Decision<'p> {
    pub(crate) action: &'p Action,
    reason: Reason<'p>,
}

#[derive(Clone, Copy)]
enum Reason<'p> {
    Rule { set: &'p RuleSet, number: usize },
    Secret,
    Default,
}

impl Policy {
    /// Reads a policy document; see the [module](self) for its form.
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        document::read(document)
    }

    /// `{"id":…,"version":…,"sha256":…}`, as every record names it.
    pub fn summary(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_summary(&mut out);
        out
    }

    pub(crate) fn write_summary(&self, out: &mut Vec<u8>) {
        use sealtrail_record::json::write_string;
        out.extend_from_slice(b"{\"id\":");
        write_string(&self.id, out);
        out.extend_from_slice(b",\"version\":");
        write_string(&self.version, out);
        out.extend_from_slice(b",\"sha256\":");
        write_string(&crate::hex(&self.sha256), out);
        out.push(b'}');
    }

    /// Whether a difference at the end of these steps is not a change.
    pub(crate) fn ignores(&self, steps: &[Step<'_>]) -> bool {
        !self.ignores_nothing
            && steps
                .iter()
                .fold(self.ignore.start(), |state, step| {
                    self.ignore.step(&state, &self.named(step))
                })
                .first()
                .is_some()
    }

    /// What happens to a value that is no container; `secret_name` says that its key, or one
    /// above it, is that of a credential.
    pub(crate) fn decide<'p>(
        &'p self,
        set: &'p RuleSet,
        state: &State,
        secret_name: bool,
        value: &Value<'_>,
    ) -> Decision<'p> {
        let rule = state.first().map(|number| {
            let reason = Reason::Rule { set, number };
            Decision { action: &set.rules[number].action, reason }
        });
        match rule {
            Some(decision) if *decision.action != Action::Keep => decision,
            _ if self.secrets && secret_name => {
                Decision { action: &MASKED, reason: Reason::Secret }
            }
            _ if self.secrets && secrets::has_card_number(value) => {
                Decision { action: &WITHOUT_CARDS, reason: Reason::Secret }
            }
            Some(decision) => decision,
            None => Decision { action: &set.default, reason: Reason::Default },
        }
    }

    /// A step by the name that rules know it by. Where two keys of an object fold to one, the second
    /// keeps its spelling in the record, and must not escape its rule by that.
    pub(crate) fn named<'s>(&self, step: &'s Step<'_>) -> Step<'s> {
        match step {
            Step::Key(key) if self.fold_keys => Step::Key(fold_key(key)),
            Step::Key(key) => Step::Key(Cow::Borrowed(key)),
            Step::Index { index, lengths } => Step::Index { index: *index, lengths: *lengths },
        }
    }

    /// How the items of the array at the end of these steps are matched.
    pub(crate) fn matching(&self, steps: &[Step<'_>]) -> &Matching {
        if self.arrays.matchings.is_empty() {
            return &Matching::Sequence;
        }
        let automaton = &self.arrays.automaton;
        let start = automaton.start();
        let state =
            steps.iter().fold(start, |state, step| automaton.step(&state, &self.named(step)));
        automaton.ends(&state).map_or(&Matching::Sequence, |number| &self.arrays.matchings[number])
    }

    /// Whether a key is that of a credential, where the policy looks for them.
    pub(crate) fn is_secret_step(&self, step: &Step<'_>) -> bool {
        self.secrets && matches!(step, Step::Key(key) if secrets::is_secret_name(key))
    }
}

impl RuleSet {
    pub(crate) fn start(&self) -> State {
        self.automaton.start()
    }

    pub(crate) fn step(&self, state: &State, step: &Step<'_>) -> State {
        self.automaton.step(state, step)
    }
}

impl Decision<'_> {
    /// For a person: `rules[2] $.customer.email`, `built-in $.actor.id`, `secrets` or `default`.
    pub(crate) fn because(&self) -> String {
        match self.reason {
            Reason::Rule { set, number } if number >= set.built_in => {
                format!("built-in {}", set.rules[number].select)
            }
            Reason::Rule { set, number } => {
                format!("{}[{number}] {}", set.name, set.rules[number].select)
            }
            Reason::Secret => "secrets".into(),
            Reason::Default => "default".into(),
        }
    }
}

impl Action {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Drop => "drop",
            Action::Mask(_) => "mask",
            Action::Seal(_) => "seal",
        }
    }
}

/// What becomes of a secret that no rule protects.
static MASKED: Action = Action::Mask(Mask::Fixed);
static WITHOUT_CARDS: Action = Action::Mask(Mask::Cards);

fn digest(document: &[u8]) -> [u8; 32] {
    Sha256::digest(document).into()
}
