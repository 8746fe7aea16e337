//! How far a long run is, for whoever sits and waits.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Drawn no more often than this, and not at all before it has passed once.
const EVERY: Duration = Duration::from_millis(200);

const WIDTH: usize = 30;

/// One line on standard error that is drawn over and wiped at the end.
pub struct Bar {
    begun: Instant,
    /// When it was drawn last.
    drawn: Mutex<Option<Instant>>,
}

impl Bar {
    /// None where nobody would see it.
    pub fn on_terminal() -> Option<Self> {
        let begun = Instant::now();
        std::io::stderr().is_terminal().then_some(Self { begun, drawn: Mutex::new(None) })
    }

    /// From any thread; one that would have to wait for another draws nothing.
    pub fn draw(&self, done: u64, all: u64) {
        let Ok(mut drawn) = self.drawn.try_lock() else {
            return;
        };
        if drawn.unwrap_or(self.begun).elapsed() >= EVERY {
            *drawn = Some(Instant::now());
            let line = line(done, all, self.begun.elapsed());
            // Who closed standard error does not want to see it.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.drawn.lock().is_ok_and(|drawn| drawn.is_some()) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

fn line(done: u64, all: u64, since: Duration) -> String {
    let share = if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
    let filled = (share * WIDTH as f64) as usize;
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    format!(
        "[{}{}] {:3.0} %  {:.1} of {:.1} GB  {:.2} GB/s",
        "=".repeat(filled),
        " ".repeat(WIDTH - filled),
        share * 100.0,
        gigabytes(done),
        gigabytes(all),
        gigabytes(done) / since.as_secs_f64().max(0.001),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_of_how_much() {
        let text = line(1_500_000_000, 3_000_000_000, Duration::from_secs(1));
        assert_eq!(
            text,
            format!("[{}{}]  50 %  1.5 of 3.0 GB  1.50 GB/s", "=".repeat(15), " ".repeat(15))
        );
        assert!(line(0, 0, Duration::ZERO).contains("100 %"));
        // A log that grows in the meantime.
        assert!(line(7, 5, Duration::ZERO).contains("100 %"));
    }
}
