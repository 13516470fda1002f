//! The units of time that parameters and renewal periods are in.

use clap::ValueEnum;
use tend_models::quantities::{DAYS_OF_A_YEAR, Positive};

/// A unit of time by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Unit {
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// A twelfth of a year.
    Month,
    /// A year, leap years averaged.
    Year,
}

impl Unit {
    /// Its length in days.
    pub fn days(self) -> Positive {
        let days = match self {
            Self::Day => 1.0,
            Self::Week => 7.0,
            Self::Month => DAYS_OF_A_YEAR / 12.0,
            Self::Year => DAYS_OF_A_YEAR,
        };
        Positive::new(days).expect("above 0")
    }

    /// Its length in months.
    pub fn months(self) -> Positive {
        let months = match self {
            Self::Month => 1.0,
            Self::Year => 12.0,
            Self::Day | Self::Week => self.days().get() * 12.0 / DAYS_OF_A_YEAR,
        };
        Positive::new(months).expect("above 0")
    }
}
