//! Values into a template, as a policy wants them.

use sealtrail_record::json::{Document, Event, Kind, NodeId, Place, canonical_number};
use sealtrail_record::pointer;

use crate::Error;
use crate::plain::plain;
use crate::policy::{Action, Cursor, Decision, Mask, Policy, Reason, Seal};
use crate::protection::{Protection, Protections};
use crate::template::{Role, Template};

/// Appends the data subject that a seal speaks of, for `old`, `new` or `rec`.
pub(crate) type Subjects<'s> = dyn Fn(&Seal, &str, &mut String) -> Result<(), Error> + 's;

/// Writes values of one document by one set of rules.
pub(crate) struct Writer<'w> {
    pub(crate) policy: &'w Policy,
    pub(crate) document: &'w Document<'w>,
    pub(crate) template: &'w mut Template,
    pub(crate) subjects: &'w Subjects<'w>,
}

/// Where a value stands: in its tree, in the record, and for the cipher.
#[derive(Default)]
pub(crate) struct Spot {
    /// `old`, `new` or `rec`.
    pub(crate) side: &'static str,
    /// The attribute's pointer, or that in the record for `rec`.
    pub(crate) path: String,
    /// Pointer in the record.
    pub(crate) at: String,
}

/// One side of a difference.
pub(crate) struct Side<'s> {
    /// What stands in front of the value: `,"old":`.
    pub(crate) label: &'static str,
    pub(crate) value: NodeId,
    pub(crate) spot: &'s mut Spot,
}

impl<'w> Writer<'w> {
    pub(crate) fn new(
        policy: &'w Policy,
        document: &'w Document<'w>,
        template: &'w mut Template,
        subjects: &'w Subjects<'w>,
    ) -> Self {
        // Of rules of another set.
        template.known.clear();
        Self { policy, document, template, subjects }
    }

