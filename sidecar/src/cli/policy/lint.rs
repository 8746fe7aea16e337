use std::path::PathBuf;

use clap::Args;

use super::samples::{Samples, aligned};
use crate::cli::{Style, input, output};
use crate::code::Code;
use crate::config::Limits;
use crate::engine::{Finding, Sandbox, Severity};
use crate::error::Result;

/// Finds what a policy says in vain, and what it keeps that looks personal
///
/// Without samples only what is provable: rules that earlier ones cover. With samples also rules that never
/// match, attributes that no rule names, and kept values that read as personal. No value is printed.
/// Exits with 5 if there is an error.
#[derive(Args)]
pub struct Lint {
    /// The policy to look at
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Changes in either shape, or images alone: one, or one on each line
    samples: Vec<PathBuf>,
    /// Fail on warnings and notes too
    #[arg(long)]
    strict: bool,
}

impl Lint {
    pub fn run(self, style: Style) -> Result<u8> {
        input::check_read_once(self.samples.iter().chain([&self.policy]))?;
        let policy = input::read(&self.policy)?;
        let samples = Samples::read(&self.samples)?;
        let mut guest = Sandbox::new(&Limits::default())?.guest()?;
        guest.policy(&policy).map_err(|e| e.context(self.policy.display()))?;
        let findings = guest.lint(&policy, &samples.each()).map_err(|e| samples.located(e))?;
        if style.json {
            output::print_json(&findings)?;
        } else {
            output::print(words(&findings).as_bytes())?;
        }
        let fails = |finding: &Finding| self.strict || finding.severity == Severity::Error;
        Ok(if findings.iter().any(fails) { Code::PolicyInvalid.exit_code() } else { 0 })
    }
}

fn words(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    let row = |finding: &&Finding| {
        let at = if finding.at.is_empty() { "built-in" } else { &finding.at };
        let path = finding.path.clone().unwrap_or_default();
        let message = format!("{} [{}]", finding.message, finding.code);
        [word(finding.severity).to_owned(), at.to_owned(), path, message]
    };
    let mut text = aligned(&sorted.iter().map(row).collect::<Vec<_>>());
    let count = |severity: Severity| {
        let count = findings.iter().filter(|f| f.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", word(severity)))
    };
    let counts = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(count);
    let counts: Vec<_> = counts.collect();
    match counts[..] {
        [] => text += "no findings\n",
        _ => text += &format!("\n{}\n", counts.join(", ")),
    }
    text
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
