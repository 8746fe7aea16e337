//! The threads of the proxy. Each is a small proxy of its own, with its socket, its runtime and its
//! connections to the service, so that a request never changes threads and no two threads share a lock
//! that every request takes.

use std::sync::Arc;

use tokio::runtime;
use tokio::task::JoinSet;

use super::Proxy;
use crate::error::{Error, Result};
use crate::listener::{Drain, Listener, Socket};

/// The threads that run.
pub struct Workers {
    /// Each is done when the connections of its thread are.
    running: JoinSet<()>,
}

impl Workers {
    /// One thread for each socket, which accepts until the drain starts and is gone when it ends.
    pub fn start(sockets: Vec<Socket>, drain: &Drain, proxy: impl Fn() -> Proxy) -> Result<Self> {
        let mut running = JoinSet::new();
        for (number, socket) in sockets.into_iter().enumerate() {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let listener = {
                let _inside = runtime.enter();
                Listener::new(socket)?
            };
            let (proxy, drain) = (Arc::new(proxy()), drain.clone());
            let (done, is_done) = tokio::sync::oneshot::channel();
            let work = move || {
                runtime.block_on(run(listener, proxy, drain));
                // A name that is still being resolved is of use to nobody.
                runtime.shutdown_background();
                let _ = done.send(());
            };
            let thread = std::thread::Builder::new().name(format!("proxy-{number}"));
            thread.spawn(work).map_err(|e| Error::from(e).context("cannot start a worker"))?;
            running.spawn(async {
                let _ = is_done.await;
            });
        }
        Ok(Self { running })
    }

    pub async fn finished(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

async fn run(listener: Listener, proxy: Arc<Proxy>, drain: Drain) {
    let mut end = drain.clone();
    let serving = listener.serve(drain, |accepted| proxy.clone().serve(accepted));
    tokio::select! {
        () = proxy.upstream.attend() => {}
        () = proxy.freed.give_back() => {}
        () = serving => {}
        () = end.ended() => {}
    }
}
