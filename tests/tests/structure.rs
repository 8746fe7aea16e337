//! The architecture, held by a test: who may depend on whom, and who may touch the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

const PURE: [&str; 3] = ["sealtrail-record", "sealtrail-core", "sealtrail-proof"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Everything that a package pulls in to run, itself left out.
fn closure(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let mut open = vec![&metadata.packages.iter().find(|p| p.name == package).unwrap().id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|n| n.id == *id).unwrap();
        for dep in &node.deps {
            let runs = dep.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
            if runs && seen.insert(names[&dep.pkg].clone()) {
                open.push(&dep.pkg);
            }
        }
    }
    seen
}

/// Workspace members that name a package themselves.
fn who_names(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    metadata
        .workspace_packages()
        .iter()
        .filter(|p| p.dependencies.iter().any(|d| d.name == package))
        .map(|p| p.name.to_string())
        .collect()
}

fn only(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn the_sidecar_seals_through_the_sandbox_and_through_nothing_else() {
    let closure = closure(&metadata(), "sealtrail");
    assert!(!closure.contains("sealtrail-core"), "a native path would go around the sandbox");
    assert!(!closure.contains("sealtrail-guest"));
    assert!(closure.contains("wasmtime"));
}

#[test]
fn each_runtime_is_named_in_one_place() {
    let metadata = metadata();
    let edges = only(&["sealtrail-wasm", "sealtrail-wasm-proof"]);
    assert_eq!(who_names(&metadata, "wasm-bindgen"), edges);
    assert_eq!(who_names(&metadata, "serde-wasm-bindgen"), only(&["sealtrail-wasm"]));
    assert_eq!(who_names(&metadata, "wasmtime"), only(&["sealtrail"]));
    // The benchmark has a server of its own, to be measured beside the others.
    assert_eq!(who_names(&metadata, "hyper"), only(&["sealtrail", "sealtrail-bench"]));
    assert_eq!(who_names(&metadata, "tokio"), only(&["sealtrail", "sealtrail-bench"]));
    // Within the sidecar, only its engine.
    for (file, text) in sources("sidecar/src") {
        let engine =
            file.components().any(|c| c.as_os_str() == "engine" || c.as_os_str() == "engine.rs");
        assert!(engine || !text.contains("wasmtime::"), "{} names wasmtime", file.display());
    }
}

#[test]
fn pure_rooms_touch_no_file_network_clock_or_random_source() {
    let metadata = metadata();
    for package in PURE {
        let closure = closure(&metadata, package);
        for impure in [
            "getrandom",
            "rand",
            "tokio",
            "mio",
            "socket2",
            "jiff",
            "chrono",
            "time",
            "wasm-bindgen",
        ] {
            assert!(!closure.contains(impure), "{package} pulls in {impure}");
        }
    }
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "std::io::stdin",
        "Instant",
        "SystemTime",
        "HashMap",
        "HashSet",
        "RandomState",
    ];
    for folder in ["crates/record/src", "crates/core/src", "crates/proof/src"] {
        for (file, text) in sources(folder) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in forbidden {
                let found =
                    code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(word));
                assert!(!found, "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn the_core_has_no_features_so_that_no_neighbour_can_change_its_bytes() {
    let metadata = metadata();
    for package in ["sealtrail-record", "sealtrail-core", "sealtrail-proof", "sealtrail-guest"] {
        let package = metadata.packages.iter().find(|p| p.name == package).unwrap();
        assert!(package.features.is_empty(), "{} has features", package.name);
    }
}

#[test]
fn the_log_never_reads_a_record() {
    let closure = closure(&metadata(), "sealtrail-log");
    for reader in ["sealtrail-record", "sealtrail-core", "serde_json", "serde"] {
        assert!(!closure.contains(reader), "the log pulls in {reader}");
    }
}

/// The auditor must not repeat the writer's mistakes: paths, plain files and the mathematics are all that
/// they have in common.
#[test]
fn the_auditor_shares_no_code_with_the_writer() {
    let mut seen = 0;
    for (file, text) in sources("crates/log/src/verify") {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let is_shared =
                    ["paths::", "regular"].iter().any(|module| used.starts_with(module));
                assert!(is_shared, "{} uses `crate::{used}`", file.display());
                seen += 1;
            }
            assert!(!line.contains("crate::{"), "{} hides what it uses", file.display());
        }
    }
    assert!(seen > 5);
}

#[test]
fn the_log_and_its_proofs_stand_on_their_own() {
    let metadata = metadata();
    let ours = |package| {
        let closure = closure(&metadata, package);
        closure.into_iter().filter(|name| name.starts_with("sealtrail")).collect::<Vec<_>>()
    };
    assert_eq!(ours("sealtrail-log"), ["sealtrail-proof"]);
    assert!(ours("sealtrail-proof").is_empty());
}

#[test]
fn licences_are_compatible() {
    let allowed = [
        "MIT",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "CC0-1.0",
        "0BSD",
        "Unlicense",
        "BSL-1.0",
        "MIT-0",
        "Apache-2.0 WITH LLVM-exception",
        "CDLA-Permissive-2.0",
    ];
    for package in &metadata().packages {
        let licence = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let plain = licence.replace(['(', ')'], "");
        // Every part that is joined by AND needs one allowed alternative.
        let fine = plain
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|l| allowed.contains(&l.trim())));
        assert!(fine, "{} is under `{licence}`", package.name);
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut open, mut found) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}
