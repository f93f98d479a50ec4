//! The certificate authority of one playground, its server certificate and its admin token.
//!
//! Invariant: nothing here is trusted by anything but the kubeconfig that goes with it; keys leave memory only where
//! `--data` keeps them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::sync::Arc;

/// Who vouches for a playground's server, and what its administrator says to be let in.
#[derive(Clone)]
pub struct Authority {
    certificate: String,
    key: String,
    token: String,
}

/// A certificate or key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// From the maker of certificates.
    #[error("could not make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// From TLS itself.
    #[error("could not set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(***)")
    }
}

impl Authority {
    /// A new one, with a new token.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new() -> Result<Authority, TlsError> {
        let key = KeyPair::generate()?;
        let certificate = ca_params()?.self_signed(&key)?.pem();
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        Ok(Authority { certificate, key: key.serialize_pem(), token })
    }

    /// One that was kept: certificate and key as PEM, token.
    pub fn kept(certificate: String, key: String, token: String) -> Authority {
        Authority { certificate, key, token }
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its key, PEM: a secret.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The administrator's token: a secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What a server at these addresses shows to its clients.
    pub(super) fn server(&self, addresses: &[IpAddr]) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        // Name and key are all that a signature needs of its issuer.
        let issuer = Issuer::new(ca_params()?, KeyPair::from_pem(&self.key)?);
        let mut names: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        names.extend(
            ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned),
        );
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "playground-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A kubeconfig for a server; without an authority, over plain HTTP and without a token.
pub(super) fn kubeconfig(url: &str, authority: Option<&Authority>) -> String {
    let (ca, user) = match authority {
        Some(authority) => (
            format!("\n    certificate-authority-data: {}", STANDARD.encode(&authority.certificate)),
            format!("\n    token: {}", authority.token),
        ),
        None => (String::new(), " {}".to_owned()),
    };
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: playground
  cluster:
    server: {url}{ca}
contexts:
- name: playground
  context:
    cluster: playground
    namespace: default
    user: admin
current-context: playground
preferences: {{}}
users:
- name: admin
  user:{user}
"
    )
}
