//! What the machine's time daemon says of the clock.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ClockWatch;

/// Whether the clock follows a time source, and how closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Synchronisation {
    /// It follows one, and is off by at most this much.
    Synchronised {
        /// Upper bound of the error.
        max_error: Duration,
    },
    /// It does not, or nobody knows; why.
    Unsynchronised(String),
    /// Nothing measures it; an operator says by configuration that it is off by at most this much. A step
    /// of the clock then needs him again. For demonstration and for clocks that are disciplined from
    /// outside the machine's sight.
    Vouched {
        /// Upper bound of the error.
        max_error: Duration,
    },
}

/// Asks chrony, by `chronyc -c tracking`, its interface for programs.
///
/// The kernel's own state (`adjtimex`) has no safe wrapper in a kept crate, and says less: its error
/// bound counts 500 ppm from the last update and its flag is set only beyond 16 seconds, where RFC 3161
/// wants a bound as fine as the accuracy. chrony is the time daemon of Debian's and Red Hat's servers.
#[derive(Clone, Debug)]
pub struct Chrony {
    /// The program.
    pub program: String,
}

impl Default for Chrony {
    fn default() -> Self {
        Self {
            program: "chronyc".to_owned(),
        }
    }
}

/// How long chronyc may take. It answers in milliseconds, or waits for a daemon that is not there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);
/// Most octets read of its answer, which has some 150.
const MAX_ANSWER: u64 = 4096;

/// How often the daemon is to be asked: chrony itself updates every 16 seconds at the fastest that
/// servers use by default (minpoll 4 to 6).
pub const INTERVAL: Duration = Duration::from_secs(16);

impl Chrony {
    /// Asks and tells `clock`; whoever runs the authority does this every [`INTERVAL`], on a thread of
    /// its own. Returns what was said, for the log.
    pub fn tell(&self, clock: &ClockWatch) -> Synchronisation {
        let asked = clock.monotonic();
        let word = self.ask();
        clock.tell(word.clone(), asked);
        word
    }

    /// Asks; blocks for as long as five seconds.
    pub fn ask(&self) -> Synchronisation {
        let fail =
            |what: String| Synchronisation::Unsynchronised(format!("{}: {what}", self.program));
        let started = Command::new(&self.program)
            .args(["-n", "-c", "tracking"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => return fail(error.to_string()),
        };
        let begun = Instant::now();
        let ended = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(GLANCE),
                Ok(None) => break Err("no answer within 5 s".to_owned()),
                Err(error) => break Err(error.to_string()),
            }
        };
        let status = match ended {
            Ok(status) => status,
            Err(what) => {
                // It may have ended just now; either way nothing is left of it after the wait.
                let _ = child.kill();
                let _ = child.wait();
                return fail(what);
            }
        };
        let mut answer = String::new();
        if let Some(out) = child.stdout.take()
            && let Err(error) = out.take(MAX_ANSWER).read_to_string(&mut answer)
        {
            return fail(error.to_string());
        }
        if status.success() {
            parse_chrony(&answer)
        } else {
            fail(format!("{status}: {}", answer.trim()))
        }
    }
}

/// Reads the line that `chronyc -c tracking` writes.
///
/// The bound is that of RFC 5905: what is left to be corrected, half the root delay and the root
/// dispersion.
///
/// # Source
/// chronyc(1), "tracking": reference id, its name, stratum, reference time, system time, last offset,
/// RMS offset, frequency, residual frequency, skew, root delay, root dispersion, update interval, leap
/// status.
pub fn parse_chrony(line: &str) -> Synchronisation {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let [
        _,
        _,
        stratum,
        _,
        offset,
        _,
        _,
        _,
        _,
        _,
        delay,
        dispersion,
        _,
        leap,
    ] = fields.as_slice()
    else {
        let found = fields.len();
        return Synchronisation::Unsynchronised(format!("chrony: {found} fields instead of 14"));
    };
    // Stratum 0 is no source at all; a local reference of chrony's own (10 by default) is one that an
    // operator has configured.
    if *stratum == "0" || !matches!(*leap, "Normal" | "Insert second" | "Delete second") {
        return Synchronisation::Unsynchronised(format!("chrony: stratum {stratum}, {leap}"));
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
    let (Some(offset), Some(delay), Some(dispersion)) =
        (number(offset), number(delay), number(dispersion))
    else {
        return Synchronisation::Unsynchronised(format!("chrony: not numbers: {}", line.trim()));
    };
    let bound = offset.abs() + delay.abs() / 2.0 + dispersion.abs();
    match Duration::try_from_secs_f64(bound) {
        Ok(max_error) => Synchronisation::Synchronised { max_error },
        Err(_) => Synchronisation::Unsynchronised(format!("chrony: off by {bound} s")),
    }
}
