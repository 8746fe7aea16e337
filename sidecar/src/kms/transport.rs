use std::fmt;
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
///
/// Certificates are trusted as browsers do (Mozilla's list), or instead those of the file that `AWS_CA_BUNDLE` names.
#[derive(Clone)]
pub struct Transport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// How long it takes to see that nobody is there; the metadata of an instance are on it, or nowhere.
const CONNECT: Duration = Duration::from_secs(2);

/// For each exchange.
const ANSWER: Duration = Duration::from_secs(5);

/// Bytes of an answer; those that are wanted have some hundred.
const AT_MOST: usize = 64 << 10;

impl Transport {
    pub fn new() -> Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?
            .with_root_certificates(roots()?)
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

fn roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let path = std::path::PathBuf::from(path);
    let refused = |why: &dyn fmt::Display| {
        let message = format!("the environment's `AWS_CA_BUNDLE`: {}: {why}", path.display());
        Error::new(Code::KeyFile, message)
    };
    let text = std::fs::read(&path).map_err(|error| refused(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| refused(&"expected certificates in PEM"))?;
        roots.add(certificate).map_err(|_| refused(&"a certificate cannot be read"))?;
    }
    if roots.is_empty() {
        return Err(refused(&"expected a certificate in PEM, got none"));
    }
    Ok(roots)
}
