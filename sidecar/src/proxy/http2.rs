//! HTTP/2 (RFC 9113) on either side: its limits, and where its messages differ from those of HTTP/1.1.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Uri, Version};
use hyper::client;
use hyper::server;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::framing::MAX_HEAD;

/// Requests at a time on a connection; more wait.
const STREAMS: u32 = 128;

/// Streams that a client opened and reset before we came to them; more end the connection
/// (CVE-2023-44487).
const RESETS: usize = 20;

/// What is held of one body towards a client that takes it slowly.
const SEND_BUFFER: usize = 64 << 10;

/// What a peer may send before we have passed it on, of one body and of all.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// A client that says nothing for so long is asked whether it is there (PING, §6.7), and must answer in two thirds of
/// that; only while it waits for something, for others are let go anyway.
pub fn server(silence: Duration) -> server::conn::http2::Builder<TokioExecutor> {
    let mut http2 = server::conn::http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_header_list_size(MAX_HEAD as u32)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(silence)
        .keep_alive_timeout(silence * 2 / 3);
    http2
}

/// The service is asked halfway to the limit of its answer, and must answer before that: all requests share the
/// connection, and each would wait for one that is dead.
pub fn client(
    executor: TokioExecutor,
    timer: TokioTimer,
    limit: Duration,
) -> client::conn::http2::Builder<TokioExecutor> {
    let mut http2 = client::conn::http2::Builder::new(executor);
    http2
        .timer(timer)
        .max_header_list_size(MAX_HEAD as u32)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(limit / 2)
        .keep_alive_timeout(limit / 3);
    http2
}

/// A request to a service that speaks HTTP/2: the host stands in `:authority` (§8.3.1).
pub fn of_request<B>(request: &mut Request<B>) -> Result<()> {
    let host = request.headers_mut().remove(header::HOST);
    let target = request.uri().path_and_query().cloned();
    let uri = Uri::builder()
        .scheme("http")
        .authority(host.as_ref().map_or(&b"localhost"[..], HeaderValue::as_bytes))
        .path_and_query(target.map_or("/".to_owned(), |target| target.to_string()))
        .build()
        .map_err(|_| Error::new(Code::BadRequest, "the host of the request cannot be used"))?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    // Upgrades and everything else that this names are of HTTP/1.1 alone (§8.2.2).
    request.headers_mut().remove(header::CONNECTION);
    request.headers_mut().remove(header::UPGRADE);
    Ok(())
}

/// `Cookie` may come in several pieces, which HTTP/1.1 knows only as one (§8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_one_line_in_their_order() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2", "c=3"] {
            headers.append(header::COOKIE, HeaderValue::from_static(crumb));
        }
        join_cookies(&mut headers);
        let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn the_host_becomes_the_authority() {
        let mut request = Request::get("/a?b=1").header("host", "shop:81").body(()).unwrap();
        of_request(&mut request).unwrap();
        assert_eq!(request.uri(), "http://shop:81/a?b=1");
        assert!(request.headers().is_empty());
        let mut bad = Request::get("/").header("host", "a b").body(()).unwrap();
        assert!(of_request(&mut bad).is_err());
    }
}
