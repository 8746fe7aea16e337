use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sealtrail_log::Recovery;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArg, output};
use crate::api::Api;
use crate::collector::Queue;
use crate::config::Config;
use crate::error::Result;
use crate::listener::{self, Listener, Socket, Tls};
use crate::proxy::identity::TokenKey;
use crate::proxy::upstream::{self, Upstream};
use crate::proxy::user_agent::UserAgent;
use crate::proxy::{self, Workers};
use crate::trail::Trail;

/// Runs the proxy, the collector and the API until SIGTERM or SIGINT
///
/// Prints every address that was bound. On a signal it takes nothing new, finishes what is under way
/// within `limits.drain`, and signs a last checkpoint.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    config: ConfigArg,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// How long a client may take for the head of a request to the API.
const API_HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the index follows the log on its own.
const FOLLOW: Duration = Duration::from_millis(500);

impl Serve {
    pub fn run(self) -> Result<u8> {
        self.log_format.install();
        // Everything that can be wrong is found before a port is bound.
        let config = self.config.read()?;
        if let Some(proxy) = &config.proxy {
            upstream::check_name(&proxy.upstream)?;
        }
        let read_token_key =
            || config.remembering.jwt_key.as_deref().map(TokenKey::read).transpose();
        let (proxy_key, api_key) = (read_token_key()?, read_token_key()?);
        let tls = config.proxy.as_ref().and_then(|proxy| proxy.tls.as_ref());
        let tls = tls.map(Tls::read).transpose()?;
        let (trail, recovery) = Trail::open(&config)?;
        tell_torn_tail(&recovery);
        let policy = &trail.policy_summary;
        tracing::info!(
            origin = trail.origin,
            records = recovery.lines,
            policy = policy.id,
            policy_version = policy.version,
            policy_sha256 = policy.sha256,
            engine_sha256 = trail.sandbox.name().sha256,
            "log opened"
        );
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let trail = Arc::new(trail);
        let served = runtime.block_on(serve(&config, trail.clone(), tls, proxy_key, api_key));
        // What did not finish within the drain is dropped here, and its hold on the log with it.
        runtime.shutdown_timeout(Duration::from_secs(5));
        let size = trail.size();
        match Arc::try_unwrap(trail) {
            Ok(trail) => trail.close()?,
            Err(_) => tracing::warn!("work was still under way; the last checkpoint is missing"),
        }
        tracing::info!(records = size, "log closed");
        served.map(|()| 0)
    }
}

async fn serve(
    config: &Config,
    trail: Arc<Trail>,
    tls: Option<Tls>,
    proxy_key: Option<TokenKey>,
    api_key: Option<TokenKey>,
) -> Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, drain) = listener::drain();
    let mut listeners = tokio::task::JoinSet::new();
    let mut workers = None;

    if let Some(proxy) = &config.proxy {
        let sockets = Socket::bind_many(&proxy.listen, proxy.workers)?;
        output::print_line(format!("proxy listening on {}", sockets[0].place()?).as_bytes())?;
        let token_key = proxy_key.map(Arc::new);
        let tls = tls.map(Arc::new);
        let of_one_worker = || proxy::Proxy {
            upstream: Arc::new(Upstream::new(proxy)),
            config: proxy.clone(),
            tls: tls.clone(),
            memory: trail.memory.clone(),
            trusted: config.remembering.trusted_proxies.clone(),
            token_key: token_key.clone(),
            metrics: trail.metrics.clone(),
        };
        workers = Some(Workers::start(sockets, &drain, of_one_worker)?);
    }
    if let Some(api) = &config.api {
        let service = Arc::new(Api {
            trail: trail.clone(),
            queue: Queue::new(config.limits.queue),
            token_key: api_key,
            hosts: api.hosts.clone(),
        });
        for listen in &api.listen {
            let socket = Socket::bind(listen)?;
            output::print_line(format!("api listening on {}", socket.place()?).as_bytes())?;
            let service = service.clone();
            listeners.spawn(Listener::new(socket)?.serve(drain.clone(), move |accepted| {
                let service = service.connect(accepted.peer);
                listener::serve_http1(accepted, API_HEADER_TIMEOUT, service)
            }));
        }
    }
    tokio::task::spawn_blocking(UserAgent::warm_up);
    let follower = tokio::spawn(follow(trail));

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("draining");
    stop.start();
    follower.abort();
    let drained = async {
        while listeners.join_next().await.is_some() {}
        if let Some(workers) = &mut workers {
            workers.finished().await;
        }
    };
    if tokio::time::timeout(config.limits.drain, drained).await.is_err() {
        tracing::warn!("connections were still open at the end of `limits.drain`");
    }
    stop.end();
    listeners.shutdown().await;
    if let Some(workers) = &mut workers {
        workers.finished().await;
    }
    Ok(())
}

/// Lets the index follow the log also when nobody asks, so that the first question after a busy hour
/// does not wait for it.
async fn follow(trail: Arc<Trail>) {
    loop {
        tokio::time::sleep(FOLLOW).await;
        let trail = trail.clone();
        let followed = tokio::task::spawn_blocking(move || trail.questions.follow()).await;
        if let Ok(Err(error)) = followed {
            tracing::error!(%error, "the index cannot follow the log");
        }
    }
}

/// Says what a crash had left, if it left something, and what no crash takes.
pub fn tell_torn_tail(recovery: &Recovery) {
    if let Some(torn) = &recovery.torn {
        eprintln!(
            "note: a last line of {} bytes had been cut by a crash and was set aside in {}; it was never acknowledged",
            torn.bytes,
            torn.path.display()
        );
    }
    if recovery.missing > 0 {
        eprintln!(
            "warning: {} records from record {} on were on disk and are gone; no crash does that: the disk has lost them, \
             or somebody took them",
            recovery.missing, recovery.lines
        );
    }
}

impl LogFormat {
    pub fn install(self) {
        let filter = tracing_subscriber::EnvFilter::try_from_env("SEALTRAIL_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        match self {
            LogFormat::Text => log.with_target(false).init(),
            LogFormat::Json => log.json().flatten_event(true).init(),
        }
    }
}
