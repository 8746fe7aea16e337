//! One log from its creation to its end, and what happens to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtrail_proof::SigningKey;

use crate::disk::Disk;
use crate::disk::simulated::chance::Chance;
use crate::disk::simulated::{Break, Simulated};
use crate::paths::Layout;
use crate::queue::Work;
use crate::submission::Submission;
use crate::writer::{self, Writer};
use crate::{Error, Options, Signer};

pub(super) const ORIGIN: &str = "log.example/simulated";

/// What happened, to see that something did.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) power_cuts: u64,
    pub(super) process_deaths: u64,
    pub(super) breaks: u64,
    pub(super) acknowledged: u64,
    pub(super) disk_full: u64,
    pub(super) checkpoints: u64,
    pub(super) torn: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.power_cuts += other.power_cuts;
        self.process_deaths += other.process_deaths;
        self.breaks += other.breaks;
        self.acknowledged += other.acknowledged;
        self.disk_full += other.disk_full;
        self.checkpoints += other.checkpoints;
        self.torn += other.torn;
    }
}

/// What the writer has said, which must stay true.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Acknowledged lines: index and the number of the line.
    pub(super) kept: BTreeMap<u64, u64>,
    /// Lines of which it was said that they were not appended.
    pub(super) refused: BTreeSet<u64>,
    /// Notes of checkpoints that were put in place.
    pub(super) published: Vec<String>,
}

