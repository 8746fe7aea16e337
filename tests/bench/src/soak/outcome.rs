use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::changes::Written;
use super::faults::Fault;
use super::is_bounded;
use super::traffic::Seen;
use crate::sidecar::{self, Folder, Sidecar};

/// What came of it all.
#[derive(Default)]
pub struct Outcome {
    pub seconds: f64,
    pub faults: BTreeMap<&'static str, u32>,
    pub disk_was_full: bool,
    pub written: Written,
    pub seen: Seen,
    memory: Vec<f64>,
    records: usize,
    faulty: Vec<String>,
}

impl Outcome {
    pub fn note_memory(&mut self, sidecar: &Sidecar) -> Result<()> {
        self.memory.push(sidecar.process.resident_kb()?);
        Ok(())
    }

    /// Compares what was acknowledged with what is there.
    pub fn read_log(&mut self, place: &Folder) -> Result<()> {
        let (mut by_record, mut by_change) = (HashMap::new(), HashMap::new());
        let mut files: Vec<_> = std::fs::read_dir(place.path.join("log/entries"))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        files.sort();
        for file in files {
            for line in std::fs::read_to_string(&file)?.lines() {
                let record: Value =
                    serde_json::from_str(line).context("a line that is no record")?;
                self.records += 1;
                let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                *by_record.entry(id(&record["id"])).or_insert(0) += 1;
                *by_change.entry(id(&record["data"]["change_id"])).or_insert(0) += 1;
            }
        }
        for (change, record) in &self.written.acknowledged {
            let times = [by_record.get(record), by_change.get(change)];
            if times != [Some(&1), Some(&1)] {
                self.faulty.push(format!(
                    "change {change} was acknowledged as record {record}: record and change are there {times:?} times"
                ));
            }
        }
        let twice = by_record.iter().chain(&by_change).filter(|(_, times)| **times > 1);
        self.faulty.extend(twice.map(|(id, times)| format!("`{id}` is there {times} times")));
        let log = std::fs::read_to_string(place.path.join("serve.log"))?;
        self.faulty.extend(log.lines().filter(|line| line.contains("panicked")).map(str::to_owned));
        let verified = Command::new(sidecar::binary()?)
            .arg("verify")
            .arg(place.path.join("log"))
            .args(["--vkey", &place.vkey])
            .output()?;
        if verified.status.code() != Some(0) {
            self.faulty.push(format!("verify: {}", String::from_utf8_lossy(&verified.stdout)));
        }
        Ok(())
    }

    pub fn check(&self) -> Result<()> {
        if !self.faulty.is_empty() {
            bail!("{}", self.faulty.join("\n"));
        }
        if self.written.acknowledged.is_empty() || self.seen.answered == 0 {
            bail!("nothing was acknowledged or nothing was proxied, so nothing was shown");
        }
        let was_felt = |fault: Fault, times: u64| {
            if self.faults.contains_key(fault.name()) && times == 0 {
                bail!("{}: nobody felt it, so nothing was shown", fault.name());
            }
            Ok(())
        };
        was_felt(Fault::ServiceRestarts, self.seen.unavailable + self.seen.cut)?;
        was_felt(Fault::Killed, self.written.repeated - self.written.refused)?;
        was_felt(Fault::DiskFull, self.written.refused)?;
        let largest = self.memory.iter().copied().fold(0.0, f64::max);
        if !is_bounded(largest) {
            bail!("the sidecar took {largest} KB");
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "soak of {:.0} s", self.seconds)?;
        for (fault, times) in &self.faults {
            writeln!(f, "  {times:>8} × {fault}")?;
        }
        if !self.disk_was_full {
            writeln!(f, "  NOT TESTED: the disk is full")?;
        }
        let (written, seen) = (&self.written, &self.seen);
        writeln!(f, "  {:>8} changes acknowledged", written.acknowledged.len())?;
        writeln!(f, "  {:>8} records in the log", self.records)?;
        writeln!(
            f,
            "  {:>8} POSTs sent again, {} of them after a refusal",
            written.repeated, written.refused
        )?;
        writeln!(f, "  {:>8} requests proxied", seen.answered)?;
        writeln!(f, "  {:>8} answered with 502 to 504, {} cut", seen.unavailable, seen.cut)?;
        let mb = |pick: fn(f64, f64) -> f64, from: f64| {
            self.memory.iter().copied().fold(from, pick) / 1024.0
        };
        write!(f, "  {:>8.1} to {:.1} MB resident", mb(f64::min, f64::MAX), mb(f64::max, 0.0))
    }
}
