//! Asks other services over HTTP, for commands: one after the other, bounded in size and time.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
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

    /// Gives the body of a good answer away while it comes; of another one it is in the reply. The headers are those
    /// of the beginning and of the end.
    pub fn download(
        &self,
        path: &str,
        at_most: usize,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<(Reply, HeaderMap)> {
        let request = self.request(Method::GET, path).header(header::TE, "trailers");
        let request = request.body(Full::default()).map_err(|e| self.failed(e))?;
        self.runtime.block_on(async {
            let response = self.in_time(self.answer(request)).await??;
            let (head, mut body) = response.into_parts();
            let (status, mut headers) = (head.status, head.headers);
            if !status.is_success() {
                let body = self.in_time(self.whole(body, at_most)).await??;
                return Ok((Reply { status, body }, headers));
            }
            while let Some(frame) = self.in_time(body.frame()).await? {
                match frame.map_err(|e| self.failed(e))?.into_data() {
                    Ok(data) => take(&data)?,
                    Err(other) => headers.extend(other.into_trailers().unwrap_or_default()),
                }
            }
            Ok((Reply { status, body: Bytes::new() }, headers))
        })
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
        let mut request = self.request(method, path);
        let mut bytes = Bytes::new();
        if let Some((media_type, body)) = body {
            request = request.header(header::CONTENT_TYPE, media_type);
            bytes = body;
        }
        let request = request.body(Full::new(bytes)).map_err(|e| self.failed(e))?;
        self.runtime.block_on(async {
            self.in_time(async {
                let response = self.answer(request).await?;
                let status = response.status();
                Ok(Reply { status, body: self.whole(response.into_body(), at_most).await? })
            })
            .await?
        })
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        match &self.token {
            Some(Token(value)) => request.header(header::AUTHORIZATION, HeaderValue::clone(value)),
            None => request,
        }
    }

    async fn in_time<T>(&self, waited: impl Future<Output = T>) -> Result<T> {
        let late = |_| self.failed(format!("no answer within {} s", self.timeout.as_secs()));
        tokio::time::timeout(self.timeout, waited).await.map_err(late)
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        self.connections.request(request).await.map_err(|error| {
            // The outer error says only that there was one.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            self.failed(cause)
        })
    }

    async fn whole(&self, body: Incoming, at_most: usize) -> Result<Bytes> {
        let body = Limited::new(body, at_most).collect().await;
        Ok(body.map_err(|e| self.failed(e))?.to_bytes())
    }
}
