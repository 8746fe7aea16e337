//! What was forgotten stays forgotten, whatever is done beside it, in whichever order, and wherever it ends.

use tempfile::TempDir;

use super::*;
use crate::run::JOURNAL;

mod crash;

const GONE: [Name<'_>; 2] = [Name::Key("k_3"), Name::Actor("ps1.2")];

/// What whoever opens the folder finds, and whoever writes it goes on with; nothing of it may be left in any file.
fn expect_forgotten(index: &Index, when: &str) {
    for name in &GONE {
        assert_eq!(index.find(name).unwrap(), [], "{when}");
    }
    assert_eq!(record(index, "rec-3"), [3], "{when}");
    let hashes = GONE.map(|name| index.hashes.of(name.parts()));
    for path in folder::run_paths(&index.dir).unwrap() {
        let run = Run::open(&path, index.origin_hash).unwrap();
        let mut found = Vec::new();
        hashes.iter().for_each(|hash| run.find(*hash, &mut found).unwrap());
        assert_eq!(found, [], "{when}: {}", path.display());
    }
    assert!(!index.dir.join(JOURNAL).exists(), "{when}");
}

fn unfinished(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "tmp")).collect()
}

/// What a process leaves that ends now.
fn crashed(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in files(dir) {
        fs::write(copy.path().join(name), bytes).unwrap();
    }
    copy
}

/// The next process, which writes too.
fn reopened(dir: &Path) -> Index {
    let (mut index, _) = Index::open(dir, ORIGIN).unwrap();
    assert!(index.claim().unwrap());
    index
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Due,
    Run,
    Take,
    Forget,
}

#[test]
fn a_merge_brings_nothing_back_that_was_forgotten_while_it_went_on() {
    use Step::{Due, Forget, Run, Take};
    let records = 16 * RUN + 9;
    let full = tempfile::tempdir().unwrap();
    filled(full.path(), records, records).roll().unwrap();
    let orders = [
        [Forget, Due, Run, Take],
        [Due, Forget, Run, Take],
        [Due, Run, Forget, Take],
        [Due, Run, Take, Forget],
    ];
    for order in orders {
        let dir = crashed(full.path());
        let mut index = reopened(dir.path());
        let (mut merge, mut merged_run) = (None, None);
        let mut forgotten = false;
        for step in order {
            match step {
                Due => merge = Some(index.due_merge().unwrap()),
                Run => merged_run = Some(merge.take().unwrap().run().unwrap()),
                Take => index.take_merged(merged_run.take().unwrap()).unwrap(),
                Forget => forgotten = index.forget(&GONE).unwrap().unwrap() > 0,
            }
            if forgotten {
                let when = format!("{order:?}, after {step:?}");
                expect_forgotten(&index, &when);
                // One that was begun afterwards has nothing of it.
                let begun = order[0] == Forget && step == Run;
                assert_eq!(unfinished(dir.path()).len(), usize::from(begun), "{when}");
                let copy = crashed(dir.path());
                let again = merged(reopened(copy.path()));
                expect_forgotten(&again, &format!("{when}, and a crash"));
                assert_eq!(again.runs.len(), 1, "{when}");
            } else {
                let copy = crashed(dir.path());
                let mut again = reopened(copy.path());
                assert!(again.forget(&GONE).unwrap().unwrap() > 0);
                expect_forgotten(&merged(again), &format!("{order:?}, after a crash at {step:?}"));
            }
        }
        expect_forgotten(&merged(index), &format!("{order:?}"));
        assert_eq!(folder::run_paths(dir.path()).unwrap().len(), 2, "merged in the end");
    }
}

