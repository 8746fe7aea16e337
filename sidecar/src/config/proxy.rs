//! The table `[proxy]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use super::invalid::invalid;
use super::listen::{Listen, Mode};
use super::quantity::{Span, or};
use crate::error::Result;
use crate::proxy::trace_context::Tracing;

#[derive(Debug, Clone)]
pub struct Proxy {
    pub listen: Listen,
    /// Threads, each with its own runtime, socket and connections to the service.
    pub workers: usize,
    pub tls: Option<Tls>,
    pub upstream: Upstream,
    /// Speak HTTP/2 with the service, by prior knowledge (RFC 9113 §3.3).
    pub upstream_http2: bool,
    /// How often a request is sent again that surely or provably may be.
    pub retries: u32,
    pub connect_timeout: Duration,
    pub response_timeout: Duration,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub body_timeout: Duration,
    pub stream_timeout: Duration,
    pub write_timeout: Duration,
    pub half_close_timeout: Duration,
    pub tracing: Tracing,
}

/// The files of a certificate chain and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The service behind the proxy: `http://host:port` or `unix:/path`, nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProxyTable {
    listen: String,
    #[serde(default)]
    socket_mode: Mode,
    workers: Option<usize>,
    tls: Option<TlsTable>,
    upstream: String,
    #[serde(default)]
    upstream_http2: bool,
    #[serde(default)]
    retries: u32,
    connect_timeout: Option<Span>,
    response_timeout: Option<Span>,
    header_timeout: Option<Span>,
    idle_timeout: Option<Span>,
    body_timeout: Option<Span>,
    stream_timeout: Option<Span>,
    write_timeout: Option<Span>,
    half_close_timeout: Option<Span>,
    #[serde(default)]
    trace: Trace,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Trace {
    #[default]
    Participate,
    Pass,
}

/// More threads than this are a mistake in the configuration.
const MAX_WORKERS: usize = 1024;

impl ProxyTable {
    pub(super) fn finish(self, folder: &Path) -> Result<Proxy> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.workers.unwrap_or_else(cores);
        if !(1..=MAX_WORKERS).contains(&workers) {
            return Err(invalid(format!("proxy.workers must be 1 to 1024, got {workers}")));
        }
        if self.retries > 3 {
            return Err(invalid(format!("proxy.retries must be 0 to 3, got {}", self.retries)));
        }
        let tls = self.tls.map(|tls| Tls {
            certificate: folder.join(tls.certificate),
            key: folder.join(tls.key),
        });
        Ok(Proxy {
            tls,
            upstream_http2: self.upstream_http2,
            retries: self.retries,
            body_timeout: or(self.body_timeout, Duration::from_secs(30)),
            stream_timeout: or(self.stream_timeout, Duration::from_mins(5)),
            write_timeout: or(self.write_timeout, Duration::from_mins(1)),
            half_close_timeout: or(self.half_close_timeout, Duration::from_secs(10)),
            listen: Listen::parse("proxy.listen", &self.listen, folder, self.socket_mode)?,
            workers,
            upstream: Upstream::parse(&self.upstream, folder)?,
            connect_timeout: or(self.connect_timeout, Duration::from_secs(5)),
            response_timeout: or(self.response_timeout, Duration::from_secs(60)),
            header_timeout: or(self.header_timeout, Duration::from_secs(30)),
            // Node closes an idle connection after 5 s; reusing one later than that loses requests.
            idle_timeout: or(self.idle_timeout, Duration::from_secs(4)),
            tracing: match self.trace {
                Trace::Participate => Tracing::Participate,
                Trace::Pass => Tracing::Pass,
            },
        })
    }
}

impl Upstream {
    /// What a request names as its host that came without any.
    pub fn host(&self) -> HeaderValue {
        let name = match self {
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(_) => "localhost".to_owned(),
        };
        HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("localhost"))
    }

    /// The file, where it is one.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix(path) => Some(path),
        }
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let refused = || {
            invalid(format!(
                "proxy.upstream must look like `http://127.0.0.1:3000` or `unix:/run/shop.sock`, got `{text}`"
            ))
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(refused())
            } else {
                Ok(Self::Unix(folder.join(path)))
            };
        }
        let uri: http::Uri = text.parse().map_err(|_| refused())?;
        let authority = uri.authority().ok_or_else(refused)?;
        let plain = uri.scheme_str() == Some("http")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
            && !authority.as_str().contains('@')
            && !authority.host().is_empty();
        if !plain {
            return Err(refused());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self::Tcp { host, port: authority.port_u16().unwrap_or(80) })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
