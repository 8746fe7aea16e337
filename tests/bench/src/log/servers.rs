//! The servers that a team would use instead, each as it must be set to keep what it has acknowledged.
//! One that is not installed is left out, and said.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::part::{self, Outcome};
use super::wire::{self, Protocol};
use super::{LINE, SPAN};

/// Inserts that all clients of PostgreSQL make together; those of many rows take longer and are fewer.
const INSERTS: usize = 2000;

pub struct Servers {
    redis: Option<Server>,
    nats: Option<Server>,
    nats_by_default: Option<Server>,
    postgres: Option<Postgres>,
}

impl Servers {
    pub fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            redis: said("redis-server", Server::redis(&folder.join("redis")))?,
            nats: said("nats-server", Server::nats(&folder.join("nats"), true))?,
            nats_by_default: said(
                "nats-server",
                Server::nats(&folder.join("nats-default"), false),
            )?,
            postgres: said("postgres", Postgres::start(&folder.join("postgres")))?,
        })
    }

    pub fn redis(&self, clients: usize) -> Result<Option<Outcome>> {
        self.redis.as_ref().map(|server| server.load(Protocol::Redis, clients)).transpose()
    }

    pub fn nats(&self, clients: usize) -> Result<Option<Outcome>> {
        self.nats.as_ref().map(|server| server.load(Protocol::Nats, clients)).transpose()
    }

    pub fn nats_by_default(&self, clients: usize) -> Result<Option<Outcome>> {
        self.nats_by_default.as_ref().map(|server| server.load(Protocol::Nats, clients)).transpose()
    }

    pub fn postgres(&self, clients: usize, rows: usize) -> Result<Option<Outcome>> {
        self.postgres.as_ref().map(|postgres| postgres.load(clients, rows)).transpose()
    }
}

/// The log behind HTTP, as a process of its own.
pub fn over_http(dir: &Path, clients: usize, lines: usize) -> Result<Outcome> {
    let mut child = part::command("serve-http", dir, 0)?.stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("no output of the server")?;
    let mut server = Server { child, port: 0 };
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port)?;
    server.port = port.trim().parse().context("the server did not say its port")?;
    server.load(Protocol::Http(lines), clients)
}