#[test]
fn a_merge_that_writes_while_names_are_forgotten_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 16 * RUN, 16 * RUN);
    let merge = index.due_merge().unwrap();
    // As far as it comes before the other thread has its turn.
    let unfinished_run = dir.path().join(file_name(0, 16 * RUN)).with_extension("tmp");
    fs::write(&unfinished_run, "half").unwrap();
    index.forget(&GONE).unwrap();
    assert!(!unfinished_run.exists());
    let merged_run = merge.run().unwrap();
    expect_forgotten(&index, "given up");
    assert_eq!(unfinished(dir.path()), [] as [PathBuf; 0]);
    index.take_merged(merged_run).unwrap();
    assert_eq!(index.runs.len(), 16);
    assert_eq!(merged(index).runs.len(), 1);
}

#[test]
fn a_merge_that_is_given_up_while_it_writes_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 16 * RUN, 16 * RUN);
    let merge = index.due_merge().unwrap();
    let unfinished_run = dir.path().join(file_name(0, 16 * RUN)).with_extension("tmp");
    let merged_run = std::thread::scope(|scope| {
        let writing = scope.spawn(move || merge.run());
        while !unfinished_run.exists() && !writing.is_finished() {
            std::hint::spin_loop();
        }
        index.forget(&GONE).unwrap();
        writing.join().unwrap().unwrap()
    });
    assert_eq!(unfinished(dir.path()), [] as [PathBuf; 0]);
    index.take_merged(merged_run).unwrap();
    expect_forgotten(&index, "given up while it was written");
    assert_eq!(merged(index).runs.len(), 1);
}

#[test]
fn one_merge_at_a_time_and_nobody_else_writes_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 2 * 16 * RUN, 16 * RUN);
    let merge = index.due_merge().unwrap();
    assert!(index.due_merge().is_none());
    let merged_run = merge.run().unwrap();
    assert!(index.due_merge().is_none());
    drop(index);
    assert!(!Index::open(dir.path(), ORIGIN).unwrap().0.claim().unwrap(), "the merge has the lock");
    drop(merged_run);
    assert_eq!(unfinished(dir.path()), [] as [PathBuf; 0]);
    let mut index = reopened(dir.path());
    // One of an index that was built again from another log.
    let merged_run = index.due_merge().unwrap().run().unwrap();
    assert!(index.clear().unwrap());
    for n in 0..16 * RUN {
        index.add(n, &line(n + 1)).unwrap();
    }
    index.take_merged(merged_run).unwrap();
    assert_eq!((index.runs.len(), record(&index, "rec-7")), (16, vec![6]));
    assert_eq!(record(&merged(index), "rec-7"), [6]);
}

#[test]
fn a_file_that_could_not_be_deleted_is_deleted_before_names_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 16 * RUN, 16 * RUN);
    let merged_run = index.due_merge().unwrap().run().unwrap();
    let old = dir.path().join(file_name(5 * RUN, 6 * RUN));
    let aside = dir.path().join("aside");
    fs::rename(&old, &aside).unwrap();
    fs::create_dir(&old).unwrap();
    index.take_merged(merged_run).unwrap_err();
    fs::remove_dir(&old).unwrap();
    fs::rename(&aside, &old).unwrap();
    assert_eq!((index.runs.len(), folder::run_paths(dir.path()).unwrap().len()), (1, 1 + 6));
    index.forget(&GONE).unwrap();
    expect_forgotten(&index, "it was superseded");
}

#[test]
fn what_a_process_was_writing_when_it_ended_is_deleted_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 10, 5));
    let left = [JOURNAL, &file_name(0, 10), &file_name(0, 700), &file_name(0, 16 * RUN)]
        .map(|name| dir.path().join(name).with_extension("tmp"));
    left.iter().for_each(|path| fs::write(path, "half").unwrap());
    fs::write(dir.path().join("notes.tmp"), "not ours").unwrap();
    Index::open(dir.path(), ORIGIN).unwrap();
    assert_eq!(unfinished(dir.path()).len(), 5, "whoever only reads deletes nothing");
    drop(reopened(dir.path()));
    assert_eq!(unfinished(dir.path()), [dir.path().join("notes.tmp")]);
    fs::write(&left[1], "half").unwrap();
    Index::create_anew(dir.path(), ORIGIN).unwrap().unwrap();
    assert_eq!(unfinished(dir.path()), [dir.path().join("notes.tmp")]);
}

