//! The time-stamping authority: answers to requests of RFC 3161, under one key and some policies.
//!
//! [`TimeStamper`] is pure but for its clock and its random numbers, which are passed in; it signs only
//! while [`ClockWatch`] trusts the clock. [`http`] puts an address before it.
//!
//! # Source
//! RFC 3161, RFC 5816; EN 319 421 (policy), EN 319 422 (profile).

mod authority;
mod clock;
#[cfg(feature = "http")]
pub mod http;
mod synchronisation;
#[cfg(test)]
mod tests;

pub use authority::{Counters, MAX_ACCURACY, TimeStamper, TimeStamperOptions};
pub use clock::{
    ClockDistrust, ClockWatch, Clocks, MAX_SYNCHRONISATION_AGE, Reading, SystemClocks,
};
pub use synchronisation::{Chrony, INTERVAL, Synchronisation, parse_chrony};
