use std::time::SystemTime;

use crate::durable::Disk;
use crate::error::{Error, Result};
use crate::id::KeyId;
use crate::key::Key;
use crate::layout::Layout;
use crate::shred::Marker;

/// One key of a keyring, as its folder shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    pub kid: KeyId,
    /// When it was made; not known of one that was destroyed.
    pub created: Option<SystemTime>,
    /// When, who and why, of one that was destroyed.
    pub shredded: Option<Marker>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    pub subjects: u64,
    pub subject_keys: u64,
    pub period_keys: u64,
    pub shredded: u64,
}

pub(crate) fn list(disk: &Disk, layout: &Layout, mut see: impl FnMut(Listed)) -> Result<Count> {
    // Markers need no key to be read; the journal, which does, is not.
    let no_key = Key::fill(|_| Ok(()))?;
    let markers = crate::journal::Journal { layout, disk, index_key: &no_key };
    let mut count = Count::default();
    for shard in 0..=u8::MAX {
        count.subjects += layout.count_subjects(shard)?;
        let [keys, gone] = layout.kids(shard, "")?;
        for kid in keys.into_iter().filter(|kid| gone.binary_search(kid).is_err()) {
            let path = layout.key(&kid);
            let created = match std::fs::metadata(&path).and_then(|file| file.modified()) {
                Ok(time) => Some(time),
                // Destroyed since the folder was read.
                Err(source) if source.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::io("read", &path, source)),
            };
            match kid.period() {
                Some(_) => count.period_keys += 1,
                None => count.subject_keys += 1,
            }
            see(Listed { kid, created, shredded: None });
        }
        for kid in gone {
            let shredded = markers.read_marker(&kid)?;
            count.shredded += 1;
            see(Listed { kid, created: None, shredded });
        }
    }
    Ok(count)
}
