//! The order of the durable steps, as FORMAT.md has it, write by write and sync by sync.

use super::life::{Life, line};
use crate::queue::Work;
use crate::submission::Submission;
use crate::writer::{self, Writer};

struct Traced {
    life: Life,
    next: u64,
}

impl Traced {
    fn new(segment_bytes: u64, fill_ahead: u64) -> Self {
        let mut life = Life::new(0);
        (life.options.segment_bytes, life.options.fill_ahead) = (segment_bytes, fill_ahead);
        Self { life, next: 1 }
    }

    /// The steps of what is done, with the folder of the segments left out of their names.
    fn steps(&mut self, act: impl FnOnce(&mut Life)) -> Vec<String> {
        self.life.simulated.trace();
        act(&mut self.life);
        let steps = self.life.simulated.take_trace();
        steps.iter().map(|step| step.replace("entries/000000000000000000", "entries/")).collect()
    }

    fn create(&mut self) -> Vec<String> {
        self.steps(|life| {
            writer::create_folder(&life.disk, &life.layout).unwrap();
            writer::create(&life.disk, &life.layout, &life.signer).unwrap();
        })
    }

    fn open(&mut self) -> (Writer, Vec<String>) {
        let mut opened = None;
        let steps = self.steps(|life| {
            let writer = Writer::open(&life.disk, &life.layout, life.signer.clone(), &life.options);
            opened = Some(writer.unwrap());
        });
        (opened.unwrap(), steps)
    }

    /// Several callers, one commit.
    fn append(&mut self, writer: &mut Writer, callers: u64) -> Vec<String> {
        let first = self.next;
        self.next += callers;
        self.steps(|life| {
            for n in first..first + callers {
                let submission = Submission::new(&[line(n)], &life.options).unwrap();
                writer
                    .committer
                    .queue
                    .offer(submission, Box::new(|result| assert!(result.is_ok())));
            }
            let Some(Work::Commit(batch)) = writer.committer.queue.take() else { panic!() };
            writer.committer.turn(batch).unwrap();
            writer.committer.queue.finished();
        })
    }

    fn cover(&mut self, writer: &mut Writer) -> Vec<String> {
        self.steps(|life| life.cover(writer))
    }
}

#[test]
fn creation() {
    let mut log = Traced::new(4000, 0);
    assert_eq!(
        log.create(),
        [
            "create folder /disk/log",
            "sync folder /disk",
            "create folder entries",
            "sync folder /disk/log",
            "create checkpoint.tmp",
            "write checkpoint.tmp",
            "sync checkpoint.tmp",
            "rename to checkpoint",
            "sync folder /disk/log",
        ]
    );
    let first_opening = [
        "create entries/00.jsonl",
        "sync folder entries",
        "create folder checkpoints",
        "sync folder /disk/log",
        "create checkpoints/00000000000000000000.notes",
        "sync folder checkpoints",
        "write checkpoints/00000000000000000000.notes",
        "sync data checkpoints/00000000000000000000.notes",
        "create durable",
        "write durable",
    ];
    assert_eq!(log.open().1, first_opening);
}

#[test]
fn one_sync_for_a_commit_however_many_share_it() {
    let commit = ["write entries/00.jsonl", "sync data entries/00.jsonl", "write durable"];
    let mut log = Traced::new(4000, 0);
    log.create();
    let mut writer = log.open().0;
    for callers in [1, 2, 16] {
        assert_eq!(log.append(&mut writer, callers), commit);
    }

    // Filled ahead: now and then, before the lines, under the same sync; and as much again as there is.
    let mut log = Traced::new(1 << 20, 600);
    log.create();
    let mut writer = log.open().0;
    let mut filled = vec!["fill entries/00.jsonl"];
    filled.extend(commit);
    assert_eq!(log.append(&mut writer, 1), filled);
    assert_eq!(log.append(&mut writer, 1), commit);
    assert_eq!(log.append(&mut writer, 16), filled);
    let close = log.steps(|_| writer.committer.close());
    assert_eq!(close, ["cut entries/00.jsonl", "sync entries/00.jsonl"]);
}

