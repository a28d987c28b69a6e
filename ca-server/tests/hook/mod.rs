//! A receiver of webhooks over TLS: it answers as it is told to, and keeps what it was sent.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;

/// The secret that both sides have.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// One post.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) event: String,
    pub(crate) body: Value,
    /// What was answered.
    pub(crate) status: u16,
}

pub(crate) struct Hook {
    pub(crate) url: String,
    posts: Arc<Mutex<Vec<Post>>>,
    /// What to answer; 200 where there is nothing.
    answers: Arc<Mutex<Vec<u16>>>,
    /// How long it takes from writing a post down to answering.
    pause: Arc<Mutex<Duration>>,
}

impl Hook {
    /// A receiver on a free port, whose certificate is written to `authority`.
    pub(crate) fn start(authority: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(authority, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let tls = Arc::new(tls);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://127.0.0.1:{}/hook",
            listener.local_addr().unwrap().port()
        );
        let hook = Self {
            url,
            posts: Arc::default(),
            answers: Arc::default(),
            pause: Arc::default(),
        };
        let (posts, answers) = (hook.posts.clone(), hook.answers.clone());
        let pause = hook.pause.clone();
        // Ends with the test program.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(tls.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
                // Whoever does not trust the certificate goes away.
                if let Some((head, body)) = read(&mut stream) {
                    let status = take(&head, &body, &posts, &answers);
                    std::thread::sleep(*pause.lock().unwrap());
                    answer(&mut stream, status);
                }
            }
        });
        hook
    }

    /// What to answer to the next posts; 200 afterwards.
    pub(crate) fn answers(&self, statuses: &[u16]) {
        let mut answers = self.answers.lock().unwrap();
        *answers = statuses.iter().rev().copied().collect();
    }

    /// Has it take so long to answer.
    pub(crate) fn pause(&self, pause: Duration) {
        *self.pause.lock().unwrap() = pause;
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Waits for a post.
    pub(crate) fn wait(&self, what: &str, found: impl Fn(&Post) -> bool) -> Post {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(post) = self.posts().into_iter().find(&found) {
                return post;
            }
            assert!(Instant::now() < until, "no {what}: {:?}", self.posts());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn read(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut octets = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
        octets.extend_from_slice(&part[..n]);
        let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(octets[..end].to_vec()).unwrap();
        let length = header(&head).get("content-length")?.parse::<usize>().ok()?;
        if octets.len() >= end + 4 + length {
            return Some((head, octets[end + 4..].to_vec()));
        }
    }
}

fn header(head: &str) -> HashMap<String, String> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

/// Writes a post down; gives what to answer.
fn take(head: &str, body: &[u8], posts: &Mutex<Vec<Post>>, answers: &Mutex<Vec<u16>>) -> u16 {
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    let fields = header(head);
    assert_eq!(fields["content-type"], "application/json");
    verify(&fields["esign-signature"], body);
    let status = answers.lock().unwrap().pop().unwrap_or(200);
    posts.lock().unwrap().push(Post {
        event: fields["esign-event"].clone(),
        body: serde_json::from_slice(body).unwrap(),
        status,
    });
    status
}

fn answer(stream: &mut impl Write, status: u16) {
    // Whoever followed this would not come as is asserted above.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.flush();
}

/// As a receiver has to do it.
fn verify(signature: &str, body: &[u8]) {
    let (time, tag) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(now.abs_diff(time.parse::<u64>().unwrap()) < 60, "{time}");
    let tag: Vec<u8> = (0..tag.len() / 2)
        .map(|n| u8::from_str_radix(&tag[2 * n..2 * n + 2], 16).unwrap())
        .collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [time.as_bytes(), b".", body].concat();
    ring::hmac::verify(&key, &signed, &tag).unwrap();
}
