use core::fmt;

use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv, Writer};
use crate::time::UnixTime;

/// `genTime` (RFC 3161 2.4.2): UTC, with a fraction of a second as far as nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GenTime {
    /// The whole seconds.
    pub time: UnixTime,
    nanos: u32,
}

/// `Accuracy` (RFC 3161 2.4.2): how far the true time may lie from `genTime`, to either side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Accuracy {
    micros: u64,
}

const NANOS: u32 = 1_000_000_000;

impl GenTime {
    /// `nanos` after `time`; `None` from a second on.
    pub fn new(time: UnixTime, nanos: u32) -> Option<Self> {
        (nanos < NANOS).then_some(Self { time, nanos })
    }

    /// A whole second.
    pub const fn whole(time: UnixTime) -> Self {
        Self { time, nanos: 0 }
    }

    /// The fraction in nanoseconds, 0 to 999 999 999.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// The same instant without what is below a millisecond.
    #[must_use]
    pub fn to_millis(self) -> Self {
        Self {
            nanos: self.nanos - self.nanos % 1_000_000,
            ..self
        }
    }

    /// Microseconds since 1970, a rest cut off.
    pub fn micros(self) -> i64 {
        self.time
            .seconds()
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(self.nanos / 1_000))
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tlv = r.expect(Tag::GENERALIZED_TIME, "genTime")?;
        let bad = |what| tlv.error(DecodeKind::Value(what), "genTime");
        let form = "not in the form YYYYMMDDhhmmss[.s…]Z";
        let digits = tlv.value.strip_suffix(b"Z").ok_or_else(|| bad(form))?;
        let (whole, fraction) = match digits.split_at_checked(14) {
            Some((whole, [])) => (whole, &[][..]),
            Some((whole, [b'.', fraction @ ..])) => (whole, fraction),
            _ => return Err(bad(form)),
        };
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        let empty = fraction.is_empty() && digits.len() > 14;
        if !all_digits || empty {
            return Err(bad(form));
        }
        // RFC 3161 2.4.2 and X.690 11.7: trailing zeros are left out.
        if fraction.last() == Some(&b'0') {
            let kind = DecodeKind::NotDer("a fraction of a second ends in zero");
            return Err(tlv.error(kind, "genTime"));
        }
        if fraction.len() > 9 {
            let kind = DecodeKind::Limit("more than nine digits after the second");
            return Err(tlv.error(kind, "genTime"));
        }
        let number = |part: &[u8]| {
            part.iter().fold(0u32, |n, d| {
                n.saturating_mul(10).saturating_add(u32::from(d & 0x0f))
            })
        };
        let at = |from: usize, len: usize| number(whole.get(from..from + len).unwrap_or_default());
        let small = |n: u32| u8::try_from(n).unwrap_or(u8::MAX);
        let time = UnixTime::from_civil(crate::time::Civil {
            year: u16::try_from(at(0, 4)).unwrap_or(u16::MAX),
            month: small(at(4, 2)),
            day: small(at(6, 2)),
            hour: small(at(8, 2)),
            minute: small(at(10, 2)),
            second: small(at(12, 2)),
        })
        .ok_or_else(|| bad("no such time"))?;
        let missing = u32::try_from(9usize.saturating_sub(fraction.len())).unwrap_or(0);
        let nanos = number(fraction).saturating_mul(10u32.saturating_pow(missing));
        Ok(Self { time, nanos })
    }

    pub(super) fn encode(self, w: &mut Writer) {
        let c = self.time.civil();
        let mut octets = Vec::with_capacity(25);
        let mut put = |n: u32, len: usize| {
            for place in (0..u32::try_from(len).unwrap_or(0)).rev() {
                let digit = n / 10u32.saturating_pow(place) % 10;
                octets.push(b'0'.saturating_add(u8::try_from(digit).unwrap_or(0)));
            }
        };
        put(u32::from(c.year), 4);
        for part in [c.month, c.day, c.hour, c.minute, c.second] {
            put(u32::from(part), 2);
        }
        if self.nanos > 0 {
            put(self.nanos, 9);
            octets.insert(14, b'.');
            while octets.last() == Some(&b'0') {
                octets.pop();
            }
        }
        octets.push(b'Z');
        w.tlv(Tag::GENERALIZED_TIME, &octets);
    }
}

/// RFC 3339 with as many digits after the second as there are.
impl fmt::Display for GenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.time.to_string();
        if self.nanos == 0 {
            return f.write_str(&whole);
        }
        let fraction = format!("{:09}", self.nanos);
        write!(
            f,
            "{}.{}Z",
            whole.trim_end_matches('Z'),
            fraction.trim_end_matches('0')
        )
    }
}

impl fmt::Debug for GenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Accuracy {
    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// In microseconds.
    pub const fn micros(self) -> u64 {
        self.micros
    }

    pub(super) fn decode(tlv: &Tlv<'_>) -> Result<Self, DecodeError> {
        tlv.nested("accuracy", |r| {
            let seconds = match r.peek() {
                Some(Tag::INTEGER) => u64::from(r.u32("seconds")?),
                _ => 0,
            };
            let mut part = |n, field| {
                let Some(tlv) = r.optional(Tag::primitive(n), field)? else {
                    return Ok(0);
                };
                let value = match tlv.integer(field)? {
                    [one] if *one & 0x80 == 0 => u64::from(*one),
                    [0, one] => u64::from(*one),
                    [high @ 0..4, low] => u64::from(*high) * 256 + u64::from(*low),
                    _ => 0,
                };
                if !(1..=999).contains(&value) {
                    return Err(tlv.error(DecodeKind::Value("not of 1 to 999"), field));
                }
                Ok(value)
            };
            let millis = part(0, "millis")?;
            let micros = part(1, "micros")?;
            Ok(Self {
                micros: seconds * 1_000_000 + millis * 1_000 + micros,
            })
        })
    }

    pub(super) fn encode(self, w: &mut Writer) {
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let seconds = small(self.micros / 1_000_000);
        w.sequence(|w| {
            if seconds > 0 {
                w.u32(seconds);
            }
            for (n, part) in [(0, self.micros / 1_000 % 1_000), (1, self.micros % 1_000)] {
                if part > 0 {
                    w.unsigned(Tag::primitive(n), &small(part).to_be_bytes());
                }
            }
        });
    }
}

/// In seconds, as `1 s` or `0.5 s`.
impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.micros / 1_000_000, self.micros % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole} s");
        }
        let fraction = format!("{rest:06}");
        write!(f, "{whole}.{} s", fraction.trim_end_matches('0'))
    }
}

impl fmt::Debug for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