#[test]
fn an_erasure_counts_as_far_as_the_records_were_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 300, 100);
    index.add(300, &line(300)).unwrap();
    index.set_purged(301).unwrap();
    assert_eq!(index.purged().unwrap(), 300, "a crash takes the last record, and it is read again");
    index.roll().unwrap();
    index.set_purged(301).unwrap();
    assert_eq!(index.purged().unwrap(), 301);
    drop(index);

    // The end is lost, or all of it, or all is of an earlier version and made again.
    let purged_of = |lose: &dyn Fn(&Path)| {
        let dir = crashed(dir.path());
        lose(dir.path());
        let (index, next) = Index::open_to_read(dir.path(), ORIGIN).unwrap();
        assert_eq!(index.purged().unwrap(), next);
        drop(index);
        // Also when the process that has read it again ends before it has forgotten anything.
        drop(filled(dir.path(), 2 * RUN, 2 * RUN));
        let (index, again) = Index::open(dir.path(), ORIGIN).unwrap();
        assert_eq!((index.purged().unwrap(), again), (next, 2 * RUN));
        next
    };
    let tail = file_name(RUN, 301);
    assert_eq!(purged_of(&|_| ()), 301);
    assert_eq!(purged_of(&|dir| fs::remove_file(dir.join(&tail)).unwrap()), RUN);
    assert_eq!(
        purged_of(&|dir| {
            fs::write(dir.join("origin"), format!("sealtrail index 1\n{ORIGIN}\n")).unwrap();
        }),
        0
    );
}

#[test]
fn whoever_opened_the_index_before_another_process_took_names_out_of_it_does_not_write_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 16 * RUN + 9, 16 * RUN + 9);
    assert!(index.roll().unwrap());
    let (mut before, _) = Index::open(dir.path(), ORIGIN).unwrap();
    index.forget(&GONE).unwrap();
    index.set_purged(16 * RUN + 9).unwrap();
    drop(index);
    before.add(16 * RUN + 9, b"{}").unwrap();
    assert!(!before.roll().unwrap() && before.due_merge().is_none());
    drop(before);
    expect_forgotten(&merged(reopened(dir.path())), "opened before");
}