    /// Writes the values of one difference, each after its label. False, and nothing written, where
    /// the policy drops them.
    ///
    /// The two sides share their protection: a value that takes the place of a protected one, or
    /// gives place to it, is no less protected.
    pub(crate) fn sides(
        &mut self,
        cursors: [&Cursor<'_>; 2],
        sides: [Option<Side<'_>>; 2],
        head: &[u8],
    ) -> Result<bool, Error> {
        let policy = self.policy;
        let of = |side: &Option<Side<'_>>| {
            let value = side.as_ref()?.value;
            Some(Protections::of_either(policy, cursors, self.document, value))
        };
        let found = [of(&sides[0]), of(&sides[1])];
        let all = || found.iter().flatten();
        let strongest = all().map(Protections::whole).max_by_key(|p| p.strength());
        let strongest = strongest.unwrap_or(Protection::Keep);
        if strongest == Protection::Drop {
            for (side, found) in sides.iter().flatten().zip(all()) {
                self.explain(found, side.value, side.spot, "drop", None);
            }
            return Ok(false);
        }
        self.template.text(head);
        let first_seal = all().find_map(Protections::any_seal);
        for (side, found) in sides.into_iter().flatten().zip(all()) {
            self.template.text(side.label.as_bytes());
            let own = found.whole();
            let keeps = matches!(own, Protection::Keep | Protection::Parts | Protection::Apart);
            let shared = match strongest {
                strongest if !keeps || own.strength() >= strongest.strength() => own,
                // The other side is of several minds; this one takes the strictest single one.
                Protection::Apart | Protection::Parts => {
                    first_seal.map_or(Protection::Mask(Reason::SecretName), Protection::Seal)
                }
                strongest => strongest,
            };
            self.write(found, side.value, side.spot, shared)?;
        }
        Ok(true)
    }

    /// Whether nothing of a value may be stored.
    pub(crate) fn drops(&self, cursors: [&Cursor<'_>; 2], value: NodeId) -> bool {
        let found = Protections::of_either(self.policy, cursors, self.document, value);
        found.whole() == Protection::Drop
    }

    /// Writes the members of an object each for itself, whatever they need, as `{…}`; anything
    /// else as one value. False, and nothing written, where all of it is dropped.
    pub(crate) fn members(
        &mut self,
        cursor: &Cursor<'_>,
        value: NodeId,
        spot: &mut Spot,
        head: &[u8],
    ) -> Result<bool, Error> {
        let found = Protections::of(self.policy, cursor, self.document, value);
        let mut protection = found.whole();
        if protection == Protection::Drop {
            self.explain(&found, value, spot, "drop", None);
            return Ok(false);
        }
        if self.document.kind(value) == Kind::Object && matches!(protection, Protection::Seal(_)) {
            protection = Protection::Apart;
        }
        self.template.text(head);
        self.write(&found, value, spot, protection)?;
        Ok(true)
    }

    fn write(
        &mut self,
        found: &Protections<'_>,
        value: NodeId,
        spot: &mut Spot,
        protection: Protection,
    ) -> Result<(), Error> {
        match protection {
            Protection::Keep => {
                self.explain(found, value, spot, "keep", None);
                self.document.write(value, &mut self.template.body.text);
            }
            Protection::Mask(reason) => {
                self.explain(found, value, spot, "mask", None);
                let mask = mask_of(Decision::of(found.set(), reason));
                self.template.masked(mask, &self.document.to_value(value));
            }
            Protection::Drop => self.template.string("***"),
            Protection::Seal(reason) => {
                let need = self.need(found, reason, spot.side, Role::Sealed)?;
                self.explain(found, value, spot, "seal", Some(need));
                self.seal(found, value, spot, need);
            }
            Protection::Pseudonym(reason) => {
                let need = self.need(found, reason, spot.side, Role::Pseudonym)?;
                self.explain(found, value, spot, "pseudonym", Some(need));
                self.pseudonym(value, spot, need);
            }
            Protection::Parts | Protection::Apart if self.document.has_children(value) => {
                self.parts(found, value, spot)?;
            }
            Protection::Parts | Protection::Apart => {
                self.document.write(value, &mut self.template.body.text);
            }
        }
        Ok(())
    }

    fn parts(
        &mut self,
        found: &Protections<'_>,
        value: NodeId,
        spot: &mut Spot,
    ) -> Result<(), Error> {
        let document = self.document;
        // The length of the pointers at each open container, and whether something is in it already.
        let mut open: Vec<(usize, usize, bool)> = Vec::new();
        let mut walk = document.walk(value);
        while let Some(event) = walk.next() {
            let (node, place, opens) = match event {
                Event::Open(node, place) => (node, place, true),
                Event::Leaf(node, place) => (node, place, false),
                Event::Close(node) => {
                    let object = document.kind(node) == Kind::Object;
                    self.template.text(if object { b"}" } else { b"]" });
                    open.pop();
                    continue;
                }
            };
            let Some((path, at, filled)) = open.last_mut() else {
                let object = document.kind(node) == Kind::Object;
                self.template.text(if object { b"{" } else { b"[" });
                open.push((spot.path.len(), spot.at.len(), false));
                continue;
            };
            spot.path.truncate(*path);
            spot.at.truncate(*at);
            spot.down(document, place);
            let protection = found.at(document, node);
            if protection == Protection::Drop {
                self.explain(found, node, spot, "drop", None);
                if let Place::Index(_) = place {
                    // A gap keeps the later items where the pointers of the record find them.
                    self.template.text(if *filled { b",null" } else { b"null" });
                    *filled = true;
                }
            } else {
                if std::mem::replace(filled, true) {
                    self.template.text(b",");
                }
                if let Place::Key(key) = place {
                    document.write_key(key, &mut self.template.body.text);
                    self.template.text(b":");
                }
                if opens && matches!(protection, Protection::Parts | Protection::Apart) {
                    let object = document.kind(node) == Kind::Object;
                    self.template.text(if object { b"{" } else { b"[" });
                    open.push((spot.path.len(), spot.at.len(), false));
                    continue;
                }
                self.write(found, node, spot, protection)?;
            }
            if opens {
                walk.pass();
            }
        }
        Ok(())
    }

    /// Leaves a gap for a value that is sealed: without what is dropped, and masked where it is masked.
    fn seal(&mut self, found: &Protections<'_>, value: NodeId, spot: &Spot, need: usize) {
        let (document, pad) = (self.document, self.policy.pad);
        // A mask writes six bytes in place of one, and a key in lower case may be longer by half; nothing
        // else is longer than it is written.
        let factor = match (found.is_uniform(), document.has_renamed()) {
            (true, false) => 1,
            (true, true) => 2,
            (false, _) => 6,
        };
        let bound = document.raw(value).len() * factor + pad;
        self.template.gap(need, [spot.side, &spot.path, &spot.at], bound, |out| {
            let start = out.len();
            match found.is_uniform() {
                true => document.write(value, out),
                false => plain(document, found, value, out),
            }
            if pad > 0 {
                out.resize(start + (out.len() - start).next_multiple_of(pad), b' ');
            }
        });
    }

    /// Leaves a gap for a pseudonym. Numbers of one value have one.
    fn pseudonym(&mut self, value: NodeId, spot: &Spot, need: usize) {
        let document = self.document;
        let raw = document.raw(value);
        let canonical = match document.kind(value) {
            Kind::Number => canonical_number(raw),
            _ => None,
        };
        let factor = if document.has_renamed() { 2 } else { 1 };
        let bound = raw.len() * factor + canonical.as_ref().map_or(0, String::len);
        self.template.gap(need, [spot.side, &spot.path, &spot.at], bound, |out| match &canonical {
            Some(number) => out.extend_from_slice(number.as_bytes()),
            None => document.write(value, out),
        });
    }

    fn need(
        &mut self,
        found: &Protections<'_>,
        reason: Reason,
        side: &'static str,
        role: Role,
    ) -> Result<usize, Error> {
        let is_it = |known: &&(Reason, &'static str, Role, usize)| {
            (known.0, known.1, known.2) == (reason, side, role)
        };
        if let Some(known) = self.template.known.iter().find(is_it) {
            return Ok(known.3);
        }
        let (Action::Seal(seal) | Action::Pseudonym(seal)) =
            Decision::of(found.set(), reason).action()
        else {
            return Err(Error::new("internal", "a rule without keys was to protect a value"));
        };
        let subjects = self.subjects;
        let index = self.template.need(seal, role, |out| subjects(seal, side, out))?;
        self.template.known.push((reason, side, role, index));
        Ok(index)
    }
}

impl Spot {
    /// A place in the record.
    pub(crate) fn begin(&mut self, side: &'static str, at: &str) {
        self.side = side;
        for text in [&mut self.path, &mut self.at] {
            text.clear();
            text.push_str(at);
        }
    }

    fn down(&mut self, document: &Document<'_>, place: Place) {
        push_place(document, place, &mut self.path);
        push_place(document, place, &mut self.at);
    }
}

pub(crate) fn push_place(document: &Document<'_>, place: Place, pointer: &mut String) {
    match place {
        Place::Root => {}
        Place::Key(key) => pointer::push_key(pointer, &document.string(key)),
        Place::Index(index) => pointer::push_index(pointer, index),
    }
}

fn mask_of(decision: Decision<'_>) -> Mask {
    match decision.action() {
        Action::Mask(mask) => *mask,
        _ => Mask::Fixed,
    }
}
