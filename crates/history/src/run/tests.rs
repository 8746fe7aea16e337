use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::block::{BLOCK, Group};
use super::head::{HEAD, HEAD_PART, Head, SUM};
use super::*;
use crate::error::Result;
use crate::name::OriginHash;

fn origin() -> OriginHash {
    OriginHash::new("example.com/shop")
}

/// 30,000 records: a third of them have one name, which then fills whole blocks; each has one of its own, and
/// some have one that seven others have.
fn groups() -> BTreeMap<u64, Vec<u32>> {
    let mut groups = BTreeMap::<u64, Vec<u32>>::new();
    for n in 0..30_000_u32 {
        if n % 3 == 0 {
            groups.entry(u64::MAX / 2).or_default().push(n);
        }
        groups.entry(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)).or_default().push(n);
        groups.entry(u64::from(n / 8).wrapping_mul(0xff51_afd7_ed55_8ccd)).or_default().push(n);
    }
    groups.insert(u64::MAX, vec![0, 29_999]);
    groups
}

fn write(dir: &Path, range: (u64, u64), groups: &BTreeMap<u64, Vec<u32>>) -> Run {
    let times = vec![(7, 9); (range.1 - range.0).div_ceil(ZONE) as usize];
    let mut writer = Writer::new(dir, origin(), range, &times).unwrap();
    for (hash, records) in groups {
        let mut records = records.clone();
        records.dedup();
        writer.group(*hash, &records).unwrap();
    }
    writer.finish().unwrap()
}

fn found(run: &Run, hash: u64) -> Vec<u64> {
    let mut found = Vec::new();
    run.find(hash, &mut found).unwrap();
    found
}

#[test]
fn every_name_is_found_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let groups = groups();
    let run = write(dir.path(), (512, 30_512), &groups);
    for (hash, records) in &groups {
        let mut expected: Vec<u64> =
            records.iter().map(|record| 512 + u64::from(*record)).collect();
        expected.dedup();
        assert_eq!(found(&run, *hash), expected);
    }
    for absent in [1, u64::MAX / 2 - 1, u64::MAX / 2 + 1, u64::MAX - 1] {
        assert_eq!(found(&run, absent), [] as [u64; 0]);
    }
    assert_eq!(run.times().len(), 30_000_usize.div_ceil(256));
    assert_eq!(run.times()[3], (7, 9));
}

#[test]
fn read_through_it_gives_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let groups = groups();
    let run = Arc::new(write(dir.path(), (0, 30_000), &groups));
    let mut read = run.groups(0);
    for (hash, records) in groups {
        let mut records = records;
        records.dedup();
        assert_eq!(read.next().unwrap().unwrap(), Group { hash, records });
    }
    assert!(read.next().unwrap().is_none());
}

#[test]
fn small_runs_and_none_at_all() {
    for count in [0, 1, 100, 400, 1000, 3000] {
        let dir = tempfile::tempdir().unwrap();
        let groups = BTreeMap::from([(7, (0..count).collect::<Vec<u32>>())]);
        let run = write(dir.path(), (0, u64::from(count) + 1), &groups);
        assert_eq!(found(&run, 7), (0..u64::from(count)).collect::<Vec<_>>());
        assert_eq!(found(&run, 8), [] as [u64; 0]);
    }
}

#[test]
fn every_edited_byte_and_every_cut_is_noticed_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let groups = groups();
    let run = write(dir.path(), (0, 30_000), &groups);
    let path = run.path().to_owned();
    let good = fs::read(&path).unwrap();
    let name = path.display().to_string();
    // Opened, then read through: what `open` leaves unread, reading must notice.
    let outcome = || -> Result<()> {
        let mut groups = Arc::new(Run::open(&path, origin())?).groups(0);
        while groups.next()?.is_some() {}
        Ok(())
    };
    outcome().unwrap();
    let steps = (0..good.len()).step_by(9973).chain(0..HEAD + SUM);
    for at in steps.chain(good.len() - SUM..good.len()) {
        let mut edited = good.clone();
        edited[at] ^= 1;
        fs::write(&path, edited).unwrap();
        let error = outcome().expect_err("an edit was not noticed");
        assert!(error.is_damaged() && error.to_string().contains(&name), "byte {at}: {error}");
    }
    for length in (0..good.len()).step_by(9973).chain([good.len() - 1]) {
        fs::write(&path, &good[..length]).unwrap();
        let error = outcome().expect_err("a cut was not noticed");
        assert!(error.is_damaged() && error.to_string().contains(&name), "{length} bytes: {error}");
    }
    fs::write(&path, [&good[..], b"\0"].concat()).unwrap();
    assert!(outcome().unwrap_err().is_damaged());

    // Two blocks that changed places are each whole, and still wrong.
    let block = BLOCK + SUM;
    let start = HEAD + SUM + run.times().len() * 16 + SUM;
    let mut swapped = good.clone();
    let (one, two) = swapped[start..start + 2 * block].split_at_mut(block);
    one.swap_with_slice(two);
    fs::write(&path, swapped).unwrap();
    assert!(outcome().unwrap_err().is_damaged());
}

