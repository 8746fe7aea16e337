use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::super::{input, output};
use crate::code::Code;
use crate::config::Listen;
use crate::error::{Error, Result};
use crate::listener::{self, Limits, Listener, Socket};
use crate::logging::LogFormat;
use crate::witness::{Service, Witness};

/// Cosigns what logs hand in over HTTP (C2SP tlog-witness), until SIGTERM or SIGINT
///
/// `POST /add-checkpoint` cosigns, `GET /<SHA-256 of the origin>/checkpoint` shows what was cosigned last.
/// Nobody is asked for a password: only checkpoints that a known log signed are cosigned.
#[derive(Args)]
pub struct Serve {
    /// The folder of the witness
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The verifier key of a log, or a file that holds it; may be given several times
    #[arg(long = "log", value_name = "KEY|FILE", required = true)]
    logs: Vec<String>,
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How long a client may take.
const LIMITS: Limits = Limits { header: Duration::from_secs(30), write: Duration::from_mins(1) };

/// How long requests that are under way may take after a signal.
const DRAIN: Duration = Duration::from_secs(10);

impl Serve {
    pub fn run(self) -> Result<u8> {
        let _logging = self.log_format.install();
        let mut logs = Vec::new();
        for log in &self.logs {
            let key = input::read_verifier_key(log)
                .map_err(|e| Error::new(Code::KeyFile, e.message().replace("--vkey", "--log")))?;
            if logs.contains(&key) {
                let message = format!("--log: the key of `{}` is given twice", key.name());
                return Err(Error::new(Code::WrongUse, message));
            }
            logs.push(key);
        }
        let witness = Witness::open(&self.state)?;
        for log in &logs {
            // A state that cannot be read is told now and not at the first request.
            witness.last(log.name())?;
        }
        let key = witness.key();
        tracing::info!(witness = key.to_string(), logs = logs.len(), "witness opened");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(serve(self.listen, Service::new(witness, logs)))?;
        Ok(0)
    }
}

async fn serve(address: SocketAddr, service: Service) -> Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, drain) = listener::drain();
    let socket = Socket::bind(&Listen::Address(address))?;
    output::print_line(format!("witness listening on {}", socket.place()?).as_bytes())?;
    let listener = Listener::new(socket)?;
    let serving = tokio::spawn(listener.serve(drain, move |accepted| {
        let service = service.clone();
        listener::serve_http1(accepted, LIMITS, |_, _| service)
    }));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.start();
    if tokio::time::timeout(DRAIN, serving).await.is_err() {
        tracing::warn!("connections were still open at the end");
    }
    Ok(())
}
