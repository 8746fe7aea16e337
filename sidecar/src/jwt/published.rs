//! A JWK Set at a URL (the `jwks_uri` of OpenID Connect Discovery 1.0 §3).
//!
//! It is asked for at the start, every ten minutes, on SIGHUP, and soon after a token named a key that it did not have. As
//! long as it cannot be had the last one counts: an issuer that is down takes no keys away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri, header};
use tokio::runtime::Runtime;

use super::keys::Keys;
use crate::error::Result;
use crate::https::{Transport, roots_of, roots_of_the_web};
use crate::metrics::Counter;
use crate::reload::Live;

/// Between two fetches, as long as all goes well.
const REFRESH: Duration = Duration::from_mins(10);

/// Between two fetches because of tokens: anybody can send one.
const AT_LEAST: Duration = Duration::from_secs(30);

/// After the first failure, then twice that, up to [`REFRESH`].
const AGAIN: Duration = Duration::from_secs(5);

/// How long a start waits for the first answer.
const FIRST: Duration = Duration::from_secs(6);

/// Where a set is published.
pub struct Publisher {
    url: Uri,
    transport: Transport,
}

/// Fetches on a thread of its own, as long as it lives.
pub struct Follower {
    asks: Sender<Ask>,
    is_missed: Arc<AtomicBool>,
    fetches: Arc<Fetches>,
}

/// How often the issuer answered with keys, and how often not.
#[derive(Default)]
pub struct Fetches {
    pub good: Counter,
    pub failed: Counter,
}

enum Ask {
    Now,
    Missed,
}

impl Publisher {
    /// `ca` is a file of certificates that are trusted instead of those of the web.
    pub fn new(url: Uri, ca: Option<&Path>) -> Result<Self> {
        let roots = match ca {
            Some(path) => roots_of(path)?,
            None => roots_of_the_web(),
        };
        Ok(Self { url, transport: Transport::new(roots)? })
    }

    /// Where it is, without the query, in which there may be a secret.
    fn place(&self) -> String {
        let url = self.url.to_string();
        url.split('?').next().unwrap_or_default().to_owned()
    }

    /// The error is for the operator's log.
    async fn fetch(&self) -> Result<Keys, String> {
        let request = Request::get(self.url.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let response = self.transport.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("expected 200, got {}", response.status().as_u16()));
        }
        Keys::of_set(response.body()).map_err(|error| error.message().to_owned())
    }
}

impl Follower {
    /// Comes back when the issuer has answered or failed once, or has taken too long for a start.
    pub fn start(publisher: Publisher, keys: Arc<Live<Keys>>) -> Result<Self> {
        let (asks, asked) = channel();
        let (first, answered) = sync_channel(1);
        let is_missed = Arc::new(AtomicBool::new(false));
        let fetches = Arc::new(Fetches::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let following = Following {
            publisher,
            keys,
            fetches: fetches.clone(),
            is_missed: is_missed.clone(),
            runtime,
        };
        let run = move || following.run(&asked, &first);
        std::thread::Builder::new().name("jwks".into()).spawn(run)?;
        let _ = answered.recv_timeout(FIRST);
        Ok(Self { asks, is_missed, fetches })
    }

    pub fn ask_now(&self) {
        let _ = self.asks.send(Ask::Now);
    }

    /// A token names a key that is not there: it may be a new one, or any word.
    pub fn missed(&self) {
        if !self.is_missed.swap(true, Ordering::Relaxed) {
            let _ = self.asks.send(Ask::Missed);
        }
    }

    pub fn fetches(&self) -> &Fetches {
        &self.fetches
    }
}

struct Following {
    publisher: Publisher,
    keys: Arc<Live<Keys>>,
    fetches: Arc<Fetches>,
    is_missed: Arc<AtomicBool>,
    runtime: Runtime,
}

impl Following {
    fn run(self, asked: &Receiver<Ask>, first: &SyncSender<()>) {
        let mut failures = 0;
        loop {
            self.is_missed.store(false, Ordering::Relaxed);
            match self.runtime.block_on(self.publisher.fetch()) {
                Ok(keys) => {
                    tracing::info!(
                        url = self.publisher.place(),
                        keys = keys.len(),
                        "keys of the issuer fetched"
                    );
                    self.keys.set(keys);
                    self.fetches.good.add(1);
                    failures = 0;
                }
                Err(why) => {
                    let url = self.publisher.place();
                    tracing::warn!(url, %why, "the keys of the issuer cannot be fetched; those that are known stay");
                    self.fetches.failed.add(1);
                    failures += 1;
                }
            }
            let _ = first.try_send(());
            if !wait(asked, Instant::now(), failures) {
                return;
            }
        }
    }
}

/// Until the next fetch is due; false when nobody needs keys any more.
fn wait(asked: &Receiver<Ask>, fetched: Instant, failures: u32) -> bool {
    let pause = match failures {
        0 => REFRESH,
        n => REFRESH.min(AGAIN * 2u32.saturating_pow(n - 1).min(128)),
    };
    let mut due = fetched + pause;
    loop {
        match asked.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Ask::Missed) => due = due.min(fetched + AT_LEAST),
            Ok(Ask::Now) | Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(span: Duration) -> Instant {
        Instant::now().checked_sub(span).unwrap()
    }

    #[test]
    fn a_token_brings_the_next_fetch_forward_and_nobody_ends_it() {
        let (asks, asked) = channel();
        asks.send(Ask::Missed).unwrap();
        assert!(wait(&asked, ago(AT_LEAST), 0), "half a minute is over");
        asks.send(Ask::Now).unwrap();
        assert!(wait(&asked, Instant::now(), 0));
        assert!(wait(&asked, ago(AGAIN), 1), "a failure is tried again soon");
        assert!(wait(&asked, ago(REFRESH), 30));
        // Too early for another fetch, and then there is nobody to fetch for.
        asks.send(Ask::Missed).unwrap();
        drop(asks);
        assert!(!wait(&asked, Instant::now(), 0));
    }
}
