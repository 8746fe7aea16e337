//! A record with its sealed fields still to come: text, and the plaintext of each token.
//!
//! Building it decides everything that depends on the policy, so that what keys and how much
//! entropy are needed is known before a key is asked for.

use sealtrail_record::json::{Value, write_string};
use zeroize::Zeroizing;

use crate::Error;
use crate::diff::push_step;
use crate::policy::{Action, Decision, Policy, RuleSet, Seal, State, Step};

/// Keys that a record needs: one entry of its `seals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub group: String,
    /// The data subject.
    pub subject: String,
    /// Retention class.
    pub retain: String,
}

pub(crate) enum Piece {
    Text(Vec<u8>),
    Token(Token),
}

pub(crate) struct Token {
    /// Index into the needs, and so into `seals`.
    pub(crate) need: usize,
    pub(crate) location: String,
    /// Pointer in the record.
    pub(crate) at: String,
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
}

/// What a policy did to one value, for a preview.
pub(crate) struct Field {
    /// Attribute, or pointer in the record for what is no attribute.
    pub(crate) path: String,
    pub(crate) side: &'static str,
    pub(crate) action: &'static str,
    pub(crate) need: Option<usize>,
    pub(crate) because: String,
}

#[derive(Default)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) needs: Vec<Need>,
    /// Only kept where somebody asked why.
    pub(crate) fields: Option<Vec<Field>>,
}

/// Writes values into a template as a policy wants them.
pub(crate) struct Writer<'p, 't> {
    pub(crate) policy: &'p Policy,
    pub(crate) template: &'t mut Template,
}

/// Where a value stands: in its tree, in the record, and for the cipher.
#[derive(Clone)]
pub(crate) struct Place {
    /// `old`, `new` or `rec`.
    pub(crate) side: &'static str,
    /// The attribute's pointer, or that in the record for `rec`.
    pub(crate) path: String,
    /// Pointer in the record.
    pub(crate) at: String,
}

impl Place {
    fn down(&self, step: &Step<'_>) -> Self {
        let mut below = self.clone();
        push_step(&mut below.path, step);
        push_step(&mut below.at, step);
        below
    }
}

/// How far the walk has come in a rule set.
#[derive(Clone)]
pub(crate) struct Cursor<'p> {
    pub(crate) set: &'p RuleSet,
    state: State,
    secret: bool,
}

impl<'p> Cursor<'p> {
    pub(crate) fn new(set: &'p RuleSet) -> Self {
        Self { set, state: set.start(), secret: false }
    }

    /// Whether a value here is stored as it is.
    pub(crate) fn keeps(&self, policy: &Policy, value: &Value<'_>) -> bool {
        *policy.decide(self.set, &self.state, self.secret, value).action == Action::Keep
    }

    pub(crate) fn down(&self, policy: &Policy, step: &Step<'_>) -> Self {
        Self {
            set: self.set,
            state: self.set.step(&self.state, &policy.named(step)),
            secret: self.secret || policy.is_secret_step(step),
        }
    }
}

/// What is to be done with a value and all below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection<'p> {
    Keep,
    /// One pair of keys for whatever is sealed in it.
    Seal(&'p Seal),
    Mask(&'p Action),
    Drop,
    /// Parts are masked or dropped, nothing is sealed.
    Parts,
    /// More than one pair of keys: every part for itself, so that each stays within its group.
    Apart,
}

/// Finds the data subject that a seal speaks of, for `old`, `new` or `rec`.
pub(crate) type Subjects<'s> = dyn Fn(&Seal, &str) -> Result<String, Error> + 's;

impl Template {
    pub(crate) fn new(explain: bool) -> Self {
        Self { fields: explain.then(Vec::new), ..Self::default() }
    }

    pub(crate) fn text(&mut self, bytes: &[u8]) {
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            return text.extend_from_slice(bytes);
        }
        self.pieces.push(Piece::Text(bytes.to_vec()));
    }

    pub(crate) fn string(&mut self, text: &str) {
        let mut out = Vec::with_capacity(text.len() + 2);
        write_string(text, &mut out);
        self.text(&out);
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Token(token) => Some(token),
            Piece::Text(_) => None,
        })
    }
}

