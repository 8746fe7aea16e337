//! A client connection on which nothing happens.
//!
//! hyper has two buffers of 8 KiB for it, and as many for the connection to the service that waits with it. So after a
//! while the latter goes to the pool, and of the former the stream alone is kept; the next byte gives it a new hyper.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client_stream::ClientStream;
use crate::framing::Watched;
use crate::patience::{Alarm, after};
use crate::wiped_memory;

/// Long enough that nobody who asks again and again ever gets there, short enough that a crowd does not pile up.
const AFTER: Duration = Duration::from_millis(250);

/// Between two looks at a client that waits.
const LOOK: Duration = Duration::from_secs(1);

/// Those that begin to rest, or end, in so long are one crowd.
const CROWD: Duration = Duration::from_millis(100);

/// Where they come and go all the time, not more often than with this between.
const PAUSE: Duration = Duration::from_millis(300);

/// And so many times as long as it took: all connections of the thread wait meanwhile. To give back what hundreds that end
/// after one request each have freed takes two milliseconds, and a hundredth of the requests must not meet that.
const SHARE: u32 = 1000;

/// On a machine that is busy with something else it only seems to take long.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When a connection is to rest, and when somebody is to look after a client that waits.
#[derive(Default)]
pub struct Rest {
    /// What it does now, since when, and how often it was looked at.
    now: Option<(bool, Instant, u32)>,
    alarm: Alarm,
}

/// What it is time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Rest,
    /// The answer is still on its way.
    Look,
}

impl Rest {
    /// To be asked after everything that happens; the task is woken when it is time.
    pub fn due(&mut self, is_idle: bool, cx: &mut Context<'_>) -> Option<Due> {
        let (_, since, looks) = match &mut self.now {
            Some(now) if now.0 == is_idle => now,
            now => now.insert((is_idle, Instant::now(), 0)),
        };
        // Never before the alarm that was set last, or a timer would be set for each request.
        if !self.alarm.has_rung(after(*since, AFTER + LOOK * *looks), cx) {
            return None;
        }
        if is_idle {
            return Some(Due::Rest);
        }
        *looks = looks.saturating_add(1);
        Some(Due::Look)
    }
}

/// What connections that rest, or have ended, have freed.
#[derive(Default)]
pub struct Freed(Notify);

impl Freed {
    pub fn tell(&self) {
        self.0.notify_one();
    }

    /// Gives it back to the system, for a crowd at a time; never ends. The allocator would keep all of it, because
    /// between two buffers lies something that is still in use.
    pub async fn give_back(&self) {
        loop {
            self.0.notified().await;
            tokio::time::sleep(CROWD).await;
            let began = Instant::now();
            wiped_memory::give_back();
            tokio::time::sleep(pause_after(began.elapsed())).await;
        }
    }
}

fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(SHARE).clamp(PAUSE, LONGEST_PAUSE)
}

/// Waits until there is something to read; false where nothing came in the time for a head.
pub async fn is_woken(stream: &mut Watched<ClientStream>) -> bool {
    poll_fn(|cx| match stream.get_ref().poll_read_ready(cx) {
        Poll::Ready(ready) => Poll::Ready(ready.is_ok()),
        Poll::Pending if stream.is_head_late(cx) => Poll::Ready(false),
        Poll::Pending => Poll::Pending,
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_done_less_often() {
        let pause = |micros| pause_after(Duration::from_micros(micros));
        assert_eq!(pause(0), PAUSE);
        assert_eq!(pause(200), PAUSE);
        assert_eq!(pause(1800), Duration::from_millis(1800));
        assert_eq!(pause(1_000_000), LONGEST_PAUSE);
        assert_eq!(pause_after(Duration::MAX), LONGEST_PAUSE);
    }
}
