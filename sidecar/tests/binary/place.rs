//! A directory made by `sealtrail init`, and commands run in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub struct Place {
    dir: TempDir,
    pub vkey: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub const ORIGIN: &str = "shop.example/audit";

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ran = sealtrail(&[
            "init",
            "--json",
            "--origin",
            ORIGIN,
            "--proxy-listen",
            "127.0.0.1:0",
            "--api-listen",
            "127.0.0.1:0",
            dir.path().to_str().unwrap(),
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let vkey = ran.json()["vkey"].as_str().unwrap().to_owned();
        Self { dir, vkey }
    }

    /// The same keys and the same log in another directory, as a dishonest operator would have it.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_folder(self.dir.path(), dir.path());
        Self { dir, vkey: self.vkey.clone() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn log(&self) -> String {
        self.path("log").display().to_string()
    }

    pub fn config(&self) -> String {
        self.path("sealtrail.toml").display().to_string()
    }

    /// Replaces a text in the configuration, which must be there.
    pub fn edit_config(&self, from: &str, to: &str) {
        edit(&self.path("sealtrail.toml"), from, to);
    }

    /// Adds lines at the end of the configuration.
    pub fn add_config(&self, text: &str) {
        let path = self.path("sealtrail.toml");
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{old}\n{text}\n")).unwrap();
    }

    /// `sealtrail <command> --config ... <rest>`
    pub fn run(&self, command: &str, rest: &[&str]) -> Ran {
        let config = self.config();
        sealtrail(&[&[command, "--config", &config], rest].concat())
    }

    pub fn append(&self, changes: &[u8]) -> Ran {
        let config = self.config();
        feed(&["append", "--config", &config, "-"], changes)
    }

    pub fn verify(&self) -> Ran {
        sealtrail(&["verify", &self.log(), "--vkey", &self.vkey])
    }

    /// The lines of the log, as they are on disk; NULs stand where a running server will write.
    pub fn lines(&self) -> Vec<String> {
        let mut files: Vec<_> = std::fs::read_dir(self.path("log/entries"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
        // The segment being written is filled with NULs ahead of its lines.
        let lines = |text: String| {
            text.trim_end_matches('\0').lines().map(str::to_owned).collect::<Vec<_>>()
        };
        texts.flat_map(lines).collect()
    }
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// One JSON value for each line of standard output.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The command failed with this code and said this.
    #[track_caller]
    pub fn refused(&self, code: i32, said: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(said), "expected `{said}`: {self:?}");
    }
}

pub fn sealtrail(args: &[&str]) -> Ran {
    feed(args, b"")
}

pub fn feed(args: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early may not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Everything in a folder, into one that is there.
pub fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub fn edit(path: &Path, from: &str, to: &str) {
    let old = std::fs::read_to_string(path).unwrap();
    assert!(old.contains(from), "`{from}` is not in {}", path.display());
    std::fs::write(path, old.replace(from, to)).unwrap();
}

/// A change of the customer 3 that is worth a record.
pub fn change(correlation_id: &str) -> String {
    format!(
        r#"{{"entity":{{"type":"customer","id":"3"}},"action":"update","before":{{"email":"old@example.com","tier":1}},"after":{{"email":"new@example.com","tier":2}},"context":{{"correlation_id":"{correlation_id}"}}}}"#
    )
}
