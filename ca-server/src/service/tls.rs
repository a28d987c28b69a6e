//! TLS of the operators' interface: the server's certificate, and clients by certificates that the
//! centre itself issued.

use std::sync::Arc;

use esign_core::keys::PrivateKey;
use esign_core::x509::Certificate;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use super::ServiceError;
use super::listener::PeerCertificate;
use crate::ids::KeyId;

/// An acceptor that shows `chain` and asks clients for a certificate of one of `authorities`.
///
/// A client without one is let in: what he may ask for without being known is decided by each
/// address, and he is answered with words rather than an alert.
///
/// # Errors
/// Key and certificate do not fit, or an authority cannot be a trust anchor.
pub(super) fn acceptor(
    chain: &[Certificate],
    key: &PrivateKey,
    authorities: &[Certificate],
) -> Result<TlsAcceptor, ServiceError> {
    let wrong =
        |what: &str, error: &dyn std::fmt::Display| ServiceError::new(what, error.to_string());
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots
            .add(CertificateDer::from(authority.der().to_vec()))
            .map_err(|e| wrong("authority of client certificates", &e))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|e| wrong("authorities of client certificates", &e))?;
    let chain = chain
        .iter()
        .map(|certificate| CertificateDer::from(certificate.der().to_vec()))
        .collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| wrong("TLS", &e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|e| wrong("certificate of the operators' address", &e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The client certificate of a finished handshake, which rustls has verified.
pub(super) fn peer_of(connection: &ServerConnection) -> Option<PeerCertificate> {
    let der = connection.peer_certificates()?.first()?.to_vec();
    let certificate = Certificate::from_der(&der).ok()?;
    Some(PeerCertificate {
        key: KeyId::of_spki(certificate.spki_der()),
        der,
    })
}
