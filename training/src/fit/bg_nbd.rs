//! Fits BG/NBD to purchase histories by maximum likelihood.

use tend_models::families::bg_nbd::{BgNbd, PurchaseHistory};
use tend_models::quantities::Positive;
use tend_models::special::{digamma, log_gamma_ratio, log_one_plus_exp};

use super::maximise::{Evaluation, Maximum, maximise};

/// A fitted BG/NBD model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct BgNbdFit {
    /// The model, in the time unit of the histories.
    pub model: BgNbd,
    /// The log-likelihood of all histories under the model; within 1e-8 of the largest if `converged`.
    pub log_likelihood: f64,
    /// Different histories: the cost of the fit grows with these, not with customers.
    pub distinct_rows: usize,
    /// Steps of the optimiser, from all starts.
    pub iterations: usize,
    /// Whether the maximum was reached; if not, the parameters run off to a limit that the data do not rule out.
    pub converged: bool,
}

/// Why a BG/NBD model cannot be fitted. Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BgNbdFitError {
    /// The list of histories is empty.
    #[error("found no customers, expected at least one purchase history; check the dates that the fit is limited to")]
    NoCustomers,
    /// Nobody bought twice, so nothing tells how often customers come back.
    #[error(
        "found {customers} customers without a repeat purchase, expected some with one; observe for longer, and check that \
         purchases carry the customer's id and not the order's"
    )]
    NoRepeatPurchases {
        /// How many histories there are.
        customers: usize,
    },
    /// A number that is negative, infinite or not a number.
    #[error(
        "purchase history {position}: found {field} = {found}, expected a finite number of at least 0; correct or leave \
         out this customer"
    )]
    NotAMeasurement {
        /// Which history.
        position: usize,
        /// Which of its numbers.
        field: &'static str,
        /// That number.
        found: f64,
    },
    /// Purchases that are not counted in whole numbers.
    #[error(
        "purchase history {position}: found {found} repeat purchases, expected a whole number; count purchase days, not \
         quantities or amounts"
    )]
    NotACount {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        found: f64,
    },
    /// A last purchase after the end of the observation.
    #[error(
        "purchase history {position}: found the last purchase at {last_purchase} but the end of observation at {observed}, \
         expected it no earlier; drop purchases after the end, and use one time unit for both"
    )]
    PurchaseAfterEnd {
        /// Which history.
        position: usize,
        /// Time of the last purchase.
        last_purchase: f64,
        /// Time of the end.
        observed: f64,
    },
    /// Repeat purchases at the time of the first one, or a last purchase without any.
    #[error(
        "purchase history {position}: found {repeat_purchases} repeat purchases and the last one {last_purchase} after the \
         first purchase, expected both to be 0 or neither; merge purchases of one day into one"
    )]
    CountAndTimeDisagree {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        repeat_purchases: f64,
        /// Time of the last one.
        last_purchase: f64,
    },
    /// A parameter left the range of floating-point numbers.
    #[error(
        "found the parameters {parameters:?} (r, alpha, a, b) where the likelihood is largest, expected finite numbers above \
         0; the data are too few or too uniform for this model"
    )]
    Diverged {
        /// Where the search ended.
        parameters: [f64; 4],
    },
}

/// Fits BG/NBD by maximum likelihood.
///
/// `histories` holds one element a customer, in any order and any time unit; the result does not depend on the order, to
/// the last bit. Equal histories are put together first, and time is scaled by its mean, so that the search does not
/// depend on the unit. Source: Fader, Hardie and Lee (2005), Marketing Science 24 (2).
///
/// # Errors
/// [`BgNbdFitError`] if there is nothing to fit, or a history is not one.
pub fn fit(histories: &[PurchaseHistory]) -> Result<BgNbdFit, BgNbdFitError> {
    check(histories)?;
    let rows = distinct(histories);
    let customers = histories.len() as f64;
    let total =
        |of: fn(&PurchaseHistory) -> f64| -> f64 { rows.iter().map(|row| row.customers * of(&row.history)).sum() };
    let time_scale = total(|history| history.observed) / customers;
    let purchase_rate = total(|history| history.repeat_purchases) / customers;
    let scaled = ScaledData::new(&rows, time_scale);

    let starts = [[0.5, 0.8, 2.5], [1.0, 0.1, 1.0], [3.0, 3.0, 10.0]].map(|[r, a, b]: [f64; 3]| {
        // In scaled time the mean observation is 1 long: α puts the mean purchases of that time at what was found.
        [r, r / purchase_rate, a, b].map(f64::ln)
    });
    let maximum = maximise(|point| scaled.evaluate(point), customers, &starts);
    finished(&rows, time_scale, &maximum)
}

/// A history, and how many customers have it.
struct Row {
    history: PurchaseHistory,
    customers: f64,
}

