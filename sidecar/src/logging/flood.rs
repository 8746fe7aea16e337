//! Bounds how many lines one place of the code writes.
//!
//! A service that is down makes a warning of every request; after the first few of a second the others say
//! nothing new and are only counted. Lines of the access log are asked for, one for each request, and are not
//! bounded here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one place in one [`WINDOW`].
const AT_MOST: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);

static DROPPED: AtomicU64 = AtomicU64::new(0);

pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

#[derive(Default)]
pub struct Flood(Mutex<HashMap<Identifier, Place>>);

struct Place {
    since: Instant,
    lines: u32,
}

impl<S: Subscriber> Layer<S> for Flood {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if metadata.target() == super::access::TARGET || *metadata.level() > Level::INFO {
            return true;
        }
        let is_taken = self.takes(metadata.callsite(), Instant::now());
        if !is_taken {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }
}

impl Flood {
    fn takes(&self, callsite: Identifier, now: Instant) -> bool {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(callsite).or_insert(Place { since: now, lines: 0 });
        if now.duration_since(place.since) >= WINDOW {
            *place = Place { since: now, lines: 0 };
        }
        place.lines += 1;
        place.lines <= AT_MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Callsite;

    macro_rules! place {
        () => {{
            static PLACE: tracing::callsite::DefaultCallsite =
                tracing::callsite::DefaultCallsite::new(&METADATA);
            static METADATA: tracing::Metadata<'static> = tracing::Metadata::new(
                "test",
                "test",
                Level::WARN,
                None,
                None,
                None,
                tracing::field::FieldSet::new(&[], tracing::callsite::Identifier(&PLACE)),
                tracing::metadata::Kind::EVENT,
            );
            let _ = PLACE.metadata();
            tracing::callsite::Identifier(&PLACE)
        }};
    }

    #[test]
    fn each_place_has_its_own_bound_and_a_new_one_every_second() {
        let flood = Flood::default();
        let (one, other) = (place!(), place!());
        let now = Instant::now();
        let taken = (0..1000).filter(|_| flood.takes(one.clone(), now)).count();
        assert_eq!(taken, AT_MOST as usize);
        assert!(flood.takes(other, now));
        assert!(!flood.takes(one.clone(), now + WINDOW / 2));
        assert!(flood.takes(one, now + WINDOW));
    }
}
