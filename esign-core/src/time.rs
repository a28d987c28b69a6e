//! Instants as the standards count them.

use core::fmt;

/// Whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Shown and parsed as RFC 3339 in UTC (`2026-11-22T10:00:00Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

/// A calendar date and time of day in UTC, proleptic Gregorian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, 0 to 9999.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
}

/// Last second of the year 9999, the last that GeneralizedTime can say.
const MAX: i64 = 253_402_300_799;
/// First second of the year 0.
const MIN: i64 = -62_167_219_200;

impl UnixTime {
    /// The instant `seconds` after 1970-01-01T00:00:00Z, clamped to the years 0 to 9999.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(if seconds < MIN {
            MIN
        } else if seconds > MAX {
            MAX
        } else {
            seconds
        })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later (or earlier, where negative), clamped to the years 0 to 9999.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self::from_seconds(self.0.saturating_add(seconds))
    }

    /// The instant of a calendar time in UTC; `None` where there is no such day or second.
    pub fn from_civil(c: Civil) -> Option<Self> {
        let leap =
            c.year.is_multiple_of(4) && (!c.year.is_multiple_of(100) || c.year.is_multiple_of(400));
        let days = match c.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if c.year > 9999
            || c.day == 0
            || c.day > days
            || c.hour > 23
            || c.minute > 59
            || c.second > 59
        {
            return None;
        }
        // Days from civil, H. Hinnant: years begin in March so that the leap day is last.
        let (m, d) = (i64::from(c.month), i64::from(c.day));
        let y = i64::from(c.year) - i64::from(m <= 2);
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let day = era * 146_097 + doe - 719_468;
        let second = i64::from(c.hour) * 3600 + i64::from(c.minute) * 60 + i64::from(c.second);
        Some(Self::from_seconds(day * 86_400 + second))
    }

    /// The calendar time of this instant in UTC.
    pub fn civil(self) -> Civil {
        let days = self.0.div_euclid(86_400) + 719_468;
        let second = self.0.rem_euclid(86_400);
        let era = days.div_euclid(146_097);
        let doe = days.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let small = |v: i64| u8::try_from(v).unwrap_or(0);
        Civil {
            year: u16::try_from(year).unwrap_or(0),
            month: small(month),
            day: small(doy - (153 * mp + 2) / 5 + 1),
            hour: small(second / 3600),
            minute: small(second / 60 % 60),
            second: small(second % 60),
        }
    }

    /// Parses RFC 3339 (`2026-11-22T10:00:00Z`, `2026-11-22T14:00:00+04:00`) or a bare date, which
    /// means its first second in UTC. Fractions of a second are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let number = |from: usize, len: usize| -> Option<u16> {
            let digits = b.get(from..from.checked_add(len)?)?;
            digits.iter().try_fold(0u16, |n, d| {
                d.is_ascii_digit().then(|| n * 10 + u16::from(d - b'0'))
            })
        };
        let small = |from: usize| number(from, 2).and_then(|n| u8::try_from(n).ok());
        let at = |i: usize, allowed: &[u8]| b.get(i).is_some_and(|c| allowed.contains(c));
        if !at(4, b"-") || !at(7, b"-") {
            return None;
        }
        let mut c = Civil {
            year: number(0, 4)?,
            month: small(5)?,
            day: small(8)?,
            hour: 0,
            minute: 0,
            second: 0,
        };
        if b.len() == 10 {
            return Self::from_civil(c);
        }
        if !at(10, b"Tt ") || !at(13, b":") || !at(16, b":") {
            return None;
        }
        (c.hour, c.minute, c.second) = (small(11)?, small(14)?, small(17)?);
        let mut rest = b.get(19..)?;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let digits = fraction.iter().take_while(|d| d.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            rest = fraction.get(digits..)?;
        }
        let time = Self::from_civil(c)?;
        match rest {
            b"Z" | b"z" => Some(time),
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let two = |a: &u8, b: &u8| {
                    (a.is_ascii_digit() && b.is_ascii_digit())
                        .then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
                };
                let (h, m) = (two(h1, h2)?, two(m1, m2)?);
                if h > 23 || m > 59 {
                    return None;
                }
                let shift = h * 3600 + m * 60;
                Some(time.plus(if *sign == b'+' { -shift } else { shift }))
            }
            _ => None,
        }
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for UnixTime {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for UnixTime {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not an RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_and_back() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2049-12-31T23:59:59Z", 2_524_607_999),
            ("9999-12-31T23:59:59Z", MAX),
            ("0000-01-01T00:00:00Z", MIN),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            let t = UnixTime::from_seconds(seconds);
            assert_eq!(t.to_string(), text);
            assert_eq!(UnixTime::parse(text), Some(t));
        }
    }

    #[test]
    fn parses_offsets_fractions_and_dates() {
        let t = UnixTime::parse("2026-11-22T10:00:00Z");
        assert_eq!(UnixTime::parse("2026-11-22T14:00:00+04:00"), t);
        assert_eq!(UnixTime::parse("2026-11-22 10:00:00.999Z"), t);
        assert_eq!(
            UnixTime::parse("2026-11-22"),
            UnixTime::parse("2026-11-22T00:00:00Z")
        );
        for bad in [
            "",
            "2026",
            "2026-02-30",
            "2026-11-22T25:00:00Z",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00.Z",
            "2026-11-2é",
        ] {
            assert_eq!(UnixTime::parse(bad), None, "{bad}");
        }
    }
}
