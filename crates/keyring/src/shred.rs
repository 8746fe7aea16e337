use serde::{Deserialize, Serialize};

use crate::durable::Prepared;
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::journal::{Entry, Journal, Phase};

/// Longer than any marker: the texts in it are bounded, and JSON can make them six times as long.
const LIMIT: usize = 64 * 1024;

/// Who shreds, when and for which reason. It stays in the keyring for good, so it must not name the subject.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    /// The time, RFC 3339.
    pub when: &'a str,
    /// The person or process that decided.
    pub who: &'a str,
    /// The reason, a ticket for example. It must not be blank.
    pub reason: &'a str,
}

/// What is left in the place of a shredded key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marker {
    /// The time, as the caller gave it.
    pub when: String,
    /// The person or process that decided.
    pub who: String,
    /// The reason that was given.
    pub reason: String,
}

/// A complete shred of a subject's key or a period's: these keys do not exist any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// The keys that were destroyed.
    pub kids: Vec<KeyId>,
    /// When, who and why.
    pub marker: Marker,
    /// If it was to be followed by another key-encryption key: the generation that must be over.
    pub generation: Option<u64>,
}

impl Why<'_> {
    /// Refuses what a marker could not hold, before anything is touched.
    pub(crate) fn to_marker(self) -> Result<Marker> {
        for (what, text, longest) in [
            ("time of the shred", self.when, 64),
            ("who shreds", self.who, 1024),
            ("reason to shred", self.reason, 4096),
        ] {
            if text.trim().is_empty() || text.len() > longest {
                return Err(Error::new(Kind::BadArgument {
                    what,
                    expected: format!("1 to {longest} bytes that are not all blank"),
                    got: format!("{} bytes", text.len()),
                }));
            }
        }
        Ok(Marker { when: self.when.into(), who: self.who.into(), reason: self.reason.into() })
    }
}

/// The file of a marker: one line of JSON, `{"kid":"k_…","when":"…","who":"…","reason":"…"}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerFile {
    kid: String,
    when: String,
    who: String,
    reason: String,
}

impl Journal<'_> {
    /// Decides on a shred, durably, and carries it out. `decided` is called between the two.
    ///
    /// What needs room is done before the decision, so that a full disk refuses a shred and never leaves half of one:
    /// an error that [says so](Error::is_disk_full) has changed nothing.
    pub(crate) fn shred(&self, intent: &Entry, decided: impl FnOnce()) -> Result<()> {
        let markers = self.prepare_markers(intent)?;
        self.write(Phase::Intent, intent)?;
        decided();
        match self.put_markers(markers) {
            // A folder has no room for another name. No key is touched, so it can be undecided; the markers that are there
            // go before the intent, which would complete it.
            Err((put, full)) if full.is_disk_full() => {
                for kid in &intent.kids[..put] {
                    self.disk.unlink(&self.layout.marker(kid))?;
                }
                self.remove(Phase::Intent, &intent.kids)?;
                Err(full)
            }
            // Whatever else fails from here on, this process must not use the keys again.
            put => put
                .map_err(|(_, error)| error)
                .and_then(|()| self.destroy(intent))
                .inspect_err(|_| self.disk.stop()),
        }
    }

    /// The same for a shred that somebody left: the journal moves on to "erased", then forgets the intent and with it
    /// the subject.
    pub(crate) fn carry_out(&self, intent: Entry) -> Result<()> {
        self.put_markers(self.prepare_markers(&intent)?).map_err(|(_, error)| error)?;
        self.destroy(&intent)?;
        let erased = Entry { subjects: Vec::new(), ..intent };
        self.write(Phase::Erased, &erased)?;
        self.remove(Phase::Intent, &erased.kids)
    }

    /// The markers come first, so that readers see a shredded key and never a damaged one.
    fn prepare_markers(&self, intent: &Entry) -> Result<Vec<Prepared<'_>>> {
        intent.kids.iter().map(|kid| self.prepare_marker(kid, &intent.marker)).collect()
    }

    /// Their entries are durable when those of the keys are gone: both are in one folder. An error says how many came to
    /// their places before it.
    fn put_markers(&self, markers: Vec<Prepared<'_>>) -> Result<(), (usize, Error)> {
        let mut numbered = markers.into_iter().enumerate();
        numbered.try_for_each(|(number, marker)| marker.put().map_err(|error| (number, error)))
    }

    /// Destroys what an intent names, when the markers are there. Every step may be repeated, so that the first run and
    /// the one after a crash are the same code, and none needs room:
    ///
    /// 1. the key: overwrite, sync, unlink, sync the folder, and with it the marker's entry;
    /// 2. the map entries of the subject, each if it still names one of these keys: the subject may have come again.
    ///
    /// The intent stays until the shred is [recorded](crate::Keyring::recorded), or
    /// [carried out](Self::carry_out) by the next open. Until then it makes good whatever of this a crash takes, so that
    /// nothing else is waited for twice.
    fn destroy(&self, intent: &Entry) -> Result<()> {
        for kid in &intent.kids {
            self.disk.erase(&self.layout.key(kid))?;
        }
        for name in &intent.subjects {
            let path = self.layout.subject(name);
            let entry = self.disk.read(&path, crate::slip::LIMIT)?;
            let kid =
                entry.map(|text| name.parse_entry(self.index_key, &text, &path)).transpose()?;
            if kid.is_none_or(|kid| intent.kids.contains(&kid)) {
                self.disk.unlink(&path)?;
            }
        }
        Ok(())
    }

    fn prepare_marker(&self, kid: &KeyId, marker: &Marker) -> Result<Prepared<'_>> {
        let Marker { when, who, reason } = marker.clone();
        let file = MarkerFile { kid: kid.to_string(), when, who, reason };
        let mut line = serde_json::to_string(&file).expect("texts are always JSON");
        line.push('\n');
        self.disk.prepare(&self.layout.temporaries(), &self.layout.marker(kid), line.as_bytes())
    }

    /// The marker of a key, if it was shredded.
    pub(crate) fn read_marker(&self, kid: &KeyId) -> Result<Option<Marker>> {
        let path = self.layout.marker(kid);
        let Some(text) = self.disk.read(&path, LIMIT)? else {
            return Ok(None);
        };
        match serde_json::from_slice::<MarkerFile>(&text) {
            Ok(file) if file.kid == kid.as_str() => {
                Ok(Some(Marker { when: file.when, who: file.who, reason: file.reason }))
            }
            _ => Err(Error::edited(
                &path,
                "a marker of this key: JSON with `kid`, `when`, `who` and `reason`",
            )),
        }
    }
}