impl<'p> Writer<'p, '_> {
    /// Writes the values of one difference, each after its label (`,"old":`). False, and nothing
    /// written, where the policy drops them.
    ///
    /// The two sides share their protection: a value that takes the place of a protected one, or
    /// gives place to it, is no less protected.
    pub(crate) fn sides(
        &mut self,
        cursor: &Cursor<'p>,
        sides: &[(&str, &Value<'_>, Place)],
        head: &[u8],
        subjects: &Subjects<'_>,
    ) -> Result<bool, Error> {
        let protections: Vec<_> =
            sides.iter().map(|(_, value, _)| self.protection(cursor, value)).collect();
        let strongest =
            protections.iter().copied().max_by_key(strength).unwrap_or(Protection::Keep);
        if strongest == Protection::Drop {
            for (_, value, place) in sides {
                self.explain_all(cursor, value, place, "drop", None);
            }
            return Ok(false);
        }
        self.template.text(head);
        for ((label, value, place), own) in sides.iter().zip(&protections) {
            self.template.text(label.as_bytes());
            let shared = match (own, strongest) {
                (Protection::Keep, Protection::Apart | Protection::Parts) => {
                    // The other side is of several minds; this one takes the strictest single one.
                    self.first_seal(cursor, sides)
                        .map_or(Protection::Mask(&MASKED), Protection::Seal)
                }
                (Protection::Keep, strongest) => strongest,
                (own, _) => *own,
            };
            self.write(cursor, value, place, shared, subjects)?;
        }
        Ok(true)
    }

    /// Whether nothing of a value may be stored.
    pub(crate) fn drops(&self, cursor: &Cursor<'p>, value: &Value<'_>) -> bool {
        self.protection(cursor, value) == Protection::Drop
    }

    /// Writes the members of an object each for itself, whatever they need, as `{…}`; anything
    /// else as one value. False, and nothing written, where all of it is dropped.
    pub(crate) fn members(
        &mut self,
        cursor: &Cursor<'p>,
        value: &Value<'_>,
        place: &Place,
        head: &[u8],
        subjects: &Subjects<'_>,
    ) -> Result<bool, Error> {
        let mut protection = self.protection(cursor, value);
        if protection == Protection::Drop {
            self.explain_all(cursor, value, place, "drop", None);
            return Ok(false);
        }
        if matches!(value, Value::Object(_)) && matches!(protection, Protection::Seal(_)) {
            protection = Protection::Apart;
        }
        self.template.text(head);
        self.write(cursor, value, place, protection, subjects)?;
        Ok(true)
    }

    fn write(
        &mut self,
        cursor: &Cursor<'p>,
        value: &Value<'_>,
        place: &Place,
        protection: Protection<'p>,
        subjects: &Subjects<'_>,
    ) -> Result<(), Error> {
        match protection {
            Protection::Keep => {
                self.explain_all(cursor, value, place, "keep", None);
                let mut out = Vec::new();
                value.write(&mut out);
                self.template.text(&out);
            }
            Protection::Mask(Action::Mask(mask)) => {
                self.explain_all(cursor, value, place, "mask", None);
                self.template.string(&mask.apply(value));
            }
            Protection::Mask(_) | Protection::Drop => self.template.string("***"),
            Protection::Seal(seal) => self.seal(cursor, value, place, seal, subjects)?,
            Protection::Parts | Protection::Apart => self.parts(cursor, value, place, subjects)?,
        }
        Ok(())
    }

    fn parts(
        &mut self,
        cursor: &Cursor<'p>,
        value: &Value<'_>,
        place: &Place,
        subjects: &Subjects<'_>,
    ) -> Result<(), Error> {
        let object = matches!(value, Value::Object(_));
        self.template.text(if object { b"{" } else { b"[" });
        let mut first = true;
        for (step, child) in children(value) {
            let (cursor, place) = (cursor.down(self.policy, &step), place.down(&step));
            let protection = self.protection(&cursor, child);
            if protection == Protection::Drop {
                self.explain_all(&cursor, child, &place, "drop", None);
                if !object {
                    // A gap keeps the later items where the pointers of the record find them.
                    self.template.text(if first { b"null" } else { b",null" });
                    first = false;
                }
                continue;
            }
            if !first {
                self.template.text(b",");
            }
            first = false;
            if let Step::Key(key) = &step {
                self.template.string(key);
                self.template.text(b":");
            }
            self.write(&cursor, child, &place, protection, subjects)?;
        }
        self.template.text(if object { b"}" } else { b"]" });
        Ok(())
    }

    fn seal(
        &mut self,
        cursor: &Cursor<'p>,
        value: &Value<'_>,
        place: &Place,
        seal: &'p Seal,
        subjects: &Subjects<'_>,
    ) -> Result<(), Error> {
        let need = self.need(seal, subjects(seal, place.side)?);
        self.explain_all(cursor, value, place, "seal", Some(need));
        let mut plaintext = Zeroizing::new(Vec::new());
        self.plain(cursor, value, &mut plaintext);
        if self.policy.pad > 0 {
            let padded = plaintext.len().next_multiple_of(self.policy.pad);
            plaintext.resize(padded, b' ');
        }
        let location = format!("{}:{}", place.side, place.path);
        self.template.pieces.push(Piece::Token(Token {
            need,
            location,
            at: place.at.clone(),
            plaintext,
        }));
        Ok(())
    }

    /// What is sealed as one: the value without what is dropped, and masked where it is masked.
    /// False, and nothing written, where all of it is dropped.
    fn plain(&self, cursor: &Cursor<'p>, value: &Value<'_>, out: &mut Vec<u8>) -> bool {
        if !is_container(value) {
            match self.decide(cursor, value).action {
                Action::Drop => return false,
                Action::Mask(mask) => write_string(&mask.apply(value), out),
                Action::Keep | Action::Seal(_) => value.write(out),
            }
            return true;
        }
        let object = matches!(value, Value::Object(_));
        let start = out.len();
        out.push(if object { b'{' } else { b'[' });
        let (mut first, mut kept) = (true, false);
        for (step, child) in children(value) {
            let before = out.len();
            if !first {
                out.push(b',');
            }
            if let Step::Key(key) = &step {
                write_string(key, out);
                out.push(b':');
            }
            if self.plain(&cursor.down(self.policy, &step), child, out) {
                (first, kept) = (false, true);
            } else if object {
                out.truncate(before);
            } else {
                // A gap, as in the parts of a record.
                out.extend_from_slice(b"null");
                first = false;
            }
        }
        out.push(if object { b'}' } else { b']' });
        if !kept {
            out.truncate(start);
        }
        kept
    }

    fn need(&mut self, seal: &Seal, subject: String) -> usize {
        let need = Need { group: seal.group.clone(), subject, retain: seal.retain.clone() };
        self.template.needs.iter().position(|n| *n == need).unwrap_or_else(|| {
            self.template.needs.push(need);
            self.template.needs.len() - 1
        })
    }

    fn decide(&self, cursor: &Cursor<'p>, value: &Value<'_>) -> Decision<'p> {
        self.policy.decide(cursor.set, &cursor.state, cursor.secret, value)
    }

    fn protection(&self, cursor: &Cursor<'p>, value: &Value<'_>) -> Protection<'p> {
        if !is_container(value) {
            return match self.decide(cursor, value).action {
                Action::Keep => Protection::Keep,
                Action::Drop => Protection::Drop,
                mask @ Action::Mask(_) => Protection::Mask(mask),
                Action::Seal(seal) => Protection::Seal(seal),
            };
        }
        let below = children(value)
            .map(|(step, child)| self.protection(&cursor.down(self.policy, &step), child));
        below.reduce(join).unwrap_or(Protection::Keep)
    }

    fn first_seal(
        &self,
        cursor: &Cursor<'p>,
        sides: &[(&str, &Value<'_>, Place)],
    ) -> Option<&'p Seal> {
        sides.iter().find_map(|(_, value, _)| self.any_seal(cursor, value))
    }

    fn any_seal(&self, cursor: &Cursor<'p>, value: &Value<'_>) -> Option<&'p Seal> {
        if !is_container(value) {
            return match self.decide(cursor, value).action {
                Action::Seal(seal) => Some(seal),
                _ => None,
            };
        }
        children(value)
            .find_map(|(step, child)| self.any_seal(&cursor.down(self.policy, &step), child))
    }

    /// Notes, for a preview, what became of every value: `outcome`, unless the policy was
    /// stricter with this one.
    fn explain_all(
        &mut self,
        cursor: &Cursor<'p>,
        value: &Value<'_>,
        place: &Place,
        outcome: &'static str,
        need: Option<usize>,
    ) {
        if self.template.fields.is_none() {
            return;
        }
        if is_container(value) {
            for (step, child) in children(value) {
                let cursor = cursor.down(self.policy, &step);
                self.explain_all(&cursor, child, &place.down(&step), outcome, need);
            }
            return;
        }
        let decision = self.decide(cursor, value);
        let own = decision.action.name();
        let stricter = matches!((outcome, own), ("seal", "mask" | "drop"));
        let action = if stricter { own } else { outcome };
        let because = match action == own {
            true => decision.because(),
            false => {
                format!("beside a protected value; by itself {} by {}", own, decision.because())
            }
        };
        let need = if action == "seal" { need } else { None };
        let path = place.path.clone();
        let field = Field { path, side: place.side, action, need, because };
        self.template.fields.get_or_insert_default().push(field);
    }
}

