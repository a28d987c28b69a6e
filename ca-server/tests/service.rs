//! The service as a process: it starts, answers, refuses an address in use, stops when told to.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The service on a free port; ended with the test, however that ends.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ca-server"))
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        // Kept open, so that the last line can be written.
        child.stdout = Some(stdout.into_inner());
        Self { child, address }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ca-server"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn answers_that_it_is_alive() {
    let server = Server::start();
    let answer = server.ask("GET /healthz");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    assert!(server.ask("GET /").starts_with("HTTP/1.1 404 "));
    assert!(server.ask("POST /healthz").starts_with("HTTP/1.1 405 "));
}

#[cfg(unix)]
#[test]
fn stops_in_order_when_told_to() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start();
        assert!(server.ask("GET /healthz").contains("200 OK"));
        let id = server.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let mut rest = String::new();
        server
            .child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(rest, "stopped\n");
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[cfg(unix)]
#[test]
fn a_client_that_never_finishes_does_not_keep_it_alive() {
    let mut server = Server::start();
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: te")
        .unwrap();
    // An answer to somebody else: the slow one was accepted before.
    assert!(server.ask("GET /healthz").contains("200 OK"));
    let id = server.child.id().to_string();
    let began = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < ca_server::service::GRACE + Duration::from_secs(5));
}

#[test]
fn says_why_it_cannot_start() {
    let server = Server::start();
    let output = run(&["--listen", &server.address]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "ca-server: error: address {}: another program listens there",
        server.address
    );
    assert!(error.starts_with(&expected), "{error}");

    // TEST-NET-1 (RFC 5737) is no machine's own.
    let output = run(&["--listen", "192.0.2.1:80"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("192.0.2.1:80: the address is not this machine's"),
        "{error}"
    );

    assert_eq!(run(&["--listen", "here"]).status.code(), Some(2));
}
