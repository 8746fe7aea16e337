//! HTTP/2 with clients and with the service.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;

use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::exchange;

type Body = BoxBody<Bytes, Infallible>;

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> SendRequest<Body> {
    let io = TokioIo::new(stream);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn connect(to: SocketAddr) -> SendRequest<Body> {
    handshake(tokio::net::TcpStream::connect(to).await.unwrap()).await
}

pub fn request(method: Method, target: &str, body: Body) -> Request<Body> {
    let uri = format!("http://shop{target}");
    Request::builder().method(method).uri(uri).body(body).unwrap()
}

pub fn nothing() -> Body {
    Empty::new().boxed()
}

pub async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

fn proxied() -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let served = Served::in_front_of(&place, &service.url());
    (place, service, served)
}

#[test]
fn many_requests_on_one_connection() {
    let (_place, service, served) = proxied();
    runtime().block_on(async {
        let sender = connect(served.proxy).await;
        for _ in 0..3 {
            let mut all = tokio::task::JoinSet::new();
            for i in 0..20 {
                let mut sender = sender.clone();
                all.spawn(async move {
                    let mut request = request(Method::GET, &format!("/a?{i}"), nothing());
                    let headers = request.headers_mut();
                    for crumb in ["a=1", "b=2"] {
                        headers.append("cookie", crumb.parse().unwrap());
                    }
                    headers.insert("te", "trailers".parse().unwrap());
                    let response = sender.send_request(request).await.unwrap();
                    assert_eq!(response.status(), 200);
                    assert_eq!(response.headers()["x-correlation-id"].len(), 36);
                    let seen = text(response).await;
                    assert!(seen.starts_with(&format!("GET /a?{i} HTTP/1.1\r\n")), "{seen}");
                    for line in [
                        "host: shop",
                        "cookie: a=1; b=2",
                        "te: trailers",
                        "x-forwarded-proto: http",
                    ] {
                        assert!(seen.contains(&format!("{line}\r\n")), "{line}: {seen}");
                    }
                    assert!(!seen.contains("transfer-encoding"), "{seen}");
                });
            }
            while let Some(done) = all.join_next().await {
                done.unwrap();
            }
        }
    });
    assert_eq!(service.requests(), 60);
    let connections = service.connections.load(Ordering::SeqCst);
    assert!(connections <= 20, "pooled: {connections}");
}

#[test]
fn bodies_and_trailers_stream_both_ways() {
    let (_place, _service, served) = proxied();
    runtime().block_on(async {
        let mut sender = connect(served.proxy).await;
        let (mut write, pieces) = tokio::sync::mpsc::channel::<Frame<Bytes>>(1);
        let pieces = StreamBody::new(Pieces(pieces)).boxed();
        let response = sender.send_request(request(Method::POST, "/echo-stream", pieces));
        write.send(Frame::data("first".into())).await.unwrap();
        let mut answer = response.await.unwrap().into_body();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
        write.send(Frame::data("second".into())).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "second");
        drop(std::mem::replace(&mut write, tokio::sync::mpsc::channel(1).0));
        assert_eq!(answer.collect().await.unwrap().to_bytes(), "", "the end, and no error");

        let response = sender.send_request(request(Method::GET, "/trailers", nothing())).await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-sum"], "4");
        assert_eq!(body.to_bytes(), "body");
    });
}

/// Frames as they come through a channel.
struct Pieces(tokio::sync::mpsc::Receiver<Frame<Bytes>>);

