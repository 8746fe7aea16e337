//! Removing whole segments at the end of their retention.

use crate::retention::{Pruned, Removable, settled};
use crate::{Error, Log, Reader, extent, hold};

impl Log {
    /// What [`prune`](Self::prune) may remove of the records below `wanted`.
    pub fn removable(&self, wanted: u64) -> Result<Removable, Error> {
        self.reader().removable(wanted)
    }

    /// Removes the lines of all records below `first_kept`, which must be where a segment begins, as
    /// [`removable`](Self::removable) says. Tiles and bundles stay, so every other record still has its
    /// proof, and the tree is still verified from its first leaf on.
    ///
    /// `told_at` is the record that tells of it: it must be in the log already, so that nothing is removed
    /// in silence. It is covered by a checkpoint before anything goes. A crash on the way is finished when
    /// the log is opened.
    ///
    /// [`Error::is_held`] under a hold, [`Error::is_refused`] for the segment that is written or holds the
    /// last covered record, for an index where no segment begins and for records that are gone already.
    ///
    /// ```
    /// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
    /// # let folder = tempfile::tempdir()?;
    /// # let dir = folder.path();
    /// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// # Log::create(dir, "shop.example/trail", &key)?;
    /// # let options = Options { segment_bytes: 10, ..Options::default() };
    /// # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, options)?;
    /// for day in ["monday", "tuesday", "wednesday"] {
    ///     log.append(vec![format!("record of {day}").into_bytes()])?; // a segment each, in this example
    /// }
    /// log.checkpoint_now()?;
    /// let old = log.removable(2)?.records;
    /// let told = log.append(vec![format!("removed {old:?}, their time was over").into_bytes()])?;
    /// log.prune(old.end, told.start)?;
    ///
    /// assert!(log.read(0).unwrap_err().is_pruned());
    /// assert_eq!(log.reader().first()?, old.end);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune(&self, first_kept: u64, told_at: u64) -> Result<Pruned, Error> {
        let retention = self.retention();
        let _turn = retention.turn();
        let gone = retention.pruned()?.map_or(0, |pruned| pruned.first_kept);
        if first_kept <= gone {
            return Err(Error::refused(format!("the records below {gone} were removed before")));
        }
        let size = self.size();
        if told_at < first_kept || told_at >= size {
            return Err(Error::refused(format!(
                "expected the record that tells of the removal from {first_kept} to {size}, got {told_at}"
            )));
        }
        if let Some(hold) = hold::earliest(&retention.layout)?.filter(|hold| hold.from < first_kept)
        {
            return Err(Error::held(&hold.name, hold.from, first_kept));
        }
        if self.checkpoint().size() <= told_at {
            self.checkpoint_now()?;
        }
        let settled = settled(&retention.layout, self.checkpoint().size())?;
        if !settled.iter().any(|(_, end)| *end == first_kept) {
            let ends = settled.last().map_or(gone, |(_, end)| *end);
            return Err(Error::refused(format!(
                "only whole segments up to record {ends} can be removed, and none ends at {first_kept}"
            )));
        }
        let pruned = Pruned { first_kept, told_at };
        retention.state(pruned)?;
        retention.finish()?;
        Ok(pruned)
    }
}

impl Reader {
    /// What [`Log::prune`] may remove of the records below `wanted`: as many whole segments as the last
    /// checkpoint and the holds allow.
    pub fn removable(&self, wanted: u64) -> Result<Removable, Error> {
        let layout = self.layout();
        let gone = self.first()?;
        let hold = hold::earliest(layout)?;
        let covered = extent::checkpoint(layout)?.size();
        let mut removable = Removable { records: gone..gone, segments: 0, bytes: 0, held_by: None };
        for (segment, end) in settled(layout, covered)? {
            if segment.first < gone {
                continue;
            }
            if end > wanted {
                break;
            }
            if let Some(hold) = hold.as_ref().filter(|hold| hold.from < end) {
                removable.held_by = Some(hold.clone());
                break;
            }
            let path = layout.stored(segment);
            removable.bytes += path.metadata().map_err(Error::io("read", &path))?.len();
            removable.segments += 1;
            removable.records.end = end;
        }
        Ok(removable)
    }
}
