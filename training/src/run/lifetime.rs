//! Computes what the lifetime value report draws, from a model fitted before a window and the purchases before and in it.

use std::collections::BTreeMap;

use tend_models::artifact::ClvModel;
use tend_models::families::purchases::{PurchaseHistory, PurchaseModel};
use tend_models::features::{PurchaseRhythm, purchase_days};
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::LifetimeValue;
use tend_models::scorer::{on_the_clock, value_of_rhythm};
use tend_models::special::log_gamma;
use tend_models::timeline::Timelines;

use super::project::MOST_CUSTOMERS;
use crate::evaluate::{ConditionalBin, FrequencyBin, LifetimeFigures, Surface, Tracking, ValueGroup};
use crate::labels::purchases_in;

/// Customers with so many repeat purchases or more are put together.
const MANY_PURCHASES: u32 = 7;

/// Observation times that stand for those of all customers.
const TIMES_SAMPLED: usize = 40;

/// Rows and columns of a surface.
const SURFACE_STEPS: usize = 7;

/// Parts into which the time of the last purchase is cut, each integrated by Simpson's rule.
const INTEGRATION_PARTS: usize = 64;

/// A model fitted before a window, with the customers known before it.
pub(super) struct Lifetime<'a> {
    pub(super) timelines: &'a Timelines,
    /// The rhythm of every customer with a purchase before the window.
    pub(super) rhythms: &'a [(usize, PurchaseRhythm)],
    pub(super) model: &'a ClvModel,
    /// The window.
    pub(super) from: Moment,
    pub(super) until: Moment,
}

