//! The core under `perf`: this program runs itself with one workload, again and again.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{SECONDS, Share};
use crate::sealer::Sealer;
use crate::workloads::{self, Workload};

/// `--again STEM seal|scan SECONDS`: what is profiled.
pub fn again(arguments: &[String]) -> Result<()> {
    let [stem, work, seconds] = arguments else { bail!("`--again` takes three arguments") };
    let all = workloads::all();
    let workload = all.iter().find(|workload| workload.stem == *stem);
    let workload = workload.with_context(|| format!("no workload `{stem}`"))?;
    let sealer = Sealer::new(workload)?;
    let copy = workload.before.clone();
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    while Instant::now() < end {
        for _ in 0..(1 << 20) / workload.image_bytes() + 1 {
            match work.as_str() {
                "seal" => _ = sealer.seal()?,
                "scan" => drop(sealer.scan(&copy)?),
                other => bail!("no work `{other}`; there are seal and scan"),
            }
        }
    }
    Ok(())
}

/// None where perf is missing, or the kernel does not allow it.
pub fn shares(workload: &Workload, work: &str) -> Result<Option<Vec<Share>>> {
    let data = tempfile::NamedTempFile::new()?;
    let recorded = Command::new("perf")
        .args(["record", "--quiet", "--freq", "1999", "--output"])
        .arg(data.path())
        .arg(std::env::current_exe()?)
        .args(["--again", &workload.stem, work, SECONDS])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !recorded.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let output = Command::new("perf")
        .args(["report", "--stdio", "--quiet", "--no-children", "--fields", "overhead,symbol"])
        .arg("--input")
        .arg(data.path())
        .stderr(Stdio::null())
        .output()?;
    Ok(Some(String::from_utf8_lossy(&output.stdout).lines().filter_map(share).collect()))
}

/// A line as `    37.12%  [.] sealtrail_core::scan::echo`.
fn share(line: &str) -> Option<Share> {
    let (share, symbol) = line.trim().split_once('%')?;
    let symbol = symbol.trim();
    let name = symbol.split_once("] ").map_or(symbol, |(_, name)| name).to_owned();
    Some(Share { name, share: share.parse::<f64>().ok()? / 100.0 })
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn lines_of_perf() {
        let found = share("    37.12%  [.] sealtrail_core::scan::echo  ").unwrap();
        assert_eq!((found.name.as_str(), found.share), ("sealtrail_core::scan::echo", 0.3712));
        assert!(share("# Overhead  Symbol").is_none());
        assert!(share("").is_none());
    }
}
