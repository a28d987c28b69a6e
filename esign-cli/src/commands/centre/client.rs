//! The way to a served centre: HTTPS with an officer's client certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use esign_core::keys::PrivateKey;
use esign_core::x509::to_pem;
use serde::Deserialize;
use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, RootCerts, TlsConfig, TlsProvider};

use zeroize::Zeroizing;

use crate::commands::secrets::{PassphraseArgs, load_key};
use crate::failure::{Exit, Failure};
use crate::files;

/// Longest answer that is read: a list of 1000 requests or log entries takes less than 1 MiB.
const MAX_ANSWER: u64 = 16 << 20;
/// How long one answer may take: the centre itself gives up after 30 seconds.
const TIME: Duration = Duration::from_secs(40);

/// `centre.toml` of an officer's folder. Paths are relative to the folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where officers ask, `https://host:port`.
    url: String,
    /// The officer's certificate, PEM.
    certificate: PathBuf,
    /// His key.
    key: PathBuf,
    /// The authority that certified the centre's own address, PEM.
    centre: PathBuf,
}

/// A connection to be.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    /// The client of the officer whose folder this is.
    pub(super) fn of(folder: &Path, passphrase: &PassphraseArgs) -> Result<Self, Failure> {
        let path = folder.join("centre.toml");
        let text = files::read(&path)
            .map_err(|e| e.hint("the folder is one that the centre's administrator handed over"))?;
        let text = String::from_utf8_lossy(&text);
        let settings: Settings = toml::from_str(&text)
            .map_err(|e| Failure::about(&path.display(), &e.to_string().trim()))?;
        if !settings.url.starts_with("https://") {
            return Err(Failure::about(
                &path.display(),
                &format_args!("url \"{}\" does not begin with https://", settings.url),
            ));
        }
        let chain = certificates(&folder.join(&settings.certificate))?;
        let key_path = folder.join(&settings.key);
        let key = load_key(&key_path, passphrase)?.key;
        let authorities = certificates(&folder.join(&settings.centre))?;
        let agent = agent(&chain, &key, &key_path, &authorities)?;
        Ok(Self {
            agent,
            url: settings.url.trim_end_matches('/').to_owned(),
        })
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        let sent = self.agent.get(format!("{}/api/v1{path}", self.url)).call();
        self.answer(sent)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.post(format!("{}/api/v1{path}", self.url));
        self.answer(request.send_json(body))
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.put(format!("{}/api/v1{path}", self.url));
        self.answer(request.send_json(body))
    }

    /// The answer, or the centre's refusal in its own words.
    fn answer(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let unreachable = |e: &dyn std::fmt::Display| {
            Failure::about(&self.url, e).hint(
                "is the centre running, and is its address in centre.toml the one it listens at?",
            )
        };
        let mut response = sent.map_err(|e| unreachable(&e))?;
        let status = response.status();
        let body: Value = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_json()
            .map_err(|e| Failure::about(&self.url, &format_args!("{status}, and no JSON: {e}")))?;
        if status.is_success() {
            return Ok(body);
        }
        let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut failure = Failure::new(format!("{}: {}", word("title"), word("detail")));
        // What the centre refuses is a no; what is mistyped, unknown or out of order is usage.
        if matches!(status.as_u16(), 401 | 403 | 409) || word("code") == "lint" {
            failure.exit = Exit::Failed;
        }
        Err(failure)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let found = esign_core::x509::certificates(&files::read(path)?)
        .map_err(|e| Failure::about(&path.display(), &e))?;
    if found.is_empty() {
        return Err(Failure::about(&path.display(), &"holds no certificate"));
    }
    Ok(found
        .iter()
        .map(|certificate| Certificate::from_der(certificate.der()).to_owned())
        .collect())
}

fn agent(
    chain: &[Certificate<'static>],
    key: &PrivateKey,
    path: &Path,
    authorities: &[Certificate<'static>],
) -> Result<ureq::Agent, Failure> {
    let pem = Zeroizing::new(to_pem("PRIVATE KEY", key.pkcs8_der()));
    let key = ureq::tls::PrivateKey::from_pem(pem.as_bytes())
        .map_err(|e| Failure::about(&path.display(), &e))?;
    // The centre alone is trusted, by the authority that was handed over: no roots of the system.
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(authorities))
        .client_cert(Some(ClientCert::new_with_certs(chain, key)))
        .build();
    Ok(ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .https_only(true)
        .max_redirects(0)
        .timeout_global(Some(TIME))
        .build()
        .into())
}