#[test]
fn a_run_of_another_origin_or_under_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = write(dir.path(), (0, 1000), &BTreeMap::new());
    let error = Run::open(run.path(), OriginHash::new("example.com/other")).err().unwrap();
    assert!(error.to_string().contains("another origin"), "{error}");
    let moved = dir.path().join(file_name(1000, 2000));
    fs::rename(run.path(), &moved).unwrap();
    let error = Run::open(&moved, origin()).err().unwrap();
    assert!(error.is_damaged() && error.to_string().contains(&file_name(0, 1000)), "{error}");
}

#[test]
fn a_head_that_promises_more_than_the_file_holds_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (next, blocks) in [(1, u64::MAX), (1, u64::MAX / 1032), (1, 1 << 40), ((1 << 32) - 1, 0)] {
        let head = Head::new(origin(), 0, next, blocks);
        let mut bytes = head.to_bytes().to_vec();
        bytes.extend(head.sum(HEAD_PART, &head.to_bytes()));
        let path = dir.path().join(file_name(0, next));
        fs::write(&path, bytes).unwrap();
        assert!(Run::open(&path, origin()).err().unwrap().is_damaged());
    }
}

#[test]
fn names_of_files() {
    assert_eq!(range_of(&file_name(65_536, 131_072)), Some((65_536, 131_072)));
    for other in
        ["", "1-2.run", "x.run", &file_name(5, 5), "00000000000000000000-0000000000000000000x.run"]
    {
        assert_eq!(range_of(other), None, "{other}");
    }
}

/// A copy of a run, to be edited.
fn copy(run: &Run, dir: &Path) -> Arc<Run> {
    let path = dir.join(run.path().file_name().unwrap());
    fs::copy(run.path(), &path).unwrap();
    Arc::new(Run::open(&path, origin()).unwrap())
}

fn take_out(run: &Arc<Run>, hashes: &[u64], together: usize) {
    for blocks in run.blocks_with(hashes).rchunks(together) {
        if let Some(change) = Change::without(run, hashes, blocks).unwrap() {
            change.carry_out().unwrap();
        }
    }
}

fn all(run: &Arc<Run>) -> BTreeMap<u64, Vec<u32>> {
    let mut groups = run.groups(0);
    let next = || groups.next().unwrap().map(|group| (group.hash, group.records));
    std::iter::from_fn(next).collect()
}

#[test]
fn names_that_are_taken_out_are_gone_and_all_others_are_where_they_were() {
    let (dir, edited) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let groups = groups();
    let run = Arc::new(write(dir.path(), (0, 30_000), &groups));
    let hashes: Vec<u64> = groups.keys().copied().collect();
    let fences = run.state().fences.all().to_vec();
    // The one of many blocks, the first and the last; what begins blocks; all of some blocks, and of the last ones.
    let mut gone: Vec<Vec<u64>> =
        hashes[hashes.len() / 3..][..9].iter().map(|h| vec![*h]).collect();
    gone.extend(fences[40..44].iter().map(|h| vec![*h]));
    gone.extend([vec![u64::MAX / 2], vec![hashes[0]], vec![u64::MAX], vec![1], vec![]]);
    gone.push(fences.iter().step_by(3).copied().collect());
    gone.push(fences.clone());
    gone.push(hashes.iter().step_by(7).copied().collect());
    gone.push(hashes.iter().copied().filter(|h| (fences[5]..fences[9]).contains(h)).collect());
    gone.push(hashes[hashes.len() - 900..].to_vec());
    gone.push(hashes.clone());
    for mut gone in gone {
        gone.dedup();
        for together in [7, 1000] {
            let run = copy(&run, edited.path());
            // Who has known it since before, and has asked for nothing yet.
            let before = Arc::new(Run::open(run.path(), origin()).unwrap());
            take_out(&run, &gone, together);
            let mut left = groups.clone();
            left.retain(|hash, records| {
                records.dedup();
                gone.binary_search(hash).is_err()
            });
            let again = Arc::new(Run::open(run.path(), origin()).unwrap());
            for run in [&run, &again, &before] {
                assert!(all(run) == left, "{} of {gone:x?}", gone.len());
            }
            assert!(again.state().fences.all() == run.state().fences.all());
            let bytes = fs::read(run.path()).unwrap();
            for hash in gone.iter().filter(|hash| **hash != u64::MAX) {
                let hash = hash.to_be_bytes();
                assert!(!again.state().fences.all().contains(&u64::from_be_bytes(hash)));
                let is_long = hash[0] != 0 && gone.len() < 100;
                assert!(!is_long || !bytes.windows(8).any(|part| part == hash));
            }
            for hash in hashes.iter().step_by(41).chain(&gone).chain(&fences) {
                let records = left.get(hash).into_iter().flatten();
                let expected: Vec<u64> = records.map(|record| u64::from(*record)).collect();
                assert_eq!(found(&again, *hash), expected);
            }
            // There is nothing left to be done.
            take_out(&again, &gone, together);
            assert!(fs::read(run.path()).unwrap() == bytes);
        }
    }
}

