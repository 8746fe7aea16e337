//! Keys that a host lent for a while, so that it need not send them with every change.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::Error;
use crate::capture::Plan;
use crate::protector::Entry;
use crate::seal::{Key, RecordKeys, Scope, Source};
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
    sources: RefCell<Vec<(String, Source)>>,
}

impl Lent {
    fn new(kid: &str, key: Key) -> Self {
        Self { kid: kid.into(), key, sources: RefCell::default() }
    }

    fn record_keys(&self, period: &Lent, scope: &Scope<'_>) -> RecordKeys {
        let mut sources = self.sources.borrow_mut();
        if let Some((_, source)) = sources.iter().find(|(kid, _)| *kid == period.kid) {
            return source.record_keys(scope);
        }
        let source = Source::new(&self.key, &period.key);
        let keys = source.record_keys(scope);
        sources.push((period.kid.clone(), source));
        keys
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
            subject.sources.get_mut().retain(|(period, _)| !gone(period));
        }
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
            entries.push(Entry::new(
                need,
                [&subject.kid, &period.kid],
                stamp,
                &subject.key,
                |scope| subject.record_keys(period, scope),
            )?);
        }
        plan.write(stamp, entropy, entries).map(Some)
    }
}
