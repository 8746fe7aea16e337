//! The opened log, keyring, index and sandbox of one configuration, together: what `serve`, `append`,
//! `reveal` and `shred` work on.

mod kek_change;
mod keys;
#[cfg(test)]
mod of_test;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtrail_keyring::Keyring;
use sealtrail_log::proof::{SigningKey, VerifierKey};
use sealtrail_log::{Log, Options, Recovery, Signer};
use sealtrail_record::json;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::acts::{self, Unrecorded};
use crate::code::Code;
use crate::collector::{KeySource, Outcome, Pairing, Receipt, SeenIds, Source, Spool, WhenFull};
use crate::config::{Config, KekSource, KeyScope, Limits, Retention, read_secret_file};
use crate::engine::{Guest, Policy, Sandbox};
use crate::erasure::Returned;
use crate::error::{Error, Result};
use crate::keys_in_use::KeysInUse;
use crate::leases::Leases;
use crate::metrics::Metrics;
use crate::proxy::request_memory::RequestMemory;
use crate::questions::{Questions, STORED};
use crate::reload::{Live, Reload};

pub use keys::{Known, keys_of_subject};

pub struct Trail {
    pub origin: String,
    pub keyring: Keyring,
    pub keyring_dir: PathBuf,
    kek: KekSource,
    /// Held by whoever changes the key-encryption key.
    changing_kek: Mutex<()>,
    pub key_scope: KeyScope,
    pub returned: Returned,
    pub questions: Questions,
    pub metrics: Arc<Metrics>,
    pub memory: Arc<RequestMemory>,
    pub seen_ids: Arc<SeenIds>,
    pub pairing: Arc<Pairing>,
    pub when_full: WhenFull,
    pub block_at_most: Duration,
    /// There where it is configured, or where an earlier process has left one.
    pub spool: Option<Spool>,
    pub limits: Limits,
    pub retention: Retention,
    pub leases: Arc<Leases>,
    pub in_use: Arc<KeysInUse>,
    /// Held from the plan of a removal or a hold until it is done, so that its record says what was done.
    pub retaining: Mutex<()>,
    pub unrecorded: Unrecorded,
    pub policy: Arc<Live<Policy>>,
    log: Log,
    /// True when the server has been told to stop.
    draining: watch::Sender<bool>,
    /// Whether the operator was told that the log has refused for good.
    is_told: AtomicBool,
    /// Whether the operator knows that records wait for a checkpoint.
    is_delay_told: AtomicBool,
    /// Whether the operator knows that the disk is full.
    is_full_told: AtomicBool,
}

/// What compressing has made of how many bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Compression {
    pub segments: u64,
    pub before: u64,
    pub after: u64,
}

/// The longest record the log takes here.
const MAX_RECORD: usize = 16 << 20;

impl Trail {
    /// Reads policy and keys, then takes the locks of keyring and log and recovers both.
    pub fn open(config: &Config) -> Result<(Self, Recovery)> {
        let metrics = Arc::<Metrics>::default();
        let sandbox = Sandbox::configured(&config.engine, &config.limits)?;
        let sandbox = sandbox.measured_by(metrics.clone());
        let policy = read_policy(&sandbox, &config.policy)?;
        let (signer, _) = read_signer(config)?;

        let options = Options {
            checkpoint_interval: config.checkpoint_interval,
            fill_ahead: if config.fill_ahead { Options::default().fill_ahead } else { 0 },
            max_line_bytes: MAX_RECORD,
            max_queued_bytes: config.limits.queue.max(MAX_RECORD),
            segment_bytes: config.retention.segment,
        };
        let (log, recovery) = Log::open(&config.log_dir, signer, options)?;
        let keyring = config.kek.open_keyring(&config.keyring_dir)?;
        let questions = Questions::open(log.reader().clone(), &config.index_dir, &config.origin)?
            .with_nobody(&config.anonymised_actor);
        let leases = Arc::new(Leases::new(config.leases, &keyring)?);
        let remembering = &config.remembering;
        let trail = Self {
            origin: config.origin.clone(),
            keyring,
            keyring_dir: config.keyring_dir.clone(),
            kek: config.kek.clone(),
            changing_kek: Mutex::default(),
            key_scope: config.key_scope,
            returned: Returned::default(),
            questions,
            metrics,
            memory: Arc::new(RequestMemory::new(
                remembering.remember,
                remembering.at_most,
                remembering.size,
            )),
            when_full: config.collector.when_full,
            block_at_most: config.collector.block_at_most,
            spool: open_spool(config)?,
            pairing: Arc::new(Pairing::new(config.collector.join_window)),
            seen_ids: Arc::new(SeenIds::new(config.collector.remember_ids, log.reader().clone())),
            limits: config.limits.clone(),
            retention: config.retention.clone(),
            leases,
            in_use: Arc::default(),
            retaining: Mutex::default(),
            unrecorded: Unrecorded::default(),
            policy: Arc::new(Live::new(policy)),
            log,
            draining: watch::Sender::new(false),
            is_told: AtomicBool::new(false),
            is_delay_told: AtomicBool::new(false),
            is_full_told: AtomicBool::new(false),
        };
        trail.take_up_spool()?;
        acts::catch_up_at_start(&trail)?;
        Ok((trail, recovery))
    }

