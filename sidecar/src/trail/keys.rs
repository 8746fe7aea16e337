//! Keys by their ids, as far as the log lets them be used.

use sealtrail_keyring::{Found, Key, KeyId, Keyring};

use super::Trail;
use crate::code::Code;
use crate::config::KeyScope;
use crate::erasure::Gone;
use crate::error::{Error, Result};
use crate::keys_in_use::{InUse, Refused};

/// What is known of a key.
pub enum Known {
    Key(Key),
    Gone(Gone),
    Unknown,
}

/// The keys that a data subject's values may be sealed with, each with the name it is known by: its own, those that it has for
/// single periods, and those that it shares, or has shared, with others.
pub fn keys_of_subject(keyring: &Keyring, subject: &str) -> Result<Vec<(String, KeyId)>> {
    let mut keys = Vec::new();
    for name in KeyScope::every_name(subject) {
        let found = keyring.existing_subject_key(&name)?;
        keys.extend(found.map(|(kid, _)| (name, kid)));
    }
    let in_periods = keyring.subject_keys_in_periods(subject)?;
    keys.extend(in_periods.into_iter().map(|(_, kid)| (subject.to_owned(), kid)));
    Ok(keys)
}

impl Trail {
    /// A key that something is to be opened with. What the log says was destroyed is gone, whatever the keyring has.
    pub fn key(&self, kid: &KeyId) -> Result<Known> {
        self.returned.look(self)?;
        if let Some(gone) = self.returned.get(kid) {
            return Ok(Known::Gone(gone.clone()));
        }
        Ok(match self.keyring.key(kid)? {
            Found::Key(key) => Known::Key(key),
            Found::Shredded(marker) => Known::Gone(marker.into()),
            Found::Unknown => Known::Unknown,
        })
    }

    /// Whether a key still exists.
    pub fn has_key(&self, kid: &KeyId) -> Result<bool> {
        Ok(matches!(self.keyring.key(kid)?, Found::Key(_)) && !self.returned.has(kid))
    }

    /// The keys that [a data subject](keys_of_subject) has and that may be used.
    pub fn keys_of_subject(&self, subject: &str) -> Result<Vec<(String, KeyId)>> {
        self.returned.look(self)?;
        let mut keys = keys_of_subject(&self.keyring, subject)?;
        keys.retain(|(_, kid)| !self.returned.has(kid));
        Ok(keys)
    }

    /// The id of a data subject's own key, where it has one that may be used.
    #[cfg(test)]
    pub fn kid_of_subject(&self, subject: &str) -> Result<Option<KeyId>> {
        let keys = self.keys_of_subject(subject)?;
        Ok(keys.into_iter().find(|(name, _)| name == subject).map(|(_, kid)| kid))
    }

    /// Takes up the keys of values that are to be opened: they were found, and may be gone since.
    pub fn take_up_to_open(&self, kids: &[KeyId]) -> Result<InUse> {
        self.take_up(kids)?.ok_or_else(|| {
            let message = "a key of these values was shredded just now; ask again";
            Error::new(Code::Shredded, message)
        })
    }

    /// Takes up keys that are known already; none if one does not exist any more.
    pub fn take_up(&self, kids: &[KeyId]) -> Result<Option<InUse>> {
        loop {
            let look = self.in_use.look();
            for kid in kids {
                if !self.has_key(kid)? {
                    return Ok(None);
                }
            }
            match self.in_use.enter(look, kids.to_vec()) {
                Ok(in_use) => return Ok(Some(in_use)),
                // Each time another erasure has come between, so this ends.
                Err(Refused::Changed) => {}
                Err(closed) => return Err(closed.error()),
            }
        }
    }
}
