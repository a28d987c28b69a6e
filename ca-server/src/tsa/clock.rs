//! Whether the clock is to be trusted: it must follow a source, and must not jump.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use esign_core::time::UnixTime;
use esign_core::tsp::{Accuracy, GenTime};

use super::Synchronisation;

/// What both clocks say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock on the wall, which can be set.
    pub wall: GenTime,
    /// A clock that cannot be set, from whatever origin.
    pub monotonic: Duration,
}

/// The clocks of a machine, passed in.
pub trait Clocks: Send + Sync {
    /// Reads both, one right after the other.
    fn read(&self) -> Reading;
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClocks {
    origin: Instant,
}

impl SystemClocks {
    /// Counts from now.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClocks {
    fn default() -> Self {
        Self::new()
    }
}

impl Clocks for SystemClocks {
    fn read(&self) -> Reading {
        // A wall clock before 1970 reads as 1970, which no source confirms.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = i64::try_from(wall.as_secs()).unwrap_or(i64::MAX);
        let time = UnixTime::from_seconds(seconds);
        Reading {
            wall: GenTime::new(time, wall.subsec_nanos()).unwrap_or(GenTime::whole(time)),
            monotonic: self.origin.elapsed(),
        }
    }
}

/// How old the word of the time daemon may be. It is asked every 16 seconds; after four silences its
/// word no longer counts.
pub const MAX_SYNCHRONISATION_AGE: Duration = Duration::from_secs(64);

/// Why no time is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockDistrust {
    /// The clock has jumped, against the one that cannot, by so many microseconds.
    Stepped {
        /// How far; negative where it was set back.
        micros: i64,
    },
    /// The time daemon says that the clock follows no source, or says nothing.
    Unsynchronised(String),
    /// The clock follows its source less closely than the accuracy that tokens promise.
    Inaccurate {
        /// Bound of its error.
        max_error: Duration,
        /// What tokens promise.
        accuracy: Duration,
    },
    /// The last word of the time daemon is too old.
    Stale {
        /// Its age.
        age: Duration,
    },
}

impl fmt::Display for ClockDistrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stepped { micros } => write!(f, "the clock jumped by {micros} µs"),
            Self::Unsynchronised(why) => write!(f, "the clock is not synchronised: {why}"),
            Self::Inaccurate {
                max_error,
                accuracy,
            } => write!(
                f,
                "the clock may be off by {max_error:?}, tokens promise {accuracy:?}"
            ),
            Self::Stale { age } => write!(
                f,
                "the time daemon last answered {age:?} ago, more than {MAX_SYNCHRONISATION_AGE:?}"
            ),
        }
    }
}

/// Gives the time for as long as it can be trusted.
///
/// The wall clock is compared with one that cannot be set: both are slewed alike, so that whatever they
/// come apart by since the anchor was a step (or a suspended machine). A step beyond the accuracy stops
/// the giving of time, even if the clock is put back, until the time daemon, asked afterwards, says that
/// it follows its source closely enough, or an operator calls [`Self::resume`]. A machine that is
/// paused as a whole stops both clocks: then only the daemon's word can tell, which is why it ages.
pub struct ClockWatch {
    clocks: Box<dyn Clocks>,
    accuracy: Duration,
    state: Mutex<State>,
}

struct State {
    /// Wall clock minus the other one, in microseconds, when the clock was last held for right.
    anchor: i64,
    /// How far it jumped, in microseconds, and when that was seen, by the clock that cannot be set.
    stepped: Option<(i64, Duration)>,
    synchronisation: Synchronisation,
    /// When the daemon's word was taken, by the clock that cannot be set.
    heard: Duration,
}

impl ClockWatch {
    /// A watch that trusts nothing until it is told: see [`Self::tell`].
    pub fn new(clocks: Box<dyn Clocks>, accuracy: Accuracy) -> Self {
        let reading = clocks.read();
        Self {
            accuracy: Duration::from_micros(accuracy.micros()),
            state: Mutex::new(State {
                anchor: apart(&reading),
                stepped: None,
                synchronisation: Synchronisation::Unsynchronised(
                    "the time daemon was not asked yet".to_owned(),
                ),
                heard: reading.monotonic,
            }),
            clocks,
        }
    }

    /// What tokens promise.
    pub fn accuracy(&self) -> Duration {
        self.accuracy
    }

    /// Takes the word of the time daemon, which was asked since `asked`, a reading of [`Self::monotonic`].
    /// Where it says that the clock follows its source closely enough, a step that was seen before `asked`
    /// is forgiven.
    pub fn tell(&self, word: Synchronisation, asked: Duration) {
        let reading = self.clocks.read();
        let mut state = self.state();
        self.notice(&mut state, &reading);
        // A step seen only after the daemon was asked may be younger than its word.
        let older = state.stepped.is_some_and(|(_, seen)| seen < asked);
        if let Synchronisation::Synchronised { max_error } = &word
            && *max_error <= self.accuracy
            && older
        {
            state.stepped = None;
            state.anchor = apart(&reading);
        }
        state.heard = asked;
        state.synchronisation = word;
    }

    /// The clock that cannot be set, for [`Self::tell`].
    pub fn monotonic(&self) -> Duration {
        self.clocks.read().monotonic
    }

    /// An operator holds the clock for right as it is now.
    pub fn resume(&self) {
        let reading = self.clocks.read();
        let mut state = self.state();
        state.stepped = None;
        state.anchor = apart(&reading);
    }

    /// The time.
    ///
    /// # Errors
    /// Why it is not to be trusted.
    pub fn now(&self) -> Result<GenTime, ClockDistrust> {
        let reading = self.clocks.read();
        let mut state = self.state();
        self.notice(&mut state, &reading);
        if let Some((micros, _)) = state.stepped {
            return Err(ClockDistrust::Stepped { micros });
        }
        let max_error = match &state.synchronisation {
            Synchronisation::Synchronised { max_error } => {
                let age = reading.monotonic.saturating_sub(state.heard);
                if age > MAX_SYNCHRONISATION_AGE {
                    return Err(ClockDistrust::Stale { age });
                }
                *max_error
            }
            Synchronisation::Unsynchronised(why) => {
                return Err(ClockDistrust::Unsynchronised(why.clone()));
            }
            Synchronisation::Vouched { max_error } => *max_error,
        };
        if max_error > self.accuracy {
            return Err(ClockDistrust::Inaccurate {
                max_error,
                accuracy: self.accuracy,
            });
        }
        Ok(reading.wall)
    }

    fn notice(&self, state: &mut State, reading: &Reading) {
        let micros = apart(reading).saturating_sub(state.anchor);
        if Duration::from_micros(micros.unsigned_abs()) > self.accuracy && state.stepped.is_none() {
            state.stepped = Some((micros, reading.monotonic));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; the state is whole at every point.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClockWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockWatch")
            .field("accuracy", &self.accuracy)
            .finish_non_exhaustive()
    }
}

fn apart(reading: &Reading) -> i64 {
    let monotonic = i64::try_from(reading.monotonic.as_micros()).unwrap_or(i64::MAX);
    reading.wall.micros().saturating_sub(monotonic)
}
