//! Upgrades, WebSocket above all (RFC 9110 §7.8, RFC 6455): after 101 the connection is a tunnel.

use http::header::{self, HeaderMap, HeaderValue};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::listener::Place;

/// The protocol that a request wants to change to, if it may: HTTP/2 is not passed through, its frames
/// could not be watched.
pub fn requested(headers: &HeaderMap) -> Option<HeaderValue> {
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let asks =
        connection.flat_map(|v| v.split(',')).any(|o| o.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(header::UPGRADE).filter(|_| asks)?;
    let name = protocol.to_str().ok()?;
    (!name.to_ascii_lowercase().contains("h2c")).then(|| protocol.clone())
}

/// Puts back on a message what is hop by hop but belongs to the upgrade.
pub fn restore(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// The client's half of an upgrade, to be taken before its request goes on.
pub fn client_half(request: &mut Request<Incoming>) -> OnUpgrade {
    hyper::upgrade::on(request)
}

/// When the service agreed, joins both halves until either side ends. The tunnel keeps the place of its
/// connection: a drain waits for it too, and closes it when its time is over.
pub fn join(client: OnUpgrade, response: &mut Response<Incoming>, place: Place) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let service = hyper::upgrade::on(response);
    tokio::spawn(async move {
        let _place = place;
        let (Ok(client), Ok(service)) = tokio::join!(client, service) else { return };
        let (mut client, mut service) = (TokioIo::new(client), TokioIo::new(service));
        let _ = tokio::io::copy_bidirectional(&mut client, &mut service).await;
    });
}
