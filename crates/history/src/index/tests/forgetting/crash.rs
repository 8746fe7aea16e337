//! Every step of taking names out of runs, broken in every way: it is lost, done but reported as lost, or (a write) done
//! by half; the process is gone; then a power cut takes a part of what was not synced.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::disk::faults::{self, Break};
use crate::run::tests::find_as_before;

const RECORDS: u64 = 2 * RUN + 9;

/// Names with their hashes and the records that have them, by their hashes.
struct Names(Vec<(u64, Vec<u64>, String)>);

impl Names {
    /// Most of those that there are.
    fn all(index: &Index) -> Self {
        let records = index.next();
        let ids = (0..records).map(|n| format!("rec-{n}"));
        let requests = (0..records.div_ceil(3)).map(|n| format!("req-{n}"));
        let keys = (0..11).map(|n| format!("k_{n}"));
        let actors = (0..5).map(|n| format!("ps1.{n}"));
        let entities = (0..7).map(|n| n.to_string());
        let others = ["update", "/price/0", "/price/1"].map(String::from);
        let of = |text: String| {
            let name = called(&text);
            (index.hashes.of(name.parts()), index.find(&name).unwrap(), text)
        };
        let texts = ids.chain(requests).chain(keys).chain(actors).chain(entities).chain(others);
        let mut names: Vec<_> = texts.map(of).collect();
        assert!(names.iter().all(|name| !name.1.is_empty()));
        names.sort();
        Self(names)
    }
}

fn called(text: &str) -> Name<'_> {
    match text.as_bytes() {
        [b'r', b'e', b'c', ..] => Name::Record(text),
        [b'r', ..] => Name::Correlation(text),
        [b'k', ..] => Name::Key(text),
        [b'p', ..] => Name::Actor(text),
        [b'u', ..] => Name::Action(text),
        [b'/', ..] => Name::Attribute(text),
        _ => Name::Entity { kind: "product", id: text },
    }
}

/// The hashes of the first groups of the blocks of a run, as a program before this one reads them.
fn fences(dir: &Path, run: &str) -> Vec<u64> {
    let bytes = fs::read(dir.join(run)).unwrap();
    let blocks = u64::from_be_bytes(bytes[64..72].try_into().unwrap()) as usize;
    let end = bytes.len() - 16;
    bytes[end - 8 * blocks..end].as_chunks().0.iter().map(|f| u64::from_be_bytes(*f)).collect()
}

/// What is forgotten in a case: what begins a block of each run, which is written at once; or the whole of two blocks with
/// what is beside them, which takes more than one time.
fn sets(index: &Index, names: &Names) -> [Vec<String>; 2] {
    let fences = [file_name(0, RUN), file_name(RUN, 2 * RUN)].map(|run| fences(&index.dir, &run));
    let text = |(_, _, text): &(u64, Vec<u64>, String)| text.clone();
    let begin = |fence: &u64| names.0.iter().find(|name| name.0 == *fence).map(text);
    let both = fences.iter().filter_map(|fences| fences[1..].iter().find_map(begin)).collect();
    let range = fences[0][1]..fences[0][3] + (fences[0][4] - fences[0][3]) / 2;
    let block = names.0.iter().filter(|name| range.contains(&name.0)).map(text).collect();
    [both, block]
}

/// Whoever opens the folder finds what is left, and of what is forgotten nothing that never was.
fn expect_right(index: &Index, names: &Names, gone: &BTreeSet<&String>, when: &str) -> usize {
    let mut still_there = 0;
    for (_, records, text) in &names.0 {
        let found = index.find(&called(text)).unwrap();
        if gone.contains(text) {
            assert!(found.iter().all(|record| records.contains(record)), "{when}: {text}");
            still_there += found.len();
        } else {
            assert_eq!(&found, records, "{when}: {text}");
        }
    }
    still_there
}

/// A program that knows of none of this answers right, or refuses the run.
fn expect_right_as_before(dir: &Path, index: &Index, names: &Names, gone: &BTreeSet<&String>) {
    for path in folder::run_paths(dir).unwrap() {
        let (first, next) =
            crate::run::range_of(path.file_name().unwrap().to_str().unwrap()).unwrap();
        for (hash, records, text) in names.0.iter().step_by(7) {
            let Some(found) = find_as_before(&path, index.origin_hash, *hash) else { continue };
            let expected = records.iter().copied().filter(|n| (first..next).contains(n));
            assert!(found.is_empty() && gone.contains(text) || expected.eq(found), "{text}");
        }
    }
}

