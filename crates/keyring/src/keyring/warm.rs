//! Keys that are in memory.

use super::Keyring;
use crate::id::KeyId;
use crate::key::Key;

impl Keyring {
    /// What [`subject_key`](Self::subject_key) would give without the disk; `None` where it takes that.
    pub fn warm_subject_key(&self, subject: &str) -> Option<(KeyId, Key)> {
        self.disk.refuse_if_stopped().ok()?;
        self.subjects.get(subject)
    }

    /// What [`period_key`](Self::period_key) would give without the disk; `None` where it takes that.
    pub fn warm_period_key(&self, class: &str, period: &str) -> Option<(KeyId, Key)> {
        self.disk.refuse_if_stopped().ok()?;
        self.periods.get(KeyId::of_period(class, period).ok()?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Kek, Keyring, Why};

    #[test]
    fn what_was_asked_for_is_warm_until_it_is_destroyed() {
        let place = tempfile::tempdir().unwrap();
        let (dir, kek) = (place.path().join("keyring"), Kek::generate().unwrap());
        Keyring::create(&dir, &kek).unwrap();
        let keyring = Keyring::open(&dir, kek).unwrap();
        assert!(keyring.warm_subject_key("customer/3").is_none());
        assert!(keyring.warm_period_key("standard", "2026-11").is_none());
        let (subject, _) = keyring.subject_key("customer/3").unwrap();
        let (period, _) = keyring.period_key("standard", "2026-11").unwrap();
        assert_eq!(keyring.warm_subject_key("customer/3").unwrap().0, subject);
        assert_eq!(keyring.warm_period_key("standard", "2026-11").unwrap().0, period);
        let why = Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17" };
        keyring.shred_subject("customer/3", &why).unwrap();
        keyring.expire_period(&period, &why).unwrap();
        assert!(keyring.warm_subject_key("customer/3").is_none());
        assert!(keyring.warm_period_key("standard", "2026-11").is_none());
    }
}
