use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sealtrail_log::Recovery;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::restart_only::RestartOnly;
use super::signals::Signals;
use super::{ConfigArg, output};
use crate::access::{Gate, Refusals};
use crate::acts;
use crate::api::{Api, Untaken};
use crate::collector::{self, Queue};
use crate::config::Config;
use crate::error::Result;
use crate::jwt::Source;
use crate::listener::{self, Listener, Socket, Tls};
use crate::logging::{Access, LogFormat};
use crate::modes;
use crate::proxy::upstream::{self, Upstream};
use crate::proxy::user_agent::UserAgent;
use crate::proxy::{self, Workers};
use crate::reload::{Live, Reload};
use crate::trail::Trail;
use crate::wiped_memory;

/// Runs the proxy, the collector and the API until SIGTERM or SIGINT
///
/// Prints every address that was bound. On SIGTERM or SIGINT it takes nothing new, finishes what is under
/// way within `limits.drain`, and signs a last checkpoint; a second signal ends it at once. On SIGHUP it
/// reads the policy, the guest, the keys of tokens and the certificate again; if any of them is refused, all stay as they
/// were.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    config: ConfigArg,
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How long a client may take for the head of a request to the API.
const API_HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the index follows the log on its own.
const FOLLOW: Duration = Duration::from_millis(500);

/// How long the start waits until the keys are compared with the erasures in the log. That is a matter of milliseconds,
/// unless the index has to be made again.
const COMPARE: Duration = Duration::from_secs(10);

