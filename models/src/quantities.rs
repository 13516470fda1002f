//! Numbers that check themselves: a value of one of these types is always valid.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds in a day.
pub const DAY_SECONDS: i64 = 86_400;
/// Days of a year, leap years averaged.
pub const DAYS_OF_A_YEAR: f64 = 365.25;

/// What a number had to be and was not.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("found {found}, expected {expected}")]
pub struct QuantityError {
    /// The offending value.
    pub found: f64,
    /// The rule it broke.
    pub expected: &'static str,
}

macro_rules! checked_number {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Checks the value.
            ///
            /// # Errors
            /// [`QuantityError`] if the value breaks the rule of this type.
            pub fn new(value: f64) -> Result<Self, QuantityError> {
                let valid: fn(f64) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value))
                } else {
                    Err(QuantityError { found: value, expected: $expected })
                }
            }

            /// The plain number.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = QuantityError;
            fn try_from(value: f64) -> Result<Self, Self::Error> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0
            }
        }
    };
}

checked_number!(
    /// A probability: from 0 to 1, both included.
    Probability,
    "a probability from 0 to 1",
    |value| (0.0..=1.0).contains(&value)
);
checked_number!(
    /// A finite number above zero.
    Positive,
    "a finite number above 0",
    |value| value > 0.0 && value.is_finite()
);
checked_number!(
    /// An amount in the company's currency: any finite number.
    Money,
    "a finite amount of money",
    f64::is_finite
);

impl Probability {
    /// The nearest probability to a number that rounding may have pushed out of range.
    ///
    /// # Panics
    /// If `value` is NaN: kernels never produce one, so this is a defect to be seen.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        assert!(!value.is_nan(), "a kernel produced NaN");
        Self(value.clamp(0.0, 1.0))
    }

    /// The probability of the opposite.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(1.0 - self.0)
    }
}

/// A point in time: whole seconds since 1970-01-01 00:00:00 UTC.
///
/// In JSON it is a text, as people write dates; in compact formats the number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// Earlier than anything that happened to a customer.
    pub const BEFORE_ALL: Self = Self(i64::MIN);

    /// The moment this many seconds after 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Midnight at the start of the day this many days after 1970-01-01.
    #[must_use]
    pub const fn from_day(day: i64) -> Self {
        Self(day * DAY_SECONDS)
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Whole days since 1970-01-01: the UTC date.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_SECONDS)
    }

    /// This moment moved by whole days; negative goes back.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * DAY_SECONDS)
    }

    /// This moment moved by calendar months; the day of a shorter month is its last.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Self {
        use jiff::ToSpan;
        let moved = self.date().saturating_add(months.clamp(-120_000, 120_000).months());
        let midnight = jiff::tz::TimeZone::UTC.to_timestamp(moved.at(0, 0, 0, 0)).unwrap_or(jiff::Timestamp::MAX);
        Self(midnight.as_second() + self.0.rem_euclid(DAY_SECONDS))
    }

    /// Days from `earlier` to this moment, with the fraction of the day.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / DAY_SECONDS as f64
    }

    /// The UTC date.
    #[must_use]
    pub fn date(self) -> jiff::civil::Date {
        jiff::tz::TimeZone::UTC.to_datetime(self.timestamp()).date()
    }

    fn timestamp(self) -> jiff::Timestamp {
        let in_range = self.0.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        jiff::Timestamp::from_second(in_range).expect("clamped into range")
    }
}

/// Shows the date alone at midnight, otherwise date and time in UTC.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.rem_euclid(DAY_SECONDS) == 0 {
            write!(f, "{}", self.date())
        } else {
            write!(f, "{}", self.timestamp())
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(timestamp.as_second()));
        }
        text.parse::<jiff::civil::Date>()
            .ok()
            .and_then(|date| jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok())
            .map(|timestamp| Self(timestamp.as_second()))
            .ok_or_else(|| format!("{text:?} is not a date; write 2026-03-31 or 2026-03-31T12:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_numbers_cannot_be_deserialised() {
        assert!(serde_json::from_str::<Probability>("1.5").is_err());
        assert!(serde_json::from_str::<Positive>("0.0").is_err());
        assert!(serde_json::from_str::<Positive>("0.25").is_ok());
        assert!(Money::new(f64::NAN).is_err());
    }

    #[test]
    fn a_moment_reads_and_shows_dates() {
        let moment: Moment = "1997-09-30".parse().unwrap();
        assert_eq!(moment.to_string(), "1997-09-30");
        assert_eq!(moment.plus_days(1).to_string(), "1997-10-01");
        let noon: Moment = "1997-09-30T12:00:00Z".parse().unwrap();
        assert_eq!(noon.days_since(moment), 0.5);
        assert_eq!(noon.day(), moment.day());
        assert_eq!(Moment::from_seconds(-1).day(), -1);
        let end_of_month: Moment = "2026-01-31T06:00:00Z".parse().unwrap();
        assert_eq!(end_of_month.plus_months(1).to_string(), "2026-02-28T06:00:00Z");
        assert_eq!(end_of_month.plus_months(-11).to_string(), "2025-02-28T06:00:00Z");
    }
}