pub(super) struct Life {
    pub(super) chance: Chance,
    pub(super) simulated: Simulated,
    pub(super) disk: Disk,
    pub(super) layout: Layout,
    pub(super) options: Options,
    pub(super) signer: Signer,
    pub(super) told: Arc<Mutex<Told>>,
    pub(super) counts: Counts,
    next_line: u64,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let simulated = Simulated::new(chance.next(), "checkpoint.tmp");
        let options = Options {
            segment_bytes: [300, 1500, 4000, 20_000][chance.below(4) as usize],
            fill_ahead: [0, 700, 5000, 1 << 20][chance.below(4) as usize],
            checkpoint_interval: Duration::from_secs(3600),
            ..Options::default()
        };
        let key = SigningKey::from_seed(ORIGIN, &[3; 32]).unwrap();
        Self {
            chance,
            disk: Disk::Simulated(simulated.clone()),
            simulated,
            layout: Layout::new(Path::new("/disk/log")),
            options,
            signer: Signer::new(ORIGIN, key).unwrap(),
            told: Arc::default(),
            counts: Counts::default(),
            next_line: 0,
        }
    }

    /// From creation to a whole log at the end, through some crashes.
    pub(super) fn lead(seed: u64) -> Counts {
        let mut life = Self::new(seed);
        life.create();
        for _ in 0..1 + life.chance.below(8) {
            if life.chance.below(3) == 0 {
                life.plan_a_break(25);
            }
            if let Some(writer) = life.open() {
                life.work(writer);
            }
            life.crash();
        }
        let mut writer = life.open().expect("nothing was broken");
        life.append(&mut writer);
        life.cover(&mut writer);
        assert_eq!(writer.tree.checkpoint().size(), writer.committer.size);
        writer.committer.close();
        life.check_tree();
        life.counts
    }

    fn create(&mut self) {
        loop {
            if self.chance.below(4) == 0 {
                self.plan_a_break(8);
            }
            let made = writer::create_folder(&self.disk, &self.layout)
                .and_then(|()| writer::create(&self.disk, &self.layout, &self.signer));
            match made {
                Ok(()) => break,
                Err(error) if error.is_already_there() => break,
                Err(_) => self.crash(),
            }
        }
    }

    fn plan_a_break(&mut self, within: u64) {
        let how = match self.chance.below(8) {
            0 => Break::Lost,
            1 => Break::ReportedLost,
            2 => Break::Torn,
            3 => Break::Full(1 + self.chance.below(3) as u32),
            4 => Break::Full(20),
            5 | 6 => Break::PowerBefore,
            _ => Break::PowerAfter,
        };
        self.simulated.break_after(self.chance.below(within), how);
    }

    /// Opens and looks whether everything is as promised; `None` if a planned break has prevented it.
    fn open(&mut self) -> Option<Writer> {
        let was_planned = self.simulated.is_planned();
        let before = self.before_opening();
        let opened = Writer::open(&self.disk, &self.layout, self.signer.clone(), &self.options);
        let is_untouched = self.simulated.is_planned() == was_planned;
        match opened {
            Ok(writer) => {
                if is_untouched {
                    self.counts.torn += u64::from(writer.recovery.torn.is_some());
                    self.check_opening(&before, &writer.recovery);
                    self.check_promises();
                }
                Some(writer)
            }
            Err(error) => {
                assert!(!is_untouched, "opening failed, and nothing was broken: {error}");
                self.counts.breaks += 1;
                None
            }
        }
    }

    fn work(&mut self, mut writer: Writer) {
        if !self.simulated.is_planned() {
            self.plan_a_break(70);
        }
        let busy = 2 + self.chance.below(30);
        for _ in 0..busy {
            match self.chance.below(12) {
                0..8 => self.append(&mut writer),
                8..11 => self.cover(&mut writer),
                _ => {
                    writer.committer.look_for_room();
                }
            }
            if writer.committer.queue.poisoned().is_some() || self.simulated.is_dead() {
                return;
            }
        }
        if self.chance.below(3) == 0 {
            writer.committer.close();
            self.cover(&mut writer);
        }
    }

    /// Sometimes several callers at once, sometimes so many lines that tiles get full.
    pub(super) fn append(&mut self, writer: &mut Writer) {
        let callers = 1 + self.chance.below(3);
        let many = if self.chance.below(40) == 0 { 120 } else { 3 };
        for _ in 0..callers {
            let first = self.next_line;
            let count = 1 + self.chance.below(many);
            self.next_line += count;
            let lines: Vec<Vec<u8>> = (first..first + count).map(line).collect();
            let submission = Submission::new(&lines, &self.options).unwrap();
            let told = Arc::clone(&self.told);
            let done = move |result: Result<std::ops::Range<u64>, Error>| {
                let mut told = told.lock().unwrap();
                match result {
                    Ok(range) => {
                        assert_eq!(range.end - range.start, count);
                        for (index, line) in range.zip(first..) {
                            assert_eq!(
                                told.kept.insert(index, line),
                                None,
                                "two lines of one index"
                            );
                        }
                    }
                    Err(error) if error.is_disk_full() => told.refused.extend(first..first + count),
                    Err(error) => assert!(error.is_poisoned(), "{error}"),
                }
            };
            writer.committer.queue.offer(submission, Box::new(done));
        }
        let queue = Arc::clone(&writer.committer.queue);
        if queue.poisoned().is_some() {
            return;
        }
        let Some(Work::Commit(batch)) = queue.take() else { panic!("lines wait") };
        match writer.committer.turn(batch) {
            Ok(range) => self.counts.acknowledged += range.end - range.start,
            Err(error) if error.is_disk_full() => {
                self.counts.disk_full += 1;
                assert!(queue.poisoned().is_none() && queue.disk_full().is_some());
            }
            Err(_) => self.counts.breaks += 1,
        }
        queue.finished();
    }

    pub(super) fn cover(&mut self, writer: &mut Writer) {
        let (queue, cover) = (&writer.committer.queue, &writer.committer.cover);
        if queue.poisoned().is_some() {
            return;
        }
        let lines = cover.take_now().expect("not closing");
        let before = writer.tree.checkpoint().size();
        cover.turn(&mut writer.tree, queue, lines);
        let is_delayed = cover.put_off().is_some();
        self.counts.disk_full += u64::from(is_delayed);
        self.counts.breaks += u64::from(queue.poisoned().is_some());
        if queue.poisoned().is_none() && !is_delayed && writer.tree.checkpoint().size() > before {
            self.counts.checkpoints += 1;
            let note = self.disk.read(&self.layout.checkpoint()).unwrap();
            self.told.lock().unwrap().published.push(String::from_utf8(note).unwrap());
        }
    }

    /// The process is gone; three times of four the power, too.
    fn crash(&mut self) {
        if self.simulated.is_dead() || self.chance.below(4) > 0 {
            self.simulated.cut_power();
            self.counts.power_cuts += 1;
        } else {
            self.simulated.repair();
            self.counts.process_deaths += 1;
        }
    }
}

/// Line number `n`: short ones mostly, now and then one of several sectors.
pub(super) fn line(n: u64) -> Vec<u8> {
    let length = match n % 17 {
        0 => 700 + n % 900,
        rest => rest * 5,
    };
    format!("{{\"line\":{n},\"data\":\"{}\"}}", "x".repeat(length as usize)).into_bytes()
}