/// The loop that a Node service has.
pub fn node(root: &Path, dir: &Path, writers: usize) -> Result<Option<Outcome>> {
    let Some(node) = program("node") else {
        return Ok(None);
    };
    let output = Command::new(node)
        .arg(root.join("js/bench/append.mjs"))
        .arg(dir.join("node.jsonl"))
        .args([writers.to_string(), LINE.to_string(), SPAN.as_millis().to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    Ok(Some(serde_json::from_slice(&output.stdout).context("node said nothing that can be read")?))
}

/// A server on loopback that is stopped when it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn redis(folder: &Path) -> Result<Option<Self>> {
        let Some(redis) = program("redis-server") else {
            return Ok(None);
        };
        fs::create_dir_all(folder)?;
        let port = free_port()?;
        let mut command = Command::new(redis);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        // Rewriting the file beside the load would be another measurement.
        command.args(["--auto-aof-rewrite-percentage", "0", "--maxclients", "4096"]);
        Self::spawn(command, port).map(Some)
    }

    fn nats(folder: &Path, sync_always: bool) -> Result<Option<Self>> {
        let Some(nats) = program("nats-server") else {
            return Ok(None);
        };
        fs::create_dir_all(folder)?;
        let port = free_port()?;
        let conf = folder.join("nats.conf");
        let store = folder.join("store");
        fs::create_dir(&store)?;
        if sync_always {
            // `sync_interval: always` came with 2.10, and Debian has 2.9. Files made in a folder with this
            // attribute are written through, one by one, which is the same promise.
            let mut chattr = Command::new("chattr");
            if run(chattr.arg("+S").arg(&store).stderr(Stdio::null())).is_err() {
                println!(
                    "`chattr +S` is refused here: NATS cannot be made to sync and is left out"
                );
                return Ok(None);
            }
        }
        fs::write(
            &conf,
            format!(
                "host: 127.0.0.1\nport: {port}\nping_interval: \"1h\"\n\
                 jetstream {{ store_dir: \"{}\" }}\n",
                store.display()
            ),
        )?;
        let mut command = Command::new(nats);
        command.arg("-c").arg(&conf);
        let server = Self::spawn(command, port)?;
        let stream = "{\"name\":\"LOG\",\"subjects\":[\"log.*\"],\"storage\":\"file\"}";
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = wire::ask_nats(port, "$JS.API.STREAM.CREATE.LOG", stream)?;
            if answer.contains("\"created\"") {
                return Ok(Some(server));
            }
            if Instant::now() > deadline {
                bail!("nats-server made no stream: {answer}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn spawn(mut command: Command, port: u16) -> Result<Self> {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {:?}", command.get_program()))?;
        let mut server = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{:?} ended at once: {status}", command.get_program());
            }
            if Instant::now() > deadline {
                bail!("{:?} does not listen", command.get_program());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn load(&self, protocol: Protocol, clients: usize) -> Result<Outcome> {
        let mut outcome = wire::load(self.port, protocol, clients)?;
        outcome.megabytes = part::megabytes(&self.child.id().to_string()).ok();
        Ok(outcome)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// PostgreSQL, and its own load generator.
struct Postgres {
    server: Server,
    pgbench: PathBuf,
    folder: PathBuf,
}

impl Postgres {
    fn start(folder: &Path) -> Result<Option<Self>> {
        let (Some(initdb), Some(postgres), Some(pgbench), Some(psql)) =
            (program("initdb"), program("postgres"), program("pgbench"), program("psql"))
        else {
            return Ok(None);
        };
        fs::create_dir_all(folder)?;
        // It refuses to run as root, so it gets the user of its own package there.
        if is_root() {
            passable(folder)?;
            run(Command::new("chown").arg("postgres").arg(folder))?;
        }
        let data = folder.join("data");
        let mut init = as_its_user(&initdb);
        init.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "--no-sync"]);
        run(init.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()))?;
        let port = free_port()?;
        let mut command = as_its_user(&postgres);
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "max_connections=1100"]);
        for setting in
            ["synchronous_commit=on", "fsync=on", "listen_addresses=127.0.0.1", "max_wal_size=8GB"]
        {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
        let server = Server::spawn(command, port)?;
        let mut created = Err(anyhow::anyhow!("not asked yet"));
        for _ in 0..50 {
            created = run(Command::new(&psql)
                .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres", "-qc"])
                .arg("create table log (id bigserial primary key, line text not null)")
                .stderr(Stdio::null()));
            if created.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        created?;
        Ok(Some(Self { server, pgbench, folder: folder.to_owned() }))
    }

    fn load(&self, clients: usize, rows: usize) -> Result<Outcome> {
        // The line is made in the server: its network is not charged for it.
        let script = self.folder.join(format!("insert-{rows}.sql"));
        let width = LINE - 1;
        let text = format!(
            "insert into log (line) select repeat('x', {width}) from generate_series(1, {rows});\n"
        );
        // The folder is the server's user's; what is in it is read as whoever runs this.
        fs::write(&script, text)?;
        let mut pgbench = Command::new(&self.pgbench)
            .args(["-h", "127.0.0.1", "-p", &self.server.port.to_string(), "-U", "postgres"])
            .args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string()])
            // A number and not a time, of which a thousand clients need more than there is to connect.
            .args(["-t", &(INSERTS / rows.isqrt() / clients).max(5).to_string(), "-f"])
            .arg(&script)
            .arg("postgres")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut megabytes = 0.0_f64;
        while pgbench.try_wait()?.is_none() {
            // A process for each client, which share most of what they have: proportional shares.
            megabytes = megabytes.max(part::megabytes_of_all_below(self.server.child.id())?);
            thread::sleep(Duration::from_millis(200));
        }
        let output = pgbench.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |label: &str| {
            let rest = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
            rest.split_whitespace().next()?.parse::<f64>().ok()
        };
        let tps = number("tps = ").with_context(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("pgbench of {clients} clients gave no rate: {said}{text}")
        })?;
        let megabytes = Some(megabytes).filter(|megabytes| *megabytes > 0.0);
        Ok(Outcome { rate: tps * rows as f64, megabytes, ..Outcome::default() })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Fast shutdown: its children go with it.
        if let Some(kill) = program("pkill") {
            let _ = Command::new(kill)
                .args(["-INT", "-P", &self.server.child.id().to_string()])
                .status();
        }
        thread::sleep(Duration::from_millis(300));
    }
}

fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Lets another user come through the folders above.
fn passable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for above in folder.ancestors().skip(1).take_while(|above| *above != Path::new("/")) {
        let mode = above.metadata()?.permissions().mode();
        if mode & 0o001 == 0 {
            fs::set_permissions(above, fs::Permissions::from_mode(mode | 0o011))?;
        }
    }
    Ok(())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// Says what is left out.
fn said<T>(name: &str, started: Result<Option<T>>) -> Result<Option<T>> {
    if let Ok(None) = started {
        println!("no `{name}` here: it is left out");
    }
    started.with_context(|| format!("`{name}` could not be started"))
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps the programs of a PostgreSQL server below its version.
    let versions = (13..30).rev().map(|v| PathBuf::from(format!("/usr/lib/postgresql/{v}/bin")));
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .chain(versions)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