fn expect_gone_from_files(index: &Index, names: &[String], when: &str) {
    for (file, bytes) in files(&index.dir) {
        let name = file.to_string_lossy();
        assert!(name != JOURNAL && !name.ends_with("tmp"), "{when}: {name}");
        for text in names {
            let hash = index.hashes.of(called(text).parts()).to_be_bytes();
            assert!(!bytes.windows(8).any(|part| part == hash), "{when}: {name} has {text}");
        }
    }
}

#[test]
fn every_step_may_crash_and_what_is_left_is_right_and_completed() {
    let full = tempfile::tempdir().unwrap();
    let mut index = filled(full.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    let names = Names::all(&index);
    let sets = sets(&index, &names);
    drop(index);
    for (number, set) in sets.iter().enumerate() {
        let gone: BTreeSet<&String> = set.iter().collect();
        let total: usize =
            names.0.iter().filter(|name| gone.contains(&name.2)).map(|name| name.1.len()).sum();
        assert!(total >= 2, "{set:?}");
        let forgotten: Vec<Name<'_>> = set.iter().map(|text| called(text)).collect();
        let (mut steps, mut partly) = (0, 0);
        'steps: for step in 0.. {
            for how in [Break::Lost, Break::ReportedLost, Break::Torn, Break::Refused] {
                let mut lost = 0;
                loop {
                    let when = format!("set {number}, step {step} {how:?}, {lost:b} lost");
                    let dir = crashed(full.path());
                    let mut index = reopened(dir.path());
                    let (known, _) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
                    faults::break_at(step, how);
                    let outcome = index.forget(&forgotten);
                    let unsynced = faults::unsynced();
                    if how != Break::Refused {
                        faults::power_cut(lost);
                    }
                    if !faults::end() {
                        assert_eq!((outcome.unwrap(), unsynced), (Some(total as u64), 0), "{when}");
                        break 'steps;
                    }
                    outcome.unwrap_err();
                    if how == Break::Refused {
                        // The process goes on.
                        expect_right(&index, &names, &gone, &when);
                        index.forget(&forgotten).unwrap();
                    }
                    expect_right_as_before(dir.path(), &index, &names, &gone);
                    drop(index);
                    let (reader, _) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
                    let left = expect_right(&reader, &names, &gone, &when);
                    partly += usize::from(left > 0 && left < total);
                    expect_right(&known, &names, &gone, &when);

                    let mut next = reopened(dir.path());
                    assert_eq!(expect_right(&next, &names, &gone, &when), left, "{when}");
                    next.forget(&forgotten).unwrap();
                    expect_gone_from_files(&next, set, &when);
                    for index in [&next, &reader, &known] {
                        let left = expect_right(index, &names, &gone, &when);
                        assert!(left == 0 || !std::ptr::eq(index, &next), "{when}");
                    }
                    drop(next);
                    let left = expect_right(&reopened(dir.path()), &names, &gone, &when);
                    assert_eq!(left, 0, "{when}");
                    steps = step;
                    lost += 1;
                    if how == Break::Refused || lost >> unsynced.min(3) != 0 {
                        break;
                    }
                }
            }
        }
        // At once, all is there or nothing.
        assert_eq!(partly > 0, number == 1, "{partly} of set {number}");
        assert!(steps > 10, "{steps} steps: the disk is no longer under test");
    }
}

#[test]
fn blocks_that_are_written_some_at_a_time_keep_no_fence_of_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = merged(filled(dir.path(), 16 * RUN, 16 * RUN));
    let names = Names::all(&index);
    let fences = fences(dir.path(), &file_name(0, 16 * RUN));
    let range = fences[10]..fences[40] + (fences[41] - fences[40]) / 2;
    let block = names.0.iter().filter(|name| range.contains(&name.0));
    let set: Vec<String> = block.map(|name| name.2.clone()).collect();
    index.forget(&set.iter().map(|text| called(text)).collect::<Vec<_>>()).unwrap();
    let gone = set.iter().collect();
    assert_eq!(expect_right(&index, &names, &gone, "written"), 0);
    expect_gone_from_files(&index, &set, "written");
    drop(index);
    assert_eq!(expect_right(&reopened(dir.path()), &names, &gone, "opened again"), 0);
}

#[test]
fn a_full_disk_before_the_first_block_is_touched_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    let before = files(dir.path());
    for step in 0..4 {
        faults::break_at(step, Break::Refused);
        let error = index.forget(&GONE).unwrap_err();
        assert!(faults::end());
        assert!(error.to_string().contains("cannot write") && !error.is_damaged(), "{error}");
        assert!(error.to_string().contains(JOURNAL), "{error}");
        assert!(files(dir.path()) == before, "step {step}");
    }
    index.forget(&GONE).unwrap();
    expect_forgotten(&index, "there is room again");
    assert!(index.roll().unwrap());
    drop(index);
    expect_forgotten(&reopened(dir.path()), "reopened");
}

