//! What a customer is still worth, and how sure that is.

use crate::artifact::ClvModel;
use crate::families::gamma_gamma::GammaGamma;
use crate::families::purchases::{PurchaseHistory, PurchaseModel};
use crate::families::renewal::Range;
use crate::families::season::Season;
use crate::families::spend::SpendModel;
use crate::features::{PurchaseRhythm, purchase_rhythm};
use crate::quantities::{DAYS_OF_A_YEAR, Money, Positive};
use crate::scorecard::LifetimeValue;
use crate::timeline::History;

/// The normal deviate that 10 % lie beyond: two of them enclose 80 %.
const TENTH: f64 = 1.281_551_565_544_600_4;

/// How far a parameter's logarithm is moved to see what depends on it.
const NUDGE: f64 = 1e-4;

/// What a customer is still worth; `None` without a purchase.
#[must_use]
pub fn lifetime_value(model: &ClvModel, history: &History<'_>) -> Option<LifetimeValue> {
    purchase_rhythm(history, model.days_of_a_purchase()).map(|rhythm| value_of_rhythm(model, &rhythm))
}

/// A rhythm on the clock of a season and in time units of `unit_days`.
#[must_use]
pub fn on_the_clock(rhythm: &PurchaseRhythm, season: &Season, unit_days: f64) -> PurchaseHistory {
    let since_first = |days: f64| season.days(rhythm.first_day, rhythm.first_day + days as i64) / unit_days;
    PurchaseHistory {
        repeat_purchases: f64::from(rhythm.repeat_purchases),
        last_purchase: since_first(rhythm.last_purchase_days),
        observed: since_first(rhythm.observed_days.max(0.0)),
    }
}

/// A rhythm in opportunities of `unit_days`, whole numbers.
#[must_use]
pub fn in_opportunities(rhythm: &PurchaseRhythm, unit_days: f64) -> PurchaseHistory {
    PurchaseHistory {
        repeat_purchases: f64::from(rhythm.repeat_purchases),
        last_purchase: (rhythm.last_purchase_days / unit_days).round(),
        observed: (rhythm.observed_days.max(0.0) / unit_days).round(),
    }
}

/// What a customer with this rhythm is still worth.
///
/// Discounting runs on the season's clock, at the rate that discounts the end of the horizon right.
#[must_use]
pub fn value_of_rhythm(model: &ClvModel, rhythm: &PurchaseRhythm) -> LifetimeValue {
    let outlook = Outlook::of(model, rhythm);
    let spend = model.spend.map_or(0.0, |spend| outlook.spend(&spend));
    let discounted = outlook.purchases(&model.purchases, outlook.discount);
    LifetimeValue {
        expected_purchases: outlook.purchases(&model.purchases, 0.0),
        probability_alive: model.purchases.probability_alive(outlook.history),
        expected_average_spend: Money::new(spend).expect("the kernels answer finite numbers"),
        predicted_clv: Money::new(discounted * spend * model.margin.get()).expect("the kernels answer finite numbers"),
    }
}

/// How sure the expectations of one customer are, as the parameters were estimated from so many customers.
///
/// These are 80 % intervals of the expectations, not of what one customer will do, which varies far more. They are by the
/// delta method, on the scale of logarithms, or of log-odds for a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueRanges {
    /// Of the expected number of purchase days within the horizon.
    pub expected_purchases: Range,
    /// Of the probability that the customer still buys at all.
    pub probability_alive: Range,
    /// Of the present value of the margin expected within the horizon.
    pub predicted_clv: Range,
}

