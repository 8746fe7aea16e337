//! Which changes have their record already, by what their senders call them: (source, id).
//!
//! A sender whose answer was lost sends the change again. It gets the first receipt, and there is no second
//! record; also where both are under way at once, and after a crash, because what is remembered is read from
//! the log: every record has its `source` and, as `data.change_id`, the id of its change.
//!
//! ```text
//! nothing known ─► under way ─► (spooled ─►) recorded, or forgotten where it failed: it can be tried again
//! ```
//!
//! Whose id it is, is decided before, by the [services](crate::access::Services) of who sends it. His own name is no part of
//! it: between a change and its repeat a token is rotated, and the log does not say who sent what.
//!
//! The memory is bounded: so many ids, each for so long. After a start it is filled again from as many of the
//! newest records, at the first change that has an id.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use memchr::memmem;
use sealtrail_history::change_id;
use sealtrail_log::{Reader, proof};
use sealtrail_record::json::{self, Value};
use tokio::sync::watch;

use super::receipt::{Outcome, Receipt};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::STORED;

/// For how long, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Remember {
    pub at_least: Duration,
    pub at_most: usize,
}

pub struct SeenIds {
    remember: Remember,
    log: Reader,
    /// None until the first change that has an id.
    known: Mutex<Option<Known>>,
    is_warm: AtomicBool,
}

#[derive(Default)]
struct Known {
    entries: HashMap<Key, Entry>,
    /// Those that are recorded, oldest first.
    order: VecDeque<(Key, u64, Instant)>,
}

/// Half of a SHA-256 over source and id: nobody finds two that share it, and what was found in the log is
/// compared with the record.
type Key = [u8; 16];

#[derive(Clone)]
enum Entry {
    UnderWay(Arc<UnderWay>),
    /// By the index of its record.
    Recorded(u64),
    /// On its way there.
    Spooled(Arc<(What, Receipt)>),
}

struct UnderWay {
    what: What,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What a change does to which entity: the part of it that stands in every record in clear. A repeat says
/// the same of it, or it is no repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct What {
    pub entity_type: String,
    pub entity_id: String,
    pub action: String,
}

/// A change that has an id.
#[derive(Debug, Clone)]
pub struct Named<'a> {
    pub source: &'a str,
    pub id: &'a str,
    pub what: What,
}

/// What is known of an id.
pub enum Claim {
    /// Nothing: whoever asked has it now, until [`Held::settle`].
    New(Held),
    /// Another one has it; its outcome is this one's too.
    UnderWay(Waiting),
    /// It has its record, in the log or in the spool.
    Recorded(Receipt),
}

/// An id that nobody else may have. Dropped without an outcome, it can be tried again.
pub struct Held {
    ids: Arc<SeenIds>,
    key: Key,
    outcome: watch::Sender<Option<Outcome>>,
}

/// Waits for the outcome of another one.
#[derive(Debug)]
pub struct Waiting(watch::Receiver<Option<Outcome>>);

impl SeenIds {
    pub fn new(remember: Remember, log: Reader) -> Self {
        Self { remember, log, known: Mutex::default(), is_warm: AtomicBool::new(false) }
    }

    /// Reads what the log knows, so that the first change with an id need not wait for it.
    pub fn warm_up(&self) {
        if let Err(error) = self.with(|_| ()) {
            tracing::warn!(%error, "the ids of changes cannot be read from the log yet");
        }
    }

    /// Whether the log was read, so that nobody waits for it any more.
    pub fn is_warm(&self) -> bool {
        self.is_warm.load(Ordering::Relaxed)
    }

    /// How many ids are remembered.
    pub fn len(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map_or(0, |known| known.entries.len())
    }

    /// Whether a change of this name was seen, without taking it.
    pub fn knows(&self, named: &Named<'_>) -> bool {
        let key = key_of(named.source, named.id);
        self.with(|known| known.entries.contains_key(&key)).unwrap_or(false)
    }

