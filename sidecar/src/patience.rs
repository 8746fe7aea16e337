//! How long something may stand still.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// A limit on the time in which nothing moves.
pub struct Patience {
    limit: Duration,
    /// When it is over, while something waits.
    until: Option<Instant>,
    alarm: Alarm,
}

/// A timer for a moment that is put off again and again, and seldom comes.
///
/// It is made only when something waits for the first time: most bodies never do. And it is not set anew for a
/// later moment before it rings: to set a timer for every request, and to remove it, costs more than to be woken
/// once in a while for nothing.
#[derive(Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

/// Longer limits than this, a year, are none.
const FOREVER: Duration = Duration::from_hours(24 * 365);

impl Patience {
    pub fn new(limit: Duration) -> Self {
        Self { limit, until: None, alarm: Alarm::default() }
    }

    pub fn moved(&mut self) {
        self.until = None;
    }

    /// Nothing moved: whether that has been so for too long. If not, the task is woken when it has.
    pub fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let limit = self.limit;
        let until = *self.until.get_or_insert_with(|| after(Instant::now(), limit));
        self.alarm.has_rung(until, cx)
    }
}

impl Alarm {
    /// Whether a moment has come. If not, the task is woken when it has.
    pub fn has_rung(&mut self, moment: Instant, cx: &mut Context<'_>) -> bool {
        let moment = tokio::time::Instant::from_std(moment);
        let timer = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(moment)));
        if timer.deadline() > moment {
            timer.as_mut().reset(moment);
        }
        while timer.as_mut().poll(cx) == Poll::Ready(()) {
            if timer.deadline() >= moment {
                return true;
            }
            timer.as_mut().reset(moment);
        }
        false
    }
}

/// A moment so much later, or one that never comes.
pub fn after(moment: Instant, limit: Duration) -> Instant {
    moment.checked_add(limit.min(FOREVER)).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const LIMIT: Duration = Duration::from_millis(20);

    async fn is_over(patience: &mut Patience) {
        poll_fn(|cx| if patience.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    #[tokio::test]
    async fn ends_after_its_limit_from_the_last_move() {
        let mut patience = Patience::new(LIMIT);
        let began = Instant::now();
        is_over(&mut patience).await;
        assert!(began.elapsed() >= LIMIT);
        patience.moved();
        let moved = Instant::now();
        is_over(&mut patience).await;
        assert!(moved.elapsed() >= LIMIT, "it has to be set anew");
    }

    #[tokio::test]
    async fn an_alarm_rings_at_the_moment_asked_for_last() {
        let mut alarm = Alarm::default();
        let mut rings = async |moment| {
            poll_fn(|cx| if alarm.has_rung(moment, cx) { Poll::Ready(()) } else { Poll::Pending })
                .await;
            assert!(Instant::now() >= moment);
        };
        let now = Instant::now();
        rings(now + LIMIT).await;
        rings(now + 3 * LIMIT).await;
        // The timer stands later than this one.
        rings(now + 2 * LIMIT).await;
        rings(now).await;
    }

    #[tokio::test]
    async fn no_limit_is_too_long() {
        let mut patience = Patience::new(Duration::MAX);
        assert!(!poll_fn(|cx| Poll::Ready(patience.is_over(cx))).await);
    }
}