/// A folder that a process left when it had changed some blocks.
fn left_half_done() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    faults::break_at(6, Break::Lost);
    index.forget(&GONE).unwrap_err();
    assert!(faults::end());
    dir
}

#[test]
fn what_completes_it_may_crash_too() {
    let mut steps = 0;
    'steps: for step in 0.. {
        for how in [Break::Lost, Break::ReportedLost, Break::Torn] {
            for lost in [0, 1, 2, 3, usize::MAX] {
                let dir = left_half_done();
                let (mut index, _) = Index::open(dir.path(), ORIGIN).unwrap();
                faults::break_at(step, how);
                let claimed = index.claim();
                faults::power_cut(lost);
                if !faults::end() {
                    assert!(claimed.unwrap());
                    break 'steps;
                }
                claimed.unwrap_err();
                drop(index);
                let (reader, _) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
                let next = reopened(dir.path());
                expect_forgotten(&next, &format!("step {step} {how:?}, {lost:b} lost"));
                for name in &GONE {
                    assert_eq!(reader.find(name).unwrap(), []);
                }
                steps = step;
            }
        }
    }
    assert!(steps > 5, "{steps} steps: the disk is no longer under test");
}

#[test]
fn a_journal_that_is_edited_cut_or_of_another_log_is_refused() {
    let dir = left_half_done();
    let place = dir.path().join(JOURNAL);
    let good = fs::read(&place).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&place, bytes).unwrap();
        let error = Index::open(dir.path(), ORIGIN).unwrap_err();
        let text = error.to_string();
        assert!(error.is_damaged() && text.contains(&*place.to_string_lossy()), "{text}");
    };
    for at in (0..good.len()).step_by(37) {
        let mut edited = good.clone();
        edited[at] ^= 1;
        refused(&edited);
        refused(&good[..at]);
    }
    refused(&[&good[..], b"\0"].concat());
    let other = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(other.path(), "example.com/library").unwrap();
    for n in 0..RUN {
        index.add(n, &line(n)).unwrap();
    }
    faults::break_at(6, Break::Lost);
    index.forget(&GONE).unwrap_err();
    faults::end();
    refused(&fs::read(other.path().join(JOURNAL)).unwrap());
    // What makes it anew is not in the way of it.
    let index = Index::create_anew(dir.path(), ORIGIN).unwrap().unwrap();
    assert!(!place.exists());
    drop(index);
    assert_eq!(answers(&filled(dir.path(), RECORDS, 100), 50), expected_of(50));
}

fn expected_of(asked: u64) -> Vec<Vec<u64>> {
    let dir = tempfile::tempdir().unwrap();
    answers(&filled(dir.path(), RECORDS, RECORDS), asked)
}

#[test]
fn a_journal_of_runs_that_are_others_by_now_changes_nothing() {
    let journal = fs::read(left_half_done().path().join(JOURNAL)).unwrap();
    // Of another log of the same origin; or so many more that the runs have become one.
    for (from, records) in [(1, RECORDS), (0, 16 * RUN)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut index, _) = Index::open(dir.path(), ORIGIN).unwrap();
        (0..records).for_each(|n| index.add(n, &line(from + n)).unwrap());
        assert!(index.roll().unwrap());
        drop(merged(index));
        let before = files(dir.path());
        fs::write(dir.path().join(JOURNAL), &journal).unwrap();
        let (reader, _) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
        assert!(!reader.find(&GONE[0]).unwrap().is_empty());
        drop(reopened(dir.path()));
        assert!(files(dir.path()) == before, "{records} records from {from}");
    }
}