static MASKED: Action = Action::Mask(crate::policy::Mask::Fixed);

fn strength(protection: &Protection<'_>) -> u8 {
    match protection {
        Protection::Keep => 0,
        Protection::Parts => 1,
        Protection::Seal(_) => 2,
        Protection::Apart => 3,
        Protection::Mask(_) => 4,
        Protection::Drop => 5,
    }
}

/// The protection of a container from that of two of its parts.
fn join<'p>(a: Protection<'p>, b: Protection<'p>) -> Protection<'p> {
    use Protection::{Apart, Drop, Keep, Mask, Parts, Seal};
    match (a, b) {
        (Drop, Drop) => Drop,
        (Keep, Keep) => Keep,
        (Apart, _) | (_, Apart) => Apart,
        (Seal(a), Seal(b)) if a != b => Apart,
        (Seal(seal), _) | (_, Seal(seal)) => Seal(seal),
        (Keep | Mask(_) | Drop | Parts, Keep | Mask(_) | Drop | Parts) => Parts,
    }
}

fn is_container(value: &Value<'_>) -> bool {
    !value.members().is_empty() || !value.items().is_empty()
}

fn children<'v, 'a>(value: &'v Value<'a>) -> impl Iterator<Item = (Step<'v>, &'v Value<'a>)> {
    let members = value.members().iter().map(|m| (Step::Key((&*m.key).into()), &m.value));
    let lengths = [value.items().len(); 2];
    let item = move |(index, item)| (Step::Index { index, lengths }, item);
    members.chain(value.items().iter().enumerate().map(item))
}
