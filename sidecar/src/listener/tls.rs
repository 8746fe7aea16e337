use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::Stream;
use crate::code::Code;
use crate::config::{self, read_secret_file};
use crate::error::{Error, Result};

/// TLS 1.2 and 1.3 in front of a listener, by a certificate and its key in files.
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    pub fn read(files: &config::Tls) -> Result<Self> {
        load(files).map(|config| Self(Arc::new(config)))
    }

    /// The handshake.
    pub async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        let stream = TlsAcceptor::from(self.0.clone()).accept(stream).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn load(files: &config::Tls) -> Result<ServerConfig> {
    let refused = |key: &str, path: &Path, why: &dyn std::fmt::Display| {
        let message = format!("proxy.tls.{key}: {}: {why}", path.display());
        Error::new(Code::KeyFile, message)
    };
    let certificate = |why: &dyn std::fmt::Display| refused("certificate", &files.certificate, why);
    let key = |why: &dyn std::fmt::Display| refused("key", &files.key, why);

    let text = std::fs::read(&files.certificate).map_err(|e| certificate(&e))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| certificate(&"expected certificates in PEM"))?;
    if chain.is_empty() {
        return Err(certificate(&"expected a certificate in PEM, got none"));
    }
    let text = read_secret_file(&files.key).map_err(|e| e.context("proxy.tls.key"))?;
    // What the parser says of a wrong key might quote it.
    let secret = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| key(&"expected a private key in PEM (PKCS#8, SEC1 or PKCS#1)"))?;

    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| certificate(&e))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                key(&format!("it is not the key of {}", files.certificate.display()))
            }
            rustls::Error::InvalidCertificate(_) => certificate(&"the certificate cannot be read"),
            _ => key(&"a key of a kind that cannot be used"),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
