//! Log lines, on standard error.
//!
//! A line says what the operator must know and nothing of what is in a record: no values, no names of data
//! subjects, no addresses. Queries are never logged, paths only where `[log] paths` says so, because both hold
//! personal data. Lines about one request carry its `correlation_id` and, where there is one, its `trace_id`.
//!
//! Lines are written by a thread of their own, so that a reader of standard error that has stopped does not stop
//! the server, and they are bounded: [so many a second](flood) from one place of the code, and so many that
//! wait; `sealtrail_log_lines_dropped_total` counts the rest. `SEALTRAIL_LOG` chooses levels and places as
//! `RUST_LOG` does elsewhere.

mod access;
mod flood;

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::ValueEnum;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::code::Code;
use crate::error::Error;

pub use access::Access;

use flood::Flood;

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Writes what waits when it is dropped.
pub struct Logging(());

/// More lines than this do not wait for a slow reader.
const WAITING: usize = 10_000;

static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

impl LogFormat {
    /// Once in a process.
    pub fn install(self) -> Logging {
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(WAITING)
            .thread_name("log")
            .finish(std::io::stderr());
        let _ = DROPPED.set(writer.error_counter());
        *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
        let lines = fmt::layer()
            // Told on standard error otherwise, which panics where a full disk is behind that too.
            .log_internal_errors(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(writer);
        let lines = match self {
            LogFormat::Text => lines.with_target(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let filter = EnvFilter::try_from_env("SEALTRAIL_LOG");
        let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::registry().with(filter).with(Flood::default()).with(lines).init();
        Logging(())
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        flush();
    }
}

/// Writes what waits, for a process that ends now; later lines are lost.
pub fn flush() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Tells the operator what the sender of a request is not to blame for. Busy is no fault: metrics count it.
pub fn tell(error: &Error) {
    let code = error.code();
    if code.status().is_server_error() && code != Code::QueueFull {
        tracing::error!(code = code.name(), "a request failed: {error}");
    }
}

/// Lines that were not written, because too many came.
pub fn dropped() -> u64 {
    let full = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    flood::dropped() + full as u64
}
