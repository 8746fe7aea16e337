//! Asks other services over HTTP, for commands: one after the other, bounded in size and time.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use crate::code::Code;
use crate::error::{Error, Result};

/// A service at a URL; connections are kept between requests.
pub struct Client {
    runtime: Runtime,
    connections: Connections<HttpConnector, Full<Bytes>>,
    url: String,
    timeout: Duration,
    token: Option<Token>,
}

/// Credentials to send (RFC 6750); not shown by anything.
#[derive(Clone)]
pub struct Token(Box<HeaderValue>);

impl Token {
    /// One word of printable ASCII.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let is_word = !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
        let value = [b"Bearer ", text].concat();
        let mut value = HeaderValue::from_bytes(&value).ok().filter(|_| is_word)?;
        value.set_sensitive(true);
        Some(Self(Box::new(value)))
    }
}

/// What the service answered.
pub struct Reply {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Client {
    /// `what` names the argument that holds the URL, for the error.
    pub fn new(what: &str, url: &str, timeout: Duration) -> Result<Self> {
        let is_usable = url.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.authority().is_some() && uri.query().is_none()
        });
        if !is_usable {
            let message = format!("{what} must look like `http://127.0.0.1:8090`, got `{url}`");
            return Err(Error::new(Code::WrongUse, message));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connections = Connections::builder(TokioExecutor::new()).build_http();
        Ok(Self {
            runtime,
            connections,
            url: url.trim_end_matches('/').into(),
            timeout,
            token: None,
        })
    }

    /// Sends this with every request.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    pub fn get(&self, path: &str, at_most: usize) -> Result<Reply> {
        self.send(Method::GET, path, None, at_most)
    }

    pub fn post(
        &self,
        path: &str,
        media_type: &'static str,
        body: impl Into<Bytes>,
        at_most: usize,
    ) -> Result<Reply> {
        self.send(Method::POST, path, Some((media_type, body.into())), at_most)
    }

    /// Says of an answer or of its absence who gave it.
    pub fn failed(&self, why: impl Display) -> Error {
        Error::new(Code::UpstreamUnreachable, format!("{}: {why}", self.url))
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
        at_most: usize,
    ) -> Result<Reply> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(Token(value)) = &self.token {
            request = request.header(header::AUTHORIZATION, HeaderValue::clone(value));
        }
        let mut bytes = Bytes::new();
        if let Some((media_type, body)) = body {
            request = request.header(header::CONTENT_TYPE, media_type);
            bytes = body;
        }
        let request = request.body(Full::new(bytes)).map_err(|e| self.failed(e))?;
        self.runtime.block_on(async {
            tokio::time::timeout(self.timeout, self.exchange(request, at_most)).await.map_err(
                |_| self.failed(format!("no answer within {} s", self.timeout.as_secs())),
            )?
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, at_most: usize) -> Result<Reply> {
        let response = self.connections.request(request).await.map_err(|error| {
            // The outer error says only that there was one.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            self.failed(cause)
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), at_most).collect().await;
        let body = body.map_err(|e| self.failed(e))?.to_bytes();
        Ok(Reply { status, body })
    }
}
