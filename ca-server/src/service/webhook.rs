//! Posting JSON to an address of the operator's: over TLS, signed, without redirects.
//!
//! Each body carries `Esign-Event`, a name that is the same however often it is posted, and
//! `Esign-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 over `SECONDS "." body`: whoever takes it checks
//! that it is the centre's, whole and of now.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use ring::hmac;
use ureq::tls::{Certificate as Trusted, RootCerts, TlsConfig, TlsProvider};

use super::ServiceError;

/// How long one post may take: a receiver writes it down and answers, the rest it does afterwards.
const TIME: Duration = Duration::from_secs(10);
/// Least length of the secret, in octets: RFC 2104 3 discourages keys that are shorter than the digest;
/// 16 random octets are not to be guessed, and 32 hexadecimal digits are those.
const MIN_SECRET: usize = 16;
/// The first pause after a failure, and the longest, in seconds.
const PAUSES: (i64, i64) = (1, 300);

/// Where something is posted.
pub(super) struct Webhook {
    url: String,
    agent: ureq::Agent,
    key: hmac::Key,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An address may hold a token.
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Webhook {
    /// Posts to `url`, whose server `authorities` certify, with signatures by `secret`.
    ///
    /// # Errors
    /// The address is neither `https://` nor `http://` on this machine; nobody certifies its server;
    /// the secret is too short.
    pub(super) fn new(
        url: &str,
        authorities: &[Certificate],
        secret: &[u8],
    ) -> Result<Self, ServiceError> {
        let agent = agent("webhook", url, authorities)?;
        if secret.len() < MIN_SECRET {
            return Err(ServiceError::new(
                "webhook",
                format_args!(
                    "webhook-secret: has {} octets, at least {MIN_SECRET} are needed",
                    secret.len()
                ),
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            agent,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }

    /// Posts one body under the name `event`; done where the answer is 2xx.
    ///
    /// # Errors
    /// Why not, without the address.
    pub(super) fn post(&self, event: &str, body: &str, at: UnixTime) -> Result<(), String> {
        let answer = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("esign-event", event)
            .header("esign-signature", signature(&self.key, body, at))
            .send(body);
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What posts to `url`, the address of a `what`: to that one, by TLS.
///
/// # Errors
/// The address is neither `https://` nor `http://` on this machine; nobody certifies its server.
pub(super) fn agent(
    what: &str,
    url: &str,
    authorities: &[Certificate],
) -> Result<ureq::Agent, ServiceError> {
    let wrong = |why: &dyn std::fmt::Display| Err(ServiceError::new(what, why));
    let Ok(address) = url.parse::<ureq::http::Uri>() else {
        return wrong(&"is not an address");
    };
    match address.scheme_str() {
        Some("https") if authorities.is_empty() => {
            return wrong(&format_args!(
                "{what}-authority: who certifies its server is not configured"
            ));
        }
        Some("https") => {}
        // A receiver on this machine, before which nobody sits.
        Some("http") if is_loopback(address.host().unwrap_or_default()) => {}
        _ => return wrong(&"is neither https:// nor http:// on this machine"),
    }
    let trusted: Vec<_> = authorities
        .iter()
        .map(|one| Trusted::from_der(one.der()).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&trusted))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // What is meant for one address goes to no other.
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(TIME))
        .user_agent("ca-server")
        .build();
    Ok(config.into())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn signature(key: &hmac::Key, body: &str, at: UnixTime) -> String {
    let seconds = at.seconds();
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    let mut text = format!("t={seconds},v1=");
    for octet in tag.as_ref() {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// When to try again after failures.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    next: Option<UnixTime>,
}

impl Backoff {
    /// Whether it may be tried now.
    pub(super) fn is_over(&self, at: UnixTime) -> bool {
        // A clock that was set back does not hold things up for longer than the longest pause.
        self.next
            .is_none_or(|next| next <= at || at.plus(PAUSES.1) < next)
    }

    /// It failed: the pause is twice the one before.
    pub(super) fn failed(&mut self, at: UnixTime) {
        let (first, longest) = PAUSES;
        let pause = first
            .checked_shl(self.failures.min(30))
            .map_or(longest, |pause| pause.min(longest));
        self.failures = self.failures.saturating_add(1);
        self.next = Some(at.plus(pause));
    }

    /// It worked.
    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_may_go() {
        let secret = [7; MIN_SECRET];
        let refusal = |url: &str, secret: &[u8]| {
            Webhook::new(url, &[], secret)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        for url in [
            "http://127.0.0.1:9/x",
            "http://[::1]/",
            "http://localhost:80",
        ] {
            assert_eq!(refusal(url, &secret), "", "{url}");
        }
        for (url, word) in [
            ("https://hooks.example/x", "webhook-authority"),
            ("http://192.0.2.1/", "neither"),
            ("http://localhost.example/", "neither"),
            ("ftp://localhost/", "neither"),
            ("/x", "neither"),
            ("no address", "is not an address"),
        ] {
            assert!(refusal(url, &secret).contains(word), "{url}");
        }
        assert!(refusal("http://localhost", &[7; MIN_SECRET - 1]).contains("15 octets"));
    }

    /// RFC 4231 4.3 (test case 2) is the HMAC; this is what goes under it.
    #[test]
    fn what_is_signed_is_the_time_and_the_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let at = UnixTime::from_seconds(1);
        let signed = signature(&key, "{}", at);
        let (time, tag) = signed.split_once(",v1=").unwrap();
        assert_eq!(time, "t=1");
        let octets: Vec<u8> = (0..32)
            .map(|n| u8::from_str_radix(&tag[2 * n..2 * n + 2], 16).unwrap())
            .collect();
        hmac::verify(&key, b"1.{}", &octets).unwrap();
        assert!(hmac::verify(&key, b"2.{}", &octets).is_err());
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let at = UnixTime::from_seconds;
        let mut backoff = Backoff::default();
        assert!(backoff.is_over(at(0)));
        let mut pauses = Vec::new();
        let mut now = 0;
        for _ in 0..11 {
            backoff.failed(at(now));
            let begun = now;
            while !backoff.is_over(at(now)) {
                now += 1;
            }
            pauses.push(now - begun);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        // A clock set back by a day.
        assert!(backoff.is_over(at(now - 86_400)));
        backoff.worked();
        assert!(backoff.is_over(at(now)));
        for _ in 0..200 {
            backoff.failed(at(now));
        }
        assert!(!backoff.is_over(at(now)));
    }
}