impl Lifetime<'_> {
    /// All figures; `None` without customers or without a window.
    pub(super) fn figures(&self) -> Option<LifetimeFigures> {
        let first_day = self.rhythms.iter().map(|(_, rhythm)| rhythm.first_day).min()?;
        let horizon_days = Positive::new(self.until.days_since(self.from)).ok()?;
        let window = ClvModel { horizon_days, ..self.model.clone() };
        let step = self.rhythms.len().div_ceil(MOST_CUSTOMERS).max(1);
        let sample: Vec<&(usize, PurchaseRhythm)> = self.rhythms.iter().step_by(step).collect();
        let values: Vec<LifetimeValue> = sample.iter().map(|(_, rhythm)| value_of_rhythm(self.model, rhythm)).collect();
        Some(LifetimeFigures {
            start: Moment::from_day(first_day).to_string(),
            tracking: self.tracking(first_day),
            frequencies: self.frequencies(),
            conditional: self.conditional(&window, &sample),
            surface: self.surface(),
            deciles: deciles(&values),
            cohorts: cohorts(&sample, &values),
        })
    }

    /// Repeat purchases of all customers by the end of each week after the first purchase of all.
    fn tracking(&self, first_day: i64) -> Tracking {
        let day = |moment: Moment| Moment::from_seconds(moment.seconds() - 1).day();
        let weeks = ((day(self.until) - first_day + 1) / 7).max(1) as usize;
        let mut actual = vec![0.0; weeks];
        let mut newcomers: BTreeMap<i64, f64> = BTreeMap::new();
        for (customer, rhythm) in self.rhythms {
            *newcomers.entry(rhythm.first_day).or_default() += 1.0;
            for day in purchase_days(&self.timelines.timeline(*customer).before(self.until)).skip(1) {
                if let Some(week) = actual.get_mut(((day - first_day) / 7) as usize) {
                    *week += 1.0;
                }
            }
        }
        for week in 1..weeks {
            actual[week] += actual[week - 1];
        }
        let curve = NewcomerCurve::new(self.model, (day(self.until) - first_day) as f64);
        let expected_by = |last_day: i64| -> f64 {
            let begun = newcomers.range(..=last_day);
            begun.map(|(first, customers)| customers * curve.at(self.model.season.days(*first, last_day))).sum()
        };
        Tracking {
            week: (1..=weeks as u32).collect(),
            expected_cumulative: (1..=weeks as i64).map(|week| expected_by(first_day + 7 * week - 1)).collect(),
            actual_cumulative: actual,
            hold_out_from: ((day(self.from) - first_day + 1) / 7) as u32,
        }
    }

    fn frequencies(&self) -> Vec<FrequencyBin> {
        if self.model.purchases.family() == "bg-bb" {
            return Vec::new();
        }
        let mut actual = vec![0.0; MANY_PURCHASES as usize + 1];
        let mut times: Vec<f64> = Vec::with_capacity(self.rhythms.len());
        for (_, rhythm) in self.rhythms {
            actual[rhythm.repeat_purchases.min(MANY_PURCHASES) as usize] += 1.0;
            times.push(on_the_clock(rhythm, &self.model.season, self.model.unit_days.get()).observed);
        }
        times.sort_by(f64::total_cmp);
        let sampled: Vec<f64> =
            (0..TIMES_SAMPLED).map(|k| times[(2 * k + 1) * times.len() / (2 * TIMES_SAMPLED)]).collect();
        let customers = times.len() as f64;
        let expected = |count: u32| {
            let share: f64 = sampled.iter().map(|&time| probability_of_count(&self.model.purchases, count, time)).sum();
            customers * share / sampled.len() as f64
        };
        let mut expected: Vec<f64> = (0..MANY_PURCHASES).map(expected).collect();
        expected.push((customers - expected.iter().sum::<f64>()).max(0.0));
        (0..)
            .zip(actual)
            .zip(expected)
            .map(|((repeat_purchases, actual), expected)| FrequencyBin { repeat_purchases, actual, expected })
            .collect()
    }

    fn conditional(&self, window: &ClvModel, sample: &[&(usize, PurchaseRhythm)]) -> Vec<ConditionalBin> {
        let mut sums = vec![(0, 0.0, 0.0); MANY_PURCHASES as usize + 1];
        for (customer, rhythm) in sample {
            let outcome = self.timelines.timeline(*customer).between(self.from, self.until, self.until);
            let sum = &mut sums[rhythm.repeat_purchases.min(MANY_PURCHASES) as usize];
            sum.0 += 1;
            sum.1 += f64::from(purchases_in(&outcome).1);
            sum.2 += value_of_rhythm(window, rhythm).expected_purchases;
        }
        (0..)
            .zip(sums)
            .filter(|(_, (customers, ..))| *customers > 0)
            .map(|(repeat_purchases, (customers, actual, expected))| ConditionalBin {
                repeat_purchases,
                customers,
                actual: actual / customers as f64,
                expected: expected / customers as f64,
            })
            .collect()
    }

    /// For a customer observed for the median time, on the plain clock.
    fn surface(&self) -> Surface {
        let median = |mut values: Vec<f64>, share: f64| {
            values.sort_by(f64::total_cmp);
            values[((values.len() - 1) as f64 * share) as usize]
        };
        let observed_days = median(self.rhythms.iter().map(|(_, rhythm)| rhythm.observed_days.max(1.0)).collect(), 0.5);
        let many = median(self.rhythms.iter().map(|(_, rhythm)| f64::from(rhythm.repeat_purchases)).collect(), 0.98);
        let step = (many / SURFACE_STEPS as f64).ceil().max(1.0) as u32;
        let repeat_purchases: Vec<u32> = (1..=SURFACE_STEPS as u32).map(|row| row * step).collect();
        let last_purchase_days: Vec<f64> = (1..=SURFACE_STEPS)
            .map(|column| (observed_days * column as f64 / SURFACE_STEPS as f64).round().min(observed_days))
            .collect();
        let unit = self.model.unit_days.get();
        let horizon_days = self.model.horizon_days.get();
        let cells = |of: &dyn Fn(PurchaseHistory) -> f64| -> Vec<Vec<f64>> {
            let row = |count: &u32| {
                let history = |days: &f64| PurchaseHistory {
                    repeat_purchases: f64::from(*count),
                    last_purchase: days.max(1.0) / unit,
                    observed: observed_days.max(*days) / unit,
                };
                last_purchase_days.iter().map(|days| of(history(days))).collect()
            };
            repeat_purchases.iter().map(row).collect()
        };
        Surface {
            observed_days,
            horizon_days,
            probability_alive: cells(&|history| self.model.purchases.probability_alive(history).get()),
            expected_purchases: cells(&|history| self.model.purchases.expected_purchases(history, horizon_days / unit)),
            last_purchase_days,
            repeat_purchases,
        }
    }
}

/// The probability of so many repeat purchases in a time.
///
/// The likelihood of a history depends on when the last purchase was, and not on when those before it were: it is
/// integrated over the times that all of them can have, t^(x − 1) / (x − 1)! for a last purchase at t.
fn probability_of_count(model: &PurchaseModel, count: u32, time: f64) -> f64 {
    let repeat_purchases = f64::from(count);
    let history = |last_purchase: f64| PurchaseHistory { repeat_purchases, last_purchase, observed: time };
    if count == 0 || time <= 0.0 {
        return if count == 0 { model.log_likelihood(history(0.0)).exp() } else { 0.0 };
    }
    let log_ways =
        |t: f64| if count == 1 { 0.0 } else { (repeat_purchases - 1.0) * t.ln() - log_gamma(repeat_purchases) };
    let density =
        |t: f64| if t > 0.0 || count == 1 { (model.log_likelihood(history(t)) + log_ways(t)).exp() } else { 0.0 };
    let width = time / (2 * INTEGRATION_PARTS) as f64;
    let weight = |place: usize| match place {
        0 => 1.0,
        place if place == 2 * INTEGRATION_PARTS => 1.0,
        place if place % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=2 * INTEGRATION_PARTS).map(|place| weight(place) * density((place as f64 * width).min(time))).sum::<f64>()
        * width
        / 3.0
}

