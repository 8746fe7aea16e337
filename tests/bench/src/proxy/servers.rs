//! The proxies that are compared, each on the first core, and the service behind them on the second.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::conf::{self, Address};
use crate::machine::{Process, free_port, program};
use crate::sidecar::Folder;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Sealtrail,
    Nginx,
    HaProxy,
    HttpProxy,
    FastProxy,
    Fastify,
    /// The service itself, without a proxy.
    Upstream,
}

/// How the proxies reach the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Tcp,
    Unix,
}

pub struct Server {
    pub kind: Kind,
    pub process: Process,
    pub port: u16,
    pub http2_port: Option<u16>,
}

/// What runs. One that cannot be had is left out, and said.
pub struct Servers(Vec<Server>);

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sealtrail => "sealtrail serve",
            Kind::Nginx => "nginx",
            Kind::HaProxy => "HAProxy",
            Kind::HttpProxy => "Node, http-proxy",
            Kind::FastProxy => "Node, fast-proxy",
            Kind::Fastify => "Node, @fastify/http-proxy",
            Kind::Upstream => "the service itself",
        }
    }
}

impl Kind {
    pub fn is_of_node(self) -> bool {
        matches!(self, Self::HttpProxy | Self::FastProxy | Self::Fastify)
    }
}

impl Transport {
    /// Without a space, because it stands in configurations.
    pub fn folder(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Unix => "unix",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Unix => "Unix socket to the service",
        }
    }
}

impl Servers {
    pub fn start(root: &Path, folder: &Path, transport: Transport) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let nginx = program("nginx")?;
        let socket = folder.join("upstream.sock");
        let port = free_port()?;
        let conf = conf::nginx_upstream(port, &socket);
        let upstream = nginx_server(&nginx, &folder.join("upstream"), &conf, "1", port)?;
        let to = match transport {
            Transport::Tcp => Address::Port(port),
            Transport::Unix => Address::Socket(socket.display().to_string()),
        };
        let mut servers =
            vec![Server { kind: Kind::Upstream, process: upstream, port, http2_port: None }];
        match sealtrail(&folder.join("sealtrail"), &to) {
            Ok(server) => servers.push(server),
            Err(error) => println!("sealtrail, {}: left out: {error:#}", transport.name()),
        }
        let (port, http2) = (free_port()?, free_port()?);
        let conf = conf::nginx(port, http2, &to);
        servers.push(Server {
            kind: Kind::Nginx,
            process: nginx_server(&nginx, &folder.join("nginx"), &conf, "0", port)?,
            port,
            http2_port: Some(http2),
        });
        match program("haproxy") {
            Ok(program) => servers.push(haproxy(&program, folder, &to)?),
            Err(_) => println!("no HAProxy here: it is left out"),
        }
        if let Address::Port(port) = to {
            for (kind, name) in [
                (Kind::HttpProxy, "http-proxy"),
                (Kind::FastProxy, "fast-proxy"),
                (Kind::Fastify, "fastify"),
            ] {
                servers.push(node(root, kind, name, port)?);
            }
        }
        Ok(Self(servers))
    }

    pub fn all(&self) -> impl Iterator<Item = &Server> {
        let has_ours = self.0.iter().any(|server| server.kind == Kind::Sealtrail);
        // Without ours there is nothing to compare.
        self.0.iter().filter(move |_| has_ours)
    }
}

fn sealtrail(folder: &Path, upstream: &Address) -> Result<Server> {
    let upstream = match upstream {
        Address::Port(port) => format!("http://127.0.0.1:{port}"),
        Address::Socket(path) => format!("unix:{path}"),
    };
    let sidecar = Folder::init(folder, &upstream)?.serve(Some("0"))?;
    let http2_port = Some(sidecar.proxy);
    Ok(Server { kind: Kind::Sealtrail, port: sidecar.proxy, http2_port, process: sidecar.process })
}

fn nginx_server(nginx: &Path, folder: &Path, conf: &str, core: &str, port: u16) -> Result<Process> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("nginx.conf"), conf)?;
    let mut command = Process::pinned(core, nginx);
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "error.log"]);
    let mut process = Process::spawn(&mut command)?;
    process.listens(port)?;
    Ok(process)
}

fn haproxy(program: &Path, folder: &Path, upstream: &Address) -> Result<Server> {
    let (port, http2) = (free_port()?, free_port()?);
    let file = folder.join("haproxy.cfg");
    fs::write(&file, conf::haproxy(port, http2, upstream))?;
    let mut command = Process::pinned("0", program);
    command.args(["-db", "-q", "-f"]).arg(&file).stderr(Stdio::null());
    let mut process = Process::spawn(&mut command)?;
    process.listens(port)?;
    Ok(Server { kind: Kind::HaProxy, process, port, http2_port: Some(http2) })
}

fn node(root: &Path, kind: Kind, name: &str, upstream: u16) -> Result<Server> {
    let mut command = Process::pinned("0", &program("node")?);
    command.arg(root.join("js/bench/proxies.mjs")).arg(name);
    command.arg(format!("http://127.0.0.1:{upstream}")).stdout(Stdio::piped());
    let mut process = Process::spawn(command.env("NODE_ENV", "production"))?;
    let stdout = process.0.stdout.take().context("no output of node")?;
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port)?;
    let port = port.trim().parse().with_context(|| format!("{name} did not say its port"))?;
    Ok(Server { kind, process, port, http2_port: None })
}
