//! Makes the two things that the binary embeds, both from sources that cargo has locked:
//!
//! - the guest, the core behind its byte ABI, compiled to WebAssembly and then by wasmtime to machine
//!   code. It is built here and never committed, so it cannot go stale.
//! - `user_agents.json`, the pattern table of the `ua-parser` package. It comes from inside that
//!   package, so the table and the code that reads it are always of one version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use saphyr::LoadableYamlNode;
use sha2::{Digest, Sha256};

#[path = "src/engine/tunables.rs"]
mod tunables;

include!("../crates/guest/flags.rs");

const TARGET: &str = "wasm32-unknown-unknown";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let member = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let workspace = member.parent().expect("sidecar/ is inside the workspace").to_owned();
    for path in ["crates/guest", "crates/core", "crates/record", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    for path in ["build.rs", "src/engine/tunables.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    build_guest(&workspace, &out);
    convert_user_agents(&workspace, &out);
    list_console(&workspace, &out);
    compile_faulty_guest(&out);
}

fn build_guest(workspace: &Path, out: &Path) {
    require_target();
    let target_dir = out.join("guest-target");
    let status = cargo(workspace)
        .args(["build", "--package", "sealtrail-guest", "--profile", "wasm", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(workspace))
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the guest (crates/guest) did not build for {TARGET}");

    let built = target_dir.join(TARGET).join("wasm/sealtrail_guest.wasm");
    let wasm = fs::read(&built).unwrap_or_else(|e| panic!("{}: {e}", built.display()));
    expect_no_state_but_memory(&wasm);
    let guest = out.join("guest.cwasm");
    fs::write(&guest, precompile(&wasm)).expect("OUT_DIR is writable");
    let digest: String = Sha256::digest(&wasm).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=SEALTRAIL_GUEST={}", guest.display());
    // For the tests, which put it into a file.
    println!("cargo::rustc-env=SEALTRAIL_GUEST_WASM={}", built.display());
    println!("cargo::rustc-env=SEALTRAIL_GUEST_SHA256={digest}");
}

/// The engine puts an instance back by its memory and the pointer to its stack. A guest that could keep
/// anything elsewhere would carry it from one record to the next.
fn expect_no_state_but_memory(wasm: &[u8]) {
    use wasmparser::{DataKind, ElementKind, Operator, Payload};
    let mut variables = 0;
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload.expect("the guest is valid WebAssembly") {
            Payload::GlobalSection(globals) => {
                variables += globals.into_iter().filter(|g| g.as_ref().unwrap().ty.mutable).count();
            }
            Payload::DataSection(segments) => {
                let is_active = |kind| matches!(kind, DataKind::Active { .. });
                assert!(
                    segments.into_iter().all(|s| is_active(s.unwrap().kind)),
                    "a passive segment"
                );
            }
            Payload::ElementSection(segments) => {
                let is_active = |kind| matches!(kind, ElementKind::Active { .. });
                assert!(
                    segments.into_iter().all(|s| is_active(s.unwrap().kind)),
                    "a passive segment"
                );
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().expect("it has code");
                let writes_table = |operator| {
                    use Operator::{TableCopy, TableFill, TableGrow, TableInit, TableSet};
                    matches!(
                        operator,
                        TableSet { .. }
                            | TableGrow { .. }
                            | TableFill { .. }
                            | TableCopy { .. }
                            | TableInit { .. }
                    )
                };
                assert!(
                    !operators.into_iter().any(|o| writes_table(o.unwrap())),
                    "a table is written"
                );
            }
            _ => {}
        }
    }
    assert_eq!(
        variables, 1,
        "the guest must have one variable beside its memory, its stack pointer"
    );
}

/// What the tests of the engine run, or are refused.
fn compile_faulty_guest(out: &Path) {
    const SOURCE: &str = "src/engine/faulty_guest.wat";
    println!("cargo::rerun-if-changed={SOURCE}");
    let source = fs::read_to_string(SOURCE).expect("it is beside this file");
    for (name, text) in [
        ("faulty_guest", source.as_str()),
        ("importing_guest", r#"(module (import "env" "f" (func)))"#),
        ("empty_guest", "(module)"),
        ("other_guest", r#"(module (func (export "alloc")))"#),
    ] {
        let wasm = wat::parse_str(text).expect("it is WebAssembly text");
        let file = out.join(format!("{name}.cwasm"));
        fs::write(file, precompile(&wasm)).expect("OUT_DIR is writable");
    }
}

/// Machine code for the target of this build, so that no command has to compile when it starts.
fn precompile(wasm: &[u8]) -> Vec<u8> {
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let mut config = tunables::tunables();
    config.target(&target).expect("wasmtime compiles for this target");
    if target.starts_with("x86_64") {
        // x86-64-v2, what every server since 2009 has. Naming a target forgets what this machine has,
        // and that is right: the binary may run on another.
        for feature in ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
            // SAFETY: the flag exists, and a machine without the feature refuses to load the code.
            unsafe { config.cranelift_flag_enable(feature) };
        }
    }
    let engine = wasmtime::Engine::new(&config).expect("the settings agree with each other");
    engine.precompile_module(wasm).expect("the guest is valid WebAssembly")
}

fn require_target() {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let printed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .expect("rustc starts");
    let libdir = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    assert!(
        printed.status.success() && Path::new(&libdir).is_dir(),
        "\n\nthe sandboxed core needs the {TARGET} target; install it with\n\n    \
         rustup target add {TARGET}\n\n"
    );
}

/// The pattern table is YAML; JSON spares the binary a YAML parser.
fn convert_user_agents(workspace: &Path, out: &Path) {
    let yaml = user_agent_source(workspace);
    let text = fs::read_to_string(&yaml).unwrap_or_else(|e| panic!("{}: {e}", yaml.display()));
    let documents = saphyr::Yaml::load_from_str(&text).expect("the table is YAML");
    let json = to_json(documents.first().expect("the table has one document"));
    fs::write(out.join("user_agents.json"), json.to_string()).expect("OUT_DIR is writable");
}

fn user_agent_source(workspace: &Path) -> PathBuf {
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let printed = cargo(workspace)
        .args(["metadata", "--format-version", "1", "--filter-platform", &target])
        .output()
        .expect("cargo starts");
    let metadata: serde_json::Value =
        serde_json::from_slice(&printed.stdout).expect("cargo metadata prints JSON");
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "ua-parser")
        .and_then(|package| package["manifest_path"].as_str())
        .expect("ua-parser is a dependency of this package");
    Path::new(manifest).with_file_name("uap-core").join("regexes.yaml")
}

fn to_json(node: &saphyr::Yaml) -> serde_json::Value {
    if let Some(text) = node.as_str() {
        return text.into();
    }
    if node.is_null() {
        return serde_json::Value::Null;
    }
    if let Some(items) = node.as_sequence() {
        return items.iter().map(to_json).collect();
    }
    let members = node.as_mapping().expect("the table holds texts, lists and maps");
    let named = members.iter().filter_map(|(key, value)| Some((key.as_str()?, to_json(value))));
    named.collect()
}

/// The files of the page, as `cargo xtask wasm` built them, each with its digest and with the codings of it that
/// stand beside it; an empty list where it did not run.
fn list_console(workspace: &Path, out: &Path) {
    let page = workspace.join("js/console/dist");
    // To watch a folder that is not there would run this script on every build.
    let watched = if page.is_dir() { &page } else { page.parent().expect("it is below js/") };
    println!("cargo::rerun-if-changed={}", watched.display());
    let mut files = Vec::new();
    collect_files(&page, &mut files);
    files.sort();
    let mut list = String::from("&[\n");
    let coded = |file: &Path| file.extension().is_some_and(|end| end == "br" || end == "gz");
    for file in files.iter().filter(|file| !coded(file)) {
        let name = file.strip_prefix(&page).expect("it was found below").to_string_lossy();
        let name = name.replace('\\', "/");
        let bytes = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
        let beside = |end: &str| {
            let mut path = file.clone().into_os_string();
            path.push(end);
            let path = PathBuf::from(path);
            if files.contains(&path) { format!("Some({})", bytes(&path)) } else { "None".into() }
        };
        let digest = Sha256::digest(fs::read(file).expect("it was found"));
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        list += &format!(
            "    File {{ name: {name:?}, digest: {digest:?}, plain: {}, brotli: {}, gzip: {} }},\n",
            bytes(file),
            beside(".br"),
            beside(".gz")
        );
    }
    list += "]\n";
    fs::write(out.join("console.rs"), list).expect("OUT_DIR is writable");
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_files(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// A cargo that is not steered by the one that runs this script (clippy's wrapper, flags for the
/// host).
fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    command.current_dir(workspace);
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    command
}
