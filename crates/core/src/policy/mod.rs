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
//! - `rules` speak of the images of an entity and, as `$.event.data`, of the data of an event, whose type is in
//!   clear; `context` of the `actor`, `request` and `tenant`.
//!   The **first** rule that names a value, or anything above it, decides. Behind those of `context` come built-in
//!   ones that keep `$.tenant`, `$.actor.id`, `$.actor.type`, `$.request.method`, `$.request.path` and
//!   `$.request.user_agent` where they are single values (of a user agent its `browser`, `os` and `device`).
//! - `default` is for what no rule names; a policy without one is refused.
//! - `drop` leaves no trace of the attribute, `mask` leaves `***`, `seal` an encrypted field.
//! - `pseudonym` leaves a [text](crate::seal) that is the same for the same value of the same data
//!   subject and group, and tells nothing else; nobody can check a guess once the subject's key is gone.
//! - `mask` may keep more: `{"first": 4, "last": 2}` characters, or the shape of an `email`, `phone`
//!   or `card` (`"mask": "email"` makes `p****@*******.com`).
//! - `subject` is the data subject whose key protects the field: a pointer into the image
//!   (`/email`), a text with pointers in braces (`customer/{/customer_id}`), or, where it is left
//!   out, the entity itself (`<type>/<id>`) and in the context the actor (`<type>/<id>`).
//! - `secrets` masks credentials (by the name of their attribute) that a rule keeps or no rule names, and
//!   payment card numbers (also within a text) that a rule or the default keeps.
//! - `arrays` says how the items of an array are matched: by `key` (a name or a pointer, or a list of
//!   them), as a `set` (equal items are counted, order has no meaning), by `position`, or as a
//!   `sequence`, which is what holds where nothing is said.
//! - `ignore` names what is not a change; `fold_keys` reads keys trimmed, in lower case, with
//!   underscores for spaces and without a leading underscore; of the actor and the request it writes those so that
//!   the built-in rules and the sidecar know, and refuses one of them in two spellings.
//! - `$schema` is for editors; `policy.schema.json` beside this crate's sources is the schema, and a test
//!   holds it to this reader. [`lint`] finds what a policy says in vain.

mod automaton;
mod document;
mod lint;
mod mask;
mod object;
mod pruning;
mod secrets;
mod selector;

use std::borrow::Cow;
use std::sync::Arc;

use sealtrail_record::json::{Document, Kind, NodeId, write_string};
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
    summary: Vec<u8>,
    pub(crate) fold_keys: bool,
    /// Sealed plaintexts are padded to a multiple of this many bytes.
    pub(crate) pad: usize,
    secrets: bool,
    pub(crate) payload: RuleSet,
    pub(crate) context: RuleSet,
    /// How the items of the arrays are matched that the automaton of `payload` names.
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
    /// For each rule the first one that protects with the same keys.
    same_keys: Vec<usize>,
    /// The same for the default.
    default_keys: Option<usize>,
    default: Action,
    /// `rules` or `context`, as the document calls them.
    name: &'static str,
    /// Rules from here on are not the document's but built in, and each names a single value only.
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
    Pseudonym(Seal),
    Seal(Seal),
}

/// Under which keys a value is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) group: Arc<str>,
    /// `None`: the entity, or in the context the actor.
    pub(crate) subject: Option<Subject>,
    /// Retention class.
    pub(crate) retain: Arc<str>,
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
    set: &'p RuleSet,
    reason: Reason,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Rule(usize),
    Default,
    /// The attribute is named like a credential.
    SecretName,
    /// The text holds a payment card number.
    CardNumber,
}

