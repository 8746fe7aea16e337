//! What one call of a guest may take.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{StoreLimits, StoreLimitsBuilder, Trap, UpdateDeadline};

/// The resolution of the time limit.
pub const TICK: Duration = Duration::from_millis(20);

/// Memory, and time on a core: on a machine that has no time for us, a guest that waits for its turn is not at fault.
pub struct Bounds {
    pub limits: StoreLimits,
    time: Duration,
    /// The clock of the thread at the first tick of the call. Most calls see none, and need not ask for it.
    began: Option<Duration>,
}

impl Bounds {
    pub fn new(memory: usize, time: Duration) -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(memory)
            .memories(1)
            .instances(1)
            .trap_on_grow_failure(true)
            .build();
        Self { limits, time, began: None }
    }

    /// The next call begins.
    pub fn begin(&mut self) {
        self.began = None;
    }

    /// After how many more ticks to ask again, or the end of it.
    pub fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        let now = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32);
        let left = self.left_at(now).ok_or(Trap::Interrupt)?;
        let ticks = left.as_millis().div_ceil(TICK.as_millis());
        Ok(UpdateDeadline::Continue(u64::try_from(ticks).unwrap_or(u64::MAX)))
    }

    /// How much time is left when the clock of the thread shows this; a call stays on one thread.
    fn left_at(&mut self, now: Duration) -> Option<Duration> {
        let spent = now.saturating_sub(*self.began.get_or_insert(now));
        self.time.checked_sub(spent).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_spent_on_a_core_counts() {
        let mut bounds = Bounds::new(1 << 20, Duration::from_millis(100));
        let at = Duration::from_millis;
        assert_eq!(bounds.left_at(at(500)), Some(at(100)));
        for _ in 0..1000 {
            assert_eq!(bounds.left_at(at(500)), Some(at(100)), "it waited for its turn");
        }
        assert_eq!(bounds.left_at(at(599)), Some(at(1)));
        assert_eq!(bounds.left_at(at(600)), None);
        bounds.begin();
        assert_eq!(bounds.left_at(at(600)), Some(at(100)), "another call");
    }
}