fn check(histories: &[PurchaseHistory]) -> Result<(), BgNbdFitError> {
    if histories.is_empty() {
        return Err(BgNbdFitError::NoCustomers);
    }
    for (position, history) in histories.iter().enumerate() {
        let PurchaseHistory { repeat_purchases, last_purchase, observed } = *history;
        for (field, found) in
            [("repeat_purchases", repeat_purchases), ("last_purchase", last_purchase), ("observed", observed)]
        {
            if !(found >= 0.0 && found.is_finite()) {
                return Err(BgNbdFitError::NotAMeasurement { position, field, found });
            }
        }
        if repeat_purchases.fract() != 0.0 {
            return Err(BgNbdFitError::NotACount { position, found: repeat_purchases });
        }
        if last_purchase > observed {
            return Err(BgNbdFitError::PurchaseAfterEnd { position, last_purchase, observed });
        }
        if (repeat_purchases > 0.0) != (last_purchase > 0.0) {
            return Err(BgNbdFitError::CountAndTimeDisagree { position, repeat_purchases, last_purchase });
        }
    }
    if histories.iter().all(|history| history.repeat_purchases == 0.0) {
        return Err(BgNbdFitError::NoRepeatPurchases { customers: histories.len() });
    }
    Ok(())
}

/// Puts equal histories together, sorted, so that sums run in one order whatever the order of the input.
fn distinct(histories: &[PurchaseHistory]) -> Vec<Row> {
    // Adding 0 turns −0 into 0: equal numbers must be equal bits.
    let mut keys: Vec<[f64; 3]> = histories
        .iter()
        .map(|history| [history.repeat_purchases + 0.0, history.last_purchase + 0.0, history.observed + 0.0])
        .collect();
    keys.sort_unstable_by(|left, right| {
        left[0].total_cmp(&right[0]).then(left[1].total_cmp(&right[1])).then(left[2].total_cmp(&right[2]))
    });
    keys.chunk_by(|left, right| left == right)
        .map(|equal| Row {
            history: PurchaseHistory {
                repeat_purchases: equal[0][0],
                last_purchase: equal[0][1],
                observed: equal[0][2],
            },
            customers: equal.len() as f64,
        })
        .collect()
}

/// The histories in scaled time, with the customers of each count: gamma functions depend on the count alone.
struct ScaledData {
    rows: Vec<Row>,
    customers_by_count: Vec<(f64, f64)>,
}

impl ScaledData {
    fn new(rows: &[Row], time_scale: f64) -> Self {
        let scaled = rows.iter().map(|row| Row {
            history: PurchaseHistory {
                repeat_purchases: row.history.repeat_purchases,
                last_purchase: row.history.last_purchase / time_scale,
                observed: row.history.observed / time_scale,
            },
            customers: row.customers,
        });
        let count = |row: &Row| row.history.repeat_purchases;
        Self {
            rows: scaled.collect(),
            customers_by_count: rows
                .chunk_by(|left, right| count(left) == count(right))
                .map(|same| (count(&same[0]), same.iter().map(|row| row.customers).sum()))
                .collect(),
        }
    }

    /// The log-likelihood and its derivatives by ln r, ln α, ln a and ln b.
    fn evaluate(&self, point: &[f64; 4]) -> Evaluation<4> {
        let [r, alpha, a, b] = point.map(f64::exp);
        let (mut value, mut by_r, mut by_alpha, mut by_a, mut by_b) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, customers) in &self.customers_by_count {
            value += customers * (log_gamma_ratio(r, x) + log_gamma_ratio(b, x) - log_gamma_ratio(a + b, x));
            let both = digamma(a + b) - digamma(a + b + x);
            by_r += customers * (digamma(r + x) - digamma(r));
            by_a += customers * both;
            by_b += customers * (digamma(b + x) - digamma(b) + both);
        }
        for row in &self.rows {
            let PurchaseHistory { repeat_purchases: x, last_purchase: t_x, observed: big_t } = row.history;
            let n = row.customers;
            let exposure = (big_t / alpha).ln_1p();
            value -= n * (r * exposure + x * (alpha + big_t).ln());
            by_r -= n * exposure;
            by_alpha += n * (r * big_t / alpha - x) / (alpha + big_t);
            if x > 0.0 {
                let silence = ((big_t - t_x) / (alpha + t_x)).ln_1p();
                let shape = b + (x - 1.0);
                let log_odds = a.ln() - shape.ln() + (r + x) * silence;
                value += n * log_one_plus_exp(log_odds);
                let dropped_out = n / (1.0 + (-log_odds).exp());
                by_r += dropped_out * silence;
                by_alpha -= dropped_out * (r + x) * (big_t - t_x) / ((alpha + big_t) * (alpha + t_x));
                by_a += dropped_out / a;
                by_b -= dropped_out / shape;
            }
        }
        Evaluation { value, gradient: [by_r * r, by_alpha * alpha, by_a * a, by_b * b] }
    }
}

fn finished(rows: &[Row], time_scale: f64, maximum: &Maximum<4>) -> Result<BgNbdFit, BgNbdFitError> {
    let [r, scaled_alpha, a, b] = maximum.point.map(f64::exp);
    let parameters = [r, scaled_alpha * time_scale, a, b];
    let [Ok(r), Ok(alpha), Ok(a), Ok(b)] = parameters.map(Positive::new) else {
        return Err(BgNbdFitError::Diverged { parameters });
    };
    let model = BgNbd { r, alpha, a, b };
    let log_likelihood: f64 = rows
        .iter()
        .map(|row| {
            let history = row.history;
            row.customers * model.log_likelihood(history.repeat_purchases, history.last_purchase, history.observed)
        })
        .sum();
    if !log_likelihood.is_finite() {
        return Err(BgNbdFitError::Diverged { parameters });
    }
    Ok(BgNbdFit {
        model,
        log_likelihood,
        distinct_rows: rows.len(),
        iterations: maximum.iterations,
        converged: maximum.converged,
    })
}
