//! TLS in front of the proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::http2::{handshake, nothing, request, runtime, text};
use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, get};

/// A place whose proxy speaks TLS, and the certificate.
fn with_certificate() -> (Place, CertificateDer<'static>) {
    let place = Place::new();
    let certificate = write_certificate(&place);
    place.add_config("[proxy.tls]\ncertificate = \"keys/tls.crt\"\nkey = \"keys/tls.key\"");
    (place, certificate)
}

/// A new one, in place of whatever is there.
fn write_certificate(place: &Place) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(place.path("keys/tls.crt"), cert.pem()).unwrap();
    write_key(place, &signing_key.serialize_pem());
    cert.der().clone()
}

fn write_key(place: &Place, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = place.path("keys/tls.key");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn client(certificate: &CertificateDer<'static>, alpn: &[&str]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

fn over_tls(to: SocketAddr, config: Arc<rustls::ClientConfig>) -> Wire {
    let stream = std::net::TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let connection = rustls::ClientConnection::new(config, name()).unwrap();
    Wire::over(rustls::StreamOwned::new(connection, stream))
}

#[test]
fn both_protocols_by_what_the_client_offers() {
    let (place, certificate) = with_certificate();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    for alpn in [&[][..], &["http/1.1"]] {
        let mut wire = over_tls(served.proxy, client(&certificate, alpn));
        for _ in 0..2 {
            let seen =
                wire.ask("GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\n\r\n").text();
            assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
            assert!(!seen.contains("x-forwarded-proto: http\r\n"), "a stranger's word: {seen}");
        }
    }
    runtime().block_on(async {
        let stream = tokio::net::TcpStream::connect(served.proxy).await.unwrap();
        let connector = TlsConnector::from(client(&certificate, &["h2", "http/1.1"]));
        let stream = connector.connect(name(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut sender = handshake(stream).await;
        let response = sender.send_request(request(Method::GET, "/a", nothing())).await.unwrap();
        let seen = text(response).await;
        assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    });
    let mut plain = Wire::connect(served.proxy);
    plain.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!String::from_utf8_lossy(&plain.rest()).contains("HTTP/1.1"), "nothing in the clear");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_hangup_takes_a_new_certificate_and_leaves_open_connections_alone() {
    let (place, old) = with_certificate();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    let ask = |wire: &mut Wire| wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status;
    let trusts = |certificate| {
        let stream = std::net::TcpStream::connect(served.proxy).unwrap();
        let connection = rustls::ClientConnection::new(client(certificate, &[]), name()).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        stream.conn.complete_io(&mut stream.sock).is_ok()
    };
    let mut open = over_tls(served.proxy, client(&old, &[]));
    assert_eq!(ask(&mut open), 200);

    write_key(&place, "no key");
    served.signal("HUP");
    wait_for(&served, r#"policy_reloads_total{result="refused"} 1"#);
    assert!(trusts(&old), "what cannot be used changes nothing");

    let new = write_certificate(&place);
    assert!(!trusts(&new), "nobody has told it");
    served.signal("HUP");
    wait_for(&served, r#"policy_reloads_total{result="ok"} 1"#);
    assert!(trusts(&new) && !trusts(&old));
    assert_eq!(ask(&mut open), 200);
    assert_eq!(served.terminate().0, 0);
}

fn wait_for(served: &Served, line: &str) {
    while !get(served.api, "/metrics").text().contains(line) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn files_that_cannot_be_used_are_named_before_a_port_is_bound() {
    let (place, _) = with_certificate();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = other.signing_key.serialize_pem();
    let certificate = std::fs::read_to_string(place.path("keys/tls.crt")).unwrap();
    let refused = |said: &str| {
        let ran = place.run("serve", &[]);
        ran.refused(3, said);
        assert_eq!(ran.stdout, "", "no port is bound");
        for line in key.lines().filter(|line| !line.starts_with('-')) {
            assert!(!ran.stderr.contains(line), "{ran:?}");
        }
    };
    write_key(&place, &key);
    refused("tls.key: it is not the key of ");
    write_key(&place, &key.replace("-----BEGIN", "-----NOT"));
    refused("tls.key: expected a private key in PEM");
    std::fs::remove_file(place.path("keys/tls.key")).unwrap();
    refused("tls.key: No such file");
    write_key(&place, &key);
    std::fs::write(place.path("keys/tls.crt"), "nothing").unwrap();
    refused("tls.crt: expected a certificate in PEM, got none");
    std::fs::write(place.path("keys/tls.crt"), certificate.replace("MII", "NII")).unwrap();
    refused("tls.crt: the certificate cannot be read");
    std::fs::remove_file(place.path("keys/tls.crt")).unwrap();
    refused("tls.crt: No such file");
}