    /// Reads the policy, and the guest that reads it, again when everything else is.
    pub fn reload_policy(&self, reload: &mut Reload, config: &Config, file: PathBuf) {
        let (policy, path) = (self.policy.clone(), config.policy.clone());
        let limits = config.limits.clone();
        reload.add(&self.policy, move || {
            let engine = Config::read(&file)?.engine;
            let sandbox = policy.get().sandbox().configured_again(&engine, &limits)?;
            read_policy(&sandbox, &path)
        });
    }

    /// What changes are sealed in now.
    pub fn sandbox(&self) -> Sandbox {
        self.policy.get().sandbox().clone()
    }

    /// What records are sealed with.
    pub fn key_source(&self) -> KeySource<'_> {
        let Self { keyring, returned, key_scope, .. } = self;
        KeySource { keyring, returned, scope: *key_scope }
    }

    /// What preparing a change takes.
    pub fn source<'a>(&'a self, policy: &'a Policy) -> Source<'a> {
        Source {
            origin: &self.origin,
            policy,
            sandbox: policy.sandbox(),
            keys: self.key_source(),
            in_use: &self.in_use,
            memory: Some(&self.memory),
            seen_ids: &self.seen_ids,
            max_change: self.limits.line,
            max_record: MAX_RECORD,
        }
    }

    /// Bytes of the longest record that is kept.
    pub fn max_record(&self) -> usize {
        MAX_RECORD
    }

    /// A fresh guest without a policy, for opening and for acts.
    pub fn guest(&self) -> Result<Guest> {
        self.sandbox().guest()
    }

    /// Appends and waits until it is durable.
    pub fn append(&self, lines: Vec<Vec<u8>>) -> Result<Range<u64>> {
        if lines.is_empty() {
            return Ok(0..0);
        }
        self.log.append(lines).map_err(|error| self.note(error))
    }

    /// The same for changes, which do not go past those that are spooled.
    pub fn append_changes(&self, lines: Vec<Vec<u8>>) -> Result<Range<u64>> {
        if !lines.is_empty() && self.spool.as_ref().is_some_and(|spool| !spool.is_empty()) {
            let message = "earlier records wait in the spool";
            return Err(Error::new(Code::LogUnavailable, message));
        }
        self.append(lines)
    }

    /// Appends; `done` is told when it is durable, on the log's commit thread.
    pub fn try_append_then(
        self: Arc<Self>,
        lines: Vec<Vec<u8>>,
        done: impl FnOnce(Result<Range<u64>, sealtrail_log::Error>) + Send + 'static,
    ) {
        if lines.is_empty() {
            return done(Ok(0..0));
        }
        let trail = self.clone();
        self.log.append_then(lines, move |appended| {
            done(appended.inspect_err(|error| trail.tell(error)));
        });
    }

    /// Gives all that is spooled to the log.
    pub fn drain_spool(&self) -> Result<()> {
        let Some(spool) = &self.spool else { return Ok(()) };
        let into_log = |lines: &[Vec<u8>]| {
            for (index, line) in self.append(lines.to_vec())?.zip(lines) {
                self.seen_ids.drained(line, index);
            }
            Ok(())
        };
        while spool.drain(into_log)? {}
        Ok(())
    }

    /// Goes on with what a process before this one has spooled.
    fn take_up_spool(&self) -> Result<()> {
        let Some(spool) = self.spool.as_ref().filter(|spool| !spool.is_empty()) else {
            return Ok(());
        };
        spool.pass_over(|line| self.has_record_of(line))?;
        spool.for_each(|line| {
            if let Err(error) = self.seen_ids.spooled(line) {
                tracing::warn!(%error, "the id of a spooled change is not known");
            }
        })?;
        let lines = spool.waiting().lines;
        match self.drain_spool() {
            Ok(()) => tracing::info!(lines, "appended what was spooled"),
            Err(error) => tracing::warn!(lines, %error, "what is spooled stays there for now"),
        }
        Ok(())
    }

    fn has_record_of(&self, line: &[u8]) -> Result<bool> {
        let record = json::parse(line, &STORED);
        let id = record.as_ref().ok().and_then(|record| record.get("id")?.as_str());
        match self.questions.record(id.unwrap_or_default()) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number of durable records.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Compresses every segment that is left and covered; nothing is lost, so no record tells of it.
    pub fn compress(&self) -> Result<Compression> {
        self.log.checkpoint_now()?;
        let mut compression = Compression::default();
        for first in self.log.compressible(u64::MAX)? {
            let done = self.log.compress(first)?;
            compression.segments += 1;
            compression.before += done.before;
            compression.after += done.after;
        }
        Ok(compression)
    }

    /// Whether it takes changes now; why not, if it does not: it is being stopped, the log cannot append, the
    /// keyring cannot make keys, or the sandbox does not answer. May try the disk.
    pub fn ready(&self) -> Result<()> {
        if *self.draining.borrow() {
            return Err(Error::new(Code::LogUnavailable, "the server is being stopped"));
        }
        if let Some(error) = self.log.poisoned().or_else(|| self.log.disk_full()) {
            return Err(error.into());
        }
        if let Some(error) = self.keyring.stopped() {
            return Err(error.into());
        }
        if self.keyring.disk_full() {
            let message = "the disk of the keyring is full: there is no room for the key of a new data \
                           subject or month";
            return Err(Error::new(Code::LogUnavailable, message));
        }
        match self.policy.get().guest() {
            // All instances are at work, so they work.
            Err(error) if error.code() == Code::QueueFull => Ok(()),
            asked => asked.map(drop),
        }
    }

    /// Waits until the server is told to stop.
    pub async fn draining(&self) {
        // The sender is this, so there is one.
        let _ = self.draining.subscribe().wait_for(|is_draining| *is_draining).await;
    }

    /// From now on it is not ready.
    pub fn start_draining(&self) {
        self.draining.send_replace(true);
    }

    /// Tells the operator once when records begin to wait for a checkpoint, and once when they do no more.
    pub fn tell_delay(&self) {
        if self.log.disk_full().is_none() && self.is_full_told.swap(false, Ordering::Relaxed) {
            tracing::info!("the disk of the log has room again");
        }
        let delay = self.log.checkpoints_delayed();
        match (self.is_delay_told.swap(delay.is_some(), Ordering::Relaxed), delay) {
            (false, Some(error)) => {
                tracing::warn!(%error, "records wait for a checkpoint; it comes when there is room");
            }
            (true, None) => tracing::info!("records do not wait for a checkpoint any more"),
            _ => {}
        }
    }

    pub fn count(&self, outcomes: &[Outcome]) {
        let (mut recorded, mut spooled, mut unchanged, mut refused, mut failed) = (0, 0, 0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Ok(Receipt::Recorded { .. }) => recorded += 1,
                Ok(Receipt::Spooled { .. }) => spooled += 1,
                Ok(Receipt::Unchanged { .. }) => unchanged += 1,
                Err(error) if error.code() == Code::GuestFailed => failed += 1,
                Err(_) => refused += 1,
            }
        }
        self.metrics.recorded.add(recorded);
        self.metrics.spooled.add(spooled);
        self.metrics.unchanged.add(unchanged);
        self.metrics.guest_failed.add(failed);
        self.metrics.changes_refused.add(refused);
    }

    /// Signs a last checkpoint and releases the locks.
    pub fn close(self) -> Result<()> {
        self.questions.save()?;
        Ok(self.log.close()?)
    }

    fn note(&self, error: sealtrail_log::Error) -> Error {
        self.tell(&error);
        error.into()
    }

    fn tell(&self, error: &sealtrail_log::Error) {
        if error.is_poisoned() && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the log takes no more records");
        } else if error.is_disk_full() && !self.is_full_told.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the disk is full; the log goes on when there is room");
        }
    }
}