#[test]
fn names_that_are_taken_out_one_after_the_other_leave_what_they_leave_at_once() {
    let (dir, edited) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let groups = groups();
    let run = write(dir.path(), (0, 30_000), &groups);
    let (once, slowly) = (edited.path().join("once"), edited.path().join("slowly"));
    [&once, &slowly].into_iter().for_each(|dir| fs::create_dir(dir).unwrap());
    let (once, slowly) = (copy(&run, &once), copy(&run, &slowly));
    // Whole blocks, what begins others, and what is within.
    let hashes: Vec<u64> = groups.keys().copied().skip(2000).take(1200).collect();
    take_out(&once, &hashes, 1000);
    let known = Arc::new(Run::open(slowly.path(), origin()).unwrap());
    for hash in hashes.iter().step_by(2).chain(hashes.iter().skip(1).step_by(2)) {
        take_out(&slowly, &[*hash], 1000);
        assert_eq!(found(&known, *hash), [] as [u64; 0]);
        assert_eq!(found(&known, u64::MAX), [0, 29_999]);
    }
    assert!(fs::read(once.path()).unwrap() == fs::read(slowly.path()).unwrap());
    assert!(all(&known) == all(&once));
}

#[test]
fn an_edit_of_a_block_that_was_edited_is_noticed_and_so_is_another_fence() {
    let dir = tempfile::tempdir().unwrap();
    let run = Arc::new(write(dir.path(), (0, 30_000), &groups()));
    let fences = run.state().fences.all().to_vec();
    take_out(&run, &[fences[4], fences[5]], 1000);
    let good = fs::read(run.path()).unwrap();
    let outcome = |bytes: &[u8]| -> Result<()> {
        fs::write(run.path(), bytes).unwrap();
        let mut groups = Arc::new(Run::open(run.path(), origin())?).groups(0);
        while groups.next()?.is_some() {}
        Ok(())
    };
    outcome(&good).unwrap();
    let start = run.head.block_offset(4) as usize;
    for at in (start..start + 2 * (BLOCK + SUM)).step_by(13) {
        let mut edited = good.clone();
        edited[at] ^= 1;
        assert!(outcome(&edited).unwrap_err().is_damaged(), "byte {at}");
    }
    // The fences as they were, whole: counted from them, the blocks would be of other names.
    let mut fences_before = good.clone();
    let bytes: Vec<u8> = fences.iter().flat_map(|fence| fence.to_be_bytes()).collect();
    let at = run.head.fence_offset(0) as usize;
    fences_before[at..at + bytes.len()].copy_from_slice(&bytes);
    fences_before[at + bytes.len()..].copy_from_slice(&run.head.sum(2, &bytes));
    assert!(outcome(&fences_before).unwrap_err().is_damaged());
}

#[test]
fn blocks_that_no_writer_makes_are_not_edited_and_nothing_panics() {
    let mut odd = 1_u64;
    for length in [2, 3, 40, BLOCK] {
        for _ in 0..20_000 {
            let mut block = [0_u8; BLOCK];
            for byte in &mut block[..length] {
                odd = odd.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
                *byte = (odd >> 60) as u8 | (odd >> 32) as u8 & 0x80;
            }
            block[0] = 0;
            let left = super::block::without(&block, odd, &[odd, odd.wrapping_add(3)]);
            let Some(left) = left else { continue };
            let again = super::block::without(&left.block[..], left.first.unwrap_or(0), &[]);
            assert!(again.unwrap().block == left.block);
        }
    }
}

/// What a program finds that knows of no names taken out of runs; `None` where it refuses the run.
pub(crate) fn find_as_before(path: &Path, origin: OriginHash, hash: u64) -> Option<Vec<u64>> {
    use super::block::Reading;
    use super::head::{FENCES_PART, FIRST_BLOCK_PART};

    let bytes = fs::read(path).unwrap();
    let head = Head::parse(bytes[..HEAD].try_into().unwrap())?;
    assert!(head.origin == origin);
    let fences = head.checked(FENCES_PART, &bytes[head.fence_offset(0) as usize..])?;
    let fences: Vec<u64> =
        fences.as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
    let blocks = super::fences::Fences::new(fences.clone())?.blocks_of(hash);
    let mut found = Vec::new();
    for number in blocks {
        let at = head.block_offset(number) as usize;
        let part = FIRST_BLOCK_PART + number as u64;
        let block = head.checked(part, &bytes[at..at + BLOCK + SUM])?;
        let mut block = Reading::new(block, fences[number]);
        while let Some((group, count)) = block.group() {
            let record =
                |record| found.extend((group == hash).then_some(head.first + u64::from(record)));
            block.records(count, record)?;
        }
    }
    Some(found)
}
