use std::fs;

use super::*;
use crate::run::file_name;
use crate::search::Search;
use crate::snapshot::Order;

mod forgetting;

const ORIGIN: &str = "example.com/shop";

/// Record `n` of a log in which 7 products are changed by requests of three changes each.
fn line(n: u64) -> Vec<u8> {
    format!(
        r#"{{"specversion":"1.0","id":"rec-{n}","time":"2026-11-21T{:02}:{:02}:{:02}Z","correlationid":"req-{}","authid":"ps1.{}","data":{{"entity":{{"type":"product","id":"{}"}},"action":"update","changes":[{{"op":"replace","path":"/price/{}"}}],"seals":[{{"kids":["k_{}","t_1"]}}]}}}}"#,
        n / 3600 % 24,
        n / 60 % 60,
        n % 60,
        n / 3,
        n % 5,
        n % 7,
        n % 2,
        n % 11,
    )
    .into_bytes()
}

fn filled(dir: &Path, records: u64, roll_every: u64) -> Index {
    let (mut index, next) = Index::open(dir, ORIGIN).unwrap();
    for n in next..records {
        index.add(n, &line(n)).unwrap();
        if (n + 1) % roll_every == 0 {
            assert!(index.roll().unwrap());
        }
    }
    index
}

fn merged(mut index: Index) -> Index {
    while let Some(merge) = index.due_merge() {
        let merged = merge.run().unwrap();
        index.take_merged(merged).unwrap();
    }
    index
}

fn record(index: &Index, id: &str) -> Vec<u64> {
    index.find(&Name::Record(id)).unwrap()
}

/// Every answer that an index of so many records can give.
fn answers(index: &Index, records: u64) -> Vec<Vec<u64>> {
    (0..records + 2)
        .flat_map(|n| {
            let number = n.to_string();
            [
                record(index, &format!("rec-{n}")),
                index.find(&Name::Correlation(&format!("req-{n}"))).unwrap(),
                index.find(&Name::Entity { kind: "product", id: &number }).unwrap(),
                index.find(&Name::Entity { kind: "customer", id: &number }).unwrap(),
                index.find(&Name::Key(&format!("k_{n}"))).unwrap(),
            ]
        })
        .collect()
}

fn expected(records: u64) -> Vec<Vec<u64>> {
    let of =
        |fits: &dyn Fn(u64) -> bool| -> Vec<u64> { (0..records).filter(|r| fits(*r)).collect() };
    (0..records + 2)
        .flat_map(|n| {
            let own = of(&|r| r == n);
            [own, of(&|r| r / 3 == n), of(&|r| r % 7 == n), vec![], of(&|r| r % 11 == n)]
        })
        .collect()
}

fn files(dir: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn answers_are_what_a_look_at_every_line_gives() {
    let dir = tempfile::tempdir().unwrap();
    let index = filled(dir.path(), 700, 30);
    assert_eq!(answers(&index, 700), expected(700));
    assert_eq!(index.runs.len(), 2);
}

#[test]
fn equal_after_a_rebuild_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("index");
    filled(&place, 690, 30);
    let (index, next) = Index::open(&place, ORIGIN).unwrap();
    assert_eq!(next, 690, "what was rolled is not read from the log again");
    assert_eq!(answers(&index, 690), expected(690));
    drop(index);
    filled(&place, 700, 1000);
    let (_, next) = Index::open(&place, ORIGIN).unwrap();
    assert_eq!(next, 690, "what was not rolled is read from the log again");
    filled(&place, 700, 100);

    let bytes = files(&place);
    for roll_every in [7, 256, 300, 700] {
        fs::remove_dir_all(&place).unwrap();
        let mut index = filled(&place, 700, roll_every);
        index.roll().unwrap();
        assert_eq!(answers(&index, 700), expected(700));
        assert_eq!(files(&place), bytes, "rolled every {roll_every} records");
    }
    let mut index = filled(&place, 700, 700);
    assert!(index.clear().unwrap());
    drop(index);
    filled(&place, 700, 70);
    assert_eq!(files(&place), bytes, "after everything was forgotten");
}

/// Version 2 is a promise to whoever has an index on disk: how it is built may change, the bytes may not.
#[test]
fn the_same_records_are_the_same_bytes_in_every_release() {
    use sha2::{Digest, Sha256};

    let dir = tempfile::tempdir().unwrap();
    let mut index = merged(filled(dir.path(), 17 * RUN + 9, 1000));
    index.roll().unwrap();
    let mut sum = Sha256::new();
    for (name, bytes) in files(dir.path()) {
        sum.update(name.to_str().unwrap());
        sum.update(bytes);
    }
    let sum: String = sum.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, "647d1572e58d908b");
}

