use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::durable::Disk;
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::key::Key;
use crate::layout::{Layout, entries};
use crate::shred::{Erased, Marker};
use crate::subject::SubjectName;

/// No entry is longer: room for ten thousand keys, beside texts that are bounded and that JSON can make six times as long.
const LIMIT: usize = 1024 * 1024;

/// What the journal says about one shred.
pub(crate) struct Entry {
    pub(crate) kids: Vec<KeyId>,
    /// The map entries that go with the keys. Only an intent has them: nothing that is derived from the name of a
    /// subject stays on disk once the shred is recorded.
    pub(crate) subjects: Vec<SubjectName>,
    pub(crate) marker: Marker,
    /// Of a shred that is whole only under a later key-encryption key.
    pub(crate) generation: Option<u64>,
}

/// How far a shred has come, which is also how the file is called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    /// Decided. From here on it is carried out, if need be on the next open.
    Intent,
    /// Carried out by an open, and waiting until the log holds the record of it.
    Erased,
}

/// The journal of shreds: a folder with one file per shred and phase.
///
/// ```text
/// {"kids":["k_…"],"subject":"<64 hex, an intent only>","generation":<n>,"when":"…","who":"…","reason":"…"}LF
/// {"kids":["k_…","k_…"],"subjects":["<64 hex>","<64 hex>"],…}LF           an intent with more than one map entry
/// <base64 of HMAC-SHA256(index key, "sealtrail/keyring/v1/journal" ‖ 0x00 ‖ phase ‖ 0x00 ‖ the first line without LF)>LF
/// ```
///
/// The proof is there because an edited intent would destroy the key of another subject on the next open.
pub(crate) struct Journal<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) disk: &'a Disk,
    pub(crate) index_key: &'a Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Where there are several. Who does not know of it must not carry out a part of the shred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    when: String,
    who: String,
    reason: String,
}

impl Journal<'_> {
    /// Writes an entry, durably.
    pub(crate) fn write(&self, phase: Phase, entry: &Entry) -> Result<()> {
        let mut subjects: Vec<_> =
            entry.subjects.iter().map(|name| SubjectName::to_hex(*name)).collect();
        let line = Line {
            kids: entry.kids.iter().map(KeyId::to_string).collect(),
            subject: if subjects.len() == 1 { subjects.pop() } else { None },
            subjects,
            generation: entry.generation,
            when: entry.marker.when.clone(),
            who: entry.marker.who.clone(),
            reason: entry.marker.reason.clone(),
        };
        let line = serde_json::to_string(&line).expect("texts and lists of texts are always JSON");
        let text =
            format!("{line}\n{}\n", Base64::encode_string(&self.proof(phase, line.as_bytes())));
        if text.len() > LIMIT {
            return Err(Error::new(Kind::BadArgument {
                what: "keys to destroy at once",
                expected: format!("as many as an entry of {LIMIT} bytes holds"),
                got: format!("{} keys", entry.kids.len()),
            }));
        }
        self.disk.write(&self.layout.temporaries(), &self.path(phase, &entry.kids), text.as_bytes())
    }

    /// Removes an entry, durably. One that is not there is no error.
    pub(crate) fn remove(&self, phase: Phase, kids: &[KeyId]) -> Result<()> {
        self.disk.unlink(&self.path(phase, kids))
    }

    /// Removes all that there is of a shred, durably.
    pub(crate) fn forget(&self, kids: &[KeyId]) -> Result<()> {
        self.disk.unlink_all(&[Phase::Erased, Phase::Intent].map(|phase| self.path(phase, kids)))
    }

    /// Every entry of one phase. There are as many as shreds that were interrupted or are not yet recorded.
    pub(crate) fn entries(&self, phase: Phase) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        for path in entries(&self.layout.journal())? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(extension) if extension == phase.extension() => {
                    found.push(self.read(phase, &path)?)
                }
                Some("intent" | "erased") => {}
                _ => return Err(Error::edited(&path, "only files of the journal in this folder")),
            }
        }
        Ok(found)
    }

    fn read(&self, phase: Phase, path: &Path) -> Result<Entry> {
        let text = self.disk.read(path, LIMIT)?.unwrap_or_default();
        let entry = || {
            let (line, proof) =
                std::str::from_utf8(&text).ok()?.strip_suffix('\n')?.split_once('\n')?;
            let mut given = [0; 32];
            if Base64::decode(proof, &mut given).ok()?.len() != 32
                || !bool::from(subtle::ConstantTimeEq::ct_eq(
                    &given[..],
                    &self.proof(phase, line.as_bytes())[..],
                ))
            {
                return None;
            }
            let line: Line = serde_json::from_str(line).ok()?;
            Some(Entry {
                kids: line.kids.iter().map(|kid| KeyId::parse(kid)).collect::<Result<_>>().ok()?,
                subjects: line
                    .subject
                    .iter()
                    .chain(&line.subjects)
                    .map(|hex| SubjectName::from_hex(hex))
                    .collect::<Option<_>>()?,
                generation: line.generation,
                marker: Marker { when: line.when, who: line.who, reason: line.reason },
            })
        };
        // The name is part of what is checked: the same entry under two names would be two shreds.
        entry()
            .filter(|entry| !entry.kids.is_empty() && self.path(phase, &entry.kids) == path)
            .ok_or_else(|| {
                Error::edited(path, "a journal entry with the proof that this keyring wrote it")
            })
    }

    fn path(&self, phase: Phase, kids: &[KeyId]) -> PathBuf {
        let kid = kids.first().expect("a shred has at least one key");
        self.layout.journal().join(format!("{kid}.{}", phase.extension()))
    }

    fn proof(&self, phase: Phase, line: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.index_key.expose())
            .expect("HMAC takes a key of any length");
        mac.update(b"sealtrail/keyring/v1/journal\0");
        mac.update(phase.extension().as_bytes());
        mac.update(b"\0");
        mac.update(line);
        mac.finalize().into_bytes().into()
    }
}

impl Phase {
    fn extension(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Erased => "erased",
        }
    }
}

impl Entry {
    pub(crate) fn into_erased(self) -> Erased {
        Erased { kids: self.kids, marker: self.marker, generation: self.generation }
    }
}
