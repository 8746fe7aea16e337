//! Clients that speak HTTP/2 and take nothing, or ask for nothing.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::http2::{nothing, request, runtime, text};
use super::place::Place;
use super::served::Served;
use super::service::Service;

type Body = http_body_util::combinators::BoxBody<bytes::Bytes, std::convert::Infallible>;
type Sender = hyper::client::conn::http2::SendRequest<Body>;

fn with(lines: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let served = Served::in_front_of(&place, &format!("{}\"\n{lines}\n#", service.url()));
    (place, service, served)
}

/// A client, and what ends when its connection does.
async fn connect(served: &Served) -> (Sender, tokio::task::JoinHandle<()>) {
    let io = TokioIo::new(tokio::net::TcpStream::connect(served.proxy).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    (sender, tokio::spawn(async { drop(connection.await) }))
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("it takes for ever")
}

#[test]
fn who_takes_nothing_of_an_answer_loses_it_and_nothing_else() {
    let (_place, service, served) = with("write_timeout = \"500ms\"");
    runtime().block_on(in_time(async {
        let (mut sender, _connection) = connect(&served).await;
        // More than all windows and buffers on the way.
        let large = request(Method::GET, "/large?1073741824", nothing());
        let mut slow = sender.send_request(large).await.unwrap().into_body();
        assert!(slow.frame().await.unwrap().is_ok());
        // As long as it is under way, the service is still writing it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut taken = 0;
        let end = loop {
            match slow.frame().await {
                Some(Ok(frame)) => taken += frame.into_data().unwrap().len(),
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(_))), "half an answer never looks like a whole one");
        assert!(taken < 64 << 20, "{taken}");
        let next = sender.send_request(request(Method::GET, "/a", nothing())).await.unwrap();
        assert_eq!(next.status(), 200);
        assert!(text(next).await.starts_with("GET /a HTTP/1.1\r\n"));
    }));
    assert_eq!(service.requests(), 2);
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn who_asks_for_nothing_is_let_go_and_who_waits_for_an_answer_is_not() {
    let (_place, _service, served) = with("header_timeout = \"500ms\"\nresponse_timeout = \"2s\"");
    runtime().block_on(in_time(async {
        let (mut waiting, _connection) = connect(&served).await;
        let answer = waiting.send_request(request(Method::GET, "/hang", nothing()));
        let (_idle, connection) = connect(&served).await;
        connection.await.unwrap();
        assert_eq!(answer.await.unwrap().status(), 504);
    }));
    assert_eq!(served.terminate().0, 0);
}
