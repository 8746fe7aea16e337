//! `cargo xtask fuzz`: builds the targets of `tests/fuzz` and runs them, without cargo-fuzz.
//!
//! Coverage comes from flags that the pinned toolchain has. AddressSanitizer needs a nightly one;
//! where that is installed, a run by hand uses it, and the bounded run of `cargo xtask test` does
//! not: it should be the same on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{machine, stage};

/// A target and how many inputs it gets in a test run: a few seconds each.
type Target = (&'static str, u32);

const TARGETS: [Target; 5] = [
    ("value", 150_000),
    ("selector", 30_000),
    ("policy", 80_000),
    ("token", 12_000),
    ("capture", 8_000),
];

/// What cargo-fuzz passes: a counter at every edge, and what is compared with what.
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// An input that takes longer hangs, one that takes more memory has no bound.
const LIMITS: [&str; 3] = ["-timeout=60", "-rss_limit_mb=2048", "-max_len=4096"];

/// `fuzz [TARGET…] [--seconds N]`: each for 60 seconds where nothing else is said. What is found
/// stays in `tests/fuzz/corpus` and is where the next run begins. `fuzz [TARGET…] --quick` does what
/// the tests do.
pub fn run(arguments: &[String]) -> Result<()> {
    let Wanted { targets, quick, seconds } = Wanted::parse(arguments)?;
    let root = machine::workspace()?;
    if quick {
        let outcome = bounded(&root, &targets)?;
        return if outcome.ok { Ok(()) } else { bail!("not every target held") };
    }
    let seconds = seconds.unwrap_or(60);
    let toolchain = match nightly() {
        Some(version) => Toolchain::Nightly(version),
        None => Toolchain::Pinned,
    };
    println!("built with {}", toolchain.name());
    let programs = build(&root, &toolchain)?;
    let mut crashed = Vec::new();
    for (target, _) in targets {
        println!("\n── {target}, {seconds} s");
        let corpus = root.join("tests/fuzz/corpus").join(target);
        fs::create_dir_all(&corpus)?;
        let mut command = fuzzer(&root, &programs, target, &corpus)?;
        command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        if !command.status()?.success() {
            crashed.push(target);
        }
    }
    match crashed.is_empty() {
        true => Ok(()),
        false => bail!("{} found something, see tests/fuzz/artifacts", crashed.join(", ")),
    }
}

/// A bounded run of every target, the same on every machine.
pub fn as_test(root: &Path) -> Result<stage::Outcome> {
    bounded(root, &TARGETS)
}

fn bounded(root: &Path, targets: &[Target]) -> Result<stage::Outcome> {
    let name = "fuzzing: a bounded run of every target";
    println!("\n── {name}");
    let start = Instant::now();
    let programs = build(root, &Toolchain::Pinned)?;
    let (mut passed, mut failed) = (0, 0);
    for &(target, inputs) in targets {
        // Beside the seeds, so that a run never depends on the one before.
        let corpus = tempfile::tempdir()?;
        let mut command = fuzzer(root, &programs, target, corpus.path())?;
        command.arg(format!("-runs={inputs}")).arg("-seed=1").arg("-verbosity=0");
        let begun = Instant::now();
        let output = command.stdin(Stdio::null()).output()?;
        let took = begun.elapsed().as_secs_f64();
        if output.status.success() {
            passed += 1;
            println!("{target}: {inputs} inputs, {took:.1} s");
        } else {
            failed += 1;
            println!("{target}: FAILED\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let took = start.elapsed();
    Ok(stage::Outcome { name: name.into(), ok: failed == 0, passed, failed, took })
}

/// What the arguments ask for, in whatever order.
struct Wanted {
    targets: Vec<Target>,
    quick: bool,
    seconds: Option<u32>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self { targets: Vec::new(), quick: false, seconds: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let target = TARGETS.iter().find(|(target, _)| target == argument);
            match (argument.as_str(), target) {
                (_, Some(&target)) => wanted.targets.push(target),
                ("--quick", _) => wanted.quick = true,
                ("--seconds", _) => {
                    let number = arguments.next().context("`--seconds` needs a number")?;
                    let seconds = number.parse();
                    wanted.seconds =
                        Some(seconds.with_context(|| format!("`{number}` is no number"))?);
                }
                (other, _) => {
                    let known = TARGETS.map(|(target, _)| target).join(", ");
                    bail!("no fuzz target `{other}`; there are {known}");
                }
            }
        }
        if wanted.quick && wanted.seconds.is_some() {
            bail!("`--quick` counts inputs, so it goes without `--seconds`");
        }
        if wanted.targets.is_empty() {
            wanted.targets.extend(TARGETS);
        }
        Ok(wanted)
    }
}

enum Toolchain {
    Pinned,
    /// With its version.
    Nightly(String),
}

impl Toolchain {
    fn name(&self) -> String {
        match self {
            Self::Pinned => "the pinned toolchain, no sanitizer".into(),
            Self::Nightly(version) => format!("{version} and AddressSanitizer"),
        }
    }
}

/// The version of a nightly toolchain that is installed and not too old for this workspace.
fn nightly() -> Option<String> {
    let output =
        Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    let minor = |text: &str| text.split('.').nth(1)?.parse::<u32>().ok();
    let number = version.strip_prefix("rustc ")?;
    (minor(number)? >= minor(env!("CARGO_PKG_RUST_VERSION"))?).then_some(version)
}

/// Builds all targets, and gives the folder that they are in.
fn build(root: &Path, toolchain: &Toolchain) -> Result<PathBuf> {
    let compiler = std::env::var_os("CXX").map(PathBuf::from);
    if compiler.is_none() && machine::program("c++", &["g++", "clang++"], "g++")?.is_none() {
        bail!(
            "libFuzzer needs a C++ compiler, and none was found: Debian has one in `build-essential`"
        );
    }
    let host = host(root)?;
    let mut flags = COVERAGE.to_vec();
    let (mut command, folder) = match toolchain {
        Toolchain::Pinned => (machine::cargo(root, &[]), "fuzz"),
        Toolchain::Nightly(_) => {
            flags.push("-Zsanitizer=address");
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", "cargo"]).current_dir(root);
            (command, "fuzz-address")
        }
    };
    let folder = machine::target_folder(root).join(folder);
    // With a target named, the flags do not reach build scripts and macros.
    command
        .args(["build", "--locked", "--release", "--target", &host, "--manifest-path"])
        .arg("tests/fuzz/Cargo.toml")
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    if !command.status().context("cannot run `cargo`")?.success() {
        bail!("the fuzz targets did not build");
    }
    Ok(folder.join(host).join("release"))
}

fn host(root: &Path) -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(root).output();
    let text = String::from_utf8(output.context("cannot run `rustc`")?.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// A target with its seeds and words; what is new goes into `corpus`.
fn fuzzer(root: &Path, programs: &Path, target: &str, corpus: &Path) -> Result<Command> {
    let home = root.join("tests/fuzz");
    let artifacts = home.join("artifacts").join(target);
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(programs.join(target));
    command.arg(corpus).arg(home.join("seeds").join(target)).args(LIMITS);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let words = home.join("dictionaries").join(format!("{target}.dict"));
    if words.exists() {
        command.arg(format!("-dict={}", words.display()));
    }
    command.current_dir(home);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wanted> {
        Wanted::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_in_any_order() {
        for line in ["--quick token", "token --quick"] {
            let wanted = parsed(line).unwrap();
            let names: Vec<_> = wanted.targets.iter().map(|(name, _)| *name).collect();
            assert_eq!((names, wanted.quick), (vec!["token"], true), "{line}");
        }
        let wanted = parsed("--seconds 5").unwrap();
        assert_eq!((wanted.targets.len(), wanted.seconds), (TARGETS.len(), Some(5)));
        for line in ["nope", "--seconds", "--seconds x", "--quick --seconds 5"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
