//! One step of a longer run: its name, its command, what came of it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What a stage came to.
pub struct Outcome {
    pub name: String,
    pub ok: bool,
    pub passed: u64,
    pub failed: u64,
    pub took: Duration,
}

/// Runs a command with its output shown, and counts the tests that its runner reports.
///
/// A stage of a test runner that ran no test has failed: a green run of nothing shows nothing.
pub fn run(name: &str, command: &mut Command, counts_tests: bool) -> Result<Outcome> {
    println!("\n── {name}");
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            let (p, f) = counted(&line);
            (passed, failed) = (passed + p, failed + f);
        }
    }
    let status = child.wait()?;
    let ok = status.success() && failed == 0 && !(counts_tests && passed == 0);
    Ok(Outcome { name: name.to_owned(), ok, passed, failed, took: start.elapsed() })
}

/// The closing lines of cargo's and Node's test runners.
fn counted(line: &str) -> (u64, u64) {
    if let Some(rest) = line.strip_prefix("test result: ") {
        let number = |label: &str| {
            let before = rest.split(label).next().unwrap_or_default();
            before.split_whitespace().last().and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        return (number(" passed"), number(" failed"));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["#" | "ℹ", "pass", n] => (n.parse().unwrap_or(0), 0),
        ["#" | "ℹ", "fail", n] => (0, n.parse().unwrap_or(0)),
        _ => (0, 0),
    }
}

/// What tests have left in a file because they could not be tried on this machine: each once, however many wrote it.
pub fn notes(file: &Path) -> BTreeSet<String> {
    let notes = std::fs::read_to_string(file).unwrap_or_default();
    notes.lines().map(str::to_owned).collect()
}

/// A table of what ran and of what could not be tried, with the reason, and the line that sums it up.
pub fn summary(outcomes: &[Outcome], untried: &[(&str, String)]) -> bool {
    println!("\n── summary");
    for outcome in outcomes {
        let mark = if outcome.ok { "ok    " } else { "FAILED" };
        let tests = match outcome.passed + outcome.failed {
            0 => String::new(),
            _ => format!("{} passed, {} failed", outcome.passed, outcome.failed),
        };
        let seconds = outcome.took.as_secs_f64();
        println!("{mark}  {:<44} {seconds:>7.1} s  {tests}", outcome.name);
    }
    for (name, why) in untried {
        println!("NOT TRIED  {name}: {why}");
    }
    let passed: u64 = outcomes.iter().map(|o| o.passed).sum();
    let broken = outcomes.iter().filter(|o| !o.ok && o.failed == 0).count() as u64;
    let failed = outcomes.iter().map(|o| o.failed).sum::<u64>() + broken;
    let untried = match untried.len() {
        0 => String::new(),
        n => format!(", {n} not tried"),
    };
    println!("\n{passed} passed, {failed} failed{untried}");
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::{counted, notes};

    #[test]
    fn what_many_tests_could_not_try_is_told_once() {
        let file = std::env::temp_dir().join(format!("not-tried-{}", std::process::id()));
        assert!(notes(&file).is_empty());
        std::fs::write(&file, "b\na\nb\n").unwrap();
        let told = notes(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn closing_lines() {
        assert_eq!(counted("test result: ok. 10 passed; 2 failed; 0 ignored"), (10, 2));
        assert_eq!(counted("ℹ pass 12"), (12, 0));
        assert_eq!(counted("# fail 3"), (0, 3));
        assert_eq!(counted("test a::b ... ok"), (0, 0));
    }
}