#[test]
fn merged_whenever_it_is_the_files_are_the_same() {
    let records = 2 * 16 * RUN + 3 * RUN + 5;
    let dir = tempfile::tempdir().unwrap();
    let (late, early) = (dir.path().join("late"), dir.path().join("early"));
    let index = merged(filled(&late, records, records));
    assert_eq!(index.runs.len(), 2 + 3);
    assert_eq!(answers(&index, 200), answers(&filled(&dir.path().join("none"), records, 999), 200));

    let mut index = filled(&early, 1, 1);
    for n in 1..records {
        index.add(n, &line(n)).unwrap();
        if n % 1000 == 0 {
            index = merged(index);
        }
    }
    index.roll().unwrap();
    drop(merged(index));
    assert_eq!(files(&early), files(&late));
    let (index, next) = Index::open(&late, ORIGIN).unwrap();
    assert_eq!((next, record(&index, "rec-4095")), (records, vec![4095]));
}

/// A crash at any step of taking a merged run leaves both, or some of the old ones.
#[test]
fn what_an_interrupted_merge_leaves_is_the_whole_index() {
    let records = 16 * RUN + 9;
    for left in [0, 1, 7, 16] {
        let dir = tempfile::tempdir().unwrap();
        let mut index = filled(dir.path(), records, records);
        let old = index.runs.iter().map(|run| run.path().to_owned());
        let old: Vec<_> = old.map(|path| (fs::read(&path).unwrap(), path)).collect();
        let merged_run = index.due_merge().unwrap().run().unwrap();
        index.take_merged(merged_run).unwrap();
        drop(index);
        for (content, path) in &old[..left] {
            fs::write(path, content).unwrap();
        }
        let (mut index, next) = Index::open(dir.path(), ORIGIN).unwrap();
        assert_eq!((next, index.runs.len()), (records, 1));
        assert_eq!(record(&index, "rec-4000"), [4000]);
        index.add(records, &line(records)).unwrap();
        assert!(index.roll().unwrap());
        assert_eq!(folder::run_paths(dir.path()).unwrap().len(), 2, "the old ones are gone");
    }
}

#[test]
fn a_search_is_what_a_look_at_every_line_gives() {
    let records = 900;
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), records, 200);
    let snapshot = Arc::new(index.snapshot());
    // After the first record that was made at this second of the day.
    let at = |second: i64| 1_795_219_200_000 + second * 1000;
    let searches = [
        Search::all(),
        Search::all().with(Name::Entity { kind: "product", id: "3" }).with(Name::Action("update")),
        Search::all().with(Name::Type("product")).attribute("/price"),
        Search::all().attribute("/price/1").with(Name::Actor("ps1.2")),
        Search::all().attribute("/price/1/deeper").since(at(100)).until(at(555)),
        Search::all().attribute("/pric"),
        Search::all().since(at(300)),
        Search::all().until(at(10)).with_any(&[Name::Key("k_3"), Name::Correlation("req-1")]),
        Search::all().since(at(5000)),
    ];
    for search in searches {
        for window in [0..records, 0..u64::MAX, 255..257, 300..301, 890..900, 5..5] {
            let expected: Vec<u64> =
                (0..records).filter(|n| window.contains(n) && search.fits(&line(*n))).collect();
            let found = |order| {
                let candidates = snapshot.candidates(search.clone(), window.clone(), order);
                let found: Vec<u64> = candidates.map(Result::unwrap).collect();
                assert!(found.is_sorted_by(|a, b| (a < b) == (order == Order::Oldest)));
                found.into_iter().filter(|n| search.fits(&line(*n))).collect::<Vec<_>>()
            };
            assert_eq!(found(Order::Oldest), expected, "{search:?} {window:?}");
            let newest: Vec<u64> = expected.into_iter().rev().collect();
            assert_eq!(found(Order::Newest), newest, "{search:?} {window:?}");
        }
    }
}

#[test]
fn a_snapshot_does_not_see_what_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 300, 100);
    let snapshot = Arc::new(index.snapshot());
    for n in 300..600 {
        index.add(n, &line(n)).unwrap();
    }
    let all = Search::all().with(Name::Type("product"));
    assert_eq!(snapshot.candidates(all, 0..u64::MAX, Order::Oldest).count(), 300);
}

