//! [`Fetch`] by HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::{Fetch, FetchError};
use crate::x509::Certificate;

/// How long one answer may take, redirections included. A responder that needs longer is as good as
/// away.
const TIME: Duration = Duration::from_secs(20);
/// How long finding and reaching a host may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Redirections that are followed: from http to https, and to where a list has moved.
const MAX_REDIRECTS: u32 = 3;

/// What may be reached, and who certifies those that speak TLS.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Also addresses of the own machine and of private networks. Without it a certificate cannot
    /// make this machine speak to what stands behind its walls.
    pub private_addresses: bool,
    /// Roots for https; without them only http is spoken. What is fetched is signed, so that http
    /// harms nobody.
    pub tls_roots: Vec<Certificate>,
}

/// Fetches by HTTP within bounds: no private addresses, times, sizes, few redirections, no proxies.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    tls: bool,
}

impl Http {
    /// With these options.
    pub fn new(options: &HttpOptions) -> Self {
        let roots: Vec<_> = options
            .tls_roots
            .iter()
            .map(|c| ureq::tls::Certificate::from_der(c.der()).to_owned())
            .collect();
        let tls = !roots.is_empty();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ureq::Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .provider(TlsProvider::Rustls)
                    .unversioned_rustls_crypto_provider(provider)
                    .root_certs(RootCerts::Specific(Arc::new(roots)))
                    .build(),
            )
            .proxy(None)
            .max_redirects(MAX_REDIRECTS)
            .timeout_global(Some(TIME))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .user_agent("esign")
            .http_status_as_error(true)
            .build();
        let resolver = Guarded {
            private: options.private_addresses,
            inner: DefaultResolver::default(),
        };
        Self {
            agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver),
            tls,
        }
    }

    fn check(&self, url: &str) -> Result<(), FetchError> {
        let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
        let https = lower.starts_with("https://");
        if !https && !lower.starts_with("http://") {
            return Err(FetchError::new(url, "neither http nor https"));
        }
        if https && !self.tls {
            let what = "https is not spoken without roots to trust for it";
            return Err(FetchError::new(url, what));
        }
        Ok(())
    }
}

impl Fetch for Http {
    fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        self.check(url)?;
        let sent = self.agent.get(url).call();
        read(url, sent, limit)
    }

    fn post(
        &self,
        url: &str,
        content_type: &str,
        body: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, FetchError> {
        self.check(url)?;
        let request = self.agent.post(url).header("content-type", content_type);
        read(url, request.send(body), limit)
    }
}

fn read(
    url: &str,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    limit: usize,
) -> Result<Vec<u8>, FetchError> {
    let mut answer = sent.map_err(|e| FetchError::new(url, e))?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let body = answer.body_mut().with_config().limit(most).read_to_vec();
    body.map_err(|e| FetchError::new(url, e))
}

/// Finds hosts, and refuses the addresses of those that are nobody's business. What it gives is what
/// is connected to, so that a name cannot be looked up twice with different answers.
#[derive(Debug)]
struct Guarded {
    private: bool,
    inner: DefaultResolver,
}

/// A host all of whose addresses are refused.
#[derive(Debug)]
struct Refused(SocketAddr);

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} is an address of a private network", self.0.ip())
    }
}

impl std::error::Error for Refused {}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if self.private {
            return Ok(found);
        }
        let mut public = self.inner.empty();
        let mut refused = None;
        for address in found.iter() {
            if is_public(address.ip()) {
                public.push(*address);
            } else {
                refused = Some(*address);
            }
        }
        match refused {
            Some(address) if public.is_empty() => {
                Err(ureq::Error::Other(Box::new(Refused(address))))
            }
            _ => Ok(public),
        }
    }
}

/// Whether an address is one of the public network (IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(a: Ipv4Addr) -> bool {
    let [first, second, third, _] = a.octets();
    !(a.is_private()
        || a.is_loopback()
        || a.is_link_local()
        || a.is_broadcast()
        || a.is_documentation()
        || a.is_multicast()
        || first == 0
        // Shared address space, RFC 6598.
        || (first == 100 && (64..128).contains(&second))
        // Protocol assignments, RFC 6890; benchmarking, RFC 2544; reserved, RFC 1112.
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (second == 18 || second == 19))
        || first >= 240)
}

fn is_public_v6(a: Ipv6Addr) -> bool {
    // What is an address of the older kind inside is judged as that: mapped, 6to4, NAT64.
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match a.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] if a != Ipv6Addr::LOCALHOST => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Global unicast is 2000::/3; of it, documentation and Teredo are not hosts.
        [0x2001, 0xdb8 | 0, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    #[test]
    fn which_addresses_are_public() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("198.18.0.1", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    /// Answers each connection with one of `answers`.
    fn server(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        format!("http://{address}/x")
    }

    fn answer(body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn moved(to: &str) -> String {
        format!(
            "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    }

    #[test]
    fn bounds_hold() {
        let private = HttpOptions {
            private_addresses: true,
            ..HttpOptions::default()
        };
        let open = Http::new(&private);
        let url = server(vec![answer("twelve octet")]);
        assert_eq!(open.get(&url, 12).unwrap(), b"twelve octet");
        let url = server(vec![answer("twelve octet")]);
        assert!(open.get(&url, 11).is_err());
        // A private address is refused, by name and by number, and after a redirection.
        let closed = Http::new(&HttpOptions::default());
        let why = closed.get("http://127.0.0.1:9/", 10).unwrap_err();
        assert!(why.what.contains("private network"), "{why}");
        let why = closed.get("http://localhost:9/", 10).unwrap_err();
        assert!(why.what.contains("private network"), "{why}");
        // Round and round.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let round = format!("http://{}/", listener.local_addr().unwrap());
        let again = round.clone();
        std::thread::spawn(move || {
            for _ in 0..=MAX_REDIRECTS {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(moved(&again).as_bytes());
            }
        });
        assert!(open.get(&round, 10).is_err());
        for url in [
            "ftp://example/",
            "file:///etc/passwd",
            "https://example/",
            "x",
        ] {
            assert!(open.get(url, 10).is_err(), "{url}");
        }
    }
}
