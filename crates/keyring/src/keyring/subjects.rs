//! The keys of data subjects: one for each, or one for each in every period.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use super::Keyring;
use crate::cache::Cache;
use crate::durable::new_folder;
use crate::error::Result;
use crate::id::KeyId;
use crate::key::{Key, random};
use crate::subject::{Owner, SubjectName};

impl Keyring {
    /// The key of a data subject, made on first use. It is on disk, durably, before this returns.
    ///
    /// The subject is a text like `customer/3`, of at most 2048 bytes.
    pub fn subject_key(&self, subject: &str) -> Result<(KeyId, Key)> {
        self.key_of(Owner::whole(subject))
    }

    /// The key of a data subject for one period of one retention class, which `period` is the key of: another one than
    /// [`subject_key`](Self::subject_key) gives, and than those of all other periods.
    ///
    /// ```
    /// # use sealtrail_keyring::{Kek, Keyring, Part, Why};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let kek = Kek::generate()?;
    /// # Keyring::create(&dir, &kek)?;
    /// # let keyring = Keyring::open(&dir, kek)?;
    /// let (october, _) = keyring.period_key("standard-7y", "2026-10")?;
    /// let (november, _) = keyring.period_key("standard-7y", "2026-11")?;
    /// let (kid, _) = keyring.subject_key_in("customer/3", &october)?;
    /// let (stays, _) = keyring.subject_key_in("customer/3", &november)?;
    ///
    /// let why = Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17" };
    /// let erased = keyring.shred_part("customer/3", Part::Period(&october), &why)?;
    /// assert_eq!(erased.kids, [kid]);
    /// # keyring.recorded(&erased)?;
    /// // Of the person as a whole, all that are left.
    /// assert_eq!(keyring.shred_subject("customer/3", &why)?.kids, [stays]);
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn subject_key_in(&self, subject: &str, period: &KeyId) -> Result<(KeyId, Key)> {
        let owner = Owner::within(subject, period)?;
        self.disk.refuse_if_stopped()?;
        if let Some(found) = self.cached(owner) {
            return Ok(found);
        }
        // Before the key is there, so that whoever forgets the subject looks for one of this period.
        self.begin_period(period)?;
        self.key_of(owner)
    }

    /// The key of a data subject, if it has one.
    pub fn existing_subject_key(&self, subject: &str) -> Result<Option<(KeyId, Key)>> {
        self.existing_key_of(Owner::whole(subject))
    }

    /// The same of one that is for a period.
    pub fn existing_subject_key_in(
        &self,
        subject: &str,
        period: &KeyId,
    ) -> Result<Option<(KeyId, Key)>> {
        self.existing_key_of(Owner::within(subject, period)?)
    }

    /// The ids of the keys that a data subject has for single periods, each behind its period. As many files are looked
    /// for as there are such periods.
    pub fn subject_keys_in_periods(&self, subject: &str) -> Result<Vec<(KeyId, KeyId)>> {
        self.disk.refuse_if_stopped()?;
        let mut found = Vec::new();
        for period in self.begun_periods()?.iter() {
            let name = SubjectName::of(&self.index_key, Owner::within(subject, period)?)?;
            let kid = self.named_kid(&name)?;
            found.extend(kid.map(|kid| (period.clone(), kid)));
        }
        Ok(found)
    }

    /// What [`subject_key_in`](Self::subject_key_in) would give without the disk, of the period with this class and name;
    /// `None` where it takes that.
    pub fn warm_subject_key_in(
        &self,
        subject: &str,
        class: &str,
        period: &str,
    ) -> Option<(KeyId, Key)> {
        self.disk.refuse_if_stopped().ok()?;
        // Only names of real periods are in there.
        self.subjects_in_periods.get(&Owner::in_period(&format!("t_{class}.{period}"), subject))
    }

    fn key_of(&self, owner: Owner<'_>) -> Result<(KeyId, Key)> {
        self.disk.refuse_if_stopped()?;
        if let Some(found) = self.cached(owner) {
            return Ok(found);
        }
        let name = SubjectName::of(&self.index_key, owner)?;
        let _turn = self.turn(name.shard())?;
        if let Some(found) = self.stored_subject_key(owner, &name)? {
            return Ok(found);
        }
        let mut id = [0; 16];
        random(&mut id)?;
        let kid = KeyId::of_subject(&id);
        let key = Key::random()?;
        // The key before the entry that names it. A crash between the two leaves a key that nobody ever got.
        self.write_key(&kid, &key)?;
        let entry = name.entry(&self.index_key, &kid);
        self.disk.write(
            &self.layout.temporaries(),
            &self.layout.subject(&name),
            entry.as_bytes(),
        )?;
        self.keep(owner, &kid, &key);
        Ok((kid, key))
    }

    fn existing_key_of(&self, owner: Owner<'_>) -> Result<Option<(KeyId, Key)>> {
        self.disk.refuse_if_stopped()?;
        if let Some(found) = self.cached(owner) {
            return Ok(Some(found));
        }
        let name = SubjectName::of(&self.index_key, owner)?;
        let _turn = self.turn(name.shard())?;
        self.stored_subject_key(owner, &name)
    }

    /// Notes, durably, that subjects have keys for this period.
    fn begin_period(&self, period: &KeyId) -> Result<()> {
        if self.begun_periods()?.contains(period) {
            return Ok(());
        }
        let mut periods = self.beginning_periods()?;
        if !periods.contains(period) {
            // A process before this one may have made the folder and not synced it.
            new_folder(&self.layout.periods())?;
            self.disk.sync_folder(self.layout.root())?;
            let (temporaries, place) = (self.layout.temporaries(), self.layout.period(period));
            self.disk.write(&temporaries, &place, format!("{period}\n").as_bytes())?;
            periods.insert(period.clone());
        }
        Ok(())
    }

    /// The periods for which subjects have keys.
    pub(super) fn begun_periods(&self) -> Result<RwLockReadGuard<'_, BTreeSet<KeyId>>> {
        let periods = self.begun.read().unwrap_or_else(|poisoned| self.panicked(poisoned));
        self.disk.refuse_if_stopped()?;
        Ok(periods)
    }

    fn beginning_periods(&self) -> Result<RwLockWriteGuard<'_, BTreeSet<KeyId>>> {
        let periods = self.begun.write().unwrap_or_else(|poisoned| self.panicked(poisoned));
        self.disk.refuse_if_stopped()?;
        Ok(periods)
    }

    /// Somebody panicked between two steps. What the disk holds is for the next open to find out.
    fn panicked<T>(&self, poisoned: PoisonError<T>) -> T {
        self.disk.stop();
        poisoned.into_inner()
    }

    /// The key of an owner that is in memory.
    pub(super) fn cached(&self, owner: Owner<'_>) -> Option<(KeyId, Key)> {
        let (cache, name) = self.cache_of(owner);
        cache.get(&name)
    }

    pub(super) fn keep(&self, owner: Owner<'_>, kid: &KeyId, key: &Key) {
        let (cache, name) = self.cache_of(owner);
        cache.put(&name, kid, key);
    }

    pub(super) fn evict(&self, owner: Owner<'_>) {
        let (cache, name) = self.cache_of(owner);
        cache.evict(&name);
    }

    fn cache_of<'s>(&self, owner: Owner<'s>) -> (&Cache, Cow<'s, str>) {
        match owner.period() {
            None => (&self.subjects, owner.subject().into()),
            Some(period) => (
                &self.subjects_in_periods,
                Owner::in_period(period.as_str(), owner.subject()).into(),
            ),
        }
    }
}