#[test]
fn what_is_forgotten_is_in_no_file_and_a_rebuild_that_forgets_it_is_equal() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let names = [Name::Key("k_3"), Name::Actor("ps1.2"), Name::Key("never")];
    let records = 16 * RUN + 9;
    // Early in the one, late in the other.
    let mut index = filled(&one, 520, 100);
    assert_eq!(index.forget(&names).unwrap(), Some(47 + 104));
    for n in 520..records {
        index.add(n, &line(n)).unwrap();
    }
    index.forget(&names).unwrap();
    let mut index = merged(index);
    index.roll().unwrap();
    index.set_purged(records).unwrap();
    assert_eq!(index.find(&names[0]).unwrap(), []);
    assert_eq!(index.find(&Name::Key("k_4")).unwrap().len(), 373);
    assert_eq!(record(&index, "rec-3"), [3]);
    drop(index);

    let mut index = filled(&two, records, records);
    let hash = index.hashes.of(names[1].parts()).to_be_bytes();
    index.forget(&names).unwrap();
    let mut index = merged(index);
    index.roll().unwrap();
    index.set_purged(records).unwrap();
    assert_eq!(files(&one), files(&two), "merging closes what gaps there were");
    for (name, bytes) in files(&one) {
        assert!(!bytes.windows(8).any(|window| window == hash), "{name:?}");
    }
    assert_eq!(Index::open(&one, ORIGIN).unwrap().0.purged().unwrap(), records);
    fs::write(one.join("purged"), "800").unwrap();
    assert!(Index::open(&one, ORIGIN).unwrap().0.purged().unwrap_err().is_damaged());
}

#[test]
fn a_record_left_out_or_added_twice_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 10, 4);
    for wrong in [0, 9, 11, u64::MAX] {
        let error = index.add(wrong, &line(wrong % 10)).unwrap_err().to_string();
        assert!(error.contains("expected record 10"), "{error}");
    }
    index.add(10, &line(10)).unwrap();
}

#[test]
fn a_line_that_is_no_record_takes_its_number_and_so_does_one_that_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path(), ORIGIN).unwrap();
    index.add(0, b"\xff\xfe not JSON").unwrap();
    index.add(1, &line(1)).unwrap();
    index.skip(1000).unwrap();
    index.add(1000, &line(1000)).unwrap();
    index.roll().unwrap();
    let (index, next) = Index::open(dir.path(), ORIGIN).unwrap();
    assert_eq!(
        (next, record(&index, "rec-1"), record(&index, "rec-1000")),
        (1001, vec![1], vec![1000])
    );
}

#[test]
fn nothing_is_written_before_a_roll_and_nothing_ever_by_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("index");
    let mut index = filled(&place, 5, 100);
    assert!(!place.exists());
    index.roll().unwrap();
    let before = files(&place);
    assert!(index.roll().unwrap(), "a roll of nothing");
    let (mut reader, next) = Index::open_to_read(&place, ORIGIN).unwrap();
    for n in next..1000 {
        reader.add(n, &line(n)).unwrap();
    }
    assert_eq!(record(&reader, "rec-700"), [700]);
    assert_eq!(files(&place), before);
}

#[test]
fn an_index_of_another_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 256, 256);
    let error = Index::open(dir.path(), "example.com/library").unwrap_err();
    assert!(error.is_other_origin());
    let error = error.to_string();
    assert!(
        error.contains("expected origin `example.com/library`, got `example.com/shop`"),
        "{error}"
    );

    // A single run of another log, moved in.
    let other = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(other.path(), "example.com/library").unwrap();
    index.skip(256).unwrap();
    index.add(256, &line(0)).unwrap();
    index.roll().unwrap();
    fs::rename(other.path().join(file_name(256, 257)), dir.path().join(file_name(256, 257)))
        .unwrap();
    let error = Index::open(dir.path(), ORIGIN).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("another origin"), "{error}");
}

#[test]
fn a_lost_run_or_origin_is_named() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 600, 600);
    let middle = dir.path().join(file_name(256, 512));
    let content = fs::read(&middle).unwrap();
    fs::remove_file(&middle).unwrap();
    let error = Index::open(dir.path(), ORIGIN).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("begins at record 256"), "{error}");
    fs::write(&middle, content).unwrap();
    let odd = dir.path().join("5.run");
    fs::write(&odd, "").unwrap();
    assert!(Index::open(dir.path(), ORIGIN).unwrap_err().is_damaged());
    fs::remove_file(odd).unwrap();

    for text in ["", "example.com/shop", "sealtrail index 3\nexample.com/shop\n"] {
        fs::write(dir.path().join("origin"), text).unwrap();
        let error = Index::open(dir.path(), ORIGIN).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("origin"), "{error}");
    }
    fs::remove_file(dir.path().join("origin")).unwrap();
    assert!(Index::open(dir.path(), ORIGIN).unwrap_err().is_damaged());
}