#[test]
fn the_index_is_asked_and_grows_while_names_are_forgotten() {
    let (place, at_once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let records = 2 * RUN + 9;
    // What comes meanwhile: nothing, a few records, so many that the last run is complete and written.
    for meanwhile in [0, 5, RUN] {
        for rolls in [false, true] {
            let when = format!("{meanwhile} more, {rolls}");
            let (dir, other) = (place.path().join(&when), at_once.path().join(&when));
            let mut index = filled(&dir, records, records);
            let forgetting = index.begin_to_forget(&GONE).unwrap().unwrap();
            assert!(index.due_merge().is_none() && index.is_forgetting());
            assert_eq!(record(&index, "rec-7"), [7]);
            let add = |index: &mut Index| {
                for n in records..records + meanwhile {
                    index.add(n, &line_of_nobody(n)).unwrap();
                }
                assert!(!rolls || index.roll().unwrap());
            };
            add(&mut index);
            let forgotten = forgetting.run().unwrap();
            assert!(index.snapshot().next() == records + meanwhile);
            assert!(index.take_forgotten(forgotten).unwrap() > 0);
            expect_forgotten(&index, &when);
            assert!(!rolls || index.roll().unwrap());
            assert_eq!(unfinished(&dir), [] as [PathBuf; 0], "{when}");
            let mut index_of_other = filled(&other, records, records);
            index_of_other.forget(&GONE).unwrap();
            add(&mut index_of_other);
            assert!(!index.is_forgetting());
            assert!(files(&dir) == files(&other), "{when}");
            drop(index);
            expect_forgotten(&merged(reopened(&dir)), &when);
        }
    }
}

/// A record without any of the names.
fn line_of_nobody(n: u64) -> Vec<u8> {
    format!(r#"{{"id":"rec-{n}"}}"#).into_bytes()
}

#[test]
fn what_ends_while_names_are_forgotten_is_forgotten_the_next_time() {
    let full = tempfile::tempdir().unwrap();
    filled(full.path(), 2 * RUN + 9, 2 * RUN + 9);
    for step in ["begun", "written", "taken"] {
        let dir = crashed(full.path());
        let mut index = reopened(dir.path());
        let mut forgetting = index.begin_to_forget(&GONE).unwrap();
        let mut written = None;
        if step != "begun" {
            written = Some(forgetting.take().unwrap().run().unwrap());
        }
        if step == "taken" {
            index.take_forgotten(written.take().unwrap()).unwrap();
        }
        let copy = crashed(dir.path());
        let mut again = reopened(copy.path());
        assert_eq!(unfinished(copy.path()), [] as [PathBuf; 0], "{step}");
        let gone = again.forget(&GONE).unwrap().unwrap();
        assert_eq!(gone == 0, step != "begun", "{step}");
        expect_forgotten(&again, step);
        // And where the work ends with an error, and the process goes on.
        drop((forgetting, written));
        assert_eq!(unfinished(dir.path()), [] as [PathBuf; 0], "{step}");
        index.forget(&GONE).unwrap();
        expect_forgotten(&index, step);
    }
}

#[test]
fn names_are_forgotten_by_one_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 2 * RUN + 9, 2 * RUN + 9);
    let forgetting = index.begin_to_forget(&GONE[..1]).unwrap().unwrap();
    index.forget(&GONE[1..]).unwrap_err();
    let forgotten = forgetting.run().unwrap();
    index.forget(&GONE[1..]).unwrap_err();
    index.take_forgotten(forgotten).unwrap();
    index.forget(&GONE[1..]).unwrap();
    expect_forgotten(&index, "one after the other");
    // One of an index that was made anew since.
    let forgotten = index.begin_to_forget(&[Name::Key("k_4")]).unwrap().unwrap().run().unwrap();
    assert!(index.clear().unwrap());
    (0..2 * RUN + 9).for_each(|n| index.add(n, &line(n)).unwrap());
    assert!(index.roll().unwrap());
    assert_eq!(index.take_forgotten(forgotten).unwrap(), 0);
    assert!(!index.find(&Name::Key("k_4")).unwrap().is_empty());
    // The same, of which nothing was done before: the runs that are there now are not its own.
    let forgetting = index.begin_to_forget(&[Name::Key("k_4")]).unwrap().unwrap();
    assert!(index.clear().unwrap());
    (0..2 * RUN + 9).for_each(|n| index.add(n, &line(n)).unwrap());
    assert!(index.roll().unwrap());
    let before = files(dir.path());
    let forgotten = forgetting.run().unwrap();
    assert_eq!(index.take_forgotten(forgotten).unwrap(), 0);
    assert!(files(dir.path()) == before);
}

#[test]
fn a_merge_that_ends_while_names_are_taken_out_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 16 * RUN + 9, 16 * RUN + 9);
    let merged_run = index.due_merge().unwrap().run().unwrap();
    let forgetting = index.begin_to_forget(&GONE).unwrap().unwrap();
    index.take_merged(merged_run).unwrap();
    assert_eq!(index.runs.len(), 16);
    let forgotten = forgetting.run().unwrap();
    assert!(index.take_forgotten(forgotten).unwrap() > 0);
    expect_forgotten(&index, "beside a merge");
    let index = merged(index);
    expect_forgotten(&index, "merged afterwards");
    assert_eq!(index.runs.len(), 1);
}