#[test]
fn a_new_segment() {
    let mut log = Traced::new(100, 1000);
    log.create();
    let mut writer = log.open().0;
    log.append(&mut writer, 1);
    log.append(&mut writer, 1);
    let steps = log.append(&mut writer, 5);
    assert!(steps.ends_with(&["write durable".into()]));
    let rolled = log.append(&mut writer, 1);
    assert_eq!(
        rolled,
        [
            "create entries/07.jsonl",
            "sync folder entries",
            "fill entries/07.jsonl",
            "write entries/07.jsonl",
            "sync data entries/07.jsonl",
            "write durable",
        ]
    );
}

#[test]
fn covering() {
    let mut log = Traced::new(1 << 20, 0);
    log.create();
    let mut writer = log.open().0;
    log.append(&mut writer, 3);
    let first = log.cover(&mut writer);
    let tiles = [
        "create tile/0/000.p/3.tmp",
        "write tile/0/000.p/3.tmp",
        "create folder tile/entries",
        "create folder tile/entries/000.p",
        "create tile/entries/000.p/3.tmp",
        "write tile/entries/000.p/3.tmp",
        "sync tile/0/000.p/3.tmp",
        "sync tile/entries/000.p/3.tmp",
        "rename to tile/0/000.p/3",
        "rename to tile/entries/000.p/3",
    ];
    let folders = [
        "sync folder /disk/log",
        "sync folder tile",
        "sync folder tile/0",
        "sync folder tile/0/000.p",
        "sync folder tile/entries",
        "sync folder tile/entries/000.p",
    ];
    let checkpoint = [
        "create checkpoint.tmp",
        "write checkpoint.tmp",
        "sync checkpoint.tmp",
        "rename to checkpoint",
        "sync folder /disk/log",
    ];
    let history = [
        "write checkpoints/00000000000000000000.notes",
        "sync data checkpoints/00000000000000000000.notes",
    ];
    let made = ["create folder tile", "create folder tile/0", "create folder tile/0/000.p"];
    assert_eq!(first, [&made[..], &tiles, &folders, &checkpoint, &history].concat());

    // The folders are there now; partial tiles go when the full one is under a checkpoint.
    log.append(&mut writer, 253);
    let full = log.cover(&mut writer);
    let of = |steps: &[String], name: &str| steps.iter().position(|step| step == name);
    let removed = of(&full, "remove folder tile/0/000.p").unwrap();
    let signed = of(&full, "rename to checkpoint").unwrap();
    assert!(of(&full, "rename to tile/0/000").unwrap() < signed && signed < removed);
    assert_eq!(full[signed + 1], "sync folder /disk/log");
    let syncs = full.iter().filter(|step| step.starts_with("sync")).count();
    // Three tiles and bundles, their four folders and the root, the checkpoint and the root, the history.
    assert_eq!(syncs, 3 + 5 + 2 + 1, "{full:#?}");
}

#[test]
fn opening_after_a_torn_line() {
    let mut log = Traced::new(1 << 20, 100);
    log.create();
    let mut writer = log.open().0;
    log.append(&mut writer, 2);
    let path = log.life.layout.segment(0);
    let mut file = log.life.disk.open_to_write(&path).unwrap();
    file.write_at(writer.committer.segment.bytes(), &mut [std::io::IoSlice::new(b"torn")]).unwrap();
    drop(writer);
    let (writer, steps) = log.open();
    let torn = writer.recovery.torn.unwrap();
    assert_eq!((torn.index, torn.bytes), (2, 4));
    assert_eq!(
        steps,
        [
            "create folder torn",
            "sync folder /disk/log",
            "create torn/00000000000000000002.0.tmp",
            "write torn/00000000000000000002.0.tmp",
            "sync torn/00000000000000000002.0.tmp",
            "rename to torn/00000000000000000002.0",
            "sync folder torn",
            "cut entries/00.jsonl",
            "sync entries/00.jsonl",
            "write entries/00.jsonl",
            "sync data entries/00.jsonl",
            "sync folder entries",
            "sync folder /disk/log",
            "sync folder checkpoints",
            "sync folder /disk/log",
            "write checkpoints/00000000000000000000.notes",
            "sync data checkpoints/00000000000000000000.notes",
            "write durable",
        ]
    );
}
