//! A record with its protected fields still to come: text, and what goes where in it.
//!
//! Building it decides everything that depends on the policy, so that what keys and how much
//! entropy are needed is known before a key is asked for.

use std::ops::Range;

use sealtrail_record::json::write_string;

use crate::plaintext::Plaintext;

/// Keys that a record needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub group: String,
    /// The data subject.
    pub subject: String,
    /// Retention class.
    pub retain: String,
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
}

impl Template {
    pub(crate) fn new(explain: bool) -> Self {
        Self { fields: explain.then(Vec::new), ..Self::default() }
    }

    pub(crate) fn text(&mut self, bytes: &[u8]) {
        self.body.text.extend_from_slice(bytes);
    }

    pub(crate) fn string(&mut self, text: &str) {
        write_string(text, &mut self.body.text);
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
