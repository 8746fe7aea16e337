//! What it takes to write a log, without the threads that do it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::commit::Committer;
use crate::cover::Cover;
use crate::disk::Disk;
use crate::mark::Mark;
use crate::paths::Layout;
use crate::queue::Queue;
use crate::recovery::{Recovered, recover};
use crate::retention::Retention;
use crate::tree::Tree;
use crate::{Error, Options, Recovery, Signer, durable};

/// A log that was opened: what the commit thread has, and what the covering thread has.
pub(crate) struct Writer {
    pub(crate) committer: Committer,
    pub(crate) tree: Tree,
    pub(crate) retention: Retention,
    pub(crate) recovery: Recovery,
}

/// The folder of a log, in which its lock is.
pub(crate) fn create_folder(disk: &Disk, layout: &Layout) -> Result<(), Error> {
    durable::folder(disk, layout.root())
}

/// Makes an empty log. The checkpoint comes last, so a creation that was cut short can be done again.
pub(crate) fn create(disk: &Disk, layout: &Layout, signer: &Signer) -> Result<(), Error> {
    let entries = layout.entries();
    durable::folder(disk, &entries)?;
    let names = disk.names(&entries).map_err(Error::io("list", &entries))?;
    if disk.is_there(&layout.checkpoint()) || !Layout::segments_among(&names).is_empty() {
        return Err(Error::already_there(layout.root()));
    }
    Tree::create(disk, layout, signer)
}

/// Loads what a checkpoint has signed, and changes nothing; gives the number of records that it covers.
pub(crate) fn check(disk: &Disk, layout: &Layout, signer: &Signer) -> Result<u64, Error> {
    let covered = Tree::load(disk, layout, signer.clone())?.checkpoint().size();
    Retention::load(disk, layout, signer.clone(), covered)?;
    Ok(covered)
}

impl Writer {
    /// Recovers what a crash may have left. Whoever calls has the lock.
    pub(crate) fn open(
        disk: &Disk,
        layout: &Layout,
        signer: Signer,
        options: &Options,
    ) -> Result<Self, Error> {
        let mut tree = Tree::load(disk, layout, signer.clone())?;
        let retention = Retention::load(disk, layout, signer, tree.checkpoint().size())?;
        let Recovered { segment, tail, mut recovery } = recover(disk, layout, &tree)?;
        tree.settle_history()?;
        retention.finish()?;
        let mut mark = Mark::new(disk, layout);
        recovery.missing = mark.read().saturating_sub(recovery.lines);
        mark.set(recovery.lines);
        let cover = Cover::new(tree.checkpoint().clone(), tail, options.checkpoint_interval);
        let committer = Committer {
            disk: disk.clone(),
            layout: layout.clone(),
            options: options.clone(),
            queue: Arc::new(Queue::new(options.max_queued_bytes)),
            cover: Arc::new(cover),
            segment,
            size: recovery.lines,
            durable: Arc::new(AtomicU64::new(recovery.lines)),
            mark,
            commits: Arc::default(),
            is_disk_full: false,
        };
        Ok(Self { committer, tree, retention, recovery })
    }
}
