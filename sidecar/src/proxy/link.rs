//! Who has a connection to the service, and who gets it next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::Incoming;

use super::service_connection::{Part, ServiceConnection};
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
    /// Whether the service has answered without asking for the body, which was held back.
    pub is_body_unwanted: bool,
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

    /// To be called when the task was woken: a connection that the service has closed is let go.
    pub fn attend(&self, cx: &mut Context<'_>) {
        let mut kept = self.kept();
        if !kept.as_mut().is_none_or(|idle| idle.connection.is_alive(cx)) {
            *kept = None;
        }
    }

    /// Gives the connection to those that need one. There it is let go after its time.
    pub fn lend(&self) {
        if let Some(idle) = self.take() {
            self.upstream.put_idle(idle);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.lend();
    }
}

impl Lease {
    pub fn new(home: Home, connection: ServiceConnection, is_body_unwanted: bool) -> Self {
        Self { home, connection: Some(connection), is_body_unwanted }
    }

    /// What comes next of a body over this connection.
    pub fn poll_frame(&mut self, body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Part> {
        match &mut self.connection {
            Some(connection) => connection.poll_frame(body, cx),
            None => Poll::Ready(None),
        }
    }

    /// Lets the connection go with all that is still on it.
    pub fn discard(mut self) {
        self.connection = None;
    }

    pub fn drop_body(&self, body: Incoming) {
        if let Some(connection) = &self.connection {
            connection.drop_body(body);
        }
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
