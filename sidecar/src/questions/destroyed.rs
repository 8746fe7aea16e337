//! Which keys the log says were destroyed.

use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use sealtrail_history::{Name, Order, Search};

use super::{Found, Questions};
use crate::erasure::{Destroyed, Ends, destroyed_by};
use crate::error::Result;

/// The erasures in records that the index knew when it was opened: read once, when somebody asks. Those that come after
/// are kept as they come, by who lets the index follow the log.
pub(super) struct Earlier {
    before: u64,
    ends: OnceLock<Ends>,
    /// Of whoever reads them.
    reading: Mutex<()>,
}

impl Questions {
    /// The keys that were destroyed by these records, as far as they are kept, of data subjects and of periods. The log
    /// says so itself; the keyring would have to be opened, and a running server has its lock.
    pub fn destroyed_keys(&self, within: Range<u64>) -> Result<Destroyed> {
        let later = self.ends()?;
        let earlier = self.earlier.get(self)?;
        let first_kept = self.reader().first()?;
        let within = within.start.max(first_kept)..within.end.max(first_kept);
        Ok(Destroyed::new([earlier, later], within))
    }

    /// Shows every record of an erasure that is there.
    pub fn each_erasure(
        &self,
        within: Range<u64>,
        mut see: impl FnMut(&Found) -> Result<()>,
    ) -> Result<()> {
        let search = Search::all().with_any(&[Name::Action("shred"), Name::Action("expire")]);
        let mut fitting = self.fitting_in(&search, within, Order::Oldest)?;
        while let Some(found) = fitting.next()? {
            see(&found)?;
        }
        Ok(())
    }
}

impl Earlier {
    pub(super) fn new(before: u64) -> Self {
        Self { before, ends: OnceLock::new(), reading: Mutex::default() }
    }

    fn get(&self, questions: &Questions) -> Result<Ends> {
        if let Some(known) = self.ends.get() {
            return Ok(known.clone());
        }
        // Others wait, and do not read them too.
        let _turn = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.ends.get() {
            return Ok(known.clone());
        }
        let mut all = Vec::new();
        questions.each_erasure(0..self.before, |found| {
            all.extend(destroyed_by(&found.line).into_iter().map(|kid| (kid, found.index)));
            Ok(())
        })?;
        let mut ends = Ends::default();
        ends.add(all);
        Ok(self.ends.get_or_init(|| ends).clone())
    }
}

#[cfg(test)]
mod tests;
