//! `sealtrail serve` as a child process.

use std::io::{BufRead, BufReader, Lines, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::place::Place;
use super::wire::{self, Response};

pub struct Served {
    child: Child,
    /// Held, so that what it prints later goes somewhere.
    lines: Lines<BufReader<ChildStdout>>,
    pub proxy: SocketAddr,
    pub api: SocketAddr,
}

/// Where it listens when the place is no address but a Unix socket.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Served {
    /// Starts and waits until both addresses are printed.
    pub fn start(place: &Place) -> Self {
        Self::with(place, &[])
    }

    /// The same with further arguments.
    pub fn with(place: &Place, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealtrail"));
        command.args(["serve", "--config", &place.config()]).args(arguments);
        Self::of(command)
    }

    /// What such a command starts.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |of: &str| -> SocketAddr {
            let line = lines.next().and_then(Result::ok).unwrap_or_else(|| {
                let mut said = String::new();
                let _ = child.stderr.take().unwrap().read_to_string(&mut said);
                panic!("serve did not start: {said}")
            });
            let address = line.strip_prefix(&format!("{of} listening on "));
            let address = address.unwrap_or_else(|| panic!("unexpected line `{line}`"));
            if address.starts_with("unix:") { NOWHERE } else { address.parse().unwrap() }
        };
        let (proxy, api) = (address("proxy"), address("api"));
        Self { child, lines, proxy, api }
    }

    /// In front of the service at this URL.
    pub fn in_front_of(place: &Place, url: &str) -> Self {
        place.edit_config("http://127.0.0.1:3000", url);
        Self::start(place)
    }

    /// The next line of standard output.
    pub fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// The most memory that it ever had at once, in KiB (proc(5), `VmHWM`).
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn post_change(&self, change: &str) -> Response {
        wire::post(self.api, "/v1/changes", "application/json", change)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        // A process that has ended by itself takes no more signals.
        let _ = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
    }

    /// Ends it as an orchestrator would; gives the exit code and everything it said on standard error.
    pub fn terminate(self) -> (i32, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for the end; gives the exit code and everything it said on standard error.
    pub fn ended(mut self) -> (i32, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), said)
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
