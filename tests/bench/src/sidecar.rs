//! The real `sealtrail serve`, in a folder made by `sealtrail init`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::machine::Process;
use crate::target_folder;

pub struct Sidecar {
    pub process: Process,
    pub proxy: u16,
    pub api: u16,
}

/// A folder with a configuration; nothing runs yet.
pub struct Folder {
    pub path: PathBuf,
    pub vkey: String,
}

/// What the task says, or what was built with this program.
pub fn binary() -> Result<PathBuf> {
    match std::env::var_os("SEALTRAIL_BIN") {
        Some(binary) => Ok(binary.into()),
        None => Ok(target_folder()?.join("release/sealtrail")),
    }
}

impl Folder {
    pub fn init(path: &Path, upstream: &str) -> Result<Self> {
        let output = Command::new(binary()?)
            .arg("init")
            .arg(path)
            .args(["--json", "--origin", "bench/sidecar", "--upstream", "http://127.0.0.1:1"])
            .args(["--proxy-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"])
            .output()
            .context("cannot run `sealtrail init`")?;
        if !output.status.success() {
            bail!("`sealtrail init` failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let folder = Self {
            path: path.to_owned(),
            vkey: said["vkey"].as_str().context("`init` gave no verifier key")?.to_owned(),
        };
        folder.edit_config("http://127.0.0.1:1", upstream)?;
        Ok(folder)
    }

    pub fn config(&self) -> PathBuf {
        self.path.join("sealtrail.toml")
    }

    pub fn edit_config(&self, from: &str, to: &str) -> Result<()> {
        let old = std::fs::read_to_string(self.config())?;
        if !old.contains(from) {
            bail!("`{from}` is not in the configuration");
        }
        Ok(std::fs::write(self.config(), old.replace(from, to))?)
    }

    /// Starts it, with both of its addresses known; on one core, if that is given.
    pub fn serve(&self, core: Option<&str>) -> Result<Sidecar> {
        let mut command = match core {
            Some(core) => Process::pinned(core, &binary()?),
            None => Command::new(binary()?),
        };
        let log =
            std::fs::File::options().create(true).append(true).open(self.path.join("serve.log"))?;
        command.args(["serve", "--config"]).arg(self.config());
        let mut process = Process::spawn(command.stdout(Stdio::piped()).stderr(log))?;
        let stdout = process.0.stdout.take().context("no output of the sidecar")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut port_of = |what: &str| -> Result<u16> {
            let Some(line) = lines.next() else {
                let said = std::fs::read_to_string(self.path.join("serve.log"))?;
                bail!("the sidecar did not start: {said}");
            };
            let line = line?;
            let port = line.strip_prefix(&format!("{what} listening on 127.0.0.1:"));
            port.with_context(|| format!("unexpected line `{line}`"))?.parse().context(line.clone())
        };
        Ok(Sidecar { proxy: port_of("proxy")?, api: port_of("api")?, process })
    }
}