impl Policy {
    /// Reads a policy document; see the [module](self) for its form.
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        document::read(document)
    }

    /// `{"id":…,"version":…,"sha256":…}`, as every record names it.
    pub fn summary(&self) -> &[u8] {
        &self.summary
    }

    /// What happens to a value that holds no others; `secret_name` says that its key, or one above
    /// it, is that of a credential.
    pub(crate) fn decide<'p>(
        &self,
        set: &'p RuleSet,
        state: &State,
        secret_name: bool,
        document: &Document<'_>,
        leaf: NodeId,
    ) -> Decision<'p> {
        let is_single = !matches!(document.kind(leaf), Kind::Object | Kind::Array);
        let rule = set.first(state, is_single);
        let reason = match rule {
            Some(number) if set.rules[number].action != Action::Keep => Reason::Rule(number),
            _ if self.secrets && secret_name => Reason::SecretName,
            // The mask shows the rest of the text, so what the default protects is left to that.
            None if set.default != Action::Keep => Reason::Default,
            _ if self.secrets && has_card_number(document, leaf) => Reason::CardNumber,
            Some(number) => Reason::Rule(number),
            None => Reason::Default,
        };
        Decision { set, reason }
    }

    /// What happens to every value below a node, whatever it is; `None` where they may differ.
    pub(crate) fn decide_all<'p>(
        &self,
        set: &'p RuleSet,
        state: &State,
        secret_name: bool,
    ) -> Option<Decision<'p>> {
        if !state.is_settled() {
            return None;
        }
        let reason = match set.first(state, false) {
            Some(number) if set.rules[number].action != Action::Keep => Reason::Rule(number),
            _ if self.secrets && secret_name => Reason::SecretName,
            _ if self.secrets => return None,
            Some(number) => Reason::Rule(number),
            None => Reason::Default,
        };
        Some(Decision { set, reason })
    }

    /// Whether credentials and payment card numbers are masked.
    pub(crate) fn looks_for_secrets(&self) -> bool {
        self.secrets
    }

    /// How a value is masked that nothing else protects, where it is a credential or holds a card number.
    pub(crate) fn secret(
        &self,
        secret_name: bool,
        document: &Document<'_>,
        leaf: NodeId,
    ) -> Option<&'static Action> {
        match self.secrets {
            true if secret_name => Some(&MASKED),
            true if has_card_number(document, leaf) => Some(&WITHOUT_CARDS),
            _ => None,
        }
    }

    /// A step, as it is written, by the name that rules know it by. Where two keys of an object fold to
    /// one, the second keeps its spelling in the record, and must not escape its rule by that.
    pub(crate) fn named<'s>(&self, step: &'s Step<'_>) -> Step<'s> {
        match step {
            Step::Key(key) if self.fold_keys => Step::Key(fold_key(key)),
            Step::Key(key) => Step::Key(Cow::Borrowed(key)),
            Step::Index { index, length } => Step::Index { index: *index, length: *length },
        }
    }

    /// How the items of the array at this place of an image are matched.
    pub(crate) fn matching(&self, state: &State) -> &Matching {
        if self.matchings.is_empty() {
            return &Matching::Sequence;
        }
        let named = self.payload.automaton.array(state);
        named.map_or(&Matching::Sequence, |number| &self.matchings[number])
    }

    /// Whether a key is that of a credential, where the policy looks for them.
    pub(crate) fn is_secret_step(&self, step: &Step<'_>) -> bool {
        self.secrets && matches!(step, Step::Key(key) if secrets::is_secret_name(key))
    }
}

/// How far a walk has come in a rule set.
#[derive(Clone)]
pub(crate) struct Cursor<'p> {
    pub(crate) set: &'p RuleSet,
    pub(crate) state: State,
    /// Whether a key on the way is that of a credential.
    pub(crate) secret: bool,
}

impl<'p> Cursor<'p> {
    pub(crate) fn new(set: &'p RuleSet) -> Self {
        Self { set, state: set.start(), secret: false }
    }

    pub(crate) fn down(&self, policy: &Policy, step: &Step<'_>) -> Self {
        Self {
            set: self.set,
            state: self.set.step(&self.state, &policy.named(step)),
            secret: self.secret || policy.is_secret_step(step),
        }
    }