#[test]
fn an_index_of_the_first_version_is_made_again_and_not_another_logs() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join(file_name(0, 3));
    fs::write(&old, "sealtrail run 1\n").unwrap();
    fs::write(dir.path().join("origin"), "sealtrail index 1\nexample.com/shop\n").unwrap();
    assert!(Index::open(dir.path(), "example.com/library").unwrap_err().is_other_origin());
    assert_eq!(Index::open(dir.path(), ORIGIN).unwrap().1, 0);
    assert!(old.exists(), "whoever only reads deletes nothing");
    filled(dir.path(), 300, 300);
    assert!(!old.exists());
    assert_eq!(Index::open(dir.path(), ORIGIN).unwrap().1, 300);
}

#[test]
fn one_process_writes_and_the_others_follow() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = filled(dir.path(), 10, 10);
    let mut reader = filled(dir.path(), 12, 100);
    writer.add(10, &line(10)).unwrap();
    assert!(!reader.roll().unwrap(), "the writer has the lock");
    assert!(writer.roll().unwrap());
    drop(writer);
    assert!(!reader.roll().unwrap(), "the writer has left a run that this one does not know");
    assert_eq!(record(&reader, "rec-11"), [11]);
    drop(reader);
    assert_eq!(Index::open(dir.path(), ORIGIN).unwrap().1, 11);
}

#[test]
fn a_log_that_was_made_anew_does_not_agree() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 600, 5);
    index.forget(&[Name::Key("k_6"), Name::Actor("ps1.4")]).unwrap();
    assert!(index.agrees(599, &line(599)).unwrap());
    assert!(index.agrees(6, &line(6)).unwrap());
    assert!(!index.agrees(599, &line(598)).unwrap());
    assert!(!index.agrees(3, &line(599)).unwrap());
}

#[test]
fn clearing_deletes_the_runs_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), 600, 5);
    let others = ["keyring/key", "run", "notes.txt", "a.tmp", "log/checkpoint"];
    for other in others {
        let path = dir.path().join(other);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, other).unwrap();
    }
    assert!(index.clear().unwrap());
    for other in others {
        assert_eq!(fs::read_to_string(dir.path().join(other)).unwrap(), other);
    }
    assert!(folder::run_paths(dir.path()).unwrap().is_empty());
    assert_eq!(record(&index, "rec-3"), []);
    drop(index);
    assert_eq!(answers(&filled(dir.path(), 7, 5), 7), expected(7));

    let writer = filled(dir.path(), 10, 5);
    let (mut reader, _) = Index::open(dir.path(), ORIGIN).unwrap();
    assert!(!reader.clear().unwrap(), "the writer has the lock");
    drop(writer);
}

#[test]
fn what_is_left_of_an_interrupted_roll_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 10, 5);
    fs::write(dir.path().join(file_name(0, 20)).with_extension("tmp"), "half").unwrap();
    fs::write(dir.path().join("origin.tmp"), "half").unwrap();
    let index = filled(dir.path(), 20, 10);
    assert_eq!(record(&index, "rec-15"), [15]);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_file_that_is_being_written_is_not_written_through() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("notes");
    fs::write(&victim, "somebody's").unwrap();
    let (mut index, _) = Index::open(dir.path(), ORIGIN).unwrap();
    // Between the look at what an earlier process has left and the writing.
    let link = |name: &str| {
        let _ = fs::remove_file(dir.path().join(name));
        std::os::unix::fs::symlink(&victim, dir.path().join(name)).unwrap();
    };
    link("origin.tmp");
    assert!(index.claim().unwrap());
    link("purged.tmp");
    let run = dir.path().join(file_name(0, 5));
    link(run.with_extension("tmp").file_name().unwrap().to_str().unwrap());
    for n in 0..5 {
        index.add(n, &line(n)).unwrap();
    }
    assert!(index.roll().unwrap());
    index.set_purged(5).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "somebody's");
    for written in [run, dir.path().join("origin"), dir.path().join("purged")] {
        assert!(fs::symlink_metadata(&written).unwrap().is_file(), "{}", written.display());
    }
    drop(index);
    assert_eq!(record(&Index::open(dir.path(), ORIGIN).unwrap().0, "rec-3"), [3]);
}
