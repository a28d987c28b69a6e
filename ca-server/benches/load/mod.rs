//! What the benches of the centre share: arguments, connections that ask, the time that processors spent.

#![allow(dead_code, unreachable_pub, reason = "each bench uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use esign_core::time::UnixTime;

/// Connections that are asked over at once.
pub const CONNECTIONS: usize = 32;

/// `[--smoke] [--store URL] [COUNT]`. With `--smoke`, and `--test` as `cargo bench -- --test` gives
/// it, everything is done once, with little: it shall work, its figures mean nothing.
pub struct Args {
    /// Whether to do little.
    pub smoke: bool,
    /// The database, if it is not SQLite.
    pub store: Option<String>,
    /// Size of the tables, or number of acts.
    pub count: Option<usize>,
}

impl Args {
    /// Those of the process.
    pub fn read() -> Self {
        let mut found = Self {
            smoke: false,
            store: None,
            count: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--smoke" | "--test" => found.smoke = true,
                "--store" => found.store = args.next(),
                // What cargo gives every bench.
                "--bench" => {}
                number => found.count = Some(number.parse().unwrap()),
            }
        }
        found
    }
}

/// A folder that is not there yet.
pub fn folder(what: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ca-bench-{what}-{}", std::process::id()))
}

/// The system's clock.
pub fn now() -> UnixTime {
    ca_server::service::assemble::system_clock()
}

/// The middle one.
pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// What the processors spent on this process, where the system tells: threads that ended do not count.
pub fn processor_time() -> Duration {
    spent("/proc/self/task", None)
}

/// The same with the threads that ended, to a hundredth of a second.
pub fn whole_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold anything: utime and stime are fields 14 and 15, in ticks of
    // 10 ms on every Linux.
    let behind = text.rsplit(')').next().unwrap_or_default();
    let ticks = behind.split(' ').skip(12).take(2);
    Duration::from_millis(ticks.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// [`processor_time`] without the calling thread's.
pub fn others_time() -> Duration {
    let own = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    spent("/proc/self/task", own.file_name().and_then(|n| n.to_str()))
}

/// What the processors spent on another process.
pub fn time_of(process: u32) -> Duration {
    spent(&format!("/proc/{process}/task"), None)
}

fn spent(tasks: &str, but: Option<&str>) -> Duration {
    let mut sum = 0;
    for task in std::fs::read_dir(tasks).into_iter().flatten().flatten() {
        if but.is_some_and(|but| task.file_name() == but) {
            continue;
        }
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let first = text.split(' ').next().and_then(|n| n.parse().ok());
        sum += first.unwrap_or(0_u64);
    }
    Duration::from_nanos(sum)
}

/// An HTTP request.
pub fn post(path: &str, kind: &str, body: &[u8], closing: bool) -> Vec<u8> {
    let mut whole = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n{}content-length: {}\r\n\r\n",
        if closing { "connection: close\r\n" } else { "" },
        body.len()
    )
    .into_bytes();
    whole.extend_from_slice(body);
    whole
}

/// Answers a second where each request has its own connection, four at a time; and how many.
pub fn connections(address: SocketAddr, requests: &[Vec<u8>], time: Duration) -> (f64, usize) {
    let began = Instant::now();
    let mut done = 0;
    let mut answer = Vec::new();
    while began.elapsed() < time {
        let mut open: Vec<_> = (0..4)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for (n, stream) in open.iter_mut().enumerate() {
            let request = &requests[(done + n) % requests.len()];
            stream.write_all(request).unwrap();
        }
        for mut stream in open {
            answer.clear();
            stream.read_to_end(&mut answer).unwrap();
            assert!(answer.len() > 500, "{}", String::from_utf8_lossy(&answer));
            done += 1;
        }
    }
    (done as f64 / began.elapsed().as_secs_f64(), done)
}

/// Connections that stay open.
pub struct Client {
    open: Vec<TcpStream>,
    next: usize,
}

/// How one server answered.
#[derive(Clone, Copy)]
pub struct Rate {
    /// Answers a second of the clock.
    pub a_second: f64,
    /// Answers a second of the server's processor: what others do on the machine is not in it.
    pub of_processor: f64,
}

impl Client {
    /// Opens them.
    pub fn new(address: SocketAddr) -> Self {
        let open = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            })
            .collect();
        Self { open, next: 0 }
    }

    fn next<'a>(&mut self, requests: &'a [Vec<u8>]) -> &'a [u8] {
        self.next = (self.next + 1) % requests.len();
        &requests[self.next]
    }

    /// Asks for so long; every connection has one request under way. At least one turn.
    pub fn ask(&mut self, requests: &[Vec<u8>], time: Duration) -> Rate {
        let used = others_time();
        let began = Instant::now();
        let mut done = 0;
        for i in 0..CONNECTIONS {
            let request = self.next(requests);
            self.open[i].write_all(request).unwrap();
        }
        loop {
            let last = began.elapsed() >= time;
            for i in 0..CONNECTIONS {
                read(&mut self.open[i]);
                done += 1;
                if !last {
                    let request = self.next(requests);
                    self.open[i].write_all(request).unwrap();
                }
            }
            if last {
                let took = began.elapsed().as_secs_f64();
                let used = (others_time().saturating_sub(used)).as_secs_f64();
                return Rate {
                    a_second: f64::from(done) / took,
                    of_processor: f64::from(done) / used,
                };
            }
        }
    }

    /// What each of `count` answers took, asked for over one connection.
    pub fn one_by_one(&mut self, requests: &[Vec<u8>], count: usize) -> Vec<Duration> {
        (0..count)
            .map(|_| {
                let request = self.next(requests);
                let began = Instant::now();
                self.open[0].write_all(request).unwrap();
                read(&mut self.open[0]);
                began.elapsed()
            })
            .collect()
    }
}

/// Reads one answer of a known length.
fn read(stream: &mut TcpStream) {
    let mut buffer = [0; 8192];
    let mut have = 0;
    loop {
        have += stream.read(&mut buffer[have..]).unwrap();
        let Some(head) = buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse()
            .unwrap();
        while have < head + 4 + length {
            have += stream.read(&mut buffer[have..]).unwrap();
        }
        return;
    }
}

/// Does `work` again and again for so long on this thread.
pub fn busy(time: Duration, mut work: impl FnMut()) -> Rate {
    let (all, others) = (processor_time(), others_time());
    let began = Instant::now();
    let mut done = 0_u32;
    while began.elapsed() < time {
        work();
        done += 1;
    }
    let took = began.elapsed().as_secs_f64();
    let others = others_time().saturating_sub(others);
    let used = processor_time().saturating_sub(all).saturating_sub(others);
    Rate {
        a_second: f64::from(done) / took,
        // Where the system does not tell, the clock does.
        of_processor: f64::from(done)
            / Some(used.as_secs_f64())
                .filter(|t| *t > 0.0)
                .unwrap_or(took),
    }
}
