//! The power goes, or a step fails, at every step of removing and of compressing.

use std::ops::Range;

use super::life::Life;
use crate::cold::compress;
use crate::disk::simulated::Break;
use crate::paths::{Form, Layout};
use crate::retention::settled_among;
use crate::writer::{self, Writer};
use crate::{Error, Pruned};

const BREAKS: [Break; 7] = [
    Break::Lost,
    Break::ReportedLost,
    Break::Torn,
    Break::Full(1),
    Break::Full(20),
    Break::PowerBefore,
    Break::PowerAfter,
];

/// Times that a break is tried at one step: what a lost sync leaves is chance.
const TIMES: u64 = 12;

#[test]
fn a_removal_is_whole_or_has_not_begun() {
    let (mut begun, mut not_begun) = (0, 0);
    at_every_step(|life, writer| {
        let settled = settled(life, writer);
        let (_, first_kept) = settled[settled.len() / 2];
        let covered = writer.tree.checkpoint().size();
        let pruned = Pruned { first_kept, told_at: covered - 1 };
        writer.retention.state(pruned)?;
        writer.retention.finish()
    })
    .for_each(|(is_done, first)| {
        assert!(!is_done || first > 0, "a removal that was reported as done is done");
        *if first > 0 { &mut begun } else { &mut not_begun } += 1;
    });
    assert!(begun > 100 && not_begun > 100, "{begun} and {not_begun}");
}

#[test]
fn a_compressed_segment_is_there_in_one_form_at_least() {
    let count = at_every_step(|life, writer| {
        let covered = writer.tree.checkpoint().size();
        for (segment, end) in settled(life, writer).into_iter().take(2) {
            compress(&life.disk, &life.layout, segment.first..end, covered)?;
        }
        Ok(())
    })
    .inspect(|(_, first)| assert_eq!(*first, 0))
    .count();
    assert!(count > 500, "{count}");
}

/// Breaks every step of an act in every way, then opens the log and sees that every record is there that is
/// not said to be removed. Gives whether the act had said that it is done, and the first record kept.
fn at_every_step(
    act: impl Fn(&Life, &Writer) -> Result<(), Error>,
) -> impl Iterator<Item = (bool, u64)> {
    let mut results = Vec::new();
    for how in BREAKS {
        for time in 0..TIMES {
            let mut step = 0;
            loop {
                let (life, lines) = log(1000 + time);
                let writer = open(&life);
                life.simulated.break_after(step, how);
                let done = act(&life, &writer);
                let is_over = life.simulated.is_planned();
                drop(writer);
                if time % 3 == 0 && !life.simulated.is_dead() {
                    life.simulated.repair();
                } else {
                    life.simulated.cut_power();
                }
                let writer = open(&life);
                let first =
                    writer.retention.pruned().unwrap().map_or(0, |pruned| pruned.first_kept);
                let (kept, found) = stored(&life);
                assert_eq!(
                    kept.start, first,
                    "{how:?} at step {step}: neither more nor less is gone"
                );
                assert!(found == lines[first as usize..], "{how:?} at step {step} of {time}");
                results.push((done.is_ok(), first));
                if is_over {
                    // Only the first steps need room.
                    assert!(step > 4 || matches!(how, Break::Full(_)), "{how:?}: {step} steps");
                    break;
                }
                step += 1;
            }
        }
    }
    results.into_iter()
}

/// A covered log of several segments, and its lines.
fn log(seed: u64) -> (Life, Vec<Vec<u8>>) {
    let mut life = Life::new(seed);
    life.options.segment_bytes = 300;
    writer::create_folder(&life.disk, &life.layout).unwrap();
    writer::create(&life.disk, &life.layout, &life.signer).unwrap();
    let mut writer = open(&life);
    while names(&life).len() < 7 {
        life.append(&mut writer);
    }
    life.cover(&mut writer);
    writer.committer.close();
    let lines = stored(&life).1;
    assert_eq!(lines.len() as u64, writer.tree.checkpoint().size());
    (life, lines)
}

fn open(life: &Life) -> Writer {
    Writer::open(&life.disk, &life.layout, life.signer.clone(), &life.options).unwrap()
}

fn names(life: &Life) -> Vec<String> {
    life.disk.names(&life.layout.entries()).unwrap()
}

fn settled(life: &Life, writer: &Writer) -> Vec<(crate::paths::Stored, u64)> {
    settled_among(Layout::stored_among(&names(life)), writer.tree.checkpoint().size())
}

/// The lines that are there, and which.
fn stored(life: &Life) -> (Range<u64>, Vec<Vec<u8>>) {
    let segments = Layout::stored_among(&names(life));
    let first = segments[0].first;
    let mut lines = Vec::new();
    for segment in segments {
        assert_eq!(segment.first, first + lines.len() as u64, "no segment is missing");
        let bytes = life.disk.read(&life.layout.stored(segment)).unwrap();
        let text = match segment.form {
            Form::Plain => bytes,
            Form::Cold => zstd::decode_all(bytes.as_slice()).unwrap(),
        };
        let whole =
            text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        lines.extend(whole.map(<[u8]>::to_vec));
    }
    (first..first + lines.len() as u64, lines)
}