impl Serve {
    pub fn run(self) -> Result<u8> {
        let _logging = self.log_format.install();
        // Everything that can be wrong is found before a port is bound.
        let config = self.config.read()?;
        let restart_only = RestartOnly::of(self.config.config.clone())?;
        if let Some(proxy) = &config.proxy {
            upstream::check_name(&proxy.upstream)?;
        }
        let mut reload = Reload::default();
        let token_keys = config.remembering.jwt_keys.as_ref();
        let token_keys = token_keys.map(|keys| Source::open(keys, &mut reload)).transpose()?;
        let gate = Gate::open(&config.access, token_keys.clone(), &mut reload)?;
        let tls = live_tls(&config, &mut reload)?;
        let (trail, recovery) = Trail::open(&config)?;
        trail.reload_policy(&mut reload, &config, self.config.config.clone());
        tell_torn_tail(&recovery);
        tracing::info!(origin = trail.origin, records = recovery.lines, "log opened");
        if modes::is_open_to_all(&config.log_dir) {
            let folder = config.log_dir.display();
            tracing::warn!(%folder, "everybody on this machine may read the log; `chmod -R o=` closes it");
        }
        tell_policy(&trail, "policy loaded");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let trail = Arc::new(trail);
        let served = runtime.block_on(serve(
            &config,
            trail.clone(),
            tls,
            token_keys,
            gate,
            reload,
            restart_only,
        ));
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
    tls: Option<Arc<Live<Tls>>>,
    token_keys: Option<Source>,
    gate: Gate,
    reload: Reload,
    restart_only: RestartOnly,
) -> Result<()> {
    let mut signals = Signals::install()?;
    let (stop_proxy, proxy_drain) = listener::drain();
    let (stop_api, api_drain) = listener::drain();
    compare_keys(&trail).await;
    let mut apis = JoinSet::new();
    let mut workers = None;

    if let Some(proxy) = &config.proxy {
        let sockets = Socket::bind_many(&proxy.listen, proxy.workers)?;
        output::print_line(format!("proxy listening on {}", sockets[0].place()?).as_bytes())?;
        let of_one_worker = || proxy::Proxy {
            upstream: Arc::new(Upstream::new(proxy)),
            config: proxy.clone(),
            tls: tls.clone(),
            memory: trail.memory.clone(),
            trust: config.remembering.trust.clone(),
            tracing: proxy.tracing,
            token_keys: token_keys.clone(),
            metrics: trail.metrics.clone(),
            access: Access::of(&config.log, "proxy"),
            freed: proxy::Freed::default(),
        };
        workers = Some(Workers::start(sockets, &proxy_drain, of_one_worker)?);
    }
    if let Some(api) = &config.api {
        let service = Arc::new(Api {
            trail: trail.clone(),
            queue: Queue::new(config.limits.queue),
            untaken: Untaken::new(config.limits.answers),
            turns: Arc::default(),
            gate,
            refusals: Refusals::default(),
            hosts: api.hosts.clone(),
            access: Access::of(&config.log, "api"),
        });
        let limits = listener::Limits { header: API_HEADER_TIMEOUT, write: api.write_timeout };
        for listen in &api.listen {
            let socket = Socket::bind(listen)?;
            output::print_line(format!("api listening on {}", socket.place()?).as_bytes())?;
            let service = service.clone();
            apis.spawn(Listener::new(socket)?.serve(api_drain.clone(), move |accepted| {
                let service = service.clone();
                let connect = move |peer, verdict| service.connect(peer, verdict);
                listener::serve_http1(accepted, limits, connect)
            }));
        }
    }
    let seen_ids = trail.seen_ids.clone();
    let ids = tokio::task::spawn_blocking(move || seen_ids.warm_up());
    let agents = tokio::task::spawn_blocking(UserAgent::warm_up);
    tokio::spawn(async move {
        let _ = (ids.await, agents.await);
        // To begin takes more than to go on: two megabytes of tables alone.
        wiped_memory::give_back();
    });
    let drainer = tokio::spawn(collector::drain_spool(trail.clone()));
    let follower = tokio::spawn(follow(trail.clone()));
    let memory = trail.memory.clone();
    let forgetter = tokio::spawn(async move { memory.forget_in_time().await });
    let reloader =
        tokio::spawn(reload_on(signals.hangups.clone(), trail.clone(), reload, restart_only));

    notify_systemd(sd_notify::NotifyState::Ready);
    signals.stop().await;
    tracing::info!("draining");
    notify_systemd(sd_notify::NotifyState::Stopping);
    trail.start_draining();
    reloader.abort();
    // The service may still have changes to send for requests that the proxy has under way, so the API
    // stays until they are done, and keeps a share of the time for itself.
    let began = Instant::now();
    stop_proxy.start();
    let is_proxy_done = match &mut workers {
        Some(workers) => in_time(workers.finished(), began + config.limits.drain * 3 / 4).await,
        None => true,
    };
    stop_api.start();
    let is_api_done = in_time(finished(&mut apis), began + config.limits.drain).await;
    follower.abort();
    drainer.abort();
    forgetter.abort();
    if !(is_proxy_done && is_api_done) {
        tracing::warn!("connections were still open at the end of `limits.drain`");
    }
    stop_proxy.end();
    stop_api.end();
    apis.shutdown().await;
    if let Some(workers) = &mut workers {
        workers.finished().await;
    }
    Ok(())
}

/// Before anybody is served, so that no record is sealed with a key that the log says was destroyed. Nothing is opened
/// with one in any case: a reveal waits.
async fn compare_keys(trail: &Arc<Trail>) {
    let trail = trail.clone();
    let compared = tokio::task::spawn_blocking(move || trail.returned.look(&trail));
    match tokio::time::timeout(COMPARE, compared).await {
        Ok(Ok(Err(error))) => {
            tracing::error!(%error, "the keys cannot be compared with the erasures in the log");
        }
        Ok(_) => {}
        Err(_) => {
            tracing::warn!("the keys are compared with the erasures in the log while it is served")
        }
    }
}

/// Waits until the last connection of all listeners is done.
async fn finished(listeners: &mut JoinSet<()>) {
    while listeners.join_next().await.is_some() {}
}

/// Whether something was done before the deadline.
async fn in_time(work: impl Future<Output = ()>, deadline: Instant) -> bool {
    tokio::time::timeout_at(deadline, work).await.is_ok()
}

/// Where systemd did not start it, nobody is told.
fn notify_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

fn live_tls(config: &Config, reload: &mut Reload) -> Result<Option<Arc<Live<Tls>>>> {
    let files = config.proxy.as_ref().and_then(|proxy| proxy.tls.clone());
    let Some(files) = files else { return Ok(None) };
    let live = Arc::new(Live::new(Tls::read(&files)?));
    reload.add(&live, move || Tls::read(&files));
    Ok(Some(live))
}

async fn reload_on(
    hangups: Arc<Notify>,
    trail: Arc<Trail>,
    reload: Reload,
    restart_only: RestartOnly,
) {
    let reload = Arc::new(reload);
    loop {
        hangups.notified().await;
        let reload = reload.clone();
        match tokio::task::spawn_blocking(move || reload.run()).await {
            Ok(Ok(())) => {
                trail.metrics.reloads.add(1);
                tell_policy(&trail, "reloaded");
                let keys = restart_only.changed().join(", ");
                if !keys.is_empty() {
                    tracing::warn!(
                        keys,
                        "changed in the configuration, where only a restart reads it"
                    );
                }
            }
            Ok(Err(error)) => {
                trail.metrics.reloads_refused.add(1);
                let code = error.code().name();
                tracing::error!(%error, code, "the reload is refused; what was loaded stays");
            }
            Err(_) => return,
        }
    }
}

fn tell_policy(trail: &Trail, what: &str) {
    let live = trail.policy.get();
    let policy = live.summary();
    tracing::info!(
        policy = policy.id,
        policy_version = policy.version,
        policy_sha256 = policy.sha256,
        engine_sha256 = live.sandbox().name().sha256,
        "{what}"
    );
}

/// Lets the index follow the log also when nobody asks, so that the first question after a busy hour
/// does not wait for it; tells the operator what the log does not say by itself; and makes up the records of erasures that
/// found no room.
async fn follow(trail: Arc<Trail>) {
    loop {
        tokio::time::sleep(FOLLOW).await;
        let trail = trail.clone();
        let follow = move || {
            trail.tell_delay();
            acts::catch_up(&trail);
            trail.questions.follow()
        };
        let followed = tokio::task::spawn_blocking(follow).await;
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
