//! Which refusals get a record of their own: enough to see who tried what, and too few to fill a log with.
//!
//! In a minute: one for each caller, act and target; [`OF_ONE`] of a caller, where all who sent no good token are
//! one, so that strangers cannot hide what an insider tries; [`OF_ALL`] together. Those without a record are
//! counted, and the next record says how many they were.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::need::Attempt;
use crate::engine::Actor;
use crate::metrics::Counter;

const WINDOW: Duration = Duration::from_mins(1);
const OF_ONE: usize = 30;
const OF_ALL: usize = 300;

#[derive(Default)]
pub struct Refusals {
    window: Mutex<Window>,
    /// Those that have no record.
    pub unrecorded: Counter,
}

#[derive(Default)]
struct Window {
    began: Option<Instant>,
    recorded: HashSet<String>,
    by_caller: HashMap<String, usize>,
    /// Since the last record.
    unrecorded: u64,
}

impl Refusals {
    /// Whether this refusal gets a record; then how many before it got none.
    pub fn admit(&self, actor: &Actor, is_known: bool, attempt: &Attempt) -> Option<u64> {
        self.admit_at(Instant::now(), actor, is_known, attempt)
    }

    /// The record could not be written.
    pub fn give_back(&self, unrecorded: u64) {
        self.unrecorded.add(1);
        self.window.lock().unwrap_or_else(PoisonError::into_inner).unrecorded += unrecorded + 1;
    }

    fn admit_at(
        &self,
        now: Instant,
        actor: &Actor,
        is_known: bool,
        attempt: &Attempt,
    ) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            window.began = Some(now);
            window.recorded.clear();
            window.by_caller.clear();
        }
        let caller = if is_known { format!("{} {}", actor.kind, actor.id) } else { String::new() };
        let Attempt { what, record, group } = attempt;
        let target = format!("{} {} {what} {record:?} {group:?}", actor.kind, actor.id);
        let is_full = window.recorded.len() >= OF_ALL
            || window.by_caller.get(&caller).is_some_and(|count| *count >= OF_ONE);
        if is_full || window.recorded.contains(&target) {
            window.unrecorded += 1;
            self.unrecorded.add(1);
            return None;
        }
        window.recorded.insert(target);
        *window.by_caller.entry(caller).or_default() += 1;
        Some(std::mem::take(&mut window.unrecorded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(id: usize) -> Actor {
        Actor { kind: "token".into(), id: id.to_string() }
    }

    fn reveal(record: usize) -> Attempt {
        Attempt { what: "reveal", record: Some(record.to_string()), group: None }
    }

    #[test]
    fn one_a_minute_of_the_same_and_the_next_says_how_many_there_were() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let admit = |after: u64, record: usize| {
            let now = start + Duration::from_secs(after);
            refusals.admit_at(now, &actor(1), true, &reveal(record))
        };
        assert_eq!(admit(0, 1), Some(0));
        assert_eq!((admit(1, 1), admit(59, 1)), (None, None));
        assert_eq!(admit(59, 2), Some(2));
        assert_eq!(admit(59, 2), None);
        assert_eq!(admit(60, 2), Some(1));
        refusals.give_back(1);
        assert_eq!(admit(61, 3), Some(2));
        assert_eq!(refusals.unrecorded.get(), 4);
    }

    #[test]
    fn nobody_fills_the_log_or_hides_another() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let strangers = |i| refusals.admit_at(now, &actor(i), false, &reveal(i)).is_some();
        assert_eq!((0..1000).filter(|i| strangers(*i)).count(), OF_ONE);
        let insider = |i| refusals.admit_at(now, &actor(7), true, &reveal(i));
        assert_eq!(insider(0), Some(970), "and says what went before");
        assert_eq!((1..1000).filter(|i| insider(*i).is_some()).count(), OF_ONE - 1);
        let all = (1000..9000)
            .filter(|i| refusals.admit_at(now, &actor(*i), true, &reveal(*i)).is_some());
        assert_eq!(all.count(), OF_ALL - 2 * OF_ONE);
        let window = refusals.window.lock().unwrap();
        assert!(window.recorded.len() <= OF_ALL && window.by_caller.len() <= OF_ALL);
    }
}
