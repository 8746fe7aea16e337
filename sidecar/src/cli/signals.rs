//! What an operator or an orchestrator tells a running server.
//!
//! | signal | |
//! |---|---|
//! | SIGTERM, SIGINT | the first drains; the second ends the process at once, as the signal itself would. Two within a quarter of a second are one: `timeout` and shells signal a process and its group |
//! | SIGHUP | reads policy and keys again |
//!
//! SIGPIPE is ignored, as Rust does: a peer that goes away is an error of its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::error::Result;

/// Nobody asks twice in so short a time.
const ONE_SIGNAL: Duration = Duration::from_millis(250);

/// A thread of its own listens until the process ends, so that a second signal also ends a server that hangs
/// while it closes.
pub struct Signals {
    stopping: watch::Receiver<bool>,
    pub hangups: Arc<Notify>,
}

impl Signals {
    pub fn install() -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let hangups = Arc::new(Notify::new());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handlers = {
            let _entered = runtime.enter();
            Handlers {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hangup: signal(SignalKind::hangup())?,
            }
        };
        let notify = hangups.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || runtime.block_on(handlers.listen(&stop, &notify)))?;
        Ok(Self { stopping, hangups })
    }

    /// Waits for the first signal to stop.
    pub async fn stop(&mut self) {
        // An error means that nobody listens any more, and then nobody could stop it later either.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

struct Handlers {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Handlers {
    async fn listen(mut self, stop: &watch::Sender<bool>, hangups: &Notify) {
        let mut first = None;
        loop {
            let kind = tokio::select! {
                _ = self.terminate.recv() => SignalKind::terminate(),
                _ = self.interrupt.recv() => SignalKind::interrupt(),
                _ = self.hangup.recv() => {
                    hangups.notify_one();
                    continue;
                }
            };
            stop.send_replace(true);
            if first.get_or_insert_with(Instant::now).elapsed() > ONE_SIGNAL {
                tracing::warn!("stopped by a second signal; the last checkpoint may be missing");
                crate::logging::flush();
                // As a shell tells of a process that a signal has ended.
                std::process::exit(128 + kind.as_raw_value());
            }
        }
    }
}