impl futures_core::Stream for Pieces {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

#[test]
fn a_service_that_dies_resets_its_stream_alone() {
    let (_place, _service, served) = proxied();
    runtime().block_on(async {
        let mut sender = connect(served.proxy).await;
        for target in ["/dies/length", "/dies/chunked"] {
            let response = sender.send_request(request(Method::GET, target, nothing())).await;
            let whole = match response {
                Ok(response) => response.into_body().collect().await.is_ok(),
                Err(_) => false,
            };
            assert!(!whole, "{target}");
        }
        let failed = sender.send_request(request(Method::GET, "/close", nothing())).await.unwrap();
        assert_eq!(failed.status(), 502);
        let next = sender.send_request(request(Method::GET, "/a", nothing())).await.unwrap();
        assert_eq!(next.status(), 200);
        let mut large = request(Method::GET, "/a", nothing());
        large.headers_mut().insert("x-large", "x".repeat(70_000).parse().unwrap());
        let refused = sender.send_request(large).await;
        assert!(refused.is_err() || refused.unwrap().status() == 431);
        // As many fields as over HTTP/1.1, however small.
        let mut many = request(Method::GET, "/a", nothing());
        for n in 0..150 {
            many.headers_mut().append("x-many", n.into());
        }
        assert_eq!(sender.send_request(many).await.unwrap().status(), 431);
        let mut twice = request(Method::POST, "/a", Full::from("abc").boxed());
        for _ in 0..2 {
            twice.headers_mut().append("content-length", 3.into());
        }
        assert_eq!(sender.send_request(twice).await.unwrap().status(), 400);
    });
}

#[test]
fn a_flood_of_resets_ends_the_connection() {
    let (_place, _service, served) = proxied();
    let mut stream = TcpStream::connect(served.proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1..2000_u32).step_by(2) {
        // HEADERS with END_HEADERS and END_STREAM (RFC 9113 §6.2): GET, http, /, the authority `a`.
        bytes.extend_from_slice(&[0, 0, 6, 1, 5]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&[0x82, 0x86, 0x84, 0x41, 1, b'a']);
        // RST_STREAM, CANCEL (§6.4).
        bytes.extend_from_slice(&[0, 0, 4, 3, 0]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 8]);
    }
    // It may be closed before all is written.
    let _ = stream.write_all(&bytes);
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    let is_reset = end.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConnectionReset);
    assert!(end.is_ok() || is_reset, "the connection goes on: {end:?}");
    let mut rest = &answer[..];
    let mut reason = None;
    while let [a, b, c, kind, _, _, _, _, _, payload @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if *kind == 7 {
            reason = payload.get(7).copied();
        }
        rest = payload.get(length..).unwrap_or_default();
    }
    // A reset may have taken the frame with it.
    assert!(reason == Some(11) || is_reset, "no GOAWAY with ENHANCE_YOUR_CALM: {reason:?}");
}

#[test]
fn a_service_that_speaks_http2_is_asked_over_one_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let address = serve_http2(connections.clone());
    let place = Place::new();
    let upstream = format!("http://{address}\"\nworkers = 1\nupstream_http2 = true #");
    let served = Served::in_front_of(&place, &upstream);
    for _ in 0..3 {
        let answer = exchange(
            served.proxy,
            "POST /a?b HTTP/1.1\r\nHost: shop:81\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
             Content-Length: 4\r\n\r\nbody",
        );
        assert_eq!(answer.text(), "HTTP/2.0 POST http://shop:81/a?b body", "as the service saw it");
        assert_eq!(answer.header("x-hop"), None);
    }
    runtime().block_on(async {
        let mut sender = connect(served.proxy).await;
        let body = Full::from("more").boxed();
        let response = sender.send_request(request(Method::PUT, "/c", body)).await.unwrap();
        assert_eq!(text(response).await, "HTTP/2.0 PUT http://shop/c more");
    });
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// Answers with the request as it was seen.
pub fn serve_http2(connections: Arc<AtomicUsize>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        let headers: HeaderMap = head.headers;
        assert!(!headers.contains_key("host") && !headers.contains_key("x-hop"), "{headers:?}");
        let seen = format!("{:?} {} {} {body}", head.version, head.method, head.uri);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(seen)))
    };
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let service = hyper::service::service_fn(answer);
                tokio::spawn(http2.serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    address
}
