//! Programs, ports and processes of the machine that a benchmark runs on.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A process that is stopped when it is dropped.
pub struct Process(pub Child);

impl Process {
    /// On one core; others are for the load.
    pub fn pinned(core: &str, program: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program);
        command
    }

    pub fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn().with_context(|| format!("cannot run {command:?}"))?))
    }

    /// Until something listens.
    pub fn listens(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.0.try_wait()? {
                bail!("a server ended at once: {status}");
            }
            if Instant::now() > deadline {
                bail!("nothing listens on port {port}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// User and system time so far of all its threads, from `/proc/<pid>/stat` (proc(5), fields 14 and 15).
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        // Linux reports in ticks of 1/100 s on every architecture that this runs on.
        Ok(ticks / 100.0)
    }

    /// What it has of the machine's memory now.
    pub fn resident_kb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.context("no VmRSS")?.parse().context("VmRSS is no number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // nginx lives where a plain user's path does not look.
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut found = folders.map(|folder| folder.join(name)).filter(|file| file.is_file());
    found.next().with_context(|| format!("there is no `{name}` here"))
}

pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
