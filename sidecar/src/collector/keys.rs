//! The keys that a record is sealed with.

use sealtrail_keyring::{Found, KeyId, Keyring};

use crate::clock::Moment;
use crate::code::Code;
use crate::config::KeyScope;
use crate::engine::{Kids, Need, Purpose};
use crate::erasure::Returned;
use crate::error::{Error, Result};

/// What is to be sealed or named.
struct Of<'a> {
    /// The name by which the keyring has the key.
    subject: &'a str,
    class: &'a str,
    month: &'a str,
    /// Whether the subject has a key of its own for this month of the class.
    is_in_period: bool,
}

/// Where they come from.
#[derive(Clone, Copy)]
pub struct KeySource<'a> {
    pub keyring: &'a Keyring,
    /// Nothing is sealed with a key that the log says was destroyed.
    pub returned: &'a Returned,
    pub scope: KeyScope,
}

impl KeySource<'_> {
    /// The keys of a need in the month when it is recorded, made on first use.
    pub fn keys_of(self, need: &Need, month: &str) -> Result<Kids> {
        let of = Of {
            subject: &self.scope.name(&need.subject),
            class: &need.retain,
            month,
            // Equality over the years is what a pseudonym is for.
            is_in_period: self.scope == KeyScope::Period && need.purpose == Purpose::Seal,
        };
        if let Some(warm) = self.warm(&of) {
            return Ok(warm);
        }
        // The keyring waits for the disk, so other tasks move to another thread first. How many threads that can
        // make is what the turns bound.
        tokio::task::block_in_place(|| self.stored(&of))
    }

    fn warm(self, &Of { subject, class, month, is_in_period }: &Of<'_>) -> Option<Kids> {
        let period = self.keyring.warm_period_key(class, month)?;
        let subject = match is_in_period {
            true => self.keyring.warm_subject_key_in(subject, class, month)?,
            false => self.keyring.warm_subject_key(subject)?,
        };
        (!self.returned.has(&subject.0)).then_some([subject, period])
    }

    fn stored(self, &Of { subject, class, month, is_in_period }: &Of<'_>) -> Result<Kids> {
        let period =
            self.keyring.period_key(class, month).map_err(|error| match error.is_shredded() {
                true => self.period_expired(class, month),
                false => error.into(),
            })?;
        let within = is_in_period.then_some(&period.0);
        loop {
            let key = match within {
                Some(period) => self.keyring.subject_key_in(subject, period)?,
                None => self.keyring.subject_key(subject)?,
            };
            if !self.returned.has(&key.0) {
                return Ok([key, period]);
            }
            // Then it has none, and gets a new one: this ends.
            self.returned.end(self.keyring, subject, within)?;
        }
    }

    /// A clock that went back asks for such a key, or a month whose key was destroyed before the month was over.
    fn period_expired(self, class: &str, month: &str) -> Error {
        let message = match self.destroyed_early(class, month) {
            Some((when, end)) => format!(
                "the key of {month} for the retention class `{class}` was destroyed at {when}, before the month was over, \
                 and is never made again: nothing of this class can be sealed until {end}"
            ),
            None => format!(
                "by the clock it is {month}, and this month is over for the retention class `{class}`: its key was \
                 destroyed and is never made again; set the clock"
            ),
        };
        Error::new(Code::PeriodExpired, message)
    }

    /// When the key of a month was destroyed that had not ended by then, and when that ends.
    fn destroyed_early(self, class: &str, month: &str) -> Option<(Moment, Moment)> {
        let kid = KeyId::parse(&format!("t_{class}.{month}")).ok()?;
        let Ok(Found::Shredded(marker)) = self.keyring.key(&kid) else { return None };
        let (when, end) = (Moment::parse(&marker.when)?, Moment::end_of_month(month)?);
        (when < end).then_some((when, end))
    }
}
