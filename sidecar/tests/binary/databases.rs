//! Real databases: a file of SQLite, and servers of PostgreSQL and MariaDB that Debian's packages have, started in a
//! folder of their own. One that is not installed is left out, and said; `cargo xtask test` installs them.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyRow, install_default_drivers};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Row};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A database that is empty at first and goes when it is dropped.
pub struct Database {
    pub name: &'static str,
    pub url: String,
    runtime: Runtime,
    server: Option<Server>,
    _folder: TempDir,
}

/// A server that can be started again in its folder, at its port.
struct Server {
    start: Box<dyn Fn() -> Child>,
    running: Child,
    port: u16,
}

/// What a server shows, in PEM.
pub struct Certificate {
    pub chain: String,
    pub key: String,
}

impl Certificate {
    /// Writes it to where a server can read it.
    fn write(&self, folder: &Path, user: &str) -> [String; 2] {
        [("tls.crt", &self.chain), ("tls.key", &self.key)].map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            if is_root() {
                run(Command::new("chown").arg(user).arg(&path));
            }
            path.display().to_string()
        })
    }
}

/// Everything in a table, row by row, as texts.
pub type Rows = Vec<Vec<Option<String>>>;

impl Database {
    /// Those that there are; always SQLite.
    pub fn all() -> Vec<Self> {
        std::iter::once(Self::sqlite()).chain(Self::servers(None)).collect()
    }

    /// The servers that there are. One with a certificate takes no connection that is not encrypted.
    pub fn servers(tls: Option<&Certificate>) -> impl Iterator<Item = Self> {
        let servers = [("PostgreSQL", postgres(tls)), ("MariaDB", mariadb(tls))];
        servers.into_iter().filter_map(|(name, server)| {
            if server.is_none() {
                println!("NOT TESTED with {name}: it is not installed");
            }
            server
        })
    }

    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("read model?.db").display());
        Self::of("SQLite", url, None, folder)
    }

    fn of(name: &'static str, url: String, server: Option<Server>, folder: TempDir) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { name, url, runtime, server, _folder: folder }
    }

    /// Waits until it answers.
    fn started(mut self) -> Self {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.ask("SELECT 1").is_err() {
            let ended = self.server.as_mut().and_then(|server| server.running.try_wait().unwrap());
            assert!(ended.is_none() && Instant::now() < deadline, "{} does not start", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
        self
    }

    pub fn rows(&self, query: &str) -> Rows {
        self.ask(query).unwrap_or_else(|error| panic!("{}: {query}: {error}", self.name))
    }

    /// The same where there may be no such table yet.
    pub fn ask(&self, query: &str) -> Result<Rows, sqlx::Error> {
        install_default_drivers();
        // What this program is given is a path; the driver wants a URL.
        let url =
            self.url.replace("sqlite:", "sqlite://").replace(' ', "%20").replace("?.db", "%3F.db");
        let query = AssertSqlSafe(query.to_owned());
        self.runtime.block_on(async {
            let options: AnyConnectOptions = url.parse()?;
            let mut connection: AnyConnection = options.connect().await?;
            let rows = sqlx::query(query).fetch_all(&mut connection).await?;
            Ok(rows.iter().map(texts).collect())
        })
    }

    /// A column of times as a text.
    pub fn time(&self, column: &str) -> String {
        match self.name {
            "PostgreSQL" => {
                format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')")
            }
            "MariaDB" => format!("CAST({column} AS CHAR)"),
            _ => column.to_owned(),
        }
    }

    /// A column of JSON as a text.
    pub fn json(&self, column: &str) -> String {
        if self.name == "PostgreSQL" { format!("{column}::text") } else { column.to_owned() }
    }

    /// The bytes of all files of a database that is one.
    pub fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self._folder.path()).unwrap();
        // A journal goes when the last connection is closed, which may be just now.
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default()).collect()
    }
}

impl Database {
    /// Ends the server and all connections to it, as a crash would. A file has none.
    pub fn stop(&mut self) {
        let Some(server) = &mut self.server else { return };
        // Its own children go with it.
        let quit = if self.name == "PostgreSQL" { "-QUIT" } else { "-KILL" };
        let parent = server.running.id().to_string();
        // Where it was started for another user, the server is a child of what was started.
        let _ = Command::new("pkill").args([quit, "-P", &parent]).status();
        let _ = Command::new("kill").args([quit, &parent]).stderr(Stdio::null()).status();
        let _ = server.running.wait();
    }

