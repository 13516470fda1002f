//! The periods of a calendar between two moments.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tend_models::quantities::Moment;

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
}

impl Calendar {
    /// The name of one period.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// The first day of the period that a day belongs to.
    fn start_of(self, date: Date) -> Date {
        match self {
            Self::Week => date - i64::from(date.weekday().to_monday_zero_offset()).days(),
            Self::Month => date.first_of_month(),
            Self::Quarter => date.first_of_month() - i64::from((date.month() - 1) % 3).months(),
        }
    }

    fn next(self, start: Date) -> Date {
        match self {
            Self::Week => start + 1.week(),
            Self::Month => start + 1.month(),
            Self::Quarter => start + 3.months(),
        }
    }

    fn label(self, start: Date) -> String {
        match self {
            Self::Week => start.to_string(),
            Self::Month => format!("{:04}-{:02}", start.year(), start.month()),
            Self::Quarter => format!("{:04}-Q{}", start.year(), (start.month() - 1) / 3 + 1),
        }
    }
}

/// One period, its end not included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The name: `2026-03`, `2026-Q1`, or the Monday of a week.
    pub name: String,
    /// Its first moment.
    pub from: Moment,
    /// The first moment after it.
    pub until: Moment,
}

impl Period {
    /// Its length in days.
    #[must_use]
    pub fn days(&self) -> f64 {
        self.until.days_since(self.from)
    }
}

/// All whole periods between two moments, with the period of any second among them.
#[derive(Debug)]
pub(super) struct Periods {
    periods: Vec<Period>,
    /// The period of each day from the first one's first day on.
    of_day: Vec<u32>,
    first_day: i64,
}

impl Periods {
    /// The periods from the one that `first` falls into to the last that ends by `as_of`.
    pub(super) fn between(first: Moment, as_of: Moment, calendar: Calendar) -> Self {
        let midnight = |date: Date| Moment::from_day(i64::from((date - Date::constant(1970, 1, 1)).get_days()));
        let mut start = calendar.start_of(first.date());
        let first_day = midnight(start).day();
        let (mut periods, mut of_day) = (Vec::new(), Vec::new());
        loop {
            let next = calendar.next(start);
            let (from, until) = (midnight(start), midnight(next));
            if until > as_of {
                return Self { periods, of_day, first_day };
            }
            of_day.resize((until.day() - first_day) as usize, periods.len() as u32);
            periods.push(Period { name: calendar.label(start), from, until });
            start = next;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.periods.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.periods.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Period> {
        self.periods.iter()
    }

    pub(super) fn get(&self, place: usize) -> &Period {
        &self.periods[place]
    }

    /// The period in which a second lies, if any.
    pub(super) fn place_of(&self, second: i64) -> Option<usize> {
        let day = usize::try_from(Moment::from_seconds(second).day() - self.first_day).ok()?;
        self.of_day.get(day).map(|&place| place as usize)
    }

    pub(super) fn into_periods(self) -> Vec<Period> {
        self.periods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(first: &str, as_of: &str, calendar: Calendar) -> Vec<String> {
        let periods = Periods::between(first.parse().unwrap(), as_of.parse().unwrap(), calendar);
        periods.into_periods().into_iter().map(|period| period.name).collect()
    }

    #[test]
    fn only_whole_periods_are_listed() {
        assert_eq!(names("2025-11-17", "2026-02-28", Calendar::Month), ["2025-11", "2025-12", "2026-01"]);
        assert_eq!(names("2025-11-17", "2026-03-01", Calendar::Month).last().unwrap(), "2026-02");
        assert_eq!(names("2025-11-17", "2026-03-01", Calendar::Quarter), ["2025-Q4"]);
        assert_eq!(names("2026-03-04", "2026-03-16", Calendar::Week), ["2026-03-02", "2026-03-09"]);
    }

    #[test]
    fn every_second_is_in_the_period_that_holds_it() {
        let periods = Periods::between("2024-01-15".parse().unwrap(), "2024-04-01".parse().unwrap(), Calendar::Month);
        for (place, period) in periods.iter().enumerate() {
            assert_eq!(periods.place_of(period.from.seconds()), Some(place));
            assert_eq!(periods.place_of(period.until.seconds() - 1), Some(place));
        }
        assert_eq!(periods.get(1).days(), 29.0);
        assert_eq!(periods.place_of(periods.get(0).from.seconds() - 1), None);
        assert_eq!(periods.place_of(periods.get(2).until.seconds()), None);
    }
}