/// Purchases expected of a newcomer by each day, read off a curve: one evaluation a day serves all customers.
struct NewcomerCurve {
    by_day: Vec<f64>,
}

impl NewcomerCurve {
    fn new(model: &ClvModel, days: f64) -> Self {
        let unit = model.unit_days.get();
        // The seasonal clock may be ahead of the calendar by less than a year.
        let last = days as usize + 366;
        Self {
            by_day: (0..=last).map(|day| model.purchases.expected_purchases_new_customer(day as f64 / unit)).collect(),
        }
    }

    fn at(&self, days: f64) -> f64 {
        let days = days.clamp(0.0, (self.by_day.len() - 1) as f64);
        let (before, share) = (days as usize, days.fract());
        let after = (before + 1).min(self.by_day.len() - 1);
        self.by_day[before] * (1.0 - share) + self.by_day[after] * share
    }
}

fn group(name: String, values: &[&LifetimeValue]) -> ValueGroup {
    let mean =
        |of: fn(&LifetimeValue) -> f64| values.iter().map(|value| of(value)).sum::<f64>() / values.len().max(1) as f64;
    ValueGroup {
        name,
        customers: values.len(),
        mean_value: mean(|value| value.predicted_clv.get()),
        mean_alive: mean(|value| value.probability_alive.get()),
    }
}

fn deciles(values: &[LifetimeValue]) -> Vec<ValueGroup> {
    let mut ranked: Vec<&LifetimeValue> = values.iter().collect();
    ranked.sort_by(|one, other| other.predicted_clv.get().total_cmp(&one.predicted_clv.get()));
    (0..10)
        .map(|tenth| (tenth, &ranked[tenth * ranked.len() / 10..(tenth + 1) * ranked.len() / 10]))
        .filter(|(_, values)| !values.is_empty())
        .map(|(tenth, values)| group((tenth + 1).to_string(), values))
        .collect()
}

fn cohorts(sample: &[&(usize, PurchaseRhythm)], values: &[LifetimeValue]) -> Vec<ValueGroup> {
    let mut by_quarter: BTreeMap<(i16, i8), Vec<&LifetimeValue>> = BTreeMap::new();
    for ((_, rhythm), value) in sample.iter().zip(values) {
        let date = Moment::from_day(rhythm.first_day).date();
        by_quarter.entry((date.year(), (date.month() + 2) / 3)).or_default().push(value);
    }
    by_quarter.into_iter().map(|((year, quarter), values)| group(format!("{year} Q{quarter}"), &values)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tend_models::families::bg_nbd::BgNbd;

    fn model() -> PurchaseModel {
        let [r, alpha, a, b] = [0.2426, 4.4136, 0.7929, 2.4259].map(|value| Positive::new(value).unwrap());
        PurchaseModel::BgNbd(BgNbd { r, alpha, a, b })
    }

    #[test]
    fn shares_of_customers_by_purchases_add_up_and_have_the_expected_mean() {
        let time = 30.0;
        let shares: Vec<f64> = (0..200).map(|count| probability_of_count(&model(), count, time)).collect();
        let sum: f64 = shares.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        let mean: f64 = (0..).zip(&shares).map(|(count, share)| f64::from(count) * share).sum();
        let expected = model().expected_purchases_new_customer(time);
        assert!((mean - expected).abs() < 1e-4, "{mean} {expected}");
    }

    #[test]
    fn shares_of_customers_are_those_of_the_closed_form() {
        // Equation (8) of Fader, Hardie and Lee (2005) at x = 1: both parts by hand.
        let PurchaseModel::BgNbd(BgNbd { r, alpha, a, b }) = model() else { unreachable!() };
        let (r, alpha, a, b, t) = (r.get(), alpha.get(), a.get(), b.get(), 12.0_f64);
        let none = (alpha / (alpha + t)).powf(r);
        let alive = b / (a + b) * r * none * t / (alpha + t);
        let dropped_out = a / (a + b) * (1.0 - none);
        let found = probability_of_count(&model(), 1, t);
        assert!((found - alive - dropped_out).abs() < 1e-9, "{found} {}", alive + dropped_out);
        assert!((probability_of_count(&model(), 0, t) - none).abs() < 1e-12);
    }
}