    /// Starts the server again after [`stop`](Self::stop); it listens, and may not answer yet.
    pub fn start(&mut self) {
        let Some(server) = &mut self.server else { return };
        server.running = (server.start)();
        listening(server.port);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.stop();
    }
}

fn texts(row: &AnyRow) -> Vec<Option<String>> {
    let text = |column| match row.try_get::<Option<String>, _>(column) {
        Ok(text) => text,
        Err(_) => row.get::<Option<i64>, _>(column).map(|number| number.to_string()),
    };
    (0..row.len()).map(text).collect()
}

fn postgres(tls: Option<&Certificate>) -> Option<Database> {
    let (initdb, postgres) = (program("initdb")?, program("postgres")?);
    let folder = passable();
    let port = free_port();
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder.path()));
    }
    let data = folder.path().join("data");
    let mut init = as_user("postgres", &initdb);
    init.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]);
    run(init.current_dir("/"));
    let mut settings = Vec::new();
    if let Some(tls) = tls {
        let [certificate, key] = tls.write(folder.path(), "postgres");
        settings.push("ssl=on".to_owned());
        settings.push(format!("ssl_cert_file={certificate}"));
        settings.push(format!("ssl_key_file={key}"));
        // Else it takes both kinds of connection.
        let rules = data.join("pg_hba.conf");
        let text = std::fs::read_to_string(&rules).unwrap().replace("\nhost ", "\nhostssl ");
        std::fs::write(&rules, text).unwrap();
    }
    let server = Server::start(port, move || {
        let mut command = as_user("postgres", &postgres);
        command.arg("-D").arg(&data).args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]).current_dir("/");
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command
    });
    let url = format!("postgres://postgres:pass%20word@{}:{port}/postgres", host(tls));
    Some(Database::of("PostgreSQL", url, Some(server), folder).started())
}

fn mariadb(tls: Option<&Certificate>) -> Option<Database> {
    let (install, server) = (program("mariadb-install-db")?, program("mariadbd")?);
    let client = program("mariadb")?;
    let folder = passable();
    let port = free_port();
    let data = folder.path().join("data");
    let user = if is_root() { "--user=root" } else { "--skip-log-bin" };
    // Servers that start clean the folder of others' temporary tables, so each has its own.
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    run(Command::new(install)
        .env("TMPDIR", &temporary)
        .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal", user])
        .arg(format!("--datadir={}", data.display())));
    let socket = folder.path().join("socket");
    let at = format!("--socket={}", socket.display());
    let settings = tls.map_or(Vec::new(), |tls| {
        let [certificate, key] = tls.write(folder.path(), "root");
        vec![
            format!("--ssl-cert={certificate}"),
            format!("--ssl-key={key}"),
            "--require-secure-transport=ON".to_owned(),
        ]
    });
    let server = Server::start(port, move || {
        let mut command = Command::new(&server);
        command.env("TMPDIR", &temporary).args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
            user,
        ]);
        command.arg(format!("--datadir={}", data.display())).arg(format!("--port={port}"));
        command.arg(&at).args(&settings);
        command
    });
    let sql = "CREATE DATABASE audit CHARACTER SET utf8mb4; CREATE USER audit@'%' IDENTIFIED BY 'pass word'; \
               GRANT ALL ON audit.* TO audit@'%'";
    run(Command::new(client)
        .arg(format!("--socket={}", socket.display()))
        .args(["-u", "root", "-e", sql]));
    let url = format!("mariadb://audit:pass%20word@{}:{port}/audit", host(tls));
    Some(Database::of("MariaDB", url, Some(server), folder).started())
}

/// A certificate is of a name.
fn host(tls: Option<&Certificate>) -> &'static str {
    if tls.is_some() { "localhost" } else { "127.0.0.1" }
}

impl Server {
    fn start(port: u16, command: impl Fn() -> Command + 'static) -> Self {
        let start = Box::new(move || quiet(&mut command()).spawn().unwrap());
        let running = start();
        listening(port);
        Self { start, running, port }
    }
}

fn listening(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--"]).arg(program);
    command
}

/// A folder that another user comes through to.
fn passable() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps the programs of a PostgreSQL server below its version.
    let versions = (13..30).rev().map(|v| PathBuf::from(format!("/usr/lib/postgresql/{v}/bin")));
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(more).chain(versions);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}
