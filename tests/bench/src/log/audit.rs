//! `verify` against the usual programs that only hash, over the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};

use super::append::{create, key};
use super::part::{self, Outcome};
use super::{ROUNDS, line};
use crate::goals::{Goal, Wanted};
use crate::{Report, Row, median};

/// Lines of 1 KB in the log that is verified.
const LINES: usize = 1 << 20;

pub fn run(folder: &Path, report: &mut Report) -> Result<()> {
    let dir = folder.join("audited");
    let log = create(&dir)?;
    for _ in 0..LINES / 4096 {
        log.append(vec![line(); 4096])?;
    }
    log.close()?;
    let segments = segments(&dir)?;
    let (mut ours, mut memory) = (Vec::new(), Vec::new());
    let mut others = [("openssl dgst -sha256", Vec::new()), ("sha256sum", Vec::new())];
    for _ in 0..ROUNDS {
        let outcome = part::start("verify", &dir, 0)?;
        ours.push(outcome.rate);
        memory.extend(outcome.megabytes);
        for (command, rates) in &mut others {
            rates.extend(hashing(command, &segments)?);
        }
    }
    let (rate, memory) = (median(ours), median(memory));
    let mut rows = vec![Row {
        name: "verify".into(),
        figures: vec![("GB/s", rate), ("MB", memory)],
        ratio: None,
    }];
    let mut goal = |what: &str, wanted, reached| {
        let at = "1 KB lines".to_owned();
        report.goals.push(Goal::worst("L4", what, wanted, [(reached, at)]));
    };
    goal("verify, GB/s", Wanted::AtLeast(3.0), rate);
    for ((command, rates), wanted) in others.into_iter().zip([2.0, 8.0]) {
        if rates.is_empty() {
            println!("no `{command}` here: it is left out");
            continue;
        }
        let other = median(rates);
        let ratio = rate / other;
        rows.push(Row {
            name: format!("{command} over the same bytes"),
            figures: vec![("GB/s", other)],
            ratio: Some((ratio, "verify to this".into())),
        });
        goal(&format!("verify to {command}"), Wanted::AtLeast(wanted), ratio);
    }
    report.goals.push(Goal::worst(
        "L7",
        "memory of verify, MB",
        Wanted::AtMost(64.0),
        [(memory, format!("{} MB of lines", LINES >> 10))],
    ));
    report.rows.extend(rows);
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

/// The part: bytes of lines a second.
pub fn verify(dir: &Path) -> Result<Outcome> {
    let vkey = key()?.verifier_key();
    let bytes: u64 = segments(dir)?.iter().map(|path| path.metadata().map_or(0, |m| m.len())).sum();
    let start = Instant::now();
    let verdict = sealtrail_log::verify::verify(dir, &vkey);
    let seconds = start.elapsed().as_secs_f64();
    let report = verdict.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    if report.bytes != bytes {
        bail!("expected {bytes} bytes to be hashed, got {}", report.bytes);
    }
    Ok(Outcome { rate: bytes as f64 / seconds / 1e9, ..Outcome::default() })
}

/// Gigabytes a second of a program that hashes files; none where it is not installed.
fn hashing(command: &str, files: &[PathBuf]) -> Result<Option<f64>> {
    let bytes: u64 = files.iter().map(|path| path.metadata().map_or(0, |m| m.len())).sum();
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(files).stdout(Stdio::null());
    let start = Instant::now();
    match command.status() {
        Ok(status) if status.success() => {
            Ok(Some(bytes as f64 / start.elapsed().as_secs_f64() / 1e9))
        }
        Ok(status) => bail!("{command:?} failed: {status}"),
        Err(_) => Ok(None),
    }
}

fn segments(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir.join("entries"))?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}
