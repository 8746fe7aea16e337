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

#[test]
fn without_some_names_it_is_the_same_bytes_as_if_it_had_never_had_them() {
    let (dir, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let groups = groups();
    let run = Arc::new(write(dir.path(), (0, 30_000), &groups));
    let hashes: Vec<u64> = groups.keys().copied().collect();
    // One of many blocks, the first and the last, and all of some blocks in turn: so one that begins a block, and one that
    // goes on in the next.
    let mut gone: Vec<Vec<u64>> =
        hashes[hashes.len() / 3..][..200].iter().map(|h| vec![*h]).collect();
    gone.extend([vec![u64::MAX / 2], vec![hashes[0]], vec![u64::MAX], vec![1], vec![]]);
    gone.push(hashes.iter().step_by(7).copied().collect());
    gone.push(hashes.clone());
    for gone in gone {
        let left = groups.iter().filter(|(hash, _)| gone.binary_search(hash).is_err());
        let left = left.map(|(hash, records)| (*hash, records.clone())).collect();
        let expected = write(again.path(), (0, 30_000), &left);
        let written = run.without(&gone, dir.path()).unwrap();
        let expected = fs::read(expected.path()).unwrap();
        let place = run.path().with_extension("tmp");
        assert!(fs::read(&place).unwrap() == expected, "{} of {gone:?}", gone.len());
        drop(written);
        assert!(!place.exists());
    }
}
