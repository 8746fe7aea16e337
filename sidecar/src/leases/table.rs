//! Which leases there are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sealtrail_keyring::{KeyId, Keyring};

use super::grant::Terms;
use crate::clock::Moment;
use crate::code::Code;
use crate::collector::{Outcome, Receipt};
use crate::config;
use crate::engine::Actor;
use crate::error::{Error, Result};

pub struct Leases {
    pub config: config::Leases,
    table: Mutex<Table>,
    /// Until when the keyring knows that there may be leases.
    noted: Mutex<Option<Instant>>,
    /// When the last lease of the process before is over.
    before: Option<Instant>,
}

#[derive(Default)]
struct Table {
    leases: HashMap<String, Lease>,
    /// Oldest first. What is used up is only here.
    order: VecDeque<(Instant, String)>,
}

struct Lease {
    owner: Actor,
    until: Instant,
    kids: Vec<KeyId>,
    /// None of one for reading.
    terms: Option<Arc<Terms>>,
    state: State,
    is_shredded: bool,
}

enum State {
    Open,
    /// Its record is being appended.
    UnderWay,
    /// Its record waits in the spool, where nobody finds it by its id.
    Spooled([u8; 32], Receipt),
}

/// A lease whose record is being appended. Dropped without an outcome, it can be used again.
pub struct Claimed {
    leases: Arc<Leases>,
    id: String,
    digest: [u8; 32],
    pub terms: Arc<Terms>,
    kids: Vec<KeyId>,
}

/// What is known of the lease that a record was sealed with.
pub enum Claim {
    Mine(Claimed),
    Done(Receipt),
    /// It was never given to this caller, or is over, or used up.
    Unknown,
}

impl Leases {
    pub fn new(config: config::Leases, keyring: &Keyring) -> Result<Self> {
        let noted = keyring.lent_until()?.and_then(|text| Moment::parse(&text));
        let left = noted.map_or(0, |until| {
            until.posix_seconds().saturating_add(1).saturating_sub(Moment::now().posix_seconds())
        });
        // A clock that was wrong must not hold up a shredding for years.
        let left = Duration::from_secs(left).min(2 * config::Leases::LONGEST);
        let before = (!left.is_zero()).then(|| Instant::now() + left);
        Ok(Self { config, table: Mutex::default(), noted: Mutex::default(), before })
    }

    /// Notes a lease before anybody has it, and gives the time when it ends.
    pub(super) fn begin(
        &self,
        keyring: &Keyring,
        id: &str,
        owner: &Actor,
        kids: Vec<KeyId>,
        terms: Option<Arc<Terms>>,
    ) -> Result<Instant> {
        self.note(keyring)?;
        let now = Instant::now();
        let until = now + self.config.lifetime;
        let mut table = self.table();
        table.forget_old(now);
        if table.leases.len() >= self.config.at_most {
            let message = "there are as many leases as `leases.at_most` allows; try again later";
            return Err(Error::new(Code::QueueFull, message));
        }
        let (owner, state) = (owner.clone(), State::Open);
        let lease = Lease { owner, until, kids, terms, state, is_shredded: false };
        table.leases.insert(id.to_owned(), lease);
        table.order.push_back((until, id.to_owned()));
        Ok(until)
    }

    /// Takes a lease back that nobody got.
    pub(super) fn cancel(&self, id: &str) {
        self.table().leases.remove(id);
    }

    /// Takes a lease to append its record; `digest` is that of the line.
    pub(super) fn claim(
        self: &Arc<Self>,
        id: &str,
        owner: &Actor,
        digest: [u8; 32],
    ) -> Result<Claim> {
        let mut table = self.table();
        table.forget_old(Instant::now());
        let Some(lease) = table.leases.get_mut(id).filter(|lease| lease.owner == *owner) else {
            return Ok(Claim::Unknown);
        };
        let Some(terms) = lease.terms.clone() else { return Ok(Claim::Unknown) };
        match &lease.state {
            State::Spooled(same, receipt) if *same == digest => Ok(Claim::Done(receipt.clone())),
            State::Spooled(..) => Ok(Claim::Unknown),
            State::UnderWay => {
                let message = "a record of this lease is under way; send it again";
                Err(Error::new(Code::QueueFull, message))
            }
            State::Open if lease.is_shredded => Err(shredded()),
            State::Open => {
                lease.state = State::UnderWay;
                let (kids, id) = (lease.kids.clone(), id.to_owned());
                Ok(Claim::Mine(Claimed { leases: self.clone(), id, digest, terms, kids }))
            }
        }
    }

    /// Ends all leases of these keys: no record of theirs is taken any more. Gives the time when the last is over
    /// that was not used up.
    pub fn end(&self, kids: &[KeyId]) -> Option<Instant> {
        let now = Instant::now();
        let mut table = self.table();
        table.forget_old(now);
        let mut last = self.before;
        let kids: HashSet<&KeyId> = kids.iter().collect();
        let of_them = |lease: &&mut Lease| lease.kids.iter().any(|kid| kids.contains(kid));
        for lease in table.leases.values_mut().filter(of_them) {
            lease.is_shredded = true;
            if !matches!(lease.state, State::Spooled(..)) {
                last = last.max(Some(lease.until));
            }
        }
        last.filter(|last| *last > now)
    }

    /// How many are not used up.
    pub fn len(&self) -> usize {
        let mut table = self.table();
        table.forget_old(Instant::now());
        table.leases.len()
    }

    /// The keyring knows that there may be leases before there are, so that a process after this one does too.
    fn note(&self, keyring: &Keyring) -> Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, lifetime) = (Instant::now(), self.config.lifetime);
        if noted.is_none_or(|noted| noted < now + lifetime) {
            let seconds = (2 * lifetime).as_secs().cast_signed();
            let until = Moment::now().plus(jiff::Span::new().seconds(seconds));
            keyring.lend_until(&until.to_string())?;
            *noted = Some(now + 2 * lifetime);
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_old(&mut self, now: Instant) {
        while let Some((until, _)) = self.order.front().filter(|(until, _)| *until <= now) {
            let until = *until;
            let Some((_, id)) = self.order.pop_front() else { return };
            if self.leases.get(&id).is_some_and(|lease| lease.until == until) {
                self.leases.remove(&id);
            }
        }
    }
}

/// Of a record whose lease an erasure has ended.
pub(super) fn shredded() -> Error {
    Error::new(
        Code::Shredded,
        "a key of this record was shredded after it was leased; lease again, and what is left is sealed",
    )
}

impl Claimed {
    pub(super) fn kids(&self) -> &[KeyId] {
        &self.kids
    }

    /// Says what became of the record. Short, for the log's commit thread calls it.
    pub fn settle(self, outcome: &Outcome) {
        let mut table = self.leases.table();
        match outcome {
            // From now on it is found by its id.
            Ok(Receipt::Recorded { .. }) => drop(table.leases.remove(&self.id)),
            Ok(receipt @ Receipt::Spooled { .. }) => {
                if let Some(lease) = table.leases.get_mut(&self.id) {
                    lease.state = State::Spooled(self.digest, receipt.clone());
                }
            }
            _ => {}
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let mut table = self.leases.table();
        if let Some(lease) = table.leases.get_mut(&self.id)
            && matches!(lease.state, State::UnderWay)
        {
            lease.state = State::Open;
        }
    }
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a lease that is claimed")
    }
}

#[cfg(test)]
mod tests;
