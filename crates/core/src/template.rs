//! A record with its protected fields still to come: text, and what goes where in it.
//!
//! Building it decides everything that depends on the policy, so that what keys and how much
//! entropy are needed is known before a key is asked for.

use std::ops::Range;
use std::sync::Arc;

use sealtrail_record::json::{Value, write_string};

use crate::Error;
use crate::plaintext::Plaintext;
use crate::policy::{Mask, Reason, Seal};

/// Keys that a record needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub group: Arc<str>,
    /// The data subject.
    pub subject: String,
    /// Retention class.
    pub retain: Arc<str>,
    pub(crate) role: Role,
}

/// What a value becomes under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Sealed,
    Pseudonym,
}

/// Text with gaps.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) text: Vec<u8>,
    pub(crate) gaps: Vec<Gap>,
}

impl Body {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.gaps.clear();
    }
}

/// A protected field.
pub(crate) struct Gap {
    /// Where in the text it goes.
    pub(crate) offset: usize,
    /// Index into the needs.
    pub(crate) need: usize,
    /// What the cipher binds the value to.
    location: Range<usize>,
    /// Pointer in the record.
    at: Range<usize>,
    plaintext: Range<usize>,
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
    pub(crate) body: Body,
    pub(crate) needs: Vec<Need>,
    /// Only kept where somebody asked why.
    pub(crate) fields: Option<Vec<Field>>,
    names: String,
    plaintext: Plaintext,
    /// The needs that are known: by the rule that named the keys, and the side.
    pub(crate) known: Vec<(Reason, &'static str, Role, usize)>,
    /// Texts that were data subjects of records before this one.
    spare: Vec<String>,
}

impl Template {
    /// Wipes what is in it, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.body.clear();
        let subjects = self.needs.drain(..).map(|need| need.subject);
        self.spare.extend(subjects);
        self.fields = None;
        self.names.clear();
        self.plaintext.clear();
        self.known.clear();
    }

    /// The number of a need, which is noted where it is new. `write` writes the data subject.
    pub(crate) fn need(
        &mut self,
        seal: &Seal,
        role: Role,
        write: impl FnOnce(&mut String) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let mut subject = self.spare.pop().unwrap_or_default();
        subject.clear();
        write(&mut subject)?;
        let is_it = |need: &Need| {
            (&need.group, &need.subject, &need.retain, need.role)
                == (&seal.group, &subject, &seal.retain, role)
        };
        if let Some(known) = self.needs.iter().position(is_it) {
            self.spare.push(subject);
            return Ok(known);
        }
        let (group, retain) = (Arc::clone(&seal.group), Arc::clone(&seal.retain));
        self.needs.push(Need { group, subject, retain, role });
        Ok(self.needs.len() - 1)
    }

    pub(crate) fn text(&mut self, bytes: &[u8]) {
        self.body.text.extend_from_slice(bytes);
    }

    pub(crate) fn string(&mut self, text: &str) {
        write_string(text, &mut self.body.text);
    }

    /// What a mask leaves of a value, as a JSON string.
    pub(crate) fn masked(&mut self, mask: Mask, value: &Value<'_>) {
        // What is to be a name for as long as it takes.
        let start = self.names.len();
        mask.apply_to(value, &mut self.names);
        write_string(&self.names[start..], &mut self.body.text);
        self.names.truncate(start);
    }

    /// Leaves a gap here. `write` writes the plaintext, at most `bound` bytes.
    pub(crate) fn gap(
        &mut self,
        need: usize,
        [side, path, at]: [&str; 3],
        bound: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.names.len();
        self.names.push_str(side);
        self.names.push(':');
        self.names.push_str(path);
        let end = self.names.len();
        self.names.push_str(at);
        let plaintext = self.plaintext.write(bound, write);
        self.body.gaps.push(Gap {
            offset: self.body.text.len(),
            need,
            location: start..end,
            at: end..self.names.len(),
            plaintext,
        });
    }

    pub(crate) fn location(&self, gap: &Gap) -> &str {
        &self.names[gap.location.clone()]
    }

    pub(crate) fn at(&self, gap: &Gap) -> &str {
        &self.names[gap.at.clone()]
    }

    pub(crate) fn plaintext(&self, gap: &Gap) -> &[u8] {
        self.plaintext.get(gap.plaintext.clone())
    }
}
