//! Keys that are destroyed, and told of until the log has the record.

use super::Keyring;
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::journal::{Entry, Phase};
use crate::layout::shard_of;
use crate::shred::{Erased, Why};
use crate::subject::SubjectName;

impl Keyring {
    /// Destroys the key of a data subject. Everything that was ever sealed with it is unreadable from now on,
    /// and when this returns, that is durable.
    ///
    /// A crash at any moment leaves either no shred or one that the next [`open`](Self::open) completes. An
    /// error after the decision is durable makes the keyring refuse further work for the same reason. A full disk
    /// ([`is_disk_full`](Error::is_disk_full)) is none of those: it refuses the shred, which can be repeated.
    ///
    /// The caller appends a record of the erasure to the log and then calls [`recorded`](Self::recorded). If
    /// the subject turns up again it gets a new key.
    ///
    /// ```
    /// # use sealtrail_keyring::{Kek, Keyring, Why};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let kek = Kek::generate()?;
    /// # Keyring::create(&dir, &kek)?;
    /// # let keyring = Keyring::open(&dir, kek)?;
    /// let why = Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17" };
    /// let error = keyring.shred_subject("customer/404", &why).unwrap_err();
    /// assert!(error.is_unknown_subject());
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn shred_subject(&self, subject: &str, why: &Why<'_>) -> Result<Erased> {
        self.shred(subject, why, None)
    }

    /// The same, for somebody who changes the key-encryption key next, so that a copy of the keyring from before is of
    /// no use either. What comes back says of which [generation](Self::generation) the key was: the shredding is
    /// whole when the keyring is of a later one, also for whoever finds it [unrecorded](Self::unrecorded).
    pub fn shred_subject_before_rotation(&self, subject: &str, why: &Why<'_>) -> Result<Erased> {
        self.shred(subject, why, Some(self.generation()))
    }

    fn shred(&self, subject: &str, why: &Why<'_>, generation: Option<u64>) -> Result<Erased> {
        self.disk.refuse_if_stopped()?;
        let marker = why.to_marker()?;
        let name = SubjectName::new(&self.index_key, subject)?;
        let _turn = self.turn(name.shard())?;
        let kid = self.subject_kid(&name)?.ok_or_else(|| Error::new(Kind::UnknownSubject))?;
        let _alone = self.alone(shard_of(&kid))?;
        let intent = Entry { kids: vec![kid], subject: Some(name), marker, generation };
        self.journal().shred(&intent, || self.subjects.evict(subject))?;
        Ok(intent.into_erased())
    }

    /// Destroys the key of a retention period whose time is over, like [`shred_subject`](Self::shred_subject)
    /// that of a subject: completed by the next [`open`](Self::open) if it was interrupted, and told with
    /// [`recorded`](Self::recorded) when the log has the record of it.
    ///
    /// The period never gets another key: [`period_key`](Self::period_key) refuses from the moment when the
    /// decision is durable.
    ///
    /// ```
    /// # use sealtrail_keyring::{Kek, Keyring, Why};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let kek = Kek::generate()?;
    /// # Keyring::create(&dir, &kek)?;
    /// # let keyring = Keyring::open(&dir, kek)?;
    /// let (kid, _) = keyring.period_key("standard-7y", "2019-11")?;
    /// let why = Why { when: "2026-12-01T00:00:00Z", who: "ops", reason: "seven years are over" };
    /// assert_eq!(keyring.expire_period(&kid, &why)?.kids, [kid]);
    /// assert!(keyring.period_key("standard-7y", "2019-11").is_err_and(|error| error.is_shredded()));
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn expire_period(&self, kid: &KeyId, why: &Why<'_>) -> Result<Erased> {
        self.disk.refuse_if_stopped()?;
        let marker = why.to_marker()?;
        if kid.period().is_none() {
            return Err(Error::new(Kind::BadArgument {
                what: "key to expire",
                expected: "the key of a period, `t_<class>.<period>`".into(),
                got: format!("`{kid}`"),
            }));
        }
        let shard = shard_of(kid);
        let _turn = self.turn(shard)?;
        self.settled_keys.settle(shard, || self.disk.sync_folder(&self.layout.key_shard(shard)))?;
        if self.journal().read_marker(kid)?.is_some() {
            return Err(Error::new(Kind::Shredded { kid: kid.to_string() }));
        }
        // One that cannot be read is not destroyed unseen: that would hide that the file was edited.
        if self.read_key(kid)?.is_none() {
            return Err(Error::new(Kind::UnknownPeriod { kid: kid.to_string() }));
        }
        let _alone = self.alone(shard)?;
        let intent = Entry { kids: vec![kid.clone()], subject: None, marker, generation: None };
        self.journal().shred(&intent, || self.periods.evict(kid.as_str()))?;
        Ok(intent.into_erased())
    }

    /// The complete shreds that [`recorded`](Self::recorded) was not called for. Ask after opening: one that a
    /// crash interrupted has no record in the log yet.
    pub fn unrecorded(&self) -> Result<Vec<Erased>> {
        self.disk.refuse_if_stopped()?;
        let journal = self.journal();
        let mut entries = journal.entries(Phase::Erased)?;
        // A shred of this process is complete while its intent is there, or is just carried out; before the marker it may
        // still be undone for want of room.
        for intent in journal.entries(Phase::Intent)? {
            if journal.read_marker(&intent.kids[0])?.is_some() {
                entries.push(intent);
            }
        }
        Ok(entries.into_iter().map(Entry::into_erased).collect())
    }

    /// Tells the keyring that the record of this erasure is durable in the log. Telling it twice is fine.
    pub fn recorded(&self, erased: &Erased) -> Result<()> {
        self.disk.refuse_if_stopped()?;
        self.journal().forget(&erased.kids)
    }
}
