//! The processes of the demo: the sidecar and the shop behind it. Both end with the demo, however
//! it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The secret of the shop's tokens; the sidecar gets it too, to verify who asks.
pub const JWT_SECRET: &str = "a demo secret of forty characters or so!";

/// Everything that runs, and where it is.
pub struct Shop {
    pub sealtrail: PathBuf,
    pub folder: PathBuf,
    pub proxy: String,
    pub api: String,
    /// What `init` printed, to be kept somewhere else.
    pub vkey: String,
    sidecar: Process,
    service: Process,
}

impl Shop {
    /// `sealtrail init`, `sealtrail serve`, and the shop.
    pub fn start(root: &Path, sealtrail: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = folder.join("shop-trail");
        let upstream = format!("http://127.0.0.1:{port}");
        let made = run(Command::new(sealtrail)
            .args(["init", "--json"])
            .arg(&folder)
            .args(["--origin", "shop.example/audit", "--upstream", &upstream])
            .args(["--proxy-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"]))?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        let vkey = made["vkey"].as_str().context("`init` gave no verifier key")?.to_owned();
        fs::copy(root.join("examples/shop/policy.json"), folder.join("policy.json"))?;
        let secret = folder.join("keys/jwt.secret");
        fs::write(&secret, JWT_SECRET)?;
        // The sidecar refuses a secret that everybody can read.
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let file = folder.join("sealtrail.toml");
        let text = fs::read_to_string(&file)?
            .replace("# jwt_key = \"keys/jwt.pem\"", "jwt_key = \"keys/jwt.secret\"");
        fs::write(&file, text)?;

        let mut sidecar = Process::start(
            Command::new(sealtrail).args(["serve", "--config"]).arg(&file),
            folder.join("serve.log"),
        )?;
        let proxy = sidecar.line("proxy listening on ")?;
        let api = sidecar.line("api listening on ")?;
        let mut service = Process::start(
            Command::new("node")
                .arg("server.js")
                .current_dir(root.join("examples/shop"))
                .env("PORT", port.to_string())
                .env("SEALTRAIL_URL", format!("http://{api}"))
                .env("JWT_SECRET", JWT_SECRET),
            folder.join("shop.log"),
        )?;
        service.line("shop: ")?;
        let (proxy, api) = (format!("http://{proxy}"), format!("http://{api}"));
        Ok(Self { sealtrail: sealtrail.to_owned(), folder, proxy, api, vkey, sidecar, service })
    }

    pub fn stop(mut self) -> Result<PathBuf> {
        self.service.terminate()?;
        self.sidecar.terminate()?;
        Ok(self.folder)
    }
}

/// A child process that never outlives the demo.
struct Process {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// What it says on standard error.
    log: PathBuf,
}

impl Process {
    fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
        let stdout = child.stdout.take().context("the process has no output")?;
        Ok(Self { child, stdout: BufReader::new(stdout), log })
    }

    /// Waits for a line that begins like this, and gives its rest.
    fn line(&mut self, prefix: &str) -> Result<String> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line)? > 0 {
            if let Some(rest) = line.trim().strip_prefix(prefix) {
                return Ok(rest.to_owned());
            }
            line.clear();
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        bail!("a process of the demo ended without saying `{prefix}…`: {said}")
    }

    /// SIGTERM, and time to end in order.
    fn terminate(&mut self) -> Result<()> {
        run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("a process of the demo ended with {status}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("a process of the demo did not end on SIGTERM")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must succeed; gives what it printed.
pub fn run(command: &mut Command) -> Result<String> {
    let (code, text) = run_for_code(command)?;
    match code {
        0 => Ok(text),
        code => bail!("`{}` ended with code {code}: {text}", command.get_program().display()),
    }
}

/// Runs a command; gives its exit code and what it printed.
pub fn run_for_code(command: &mut Command) -> Result<(i32, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned()))
}
