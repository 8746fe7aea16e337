//! Asks services that are no part of ours, over TLS where they are elsewhere: bounded in size and time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqsign_core::HttpSend;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::code::Code;
use crate::error::{Error, Result};

/// HTTP/1.1, with TLS 1.2 and 1.3 to `https`.
#[derive(Clone)]
pub struct Transport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// How long it takes to see that nobody is there; the metadata of an instance are on it, or nowhere.
const CONNECT: Duration = Duration::from_secs(2);

/// For each exchange.
const ANSWER: Duration = Duration::from_secs(5);

/// Bytes of an answer: a set of keys with their certificates has some ten thousand.
const AT_MOST: usize = 64 << 10;

impl Transport {
    /// Trusts whom these certificates vouch for.
    pub fn new(roots: RootCertStore) -> Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let https = https.enable_http1().wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }

    /// Sends a request; the error says why there is no answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let exchange = async {
            let (parts, body) = request.into_parts();
            let request = Request::from_parts(parts, Full::new(body));
            let answer = self.0.request(request).await.map_err(|error| innermost(&error))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, AT_MOST).collect().await;
            let body = body.map_err(|error| innermost(&*error))?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        match tokio::time::timeout(ANSWER, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
        }
    }
}

/// For those who give credentials.
impl HttpSend for Transport {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.send(request)
            .await
            .map_err(|why| reqsign_core::Error::unexpected(format!("{host}: {why}")))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// The outer errors say only that there was one.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Those that browsers trust (Mozilla's list).
pub fn roots_of_the_web() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots
}

/// The certificates of a PEM file, and no others.
pub fn roots_of(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let refused =
        |why: &dyn fmt::Display| Error::new(Code::KeyFile, format!("{}: {why}", path.display()));
    let text = std::fs::read(path).map_err(|error| refused(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| refused(&"expected certificates in PEM"))?;
        roots.add(certificate).map_err(|_| refused(&"a certificate cannot be read"))?;
    }
    if roots.is_empty() {
        return Err(refused(&"expected a certificate in PEM, got none"));
    }
    Ok(roots)
}