fn open_spool(config: &Config) -> Result<Option<Spool>> {
    let collector = &config.collector;
    let open = |size| Spool::open(&collector.spool_dir, &config.origin, size).map(Some);
    match collector.when_full {
        WhenFull::Spool => open(collector.spool_size),
        // What an earlier process has left in it is not lost; nothing is added.
        _ if Spool::is_there(&collector.spool_dir) => open(0),
        _ => Ok(None),
    }
}

/// The policy of a file, if the core takes it.
pub fn read_policy(sandbox: &Sandbox, path: &Path) -> Result<Policy> {
    let text = std::fs::read(path)
        .map_err(|e| Error::new(Code::ConfigInvalid, e.to_string()).context(path.display()))?;
    Policy::new(sandbox, &text).map_err(|e| e.context(path.display()))
}

/// The key that signs checkpoints, which must be that of the configured origin.
pub fn read_signer(config: &Config) -> Result<(Signer, VerifierKey)> {
    let key = read_signing_key(config)?;
    let verifier_key = key.verifier_key();
    let signer = Signer::new(&config.origin, key);
    let signer = signer.map_err(|e| Error::from(e).context(config.signing_key.display()))?;
    Ok((signer, verifier_key))
}

pub fn read_signing_key(config: &Config) -> Result<SigningKey> {
    let path = &config.signing_key;
    let refused = |message: String| Error::new(Code::KeyFile, message).context(path.display());
    let text = read_secret_file(path)?;
    let text = std::str::from_utf8(&text).map_err(|_| refused("expected a signing key".into()))?;
    SigningKey::parse(text).map_err(|e| refused(e.to_string()))
}
