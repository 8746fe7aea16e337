//! A keyring with few and with many subjects: making a key, finding one that is in memory and one that is not,
//! shredding, opening, and another key-encryption key; and the real server with it.
//!
//! Everything that is measured syncs as it does in production. Only the subjects that are there before are made
//! without waiting for the disk, by a preloaded library that lets syncs pass (`libeatmydata`), where it is installed.

mod served;
mod sync;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sealtrail_keyring::{Kek, Keyring, Why};

use crate::goals::{Goal, Wanted};
use crate::{Report, Row, median, target_folder};

const FEW: usize = 1_000;

/// Subjects of the large keyring; each takes two files, which on most file systems are two blocks of 4 KiB.
const MANY: usize = 1_000_000;

/// Says another number than [`MANY`], where the disk has no 10 GB.
const SUBJECTS: &str = "SEALTRAIL_BENCH_SUBJECTS";

/// Keys in use where their memory is measured.
const IN_USE: usize = 32_768;

/// So many of everything that is timed one by one.
const TIMES: usize = 500;

const WHY: Why<'_> = Why { when: "2026-11-21T19:45:00Z", who: "bench", reason: "measured" };

pub fn run() -> Result<Report> {
    let many = match std::env::var(SUBJECTS) {
        Ok(text) => text.parse().with_context(|| format!("{SUBJECTS} must be a number"))?,
        Err(_) => MANY,
    };
    let mut report = Report::default();
    let mut worst: [Vec<(f64, String)>; 4] = Default::default();
    for subjects in [FEW, many] {
        // The disk that is measured is the one that is built on: a temporary folder may be memory.
        let folder = tempfile::tempdir_in(target_folder()?)?;
        let dir = folder.path().join("keyring");
        Keyring::create(&dir, &kek(0))?;
        let began = Instant::now();
        let synced = fill(&dir, subjects)?;
        let filled = began.elapsed().as_secs_f64();
        let name = |what: &str| format!("{subjects} subjects: {what}");
        let how = if synced { "with syncs" } else { "without syncs" };
        report.rows.push(Row {
            name: name(&format!("made before, {how}")),
            figures: vec![("keys/s", subjects as f64 / filled)],
            ratio: None,
        });
        report.rows.extend(served::measure(folder.path(), &dir, &kek(0), subjects)?);
        let synced = sync::of_a_small_file(folder.path())?;
        let measured = measure(&dir, subjects)?;
        let [open_s, memory, warm_us, cold, create, shred, rotate_s, generation] = measured;
        for (goal, figure) in worst.iter_mut().zip([warm_us[0], cold[0], shred[0], open_s[0]]) {
            goal.push((figure, format!("{subjects} subjects")));
        }
        for (what, figures) in [
            ("open", vec![("ms", open_s[0] * 1e3)]),
            (
                "memory of an open keyring, then with 32,768 keys in use",
                vec![("MB", memory[0]), ("MB", memory[1])],
            ),
            ("look up a key in memory", vec![("µs", warm_us[0])]),
            ("look up a key that is not", vec![("µs p50", cold[0]), ("µs p99", cold[1])]),
            ("make a key", vec![("µs p50", create[0]), ("µs p99", create[1])]),
            ("shred", vec![("ms p50", shred[0]), ("ms p99", shred[1])]),
            (
                "another key-encryption key",
                vec![("s", rotate_s[0]), ("keys/s", subjects as f64 / rotate_s[0])],
            ),
        ] {
            let of_syncs =
                |figure: f64| Some((synced[0] / figure, "one sync of a small file".into()));
            let ratio = match what {
                "make a key" => of_syncs(create[0] / 1e6),
                "shred" => of_syncs(shred[0] / 1e3),
                _ => None,
            };
            report.rows.push(Row { name: name(what), figures, ratio });
        }
        report.rows.push(Row {
            name: name("sync of a small file, for scale"),
            figures: vec![("µs p50", synced[0] * 1e6), ("µs p99", synced[1] * 1e6)],
            ratio: None,
        });
        debug_assert!(generation[0] >= 1.0);
    }
    let goals = [
        ("look-up of a key in memory, µs", 1.0),
        ("look-up of a key that is not in memory, µs", 100.0),
        ("shredding, ms", 10.0),
        ("opening, s", 1.0),
    ];
    for ((what, wanted), figures) in goals.into_iter().zip(worst) {
        report.goals.push(Goal::worst("S6", what, Wanted::AtMost(wanted), figures));
    }
    Ok(report)
}

type Pair = [f64; 2];

