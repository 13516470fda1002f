//! Finds a company's season: the months in which living customers buy more than a model with a constant rate expects.

use std::collections::BTreeMap;

use tend_models::families::purchases::PurchaseModel;
use tend_models::families::season::Season;
use tend_models::quantities::{DAY_SECONDS, Moment};

/// A month's index is pulled towards 1 as if by this many purchases more, as expected.
const PRIOR_PURCHASES: f64 = 100.0;
/// Every month is to be seen twice: in one year alone a season and a change of the customers look the same.
const LEAST_DAYS: i64 = 730;

/// When customers bought, summed up; days are numbered from 1970-01-01.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PurchaseCalendar {
    /// Customers by the day of their first purchase.
    pub first_days: BTreeMap<i64, f64>,
    /// Purchase days after the first by month, January first.
    pub repeats: [f64; 12],
    /// The last whole day observed.
    pub last_day: i64,
}

impl PurchaseCalendar {
    /// Counts a customer's purchase days, rising.
    pub fn add(&mut self, mut days: impl Iterator<Item = i64>) {
        let Some(first) = days.next() else { return };
        *self.first_days.entry(first).or_default() += 1.0;
        for day in days {
            self.repeats[month_of(day) - 1] += 1.0;
        }
    }

    /// Whether the time observed is long enough to tell a season.
    #[must_use]
    pub fn shows_a_season(&self) -> bool {
        self.first_days.keys().next().is_some_and(|first| self.last_day + 1 - first >= LEAST_DAYS)
    }

    /// The season under which a model that was fitted under `season` expects in each month what happened in it.
    ///
    /// The index of a month is its actual repeat purchases over those expected if it were like the mean month, given
    /// when the customers came. Fit the model again under the new season; two rounds are within a fraction of a percent of the limit.
    #[must_use]
    pub fn season(&self, model: &PurchaseModel, unit_days: f64, season: &Season) -> Season {
        let expected = self.expected(model, unit_days, season);
        let index = |month: usize| {
            let on_the_plain_clock = expected[month] / season.months()[month];
            (self.repeats[month] + PRIOR_PURCHASES) / (on_the_plain_clock + PRIOR_PURCHASES)
        };
        Season::new(std::array::from_fn(index)).expect("a ratio of positive finite numbers is one")
    }

    /// Expected repeat purchases by month.
    fn expected(&self, model: &PurchaseModel, unit_days: f64, season: &Season) -> [f64; 12] {
        let mut expected = [0.0; 12];
        let Some(&start) = self.first_days.keys().next() else { return expected };
        let curve = Curve::of(model, unit_days, season.days(start, self.last_day));
        let months = months_between(start, self.last_day);
        for (&first, customers) in &self.first_days {
            for &(month, from, to) in months.iter().filter(|(_, _, to)| *to > first) {
                let until = |day: i64| curve.at(season.days(first, day.max(first)));
                expected[month - 1] += customers * (until(to) - until(from));
            }
        }
        expected
    }
}

/// Expected repeat purchases of a new customer at whole seasonal days: one costly evaluation a day.
struct Curve(Vec<f64>);

impl Curve {
    fn of(model: &PurchaseModel, unit_days: f64, longest_days: f64) -> Self {
        let last = longest_days.max(0.0).ceil() as usize + 1;
        Self((0..=last).map(|day| model.expected_purchases_new_customer(day as f64 / unit_days)).collect())
    }

    fn at(&self, days: f64) -> f64 {
        let day = (days as usize).min(self.0.len() - 2);
        let (before, after) = (self.0[day], self.0[day + 1]);
        before + (after - before) * (days - day as f64)
    }
}

fn month_of(day: i64) -> usize {
    date(day).month() as usize
}

fn date(day: i64) -> jiff::civil::Date {
    Moment::from_seconds(day * DAY_SECONDS).date()
}

/// Month, the day before its first and its last day, for each month of the days; cut off at `last`.
fn months_between(first: i64, last: i64) -> Vec<(usize, i64, i64)> {
    let mut months = Vec::new();
    let mut from = first - i64::from(date(first).day());
    while from < last {
        let to = from + i64::from(date(from + 1).days_in_month());
        months.push((month_of(from + 1), from, to.min(last)));
        from = to;
    }
    months
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;
    use tend_models::families::bg_nbd::BgNbd;
    use tend_models::quantities::Positive;

    use super::*;

    fn model() -> PurchaseModel {
        let positive = |value| Positive::new(value).unwrap();
        PurchaseModel::BgNbd(BgNbd { r: positive(1e3), alpha: positive(2e4), a: positive(1e-3), b: positive(1e3) })
    }

    /// Customers who come steadily and buy with probability .05 a day, twice as often in December.
    fn calendar() -> PurchaseCalendar {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let start = "2021-01-01".parse::<Moment>().unwrap().day();
        let mut calendar = PurchaseCalendar { last_day: start + 1_094, ..PurchaseCalendar::default() };
        for customer in 0..2_000 {
            let first = start + customer % 900;
            let mut days = vec![first];
            for day in first + 1..=calendar.last_day {
                let rate = if month_of(day) == 12 { 0.1 } else { 0.05 };
                if random.random_bool(rate) {
                    days.push(day);
                }
            }
            calendar.add(days.into_iter());
        }
        calendar
    }

    #[test]
    fn a_december_with_twice_the_purchases_is_found() {
        let season = calendar().season(&model(), 1.0, &Season::default());
        let months = season.months();
        let others = months[..11].iter().sum::<f64>() / 11.0;
        assert!((months[11] / others - 2.0).abs() < 0.05, "{months:?}");
        assert!(months[..11].iter().all(|index| (index / others - 1.0).abs() < 0.04), "{months:?}");
    }

    #[test]
    fn a_season_that_is_known_already_is_left_as_it_is() {
        let calendar = calendar();
        let once = calendar.season(&model(), 1.0, &Season::default());
        let twice = calendar.season(&model(), 1.0, &once);
        let change = once.months().iter().zip(twice.months()).map(|(one, two)| (one - two).abs()).fold(0.0, f64::max);
        assert!(change < 0.01, "{change}");
    }

    #[test]
    fn two_years_are_needed() {
        let mut calendar = calendar();
        assert!(calendar.shows_a_season());
        calendar.last_day -= 366;
        assert!(!calendar.shows_a_season());
        assert!(!PurchaseCalendar::default().shows_a_season());
    }

    #[test]
    fn months_cover_the_days_without_a_gap() {
        let first = "2023-11-15".parse::<Moment>().unwrap().day();
        let months = months_between(first, first + 100);
        assert_eq!(months.iter().map(|month| month.0).collect::<Vec<_>>(), [11, 12, 1, 2]);
        assert!(months.windows(2).all(|pair| pair[0].2 == pair[1].1));
        assert_eq!(months.last().unwrap().2, first + 100);
    }
}
