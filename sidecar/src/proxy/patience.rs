//! How long something may stand still.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A limit on the time in which nothing moves. The timer is made only when something waits for the first
/// time: most bodies never do.
pub struct Patience {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

/// Longer limits than this, a year, are none.
const FOREVER: Duration = Duration::from_hours(24 * 365);

impl Patience {
    pub fn new(limit: Duration) -> Self {
        Self { limit, timer: None, is_waiting: false }
    }

    pub fn moved(&mut self) {
        self.is_waiting = false;
    }

    /// Nothing moved: whether that has been so for too long. If not, the task is woken when it has.
    pub fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        if !self.is_waiting {
            self.is_waiting = true;
            let now = Instant::now();
            timer.as_mut().reset(now.checked_add(self.limit).unwrap_or(now + FOREVER));
        }
        timer.as_mut().poll(cx) == Poll::Ready(())
    }
}
