//! Keys that the log says were destroyed, and that an older copy of the keyring has brought back.
//!
//! An erasure is final. So what the log says of a key goes before what the keyring has: nothing is opened with a key that
//! came back, nothing is sealed with it, and nobody is led to it by a name. That of a month is destroyed again at once. Whose
//! one of a data subject is stands in no record, so it is destroyed again when the subject is named: by the next change that
//! would be sealed with it, or by whoever shreds the subject again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sealtrail_keyring::{Found, KeyId, Keyring, Marker, Part, Why};
use sealtrail_record::json::{self, Value};

use super::destroyed_by;
use crate::error::Result;
use crate::questions::STORED;
use crate::trail::Trail;

#[derive(Default)]
pub struct Returned {
    keys: OnceLock<HashMap<KeyId, Gone>>,
    /// Of whoever compares log and keyring.
    looking: Mutex<()>,
    /// Of whoever destroys the key of a subject by its name, for the subject may have a new one after that; and until the
    /// keyring knows that the log has the record.
    ending: Mutex<()>,
}

/// When, by whom and why a key was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    pub when: String,
    pub who: String,
    pub reason: String,
}

/// So many are named in a line of our own log.
const TOLD: usize = 20;

impl Returned {
    /// Whether a key is one of those, as far as was compared.
    pub fn has(&self, kid: &KeyId) -> bool {
        self.keys.get().is_some_and(|keys| keys.contains_key(kid))
    }

    pub fn get(&self, kid: &KeyId) -> Option<&Gone> {
        self.keys.get()?.get(kid)
    }

    /// Compares log and keyring, once; gives how many keys of data subjects are there that must not be. Reads all
    /// erasures in the log.
    pub fn look(&self, trail: &Trail) -> Result<usize> {
        if let Some(known) = self.keys.get() {
            return Ok(known.len());
        }
        let _turn = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.keys.get() {
            return Ok(known.len());
        }
        let mut keys = compare(trail)?;
        let names: Vec<_> = keys.keys().map(|kid| kid.as_str().to_owned()).collect();
        if !names.is_empty() {
            tell(&names);
            trail.questions.forget(&names)?;
            end_periods(trail, &mut keys)?;
        }
        Ok(self.keys.get_or_init(|| keys).len())
    }

    /// Destroys the key of a subject that came back, the one that is for this period or for none. The log has the record
    /// of that.
    pub fn end(&self, keyring: &Keyring, subject: &str, period: Option<&KeyId>) -> Result<()> {
        let _ending = self.ending();
        let found = match period {
            Some(period) => keyring.existing_subject_key_in(subject, period)?,
            None => keyring.existing_subject_key(subject)?,
        };
        let Some((kid, _)) = found else { return Ok(()) };
        // Somebody else may have done it meanwhile, and the subject have a new one.
        let Some(gone) = self.get(&kid) else { return Ok(()) };
        let part = period.map_or(Part::OfNoPeriod, Part::Period);
        let erased = keyring.shred_part(subject, part, &gone.why())?;
        keyring.recorded(&erased)?;
        tracing::warn!(key = %kid, "destroyed a key again that an older copy of the keyring had brought back");
        Ok(())
    }

    /// Held while a key is destroyed that came back, or that of a subject by its name.
    pub fn ending(&self) -> MutexGuard<'_, ()> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compare(trail: &Trail) -> Result<HashMap<KeyId, Gone>> {
    let mut keys = HashMap::new();
    trail.questions.each_erasure(0..u64::MAX, |found| {
        for kid in destroyed_by(&found.line) {
            let Ok(kid) = KeyId::parse(&kid) else { continue };
            // Of nearly all of them there is none.
            if !trail.keyring.has_file(&kid) {
                continue;
            }
            match trail.keyring.key(&kid) {
                Ok(Found::Key(_)) => drop(keys.insert(kid, Gone::of_record(&found.line))),
                Ok(_) => {}
                // Nobody can open anything with it either.
                Err(error) if error.is_edited() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })?;
    Ok(keys)
}

fn tell(names: &[String]) {
    let keys = names[..names.len().min(TOLD)].join(" ");
    tracing::error!(
        count = names.len(),
        keys,
        "the keyring has keys that the log says were destroyed: it was put back to an older copy. Nothing is opened with \
         them; `sealtrail shred` each of the persons again, which destroys them, and then every such copy (OPERATIONS.md, \
         Restore)"
    );
}

/// Months are known by the ids of their keys.
fn end_periods(trail: &Trail, keys: &mut HashMap<KeyId, Gone>) -> Result<()> {
    for (kid, gone) in keys.extract_if(|kid, _| kid.period().is_some()) {
        let _closed = trail.in_use.close(vec![kid.clone()]);
        let _ending = trail.returned.ending();
        match trail.keyring.expire_period(&kid, &gone.why()) {
            Ok(erased) => {
                trail.leases.end(&erased.kids);
                trail.keyring.recorded(&erased)?;
                tracing::warn!(key = %kid, "destroyed the key of a month again");
            }
            Err(error) if error.is_shredded() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Gone {
    /// As the record of the erasure says.
    fn of_record(line: &[u8]) -> Self {
        let record = json::parse(line, &STORED).unwrap_or(Value::Null);
        let text = |at: &str| {
            let text = record.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.unwrap_or("unknown").to_owned()
        };
        Self { when: text("/recordedtime"), who: text("/authid"), reason: text("/data/reason") }
    }

    fn why(&self) -> Why<'_> {
        Why { when: &self.when, who: &self.who, reason: &self.reason }
    }
}

impl From<Marker> for Gone {
    fn from(marker: Marker) -> Self {
        Self { when: marker.when, who: marker.who, reason: marker.reason }
    }
}

#[cfg(test)]
mod tests;
