//! `cargo xtask bench`: gets what the benchmarks need, then runs `tests/bench` optimised.

use anyhow::{Context, Result, bail};

use crate::{machine, wasm};

const NAMES: [&str; 13] = [
    "core",
    "node",
    "size",
    "log",
    "history",
    "proxy",
    "collector",
    "engine",
    "keyring",
    "page",
    "service",
    "logs",
    PROFILE,
];

/// It takes minutes and compares nothing, so it runs only where it is named.
const PROFILE: &str = "profile";

/// What the log is compared with: a program of each, and the Debian package that has it.
const PEERS: [(&str, &[&str], &str); 4] = [
    ("redis-server", &[], "redis-server"),
    ("nats-server", &[], "nats-server"),
    ("postgres", &["pg_ctlcluster"], "postgresql"),
    ("openssl", &[], "openssl"),
];

pub fn run(arguments: &[String]) -> Result<()> {
    // Before anything is built, which takes minutes.
    let named = names(arguments)?;
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    let root = machine::workspace()?;
    let mut named_wasm = None;
    if named.contains(&PROFILE) {
        // Left out, and said, where it cannot be had.
        machine::program("perf", &[], "linux-perf")?;
        wasm::run()?;
        named_wasm = Some(wasm::with_names(&machine::target_folder(&root).join("profile"))?);
    } else if ["node", "size", "proxy", "collector", "engine", "keyring", "page", "service", "logs"]
        .iter()
        .any(|name| wanted(name))
    {
        // The page is embedded in the sidecar, so it comes first.
        wasm::run()?;
    }
    if wanted("proxy") {
        for (name, package) in [("nginx", "nginx-light"), ("wrk", "wrk")] {
            if machine::program(name, &[], package)?.is_none() {
                bail!("the proxy benchmark needs {name}, and it could not be installed");
            }
        }
        // Left out, and said, where they cannot be had.
        machine::program("haproxy", &[], "haproxy")?;
        machine::program("h2load", &[], "nghttp2-client")?;
    }
    if wanted("service") && machine::program("wrk", &[], "wrk")?.is_none() {
        bail!("the benchmark of services needs wrk, and it could not be installed");
    }
    if wanted("keyring") {
        // Without it a million keys are made with a sync each, which takes long.
        machine::program("eatmydata", &[], "eatmydata")?;
    }
    let mut sealtrail = None;
    if ["proxy", "collector", "engine", "keyring", "page", "service"]
        .iter()
        .any(|name| wanted(name))
    {
        // As users run it.
        const BUILD: [&str; 5] = ["build", "--profile", "dist", "--package", "sealtrail"];
        if !machine::cargo(&root, &BUILD).status()?.success() {
            bail!("the sidecar did not build");
        }
        println!("the sidecar that is measured: cargo {}", BUILD.join(" "));
        sealtrail = Some(machine::target_folder(&root).join("dist/sealtrail"));
    }
    let mut chromium = None;
    if wanted("page") {
        let names = ["chromium-browser", "google-chrome"];
        chromium = machine::program("chromium", &names, "chromium")?;
        if chromium.is_none() {
            bail!("the benchmark of the page needs Chromium, and it could not be installed");
        }
    }
    let mut run = vec!["run", "--release", "--quiet", "--package", "sealtrail-bench"];
    if wanted("log") {
        // A peer that cannot be had is left out, and the benchmark says so.
        for (name, others, package) in PEERS {
            machine::program(name, others, package)?;
        }
    }
    if wanted("log") || wanted("history") {
        run.extend(["--features", "peers"]);
    }
    run.push("--");
    let mut command = machine::cargo(&root, &run);
    command.envs(chromium.map(|program| ("CHROMIUM", program)));
    command.envs(named_wasm.map(|module| ("SEALTRAIL_NAMED_WASM", module)));
    command.envs(sealtrail.map(|program| ("SEALTRAIL_BIN", program)));
    if !command.args(arguments).status()?.success() {
        bail!("the benchmark failed");
    }
    Ok(())
}

/// The benchmarks that are named; none means all.
fn names(arguments: &[String]) -> Result<Vec<&str>> {
    let mut named = Vec::new();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--json" => _ = arguments.next().context("`--json` needs a file name")?,
            name if NAMES.contains(&name) => named.push(name),
            other => bail!("no benchmark `{other}`; there are {}", NAMES.join(", ")),
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn what_is_named() {
        let names = |line: &str| {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            names(&arguments).map(|names| names.join(" ")).map_err(|error| error.to_string())
        };
        assert_eq!(names("--json core log").unwrap(), "log", "the file is no name");
        assert_eq!(names("").unwrap(), "");
        let said = "no benchmark `nope`; there are core, node, size, log, history, proxy, collector, \
                    engine, keyring, page, service, logs, profile";
        assert_eq!(names("core nope").unwrap_err(), said);
        assert!(names("core --json").is_err());
    }
}
