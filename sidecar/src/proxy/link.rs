//! Who has a connection to the service, and who gets it next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};

use super::service_connection::ServiceConnection;
use super::upstream::Upstream;
use crate::patience::after;

/// A connection that nobody uses.
pub struct Idle {
    pub connection: ServiceConnection,
    pub since: Instant,
}

/// What a client connection in HTTP/1.1 keeps. The task of that connection drives it.
pub struct Link {
    upstream: Arc<Upstream>,
    idle: Mutex<Option<Idle>>,
}

/// A connection that is in use by one answer; goes back to where it came from when that is over.
pub struct Lease {
    home: Home,
    connection: Option<ServiceConnection>,
}

pub enum Home {
    Link(Arc<Link>),
    Pool(Arc<Upstream>),
}

impl Idle {
    /// Whether it may still be used. It is driven, so that it hears when the service closes it.
    pub fn is_kept(&mut self, limit: Duration, cx: &mut Context<'_>) -> bool {
        self.connection.is_kept(after(self.since, limit), cx)
    }
}

impl Link {
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, idle: Mutex::new(None) }
    }

    pub fn take(&self) -> Option<Idle> {
        self.kept().take()
    }

    /// To be called when the task was woken: a connection that the service has closed, or that was idle for too
    /// long, is let go.
    pub fn attend(&self, idle_limit: Duration, cx: &mut Context<'_>) {
        let mut kept = self.kept();
        if !kept.as_mut().is_none_or(|idle| idle.is_kept(idle_limit, cx)) {
            *kept = None;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(idle) = self.take() else { return };
        self.upstream.put_idle(idle);
    }
}

impl Lease {
    pub fn new(home: Home, connection: ServiceConnection) -> Self {
        Self { home, connection: Some(connection) }
    }

    /// Reads on, where the task that asks for the body is the one that has to; false where another does.
    pub fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        self.connection.as_mut().is_some_and(|connection| connection.drive(cx))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Else the answer was not read to its end, and what is left of it would be taken for the next one.
        let Some(connection) = self.connection.take().filter(ServiceConnection::is_ready) else {
            return;
        };
        let idle = Idle { connection, since: Instant::now() };
        match &self.home {
            Home::Link(link) => *link.kept() = Some(idle),
            Home::Pool(upstream) => upstream.put_idle(idle),
        }
    }
}
