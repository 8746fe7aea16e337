use std::path::PathBuf;

use clap::Args;

use super::samples::{Samples, aligned};
use crate::cli::{Style, input, output};
use crate::code::Code;
use crate::config::Limits;
use crate::engine::Sandbox;
use crate::error::Result;
use crate::policy_test::{self, Leak, Report};

/// Plants canaries in samples, and fails if a part of one comes out
///
/// Every value that the policy does not keep is replaced by a random one of its kind; the samples are
/// created, updated, deleted, rearranged and broken; and every byte that comes out of the core is searched.
/// Exits with 5 if something of a protected value survives.
#[derive(Args)]
pub struct Test {
    /// The policy to try
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Changes in either shape, or images alone: one, or one on each line
    #[arg(required = true)]
    samples: Vec<PathBuf>,
    /// Attributes that must be protected, whatever the policy says, such as `$..email`
    #[arg(long, value_name = "SELECTOR")]
    expect_protected: Vec<String>,
}

impl Test {
    pub fn run(self, style: Style) -> Result<u8> {
        input::check_read_once(self.samples.iter().chain([&self.policy]))?;
        let policy = input::read(&self.policy)?;
        let samples = Samples::read(&self.samples)?;
        let sandbox = Sandbox::new(&Limits::default())?;
        sandbox.guest()?.policy(&policy).map_err(|e| e.context(self.policy.display()))?;
        let report = policy_test::run(&sandbox, &policy, &samples.each(), &self.expect_protected)
            .map_err(|e| samples.located(e))?;
        if style.json {
            output::print_json(&report)?;
        } else {
            output::print(words(&report).as_bytes())?;
        }
        Ok(if report.leaks.is_empty() { 0 } else { Code::PolicyInvalid.exit_code() })
    }
}

fn words(report: &Report) -> String {
    let row = |leak: &Leak| {
        let place = leak.at.as_deref().unwrap_or_default();
        [
            "LEAK".to_owned(),
            format!("sample {}", leak.sample),
            leak.path.clone(),
            format!("{} by {}", leak.action, leak.because),
            format!("{} {place}", leak.output).trim_end().to_owned(),
            format!("{} ({})", leak.form, leak.scenario),
        ]
    };
    let mut text = aligned(&report.leaks.iter().map(row).collect::<Vec<_>>());
    if !report.leaks.is_empty() {
        text.push('\n');
    }
    let samples = counted(report.samples, "sample", "samples");
    if report.planted == 0 {
        return format!("0 canaries in {samples}: no value is protected, so nothing was tried\n");
    }
    let found = match report.leaks.len() {
        0 => "no part of them came out".into(),
        1 => "1 came out".into(),
        n => format!("{n} came out"),
    };
    text += &format!(
        "{} in {samples}: {}, {} searched, {found}\n",
        counted(report.planted, "canary", "canaries"),
        counted(report.changes, "change", "changes"),
        counted(report.bytes, "byte", "bytes"),
    );
    text
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
