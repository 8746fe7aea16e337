//! The files of keys and of subjects, read and written.

use super::{KEY_HEAD, Keyring, Wrappers};
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::key::Key;
use crate::slip::{self, Slip};
use crate::subject::{Owner, SubjectName};
use crate::wrap::{Refused, WRAPPED, Wrapper};

impl Keyring {
    /// The subject's key from the cache or the disk. The caller has the turn.
    pub(super) fn stored_subject_key(
        &self,
        owner: Owner<'_>,
        name: &SubjectName,
    ) -> Result<Option<(KeyId, Key)>> {
        if let Some(found) = self.cached(owner) {
            return Ok(Some(found));
        }
        let Some(kid) = self.subject_kid(name)? else {
            return Ok(None);
        };
        // A subject whose key is gone without a shred gets an error, not a fresh key: that would hide the loss.
        let key = self.read_key(&kid)?.ok_or_else(|| {
            Error::new(Kind::Missing { what: "key file", path: self.layout.key(&kid) })
        })?;
        self.keep(owner, &kid, &key);
        Ok(Some((kid, key)))
    }

    /// The key id in the subject's map entry. The caller has the turn.
    pub(super) fn subject_kid(&self, name: &SubjectName) -> Result<Option<KeyId>> {
        let shard = name.shard();
        self.settled_subjects
            .settle(shard, || self.disk.sync_folder(&self.layout.subject_shard(shard)))?;
        self.named_kid(name)
    }

    /// The same for who seals nothing with that key: it may not be durable that it is there.
    pub(super) fn named_kid(&self, name: &SubjectName) -> Result<Option<KeyId>> {
        let path = self.layout.subject(name);
        match self.disk.read(&path, slip::LIMIT)? {
            Some(text) => name.parse_entry(&self.index_key, &text, &path).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn write_key(&self, kid: &KeyId, key: &Key) -> Result<()> {
        let wrappers = self.wrappers();
        let bytes = wrappers.newest().wrap(kid.as_str(), key);
        let slip = Slip { kid: kid.clone(), bytes };
        self.disk.write(
            &self.layout.temporaries(),
            &self.layout.key(kid),
            slip.to_text(KEY_HEAD).as_bytes(),
        )
    }

    pub(super) fn read_key(&self, kid: &KeyId) -> Result<Option<Key>> {
        let wrappers = self.wrappers();
        Ok(self.read_slip(kid, &wrappers)?.map(|(key, _)| key))
    }

    /// A key, and whether it is wrapped by the newest key-encryption key.
    pub(super) fn read_slip(
        &self,
        kid: &KeyId,
        wrappers: &Wrappers,
    ) -> Result<Option<(Key, bool)>> {
        let path = self.layout.key(kid);
        let Some(text) = self.disk.read(&path, slip::LIMIT)? else {
            return Ok(None);
        };
        let slip = Slip::<WRAPPED>::parse(&text, KEY_HEAD, &path)?;
        if slip.kid != *kid {
            return Err(Error::edited(&path, format!("key `{kid}`, got `{}`", slip.kid)));
        }
        let unwrap = |wrapper: &Wrapper| wrapper.unwrap(kid.as_str(), &slip.bytes);
        let unwrapped = match (unwrap(wrappers.newest()), &wrappers.next) {
            (Err(Refused::Integrity), Some(_)) => unwrap(&wrappers.current).map(|key| (key, false)),
            (unwrapped, _) => unwrapped.map(|key| (key, true)),
        };
        unwrapped.map(Some).map_err(|refused| {
            Error::edited(
                &path,
                match refused {
                    Refused::Integrity => {
                        "a key that passes the integrity check of its wrapping (RFC 3394)"
                            .to_owned()
                    }
                    Refused::OtherName => format!("key `{kid}`, got another key of this keyring"),
                },
            )
        })
    }
}
