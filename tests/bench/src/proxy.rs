//! The proxy against nginx doing the same header work, one core for the proxy and the other for the
//! load and the upstream: CPU per request, requests per second and p99.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{Row, median, target_folder};

const BODIES: [(&str, usize); 2] = [("0.2 KB", 200), ("10 KB", 10_240)];
const CONNECTIONS: &str = "64";
const SECONDS: &str = "4s";

pub fn run() -> Result<Vec<Row>> {
    let (nginx, wrk) = (program("nginx")?, program("wrk")?);
    let sealtrail = target_folder()?.join("release/sealtrail");
    let folder = tempfile::tempdir()?;
    let (upstream_port, nginx_port) = (free_port()?, free_port()?);
    let upstream =
        Server::nginx(&nginx, &folder.path().join("upstream"), &upstream_conf(upstream_port), "1")?;
    let reference = Server::nginx(
        &nginx,
        &folder.path().join("proxy"),
        &proxy_conf(nginx_port, upstream_port),
        "0",
    )?;
    let (sidecar, sidecar_port) =
        Server::sidecar(&sealtrail, &folder.path().join("sealtrail"), upstream_port)?;

    let mut rows = Vec::new();
    for (label, bytes) in BODIES {
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..3 {
            for (i, (server, port)) in
                [(&sidecar, sidecar_port), (&reference, nginx_port)].iter().enumerate()
            {
                measured[i].push(load(&wrk, *port, bytes, server)?);
            }
        }
        let middle =
            |i: usize, pick: fn(&Load) -> f64| median(measured[i].iter().map(pick).collect());
        let row = |i: usize, name: &str, ratio| Row {
            name: format!("{name}, {label}, {CONNECTIONS} connections"),
            figures: vec![
                ("µs CPU/request", middle(i, |l| l.cpu_us)),
                ("requests/s", middle(i, |l| l.rate)),
                ("ms p99", middle(i, |l| l.p99_ms)),
            ],
            ratio,
        };
        let better = middle(1, |l| l.cpu_us) / middle(0, |l| l.cpu_us);
        rows.push(row(0, "sealtrail serve", Some((better, "nginx by CPU per request".into()))));
        rows.push(row(1, "nginx", None));
    }
    drop((upstream, reference, sidecar));
    Ok(rows)
}

struct Load {
    cpu_us: f64,
    rate: f64,
    p99_ms: f64,
}

fn load(wrk: &Path, port: u16, bytes: usize, server: &Server) -> Result<Load> {
    let before = server.cpu_seconds()?;
    let output = Command::new("taskset")
        .args(["-c", "1"])
        .arg(wrk)
        .args(["-t1", "-c", CONNECTIONS, "-d", SECONDS, "--latency"])
        .arg(format!("http://127.0.0.1:{port}/{bytes}"))
        .output()
        .context("cannot run `wrk` under `taskset`")?;
    let cpu = server.cpu_seconds()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word_after = |label: &str| {
        let line = text.lines().find(|l| l.trim_start().starts_with(label))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let requests = text
        .lines()
        .find(|l| l.contains(" requests in "))
        .and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
    let (Some(requests), Some(rate), Some(p99)) =
        (requests, word_after("Requests/sec:"), word_after("99%"))
    else {
        bail!("wrk said nothing that could be read: {text}");
    };
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("the proxy on port {port} did not answer every request: {text}");
    }
    Ok(Load { cpu_us: cpu * 1e6 / requests, rate: rate.parse()?, p99_ms: milliseconds(&p99)? })
}

fn milliseconds(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * factor);
        }
    }
    bail!("`{text}` is no time")
}

/// A process that is stopped when it is dropped.
struct Server(Child);

impl Server {
    fn nginx(nginx: &Path, folder: &Path, conf: &str, core: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("nginx.conf"), conf)?;
        let child = Command::new("taskset")
            .args(["-c", core])
            .arg(nginx)
            .arg("-p")
            .arg(folder)
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .spawn()
            .context("cannot run `nginx` under `taskset`")?;
        thread::sleep(Duration::from_millis(300));
        Ok(Self(child))
    }

    fn sidecar(sealtrail: &Path, folder: &Path, upstream: u16) -> Result<(Self, u16)> {
        let upstream = format!("http://127.0.0.1:{upstream}");
        let init = Command::new(sealtrail)
            .arg("init")
            .arg(folder)
            .args(["--origin", "bench/proxy", "--upstream", &upstream])
            .args(["--proxy-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .status()?;
        if !init.success() {
            bail!("`sealtrail init` failed");
        }
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(sealtrail)
            .args(["serve", "--config"])
            .arg(folder.join("sealtrail.toml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("no output of the sidecar")?;
        let server = Self(child);
        for line in BufReader::new(stdout).lines() {
            if let Some((_, port)) = line?.split_once("proxy listening on 127.0.0.1:") {
                return Ok((server, port.trim().parse()?));
            }
        }
        bail!("the sidecar did not say where its proxy listens")
    }

    /// User and system time so far, from `/proc/<pid>/stat` (proc(5), fields 14 and 15).
    fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        // Linux reports in ticks of 1/100 s on every architecture that this runs on.
        Ok(ticks / 100.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // nginx lives where a plain user's path does not look.
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut found = folders.map(|folder| folder.join(name)).filter(|file| file.is_file());
    found.next().with_context(|| format!("the proxy benchmark needs `{name}`"))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

const COMMON: &str = "daemon off; master_process off; worker_processes 1; pid nginx.pid;\n\
    events { worker_connections 2048; }\n";

fn upstream_conf(port: u16) -> String {
    let body =
        |bytes: usize| format!("location = /{bytes} {{ return 200 \"{}\"; }}", "x".repeat(bytes));
    // nginx bounds one parameter to its buffer, so a long body is made of parts.
    let long = format!("location = /10240 {{ return 200 \"{}\"; }}", "$part".repeat(10));
    format!(
        "{COMMON}http {{ access_log off; keepalive_requests 1000000000; \
         map $uri $part {{ default \"{}\"; }} \
         server {{ listen 127.0.0.1:{port}; {} {long} }} }}\n",
        "y".repeat(1024),
        body(200),
    )
}

fn proxy_conf(port: u16, upstream: u16) -> String {
    format!(
        "{COMMON}http {{ access_log off; keepalive_requests 1000000000; \
         map $http_x_request_id $id {{ default $http_x_request_id; '' $request_id; }} \
         upstream u {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }} \
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://u; proxy_http_version 1.1; \
         proxy_set_header Connection ''; proxy_set_header X-Correlation-ID $id; proxy_set_header X-Request-ID $id; \
         add_header X-Correlation-ID $id; }} }} }}\n"
    )
}
