//! Keys that a host lent for a while, so that it need not send them with every change.

use std::collections::BTreeMap;

use crate::Error;
use crate::capture::{Entry, Plan, Stamp};
use crate::seal::{Key, Source};

#[derive(Default)]
pub(crate) struct LentKeys {
    /// By data subject.
    subjects: BTreeMap<String, Lent>,
    /// By retention class.
    periods: BTreeMap<String, Lent>,
    /// By the ids of both.
    sources: BTreeMap<(String, String), Source>,
}

struct Lent {
    kid: String,
    key: Key,
}

impl LentKeys {
    pub(crate) fn lend_subject(&mut self, subject: &str, kid: &str, key: Key) {
        self.subjects.insert(subject.into(), Lent { kid: kid.into(), key });
        // An id that comes again with another key must not find what the old one gave.
        self.sources.retain(|(subject_kid, _), _| subject_kid != kid);
    }

    pub(crate) fn lend_period(&mut self, class: &str, kid: &str, key: Key) {
        self.periods.insert(class.into(), Lent { kid: kid.into(), key });
        self.sources.retain(|(_, period_kid), _| period_kid != kid);
    }

    /// The line, or none where a key is not here.
    pub(crate) fn write(
        &mut self,
        plan: &Plan,
        stamp: &Stamp<'_>,
        entropy: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut entries = Vec::with_capacity(plan.needs().len());
        for need in plan.needs() {
            let lent = (self.subjects.get(&need.subject), self.periods.get(&need.retain));
            let (Some(subject), Some(period)) = lent else { return Ok(None) };
            let sources = &mut self.sources;
            entries.push(Entry::new(
                need,
                [&subject.kid, &period.kid],
                stamp,
                &subject.key,
                |scope| {
                    let ids = (subject.kid.clone(), period.kid.clone());
                    let source = sources
                        .entry(ids)
                        .or_insert_with(|| Source::new(&subject.key, &period.key));
                    source.record_keys(scope)
                },
            )?);
        }
        plan.write(stamp, entropy, entries).map(Some)
    }
}
