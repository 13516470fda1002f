//! How much faster or slower a company's time runs in each month of the year.

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use crate::quantities::{DAY_SECONDS, DAYS_OF_A_YEAR, Moment};

/// Mean days of the months, January first; February has its leap day every fourth year.
const MONTH_DAYS: [f64; 12] = [31.0, 28.25, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0];

/// A company's clock: the index of each month is how much customers buy in it, as a multiple of the yearly mean.
///
/// A model whose rates are constant on this clock has rates that follow the season. A whole year has as many seasonal
/// days as calendar days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Season {
    months: [f64; 12],
}

impl Default for Season {
    /// No season: every day is a day.
    fn default() -> Self {
        Self { months: [1.0; 12] }
    }
}

impl Season {
    /// A season from twelve indices above 0, January first; they are scaled so that their mean over a year is 1.
    ///
    /// # Errors
    /// [`ModelError`] names the first index that is not a finite number above 0.
    pub fn new(months: [f64; 12]) -> Result<Self, ModelError> {
        Self::check_indices(&months)?;
        let mean = months.iter().zip(MONTH_DAYS).map(|(index, days)| index * days).sum::<f64>() / DAYS_OF_A_YEAR;
        Ok(Self { months: months.map(|index| index / mean) })
    }

    /// The index of each month, January first.
    #[must_use]
    pub fn months(&self) -> &[f64; 12] {
        &self.months
    }

    /// Seasonal days from the end of one day to the end of another, so that what happens on a day is in its month; days are
    /// numbered from 1970-01-01.
    #[must_use]
    pub fn days(&self, from_day: i64, to_day: i64) -> f64 {
        (to_day - from_day) as f64 + self.ahead(to_day + 1) - self.ahead(from_day + 1)
    }

    /// Checks what prediction relies on.
    ///
    /// # Errors
    /// [`ModelError`] if an index is not a finite number above 0, or their mean over a year is not 1.
    pub fn check(&self) -> Result<(), ModelError> {
        Self::check_indices(&self.months)?;
        let ahead: f64 = (1..=12).map(|month| self.gain(month)).sum();
        if ahead.abs() < 1e-6 { Ok(()) } else { Err(ModelError::number("season", ahead, "a mean of 1 over the year")) }
    }

    fn check_indices(months: &[f64; 12]) -> Result<(), ModelError> {
        match months.iter().find(|index| !(index.is_finite() && **index > 0.0)) {
            Some(&found) => Err(ModelError::number("season", found, "a finite number above 0 for each month")),
            None => Ok(()),
        }
    }

    /// Seasonal days that a month has more than calendar days, from 1.
    fn gain(&self, month: usize) -> f64 {
        (self.months[month - 1] - 1.0) * MONTH_DAYS[month - 1]
    }

    /// By how many days the seasonal clock is ahead at the start of a day, since the start of its year.
    fn ahead(&self, day: i64) -> f64 {
        let date = Moment::from_seconds(day * DAY_SECONDS).date();
        let month = date.month() as usize;
        let passed = f64::from(date.day() - 1) / f64::from(date.days_in_month());
        (1..month).map(|month| self.gain(month)).sum::<f64>() + self.gain(month) * passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn december() -> Season {
        let mut months = [1.0; 12];
        months[11] = 2.0;
        Season::new(months).unwrap()
    }

    fn day(text: &str) -> i64 {
        text.parse::<Moment>().unwrap().day()
    }

    #[test]
    fn a_year_has_as_many_seasonal_days_as_calendar_days() {
        let season = december();
        for (from, to, days) in [("2022-12-31", "2023-12-31", 365.0), ("2024-03-15", "2025-03-15", 365.0)] {
            let found = season.days(day(from), day(to));
            assert!((found - days).abs() < 1e-9, "{found} from {from} to {to}");
        }
        assert_eq!(season.check(), Ok(()));
    }

    #[test]
    fn a_month_lasts_as_long_as_its_index_says() {
        let season = december();
        let december = season.days(day("2023-11-30"), day("2023-12-31"));
        let november = season.days(day("2023-10-31"), day("2023-11-30"));
        assert!((december / 31.0 - 2.0 * november / 30.0).abs() < 1e-12, "{december} {november}");
        let parts =
            season.days(day("2023-11-20"), day("2023-12-11")) + season.days(day("2023-12-11"), day("2024-02-29"));
        assert!((parts - season.days(day("2023-11-20"), day("2024-02-29"))).abs() < 1e-12);
    }

    #[test]
    fn an_index_that_is_no_rate_is_refused() {
        let mut months = [1.0; 12];
        months[3] = 0.0;
        let message = Season::new(months).unwrap_err().to_string();
        assert!(message.contains("found 0, expected a finite number above 0"), "{message}");
        assert!(Season { months: [1.5; 12] }.check().is_err());
    }
}
