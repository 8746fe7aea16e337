//! Some consecutive records' part of the index: sorted, written once, and changed only to take names out of it.
//!
//! ```text
//! run    = head ‖ sum ‖ times ‖ sum ‖ block ‖ sum ‖ block ‖ sum … ‖ fences ‖ sum
//! head   = "sealtrail run 2\n"(16) ‖ origin hash(32) ‖ BE64 first record ‖ BE64 record after the last ‖ BE64 blocks
//! times  = for each 256 records: BE64 earliest ‖ BE64 latest, milliseconds since 1970, signed
//! block  = BE16 groups ‖ group ‖ group …, with NULs to 1008 bytes
//! group  = V hash − hash of the group before ‖ V records ‖ V first ‖ V distance − 1 …
//! fences = for each block: BE64 hash of its first group, from which the block counts on
//! sum    = first 16 bytes of SHA-256("sealtrail/history/v2/run" ‖ 0x00 ‖ origin hash ‖ BE64 first record ‖
//!          BE64 record after the last ‖ BE64 number of the part ‖ part)
//! ```
//!
//! V is LEB128. Records count from the first of the run. Groups are in ascending order; one that does not fit goes
//! on in the next block under the same hash. Parts are numbered: head 0, times 1, fences 2, blocks from 3 on. Each is checked
//! whenever it is read, so an edit is never answered from; opening a run costs its times and fences.
//!
//! # Names that are taken out
//!
//! A group goes from its block, and those behind it move up; the next one's distance is the sum of two, which takes no more
//! bytes than both. Blocks keep their places, so nothing else of the run is touched, and the room that is left stays until
//! the run is merged. Where the first group of a block goes, its fence goes too, for it is that hash. The block then counts
//! from its new first group, and its sum is over the block and that fence: `… ‖ part ‖ BE64 fence`. So whoever knows
//! the earlier fences does not count from them: the sum does not fit, and he looks at the fences again. A block with no
//! group left is NULs, with the sum of such a block, and takes the fence of the next one, or 2^64 − 1 where there is none:
//! the fence of a block is never that of a name that was taken out.
//!
//! Blocks first, then fences, each synced. What is to be written is in a [journal](Journal) before, and whoever reads takes from
//! there what it has of a run, so nobody sees a part of it; whoever writes next after a crash completes it.

mod block;
mod edit;
mod fences;
mod groups;
mod head;
mod journal;
mod order;
mod read;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub(crate) use edit::Change;
pub(crate) use groups::Groups;
pub(crate) use journal::{Journal, NAME as JOURNAL};
pub(crate) use order::sorted;
pub(crate) use read::Run;
pub(crate) use write::{List, Writer, Written, grouped};

/// The hash of a name and the index of a record that has it; the order of the numbers is that of the entries.
pub(crate) type Entry = u128;

pub(crate) fn entry(hash: u64, index: u64) -> Entry {
    u128::from(hash) << 64 | u128::from(index)
}

pub(crate) fn hash_of(entry: Entry) -> u64 {
    (entry >> 64) as u64
}

pub(crate) fn index_of(entry: Entry) -> u64 {
    entry as u64
}

/// The records whose times are kept together.
pub(crate) const ZONE: u64 = 256;

/// The earliest and the latest time of some records; the other way round where none has one.
pub(crate) type Zone = (i64, i64);

pub(crate) const NO_TIME: Zone = (i64::MAX, i64::MIN);

pub(crate) fn widen(zone: &mut Zone, time: i64) {
    *zone = (zone.0.min(time), zone.1.max(time));
}

/// `<first record>-<record after the last>.run`
pub(crate) fn file_name(first: u64, next: u64) -> String {
    format!("{first:020}-{next:020}.run")
}

/// The records that a file name states.
pub(crate) fn range_of(name: &str) -> Option<(u64, u64)> {
    let (first, next) = name.strip_suffix(".run")?.split_once('-')?;
    let number = |text: &str| (text.len() == 20).then(|| text.parse().ok()).flatten();
    let (first, next) = (number(first)?, number(next)?);
    (first < next).then_some((first, next))
}
