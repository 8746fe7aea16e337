//! Keys that a host lent for a while, so that it need not send them with every change.

use std::collections::BTreeMap;

use crate::Error;
use crate::capture::Plan;
use crate::protector::{Entry, Room};
use crate::seal::{Key, Source};
use crate::stamp::Stamp;

#[derive(Default)]
pub(crate) struct LentKeys {
    /// By data subject.
    subjects: BTreeMap<String, Lent>,
    /// By retention class.
    periods: BTreeMap<String, Lent>,
}

/// One type for both, so that one map is compiled and not two.
struct Lent {
    kid: String,
    key: Key,
    /// Of a subject's key: what it gives together with that of a period, by the id of that. Few, because
    /// there are few retention classes.
    sources: Vec<(String, Source)>,
}

impl Lent {
    fn new(kid: &str, key: Key) -> Self {
        Self { kid: kid.into(), key, sources: Vec::new() }
    }

    /// Makes sure of the source of this key and that of a period.
    fn meet(&mut self, period: &Lent) {
        if !self.sources.iter().any(|(kid, _)| *kid == period.kid) {
            self.sources.push((period.kid.clone(), Source::new(&self.key, &period.key)));
        }
    }

    fn source(&self, period: &Lent) -> Option<&Source> {
        let source = self.sources.iter().find(|(kid, _)| *kid == period.kid);
        source.map(|(_, source)| source)
    }
}

impl LentKeys {
    pub(crate) fn lend_subject(&mut self, subject: &str, kid: &str, key: Key) {
        self.subjects.insert(subject.into(), Lent::new(kid, key));
    }

    pub(crate) fn lend_period(&mut self, class: &str, kid: &str, key: Key) {
        let past = self.periods.insert(class.into(), Lent::new(kid, key)).map(|lent| lent.kid);
        // A period that is over is forgotten, and an id that comes again with another key must not find
        // what the old one gave.
        for subject in self.subjects.values_mut() {
            let gone = |period: &str| period == kid || past.as_deref() == Some(period);
            subject.sources.retain(|(period, _)| !gone(period));
        }
    }

    /// Appends the line; false, and nothing is written, where a key is not here.
    pub(crate) fn write(
        &mut self,
        plan: &Plan,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        room: &mut Room,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        for need in plan.needs() {
            let lent = (self.subjects.get_mut(&need.subject), self.periods.get(&*need.retain));
            let (Some(subject), Some(period)) = lent else { return Ok(false) };
            subject.meet(period);
        }
        let mut entries = room.entries();
        for need in plan.needs() {
            let lent = (self.subjects.get(&need.subject), self.periods.get(&*need.retain));
            let (Some(subject), Some(period)) = lent else { return Ok(false) };
            let Some(source) = subject.source(period) else { return Ok(false) };
            let kids = [&*subject.kid, &*period.kid];
            entries.push(Entry::new(need, kids, stamp, &subject.key, source, room)?);
        }
        plan.write(stamp, entropy, entries, room, out)?;
        Ok(true)
    }
}