    pub(crate) fn decide(
        &self,
        policy: &Policy,
        document: &Document<'_>,
        leaf: NodeId,
    ) -> Decision<'p> {
        policy.decide(self.set, &self.state, self.secret, document, leaf)
    }

    /// What the document's own rules say of the node one step down: the first that names it, or one above it.
    pub(crate) fn named_below(&self, policy: &Policy, step: &Step<'_>) -> Option<&'p Action> {
        let state = self.set.step(&self.state, &policy.named(step));
        let number = self.set.first(&state, false)?;
        Some(&self.set.rules[number].action)
    }

    /// Whether no rule names this node, or one below.
    pub(crate) fn is_over(&self) -> bool {
        self.state.first().is_none() && self.state.is_settled()
    }
}

impl RuleSet {
    /// Whether the document has rules for it.
    pub(crate) fn has_own_rules(&self) -> bool {
        self.built_in > 0
    }

    /// What happens to a value that no rule names.
    pub(crate) fn default(&self) -> &Action {
        &self.default
    }

    /// The first rule that names this node, or anything above it. A built-in one names this node alone, and only
    /// where it is a single value: what an object in its place holds was not meant.
    fn first(&self, state: &State, is_single: bool) -> Option<usize> {
        let first = state.first()?;
        if first < self.built_in {
            return Some(first);
        }
        (first..self.rules.len()).find(|number| is_single && self.automaton.ends(state, *number))
    }

    /// Whether anything may be sealed.
    pub(crate) fn seals(&self) -> bool {
        let mut actions = self.rules.iter().map(|rule| &rule.action).chain([&self.default]);
        actions.any(|action| matches!(action, Action::Seal(_)))
    }

    /// Whether a selector names items by their place in an array.
    pub(crate) fn counts(&self) -> bool {
        self.automaton.counts()
    }

    pub(crate) fn start(&self) -> State {
        self.automaton.start()
    }

    pub(crate) fn step(&self, state: &State, step: &Step<'_>) -> State {
        self.automaton.step(state, step)
    }
}

impl<'p> Decision<'p> {
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    pub(crate) fn of(set: &'p RuleSet, reason: Reason) -> Self {
        Self { set, reason }
    }

    pub(crate) fn action(&self) -> &'p Action {
        match self.reason {
            Reason::Rule(number) => &self.set.rules[number].action,
            Reason::Default => &self.set.default,
            Reason::SecretName => &MASKED,
            Reason::CardNumber => &WITHOUT_CARDS,
        }
    }

    /// The same for all decisions that protect with the same keys.
    pub(crate) fn keys(&self) -> Reason {
        match self.reason {
            Reason::Rule(number) => Reason::Rule(self.set.same_keys[number]),
            Reason::Default => self.set.default_keys.map_or(Reason::Default, Reason::Rule),
            other => other,
        }
    }

    /// For a person: `rules[2] $.customer.email`, `built-in $.actor.id`, `secrets` or `default`.
    pub(crate) fn because(&self) -> String {
        let Self { set, reason } = self;
        match *reason {
            Reason::Rule(number) if number >= set.built_in => {
                format!("built-in {}", set.rules[number].select)
            }
            Reason::Rule(number) => format!("{}[{number}] {}", set.name, set.rules[number].select),
            Reason::SecretName | Reason::CardNumber => "secrets".into(),
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
            Action::Pseudonym(_) => "pseudonym",
            Action::Seal(_) => "seal",
        }
    }
}

/// What becomes of a secret that no rule protects.
static MASKED: Action = Action::Mask(Mask::Fixed);
static WITHOUT_CARDS: Action = Action::Mask(Mask::Cards);

fn has_card_number(document: &Document<'_>, leaf: NodeId) -> bool {
    match document.kind(leaf) {
        // The shortest card number has 14 digits; between quotes that is 16 bytes.
        Kind::String if document.raw(leaf).len() >= 16 => {
            secrets::text_has_card_number(&document.written(leaf))
        }
        Kind::Number => secrets::is_card_number(document.raw(leaf)),
        _ => false,
    }
}

fn summary(id: &str, version: &str, document: &[u8]) -> Vec<u8> {
    let mut out = b"{\"id\":".to_vec();
    write_string(id, &mut out);
    out.extend_from_slice(b",\"version\":");
    write_string(version, &mut out);
    out.extend_from_slice(b",\"sha256\":");
    write_string(&crate::hex(&Sha256::digest(document)), &mut out);
    out.push(b'}');
    out
}