    /// Takes an id, or says who has it. May read the log.
    pub fn claim(self: &Arc<Self>, named: &Named<'_>) -> Result<Claim> {
        let key = key_of(named.source, named.id);
        loop {
            let index = match self.with(|known| known.claim(self, key, named))? {
                Found::Claim(claim) => return claim,
                Found::At(index) => index,
            };
            match self.log.read(index) {
                Ok(line) => return recorded(index, &line, named).map(Claim::Recorded),
                // Retention has removed it, and with it what it said of the id.
                Err(error) if error.is_pruned() => self.with(|known| known.forget(key, index))?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A line waits in the spool; what is in it is known from its process before.
    pub fn spooled(&self, line: &[u8]) -> Result<()> {
        let Some((source, id)) = change_id(line) else { return Ok(()) };
        let Ok(record) = json::parse(line, &STORED) else { return Ok(()) };
        let receipt = Receipt::Spooled {
            id: text(&record, "/id").to_owned(),
            correlation_id: text(&record, "/correlationid").to_owned(),
        };
        let entry = Entry::Spooled(Arc::new((what(&record), receipt)));
        self.with(|known| known.entries.insert(key_of(&source, &id), entry)).map(drop)
    }

    /// A line of the spool has come to the log.
    pub fn drained(&self, line: &[u8], index: u64) {
        let Some((source, id)) = change_id(line) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What is read from the log later finds it there.
        if let Some(known) = &mut *known {
            let now = Instant::now();
            known.record(key_of(&source, &id), index, now);
            known.forget_old(self.remember, now);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> Result<T> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &mut *known {
            Some(known) => known,
            none => none.insert(self.read_log()?),
        };
        self.is_warm.store(true, Ordering::Relaxed);
        Ok(work(known))
    }

    fn read_log(&self) -> Result<Known> {
        let (mut known, now) = (Known::default(), Instant::now());
        let size = self.log.size()?;
        let mut from = size.saturating_sub(self.remember.at_most as u64).max(self.log.first()?);
        let finder = memmem::Finder::new(b"\"change_id\":");
        while from < size {
            for line in self.log.lines(from)? {
                match line {
                    Ok((index, line)) => {
                        from = index + 1;
                        if finder.find(&line).is_some()
                            && let Some((source, id)) = change_id(&line)
                        {
                            known.record(key_of(&source, &id), index, now);
                        }
                    }
                    // Removed before it was read.
                    Err(error) => {
                        from = error.first_kept().filter(|first| *first > from).ok_or(error)?;
                        break;
                    }
                }
            }
        }
        Ok(known)
    }
}

enum Found {
    Claim(Result<Claim>),
    At(u64),
}

impl Known {
    fn claim(&mut self, ids: &Arc<SeenIds>, key: Key, named: &Named<'_>) -> Found {
        match self.entries.entry(key) {
            Slot::Vacant(vacant) => {
                let (sender, outcome) = watch::channel(None);
                let what = named.what.clone();
                vacant.insert(Entry::UnderWay(Arc::new(UnderWay { what, outcome })));
                let held = Held { ids: ids.clone(), key, outcome: sender };
                Found::Claim(Ok(Claim::New(held)))
            }
            Slot::Occupied(entry) => match entry.get() {
                Entry::Recorded(index) => Found::At(*index),
                Entry::UnderWay(other) if other.what == named.what => {
                    Found::Claim(Ok(Claim::UnderWay(Waiting(other.outcome.clone()))))
                }
                Entry::Spooled(spooled) if spooled.0 == named.what => {
                    Found::Claim(Ok(Claim::Recorded(spooled.1.clone())))
                }
                Entry::UnderWay(_) | Entry::Spooled(_) => Found::Claim(Err(reused(named.id))),
            },
        }
    }

    fn record(&mut self, key: Key, index: u64, now: Instant) {
        self.entries.insert(key, Entry::Recorded(index));
        self.order.push_back((key, index, now));
    }

    fn forget(&mut self, key: Key, index: u64) {
        // It may have been recorded again since.
        if matches!(self.entries.get(&key), Some(Entry::Recorded(now)) if *now == index) {
            self.entries.remove(&key);
        }
    }

    fn forget_old(&mut self, remember: Remember, now: Instant) {
        while let Some(&(key, index, since)) = self.order.front() {
            let is_old = now.duration_since(since) > remember.at_least;
            if !is_old && self.order.len() <= remember.at_most {
                break;
            }
            self.order.pop_front();
            self.forget(key, index);
        }
    }
}

impl Held {
    /// Says what became of the change: to those that wait for it, and for those that come later. Short, for
    /// the log's commit thread calls it.
    pub fn settle(self, outcome: &Outcome) {
        let now = Instant::now();
        let mut known = self.ids.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(known), Ok(receipt)) = (&mut *known, outcome) {
            match (receipt, known.entries.get_mut(&self.key)) {
                (Receipt::Recorded { index, .. }, _) => {
                    known.record(self.key, *index, now);
                    known.forget_old(self.ids.remember, now);
                }
                (Receipt::Spooled { .. }, Some(entry)) => {
                    if let Entry::UnderWay(it) = entry {
                        *entry = Entry::Spooled(Arc::new((it.what.clone(), receipt.clone())));
                    }
                }
                _ => {}
            }
        }
        drop(known);
        self.outcome.send_replace(Some(outcome.clone()));
        // What has no record is forgotten when this is dropped.
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut known = self.ids.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &mut *known
            && matches!(known.entries.get(&self.key), Some(Entry::UnderWay(_)))
        {
            known.entries.remove(&self.key);
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an id that is held")
    }
}

impl Waiting {
    pub async fn outcome(mut self) -> Outcome {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(given_up())),
            Err(_) => Err(given_up()),
        }
    }

    /// The outcome, where there is one already.
    pub fn now(self) -> Outcome {
        self.0.borrow().clone().unwrap_or_else(|| Err(given_up()))
    }
}

/// Who had the id went away before the record was made.
fn given_up() -> Error {
    Error::new(
        Code::QueueFull,
        "another change with this id was under way and was given up; send it again",
    )
}

/// The receipt of the record that is there, if it is of the same change.
fn recorded(index: u64, line: &[u8], named: &Named<'_>) -> Result<Receipt> {
    let record = json::parse(line, &STORED).map_err(|error| {
        Error::new(Code::LogDamaged, format!("record {index} cannot be read: {error}"))
    })?;
    let text = |at| text(&record, at);
    let is_its = (text("/source"), text("/data/change_id")) == (named.source, named.id);
    if !is_its || what(&record) != named.what {
        return Err(reused(named.id));
    }
    let (id, correlation_id) = (text("/id").to_owned(), text("/correlationid").to_owned());
    Ok(Receipt::Recorded { id, index, correlation_id })
}

fn what(record: &Value<'_>) -> What {
    What {
        entity_type: text(record, "/data/entity/type").to_owned(),
        entity_id: text(record, "/data/entity/id").to_owned(),
        action: text(record, "/data/action").to_owned(),
    }
}

fn text<'v>(record: &'v Value<'_>, at: &str) -> &'v str {
    record.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn reused(id: &str) -> Error {
    let message = format!(
        "the id `{}` belongs to a change of another entity, or with another action",
        id.escape_debug()
    );
    let at = crate::error::Place { line: None, column: None, pointer: Some("/id".into()) };
    Error::new(Code::IdReused, message).at(Some(at))
}

fn key_of(source: &str, id: &str) -> Key {
    // Neither may hold a control character, so this is read in one way only.
    let hash = proof::entry_hash(&[source.as_bytes(), b"\0", id.as_bytes()].concat());
    hash[..16].try_into().expect("a hash is longer")
}
