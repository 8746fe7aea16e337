//! Keys that are destroyed, and told of until the log has the record.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use super::Keyring;
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::journal::{Entry, Phase};
use crate::layout::shard_of;
use crate::shred::{Erased, Why};
use crate::subject::{Owner, SubjectName};

/// Which of a data subject's keys are meant.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// All of them.
    Whole,
    /// The one that is for no single period.
    OfNoPeriod,
    /// The one that is for this period, which is named by its own key.
    Period(&'a KeyId),
}

impl Keyring {
    /// Destroys the keys of a data subject, the one that it has and those that it has for single periods. Everything that
    /// was ever sealed with them is unreadable from now on, and when this returns, that is durable.
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
        self.shred(subject, Part::Whole, why, None)
    }

    /// The same of a part of what there is of a subject.
    pub fn shred_part(&self, subject: &str, part: Part<'_>, why: &Why<'_>) -> Result<Erased> {
        self.shred(subject, part, why, None)
    }

    /// The same, for somebody who changes the key-encryption key next, so that a copy of the keyring from before is of
    /// no use either. What comes back says of which [generation](Self::generation) the key was: the shredding is
    /// whole when the keyring is of a later one, also for whoever finds it [unrecorded](Self::unrecorded).
    pub fn shred_subject_before_rotation(&self, subject: &str, why: &Why<'_>) -> Result<Erased> {
        self.shred_part_before_rotation(subject, Part::Whole, why)
    }

    /// The same of a part of what there is of a subject.
    pub fn shred_part_before_rotation(
        &self,
        subject: &str,
        part: Part<'_>,
        why: &Why<'_>,
    ) -> Result<Erased> {
        self.shred(subject, part, why, Some(self.generation()))
    }

    fn shred(
        &self,
        subject: &str,
        part: Part<'_>,
        why: &Why<'_>,
        generation: Option<u64>,
    ) -> Result<Erased> {
        self.disk.refuse_if_stopped()?;
        let marker = why.to_marker()?;
        // A period that begins from here on is one of a subject that has come again.
        let periods = match part {
            Part::Whole => self.begun_periods()?.iter().cloned().collect(),
            Part::OfNoPeriod => Vec::new(),
            Part::Period(period) => vec![period.clone()],
        };
        let whole = (!matches!(part, Part::Period(_))).then(|| Ok(Owner::whole(subject)));
        let in_periods = periods.iter().map(|period| Owner::within(subject, period));
        let owners = whole.into_iter().chain(in_periods).collect::<Result<Vec<_>>>()?;
        let named = self.named(owners)?;
        let _turns = self.all(&self.turns, named.iter().map(|(_, name)| name.shard()))?;
        let (mut kids, mut subjects, mut evicted) = (Vec::new(), Vec::new(), Vec::new());
        for (owner, name) in named {
            if let Some(kid) = self.subject_kid(&name)? {
                kids.push(kid);
                subjects.push(name);
                evicted.push(owner);
            }
        }
        if kids.is_empty() {
            return Err(Error::new(Kind::UnknownSubject));
        }
        let _alone = self.all(&self.files, kids.iter().map(shard_of))?;
        let intent = Entry { kids, subjects, marker, generation };
        self.journal().shred(&intent, || evicted.into_iter().for_each(|of| self.evict(of)))?;
        Ok(intent.into_erased())
    }

    /// Those that have a key, without a turn: nobody waits for names that have none.
    fn named<'a>(&self, owners: Vec<Owner<'a>>) -> Result<Vec<(Owner<'a>, SubjectName)>> {
        let mut named = Vec::new();
        for owner in owners {
            let name = SubjectName::of(&self.index_key, owner)?;
            if self.named_kid(&name)?.is_some() {
                named.push((owner, name));
            }
        }
        Ok(named)
    }

    /// The turns of several shards. Everybody takes them in this order, so that no two wait for each other.
    fn all<'m>(
        &self,
        of: &'m [Mutex<()>; 256],
        shards: impl Iterator<Item = u8>,
    ) -> Result<Vec<MutexGuard<'m, ()>>> {
        let shards: BTreeSet<u8> = shards.collect();
        shards.into_iter().map(|shard| self.hold(&of[usize::from(shard)])).collect()
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
        let (kids, subjects) = (vec![kid.clone()], Vec::new());
        let intent = Entry { kids, subjects, marker, generation: None };
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