#[test]
fn a_journal_brings_nothing_back_that_another_process_took_out_of_the_same_block() {
    let full = tempfile::tempdir().unwrap();
    let mut index = filled(full.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    let names = Names::all(&index);
    let fences = fences(full.path(), &file_name(0, RUN));
    let within = names.0.iter().filter(|name| (fences[1] + 1..fences[2]).contains(&name.0));
    let within: Vec<_> = within.filter(|name| name.1.iter().all(|n| *n < RUN)).collect();
    let [first, second, ..] = within[..] else { panic!("a block has more names") };
    let dir = crashed(full.path());
    faults::break_at(4, Break::Lost);
    index.forget(&[called(&first.2)]).unwrap_err();
    assert!(faults::end());
    let journal = fs::read(full.path().join(JOURNAL)).unwrap();
    reopened(dir.path()).forget(&[called(&second.2)]).unwrap();
    fs::write(dir.path().join(JOURNAL), &journal).unwrap();
    for index in [Index::open(dir.path(), ORIGIN).unwrap().0, reopened(dir.path())] {
        assert_eq!(index.find(&called(&first.2)).unwrap(), first.1);
        assert_eq!(index.find(&called(&second.2)).unwrap(), []);
    }
    assert!(!dir.path().join(JOURNAL).exists());
}

#[test]
fn whoever_writes_next_and_has_opened_it_before_names_were_taken_out_leaves_it_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    let names = Names::all(&index);
    let (mut before, _) = Index::open(dir.path(), ORIGIN).unwrap();
    let [both, _] = sets(&index, &names);
    for text in &both {
        index.forget(&[called(text)]).unwrap();
    }
    drop(index);
    // It moves a fence too, and is in none of the blocks that the first has written.
    let begins = fences(dir.path(), &file_name(0, RUN));
    let begins = begins.iter().rev().find_map(|fence| names.0.iter().find(|name| name.0 == *fence));
    let last = &begins.unwrap().2;
    assert!(!both.contains(last) && before.forget(&[called(last)]).unwrap() > Some(0));
    // What the last run had of them is in the memory of the second, which follows the same erasures.
    before.forget(&both.iter().map(|text| called(text)).collect::<Vec<_>>()).unwrap();
    let gone = both.iter().chain([last]).collect();
    assert_eq!(expect_right(&before, &names, &gone, "by the second"), 0);
    drop(before);
    assert_eq!(expect_right(&reopened(dir.path()), &names, &gone, "opened again"), 0);
}

#[test]
fn an_index_that_is_cleared_has_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), RECORDS, RECORDS);
    faults::break_at(6, Break::Refused);
    index.forget(&GONE).unwrap_err();
    assert!(faults::end() && dir.path().join(JOURNAL).exists());
    assert!(index.clear().unwrap());
    assert!(!dir.path().join(JOURNAL).exists());
}

#[test]
fn the_last_run_has_no_gaps_when_it_is_written_again() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut index = filled(dir.path(), 200, 200);
    index.forget(&GONE).unwrap();
    let mut never_had = filled(other.path(), 200, 1000);
    never_had.forget(&GONE).unwrap();
    assert!(never_had.roll().unwrap());
    assert!(files(dir.path()) != files(other.path()));
    assert!(index.roll().unwrap());
    assert!(files(dir.path()) == files(other.path()));
}

#[test]
fn an_index_that_is_asked_only_is_not_written_and_has_nothing_of_what_is_decided() {
    let dir = left_half_done();
    let before = files(dir.path());
    let (mut index, next) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
    for name in &GONE {
        assert_eq!(index.find(name).unwrap(), []);
    }
    index.add(next, &line_of_nobody(next)).unwrap();
    assert_eq!(Arc::new(index.snapshot()).next(), next + 1);
    assert!(files(dir.path()) == before);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_run_is_not_written_through() {
    let (dir, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut index = filled(dir.path(), RUN, RUN);
    let (run, victim) = (dir.path().join(file_name(0, RUN)), aside.path().join("victim"));
    fs::copy(&run, &victim).unwrap();
    let content = fs::read(&run).unwrap();
    fs::remove_file(&run).unwrap();
    std::os::unix::fs::symlink(&victim, &run).unwrap();
    let error = index.forget(&GONE).unwrap_err().to_string();
    assert!(error.contains("another file has taken its place"), "{error}");
    assert!(fs::read(&victim).unwrap() == content);
}

#[test]
fn whoever_asks_while_names_are_taken_out_finds_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), RECORDS, RECORDS);
    assert!(index.roll().unwrap());
    let names = Names::all(&index);
    let fences = fences(dir.path(), &file_name(0, RUN));
    // What begins blocks, and each name behind it, as it comes to begin the block.
    let gone: Vec<&String> =
        names.0.iter().filter(|name| name.0 >= fences[1]).step_by(2).map(|name| &name.2).collect();
    let all: BTreeSet<&String> = gone.iter().copied().collect();
    let (is_over, snapshot) = (AtomicBool::new(false), Arc::new(index.snapshot()));
    let (known, _) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
    let right = |opened: &Index, when: &str| expect_right(opened, &names, &all, when);
    std::thread::scope(|scope| {
        let again = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                right(&Index::open_to_read(dir.path(), ORIGIN).unwrap().0, "opened again");
            }
        });
        let before = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                right(&known, "opened before");
            }
        });
        let within = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (_, records, text) in names.0.iter().filter(|name| !all.contains(&name.2)) {
                    let search = Search::all().with(called(text));
                    let found = snapshot.candidates(search, 0..u64::MAX, Order::Oldest);
                    assert_eq!(&found.collect::<Result<Vec<_>>>().unwrap(), records, "{text}");
                }
            }
        });
        for text in &gone {
            index.forget(&[called(text)]).unwrap();
            if again.is_finished() || before.is_finished() || within.is_finished() {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(expect_right(&index, &names, &all, "at the end"), 0);
}