fn measure(dir: &Path, subjects: usize) -> Result<[Pair; 8]> {
    let open = || {
        Keyring::open(dir, kek(0))?;
        Ok(())
    };
    let opened: Vec<f64> = (0..5).map(|_| seconds(open)).collect::<Result<_>>()?;
    let memory = memory(dir, subjects)?;
    let keyring = Keyring::open(dir, kek(0))?;
    let nth = |i: usize| nth(i, subjects);
    let look = |subject: &str| -> Result<()> {
        keyring.existing_subject_key(subject)?.context("it was made before")?;
        Ok(())
    };
    let cold = each(TIMES.min(subjects / 2), |i| look(&nth(i)))?;
    let warm = seconds(|| (0..200_000).try_for_each(|_| look(&nth(0))))? / 200_000.0;
    for i in 0..IN_USE.min(subjects) {
        // Some were shredded by way of the server.
        let _ = keyring.existing_subject_key(&nth(i))?;
    }
    let create = each(TIMES, |i| {
        keyring.subject_key(&format!("new/{i}"))?;
        Ok(())
    })?;
    let shred = each(TIMES.min(subjects / 2), |i| {
        let erased = keyring.shred_subject(&nth(i), &WHY)?;
        keyring.recorded(&erased)?;
        Ok(())
    })?;
    let rotated = seconds(|| {
        anyhow::ensure!(keyring.rotate(&kek(1))? > 0, "no key was wrapped anew");
        Ok(())
    })?;
    let generation = keyring.generation() as f64;
    Ok([
        [median(opened), 0.0],
        memory,
        [warm * 1e6, 0.0],
        cold.map(|s| s * 1e6),
        create.map(|s| s * 1e6),
        shred.map(|s| s * 1e3),
        [rotated, 0.0],
        [generation, 0.0],
    ])
}

/// Subjects far from each other, none of them asked for before.
fn nth(i: usize, subjects: usize) -> String {
    format!("customer/{}", (i * 7919) % subjects)
}

/// MB of a keyring that was opened, and of one with [`IN_USE`] keys in use: in a process of its own, since this one has
/// memory that was freed, which would not show.
fn memory(dir: &Path, subjects: usize) -> Result<Pair> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("--keys-in-use").arg(dir).arg(subjects.to_string()).output()?;
    if !output.status.success() {
        bail!("the memory was not measured: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The part: `--keys-in-use DIR NUMBER`.
pub fn run_in_use(arguments: &[String]) -> Result<()> {
    let [dir, number] = arguments else { bail!("expected a folder and a number") };
    let subjects: usize = number.parse()?;
    let before = resident_mb()?;
    let keyring = Keyring::open(Path::new(dir), kek(0))?;
    let opened = resident_mb()?;
    for i in 0..IN_USE.min(subjects) {
        let _ = keyring.existing_subject_key(&nth(i, subjects))?;
    }
    println!("{}", serde_json::json!([opened - before, resident_mb()? - before]));
    Ok(())
}

/// Makes the subjects in a process of its own; true if it waited for the disk.
fn fill(dir: &Path, subjects: usize) -> Result<bool> {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/libeatmydata.so"))
        .into_iter()
        .find(|path| Path::new(path).exists());
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--keys").arg(dir).arg(subjects.to_string());
    if let Some(library) = &library {
        command.env("LD_PRELOAD", library);
    }
    if !command.status()?.success() {
        bail!("the keyring could not be filled");
    }
    Ok(library.is_none())
}

/// The part: `--keys DIR NUMBER`.
pub fn run_fill(arguments: &[String]) -> Result<()> {
    let [dir, number] = arguments else { bail!("expected a folder and a number") };
    let number: usize = number.parse()?;
    let keyring = Keyring::open(Path::new(dir), kek(0))?;
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 4;
    std::thread::scope(|scope| {
        let make = |first| {
            let keyring = &keyring;
            scope.spawn(move || {
                (first..number)
                    .step_by(threads)
                    .try_for_each(|i| keyring.subject_key(&format!("customer/{i}")).map(drop))
            })
        };
        let made: Vec<_> = (0..threads).map(make).collect();
        made.into_iter().try_for_each(|thread| Ok(thread.join().expect("no thread panics")?))
    })
}

fn kek(byte: u8) -> Kek {
    Kek::from_bytes(&[byte; 32])
}

fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}

/// The middle and the 99th of a hundred, in seconds.
fn each(times: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<Pair> {
    let mut taken = Vec::with_capacity(times);
    for i in 0..times {
        let began = Instant::now();
        work(i)?;
        taken.push(began.elapsed().as_secs_f64());
    }
    taken.sort_by(f64::total_cmp);
    Ok([taken[times / 2], taken[times * 99 / 100]])
}

/// What this process has of the machine's memory now (`VmRSS` of proc(5)).
fn resident_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no `VmRSS`")?.parse::<f64>()? / 1024.0)
}
