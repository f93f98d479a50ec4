//! Whom we trust over TLS: the machine's certificate authorities, or those of a bundle, or anybody.
//!
//! Invariant: nothing is read from disk before a connection needs it; the machine's authorities are read once.

use super::client::World;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use squall_experiment::python::Exception;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// How a server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Against `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, or the machine's authorities.
    #[default]
    Usual,
    /// Against the certificates of a file or a folder.
    Bundle(String),
    /// Not at all.
    Not,
}

/// Why there is no way to talk TLS.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unready {
    /// The bundle is not there: Python's `OSError`.
    #[error(transparent)]
    NoBundle(Exception),
    /// Something else of the machine's.
    #[error("{0}")]
    Machine(String),
}

/// The configuration for a connection.
pub(super) async fn config(verify: &Verify, world: &World<'_>) -> Result<Arc<ClientConfig>, Unready> {
    static MACHINE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static ANYBODY: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let bundle = match verify {
        Verify::Bundle(path) => Some(path.as_str()),
        Verify::Usual => ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
            .into_iter()
            .find_map(|name| world.env(name).filter(|path| !path.is_empty())),
        Verify::Not => {
            if let Some(config) = ANYBODY.get() {
                return Ok(config.clone());
            }
            let config = with(Arc::new(Anybody(provider())))?;
            return Ok(ANYBODY.get_or_init(|| config).clone());
        }
    };
    if let Some(path) = bundle {
        let certificates = read_bundle(path).await?;
        return with(Arc::new(Authorities::new(certificates, path)?));
    }
    if let Some(config) = MACHINE.get() {
        return Ok(config.clone());
    }
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| Unready::Machine(format!("could not load the machine's certificates: {error}")))?;
    let config = with(Arc::new(Authorities::new(loaded.certs, "this machine")?))?;
    Ok(MACHINE.get_or_init(|| config).clone())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn with(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, Unready> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Unready::Machine(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn read_bundle(path: &str) -> Result<Vec<CertificateDer<'static>>, Unready> {
    let missing = || {
        let text = format!("Could not find a suitable TLS CA certificate bundle, invalid path: {path}");
        Unready::NoBundle(Exception { class: "OSError", text })
    };
    let mut certificates = Vec::new();
    if Path::new(path).is_dir() {
        let mut entries = tokio::fs::read_dir(path).await.map_err(|_| missing())?;
        while let Ok(Some(entry)) = entries.next_entry().await {
            if let Ok(bytes) = tokio::fs::read(entry.path()).await {
                certificates.extend(CertificateDer::pem_slice_iter(&bytes).flatten());
            }
        }
    } else {
        let bytes = tokio::fs::read(path).await.map_err(|_| missing())?;
        certificates.extend(CertificateDer::pem_slice_iter(&bytes).flatten());
    }
    Ok(certificates)
}

/// Trusts what the authorities signed, and an authority's own certificate if a server shows that: people put the
/// self-signed certificate of a test server into a bundle.
#[derive(Debug)]
struct Authorities {
    signed: Arc<WebPkiServerVerifier>,
    themselves: Vec<CertificateDer<'static>>,
}

impl Authorities {
    fn new(certificates: Vec<CertificateDer<'static>>, place: &str) -> Result<Authorities, Unready> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err(Unready::Machine(format!(
                "no certificate authority found in {place}; set REQUESTS_CA_BUNDLE to a file that holds some"
            )));
        }
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| Unready::Machine(error.to_string()))?;
        Ok(Authorities { signed, themselves: certificates })
    }
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified =
            self.signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The dates have been checked by then, the name has not.
            Err(TlsError::InvalidCertificate(CertificateError::Other(other)))
                if other.to_string() == "CaUsedAsEndEntity" && self.themselves.contains(end_entity) =>
            {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signed.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signed.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// `verify_tls: false`: whoever holds the key of the certificate that is shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