/// How sure the expectations of a customer with this rhythm are; `None` where the fit found no standard errors.
#[must_use]
pub fn ranges_of_rhythm(model: &ClvModel, rhythm: &PurchaseRhythm) -> Option<ValueRanges> {
    let covariance = model.covariance?;
    let outlook = Outlook::of(model, rhythm);
    let value = value_of_rhythm(model, rhythm);
    let mut slopes = [[0.0; 4]; 3];
    for (place, _) in covariance.purchases.iter().enumerate() {
        let figures = |nudge: f64| {
            let nudged = nudged(&model.purchases, place, nudge);
            let alive = nudged.probability_alive(outlook.history).get();
            let purchases = outlook.purchases(&nudged, 0.0);
            [purchases.ln(), alive.ln() - (-alive).ln_1p(), outlook.purchases(&nudged, outlook.discount).ln()]
        };
        let (above, below) = (figures(NUDGE), figures(-NUDGE));
        for figure in 0..3 {
            slopes[figure][place] = (above[figure] - below[figure]) / (2.0 * NUDGE);
        }
    }
    let [purchases, alive, discounted] = slopes.map(|slopes| variance(&covariance.purchases, &slopes));
    let clv_variance =
        discounted + model.spend.map_or(0.0, |spend| outlook.log_spend_variance(&spend, covariance.spend));
    let around = |figure: f64, variance: f64| {
        let factor = (TENTH * variance.sqrt()).exp();
        if factor.is_finite() {
            Range { low: figure / factor, high: figure * factor }
        } else {
            Range { low: 0.0, high: f64::INFINITY }
        }
    };
    let odds = |probability: f64| probability / (1.0 - probability);
    let chance = value.probability_alive.get();
    let probability_alive = if chance < 1.0 && chance > 0.0 {
        let Range { low, high } = around(odds(chance), alive);
        Range { low: low / (1.0 + low), high: 1.0 / (1.0 + 1.0 / high) }
    } else {
        Range { low: chance, high: chance }
    };
    Some(ValueRanges {
        expected_purchases: around(value.expected_purchases, purchases),
        probability_alive,
        predicted_clv: around(value.predicted_clv.get(), clv_variance),
    })
}

/// What is asked of the purchase model about one customer.
struct Outlook {
    history: PurchaseHistory,
    /// In time units, from the end of the observation.
    horizon: f64,
    /// A time unit.
    discount: f64,
    /// Repeat purchases that something was spent on; the mean spend of each.
    repeats: f64,
    mean_spend: f64,
}

impl Outlook {
    fn of(model: &ClvModel, rhythm: &PurchaseRhythm) -> Self {
        let unit = model.unit_days.get();
        let history = model.history(rhythm);
        let days = model.horizon_days.get();
        let observed_until = rhythm.first_day + rhythm.observed_days.max(0.0) as i64;
        let whole_days = days.round().max(1.0);
        let season_of_horizon = model.season.days(observed_until, observed_until + whole_days as i64) / whole_days;
        let mean_spend = if rhythm.mean_repeat_spend > 0.0 { rhythm.mean_repeat_spend } else { 0.0 };
        Self {
            history,
            horizon: days * season_of_horizon / unit,
            discount: ((1.0 + model.annual_discount_rate).ln() * unit / (DAYS_OF_A_YEAR * season_of_horizon)).exp_m1(),
            repeats: if mean_spend > 0.0 { history.repeat_purchases } else { 0.0 },
            mean_spend,
        }
    }

    fn purchases(&self, model: &PurchaseModel, discount: f64) -> f64 {
        model.discounted_expected_purchases(self.history, self.horizon, discount)
    }

    fn spend(&self, model: &SpendModel) -> f64 {
        model.expected_spend(self.repeats, self.mean_spend)
    }

    fn log_spend_variance(&self, model: &SpendModel, covariance: Option<[[f64; 3]; 3]>) -> f64 {
        let (SpendModel::GammaGamma(model), Some(covariance)) = (model, covariance) else { return 0.0 };
        let slopes = std::array::from_fn(|place| {
            let log_spend = |nudge: f64| {
                let mut parameters = [model.p, model.q, model.v];
                parameters[place] = scaled(parameters[place], nudge);
                let [p, q, v] = parameters;
                let nudged = GammaGamma { p, q, v };
                nudged.expected_spend(self.repeats, self.mean_spend).ln()
            };
            (log_spend(NUDGE) - log_spend(-NUDGE)) / (2.0 * NUDGE)
        });
        variance(&covariance, &slopes)
    }
}

fn nudged(model: &PurchaseModel, place: usize, nudge: f64) -> PurchaseModel {
    let mut parameters = model.parameters().map(|(_, value)| Positive::new(value).expect("it was one"));
    parameters[place] = scaled(parameters[place], nudge);
    model.with_parameters(parameters)
}

fn scaled(parameter: Positive, nudge: f64) -> Positive {
    Positive::new(parameter.get() * nudge.exp()).unwrap_or(parameter)
}

/// The variance of a figure whose slopes by the parameters these are.
fn variance<const N: usize>(covariance: &[[f64; N]; N], slopes: &[f64; N]) -> f64 {
    let row = |i: usize| -> f64 { (0..N).map(|j| covariance[i][j] * slopes[j]).sum() };
    (0..N).map(|i| slopes[i] * row(i)).sum::<f64>().max(0.0)
}
