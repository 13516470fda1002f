//! Fits Gamma-Gamma to the spend of repeat customers by maximum likelihood.

use tend_models::families::gamma_gamma::{GammaGamma, SpendHistory};
use tend_models::quantities::Positive;
use tend_models::special::{digamma, log_beta, regularised_incomplete_beta};

use super::maximise::{Evaluation, Maximum, covariance, maximise};

/// A fitted Gamma-Gamma model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct GammaGammaFit {
    /// The model, in the currency of the histories; its q is above 1, so that the mean spend exists.
    pub model: GammaGamma,
    /// The log-likelihood of all histories under the model; within 1e-8 of the largest if `converged`.
    pub log_likelihood: f64,
    /// Different histories: the cost of the fit grows with these, not with customers.
    pub distinct_rows: usize,
    /// Steps of the optimiser, from all starts.
    pub iterations: usize,
    /// Whether the maximum was reached; if not, the parameters run off to a limit that the data do not rule out.
    pub converged: bool,
    /// Pearson's correlation of repeat purchases and mean spend, from −1 to 1; 0 if either does not vary.
    ///
    /// The model takes them to be independent. Far from 0 (.3, say) its values are off for the most frequent buyers.
    pub correlation: f64,
    /// The covariance of ln p, ln q and ln v: the inverse of the observed information. `None` where there is none.
    pub log_covariance: Option<[[f64; 3]; 3]>,
}

impl GammaGammaFit {
    /// The standard errors of p, q and v; `None` without a covariance.
    #[must_use]
    pub fn standard_errors(&self) -> Option<[f64; 3]> {
        let covariance = self.log_covariance?;
        let parameters = [self.model.p, self.model.q, self.model.v];
        Some(std::array::from_fn(|place| parameters[place].get() * covariance[place][place].sqrt()))
    }
}

/// Whether how often customers buy tells what they spend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Independence {
    /// Pearson's correlation of repeat purchases and mean spend, from −1 to 1; 0 if either does not vary.
    pub correlation: f64,
    /// How likely a correlation at least so far from 0 would be, if there were none; by Student's distribution.
    pub p_value: f64,
}

/// Tests what Gamma-Gamma takes for granted, on the histories that it would be fitted to.
#[must_use]
pub fn independence(histories: &[SpendHistory]) -> Independence {
    let customers = histories.len() as f64;
    let correlation = correlation(&distinct(histories), customers);
    // Student's t² is r² (n − 2) / (1 − r²); its tail is a share of a beta distribution.
    let p_value = if customers > 2.0 {
        regularised_incomplete_beta(0.5 * (customers - 2.0), 0.5, 1.0 - correlation * correlation)
    } else {
        1.0
    };
    Independence { correlation, p_value }
}

/// Why a Gamma-Gamma model cannot be fitted. Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GammaGammaFitError {
    /// The list of histories is empty.
    #[error(
        "found no customers with a repeat purchase, expected at least one; observe for longer, and check that purchases carry \
         the customer's id and not the order's"
    )]
    NoCustomers,
    /// A customer without a repeat purchase, or a count that is not a number.
    #[error(
        "spend history {position}: found {found} repeat purchases, expected a whole number of at least 1; leave out customers \
         without a repeat purchase"
    )]
    NotARepeatCustomer {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        found: f64,
    },
    /// A mean spend of 0 or less, or not a finite number.
    #[error(
        "spend history {position}: found a mean spend of {found}, expected a finite amount above 0; leave out customers whose \
         returns outweigh their purchases"
    )]
    NotASpend {
        /// Which history.
        position: usize,
        /// Its mean spend.
        found: f64,
    },
    /// All customers spend the same on average: the spread that the model is about is nil.
    #[error(
        "found the same mean spend {mean_spend} for all {customers} customers, expected it to vary; use that amount in place \
         of a model"
    )]
    NoVariation {
        /// What each spends.
        mean_spend: f64,
        /// How many there are.
        customers: usize,
    },
    /// The likelihood is largest where the population has no mean spend.
    #[error(
        "found q = {q} where the likelihood is largest, expected more than 1: the tail of the spend is so heavy that its mean \
         does not exist; cap or leave out the largest amounts, or use each customer's average"
    )]
    NoMean {
        /// The fitted q.
        q: f64,
    },
    /// A parameter left the range of floating-point numbers.
    #[error(
        "found the parameters {parameters:?} (p, q, v) where the likelihood is largest, expected finite numbers above 0; the \
         data are too few or too uniform for this model"
    )]
    Diverged {
        /// Where the search ended.
        parameters: [f64; 3],
    },
}

/// Fits Gamma-Gamma by maximum likelihood.
///
/// `histories` holds one element a customer with at least one repeat purchase, in any order and any currency; the result
/// does not depend on the order, to the last bit. Source: Fader and Hardie (2013), The Gamma-Gamma model of monetary
/// value.
///
/// # Errors
/// [`GammaGammaFitError`] if there is nothing to fit, a history is not one, or the fitted population has no mean spend.
pub fn fit(histories: &[SpendHistory]) -> Result<GammaGammaFit, GammaGammaFitError> {
    check(histories)?;
    let rows = distinct(histories);
    let customers = histories.len() as f64;
    let spend_scale = mean_over(&rows, customers, |history| history.mean_spend);
    if let Some(first) = rows.first()
        && rows.iter().all(|row| row.history.mean_spend == first.history.mean_spend)
    {
        return Err(GammaGammaFitError::NoVariation {
            mean_spend: first.history.mean_spend,
            customers: histories.len(),
        });
    }
    let scaled = ScaledData::new(&rows, spend_scale);
    let starts = [[1.0, 3.0], [6.0, 4.0], [20.0, 12.0]].map(|[p, q]: [f64; 2]| {
        // In scaled money the mean is 1, and the model's mean is p v / (q − 1).
        [p, q, (q - 1.0) / p].map(f64::ln)
    });
    let maximum = maximise(|point| scaled.evaluate(point), customers, &starts);
    let log_covariance = covariance(|point| scaled.evaluate(point), &maximum);
    finished(&rows, spend_scale, &maximum, log_covariance)
}

/// A history, and how many customers have it.
struct Row {
    history: SpendHistory,
    customers: f64,
}

fn check(histories: &[SpendHistory]) -> Result<(), GammaGammaFitError> {
    if histories.is_empty() {
        return Err(GammaGammaFitError::NoCustomers);
    }
    for (position, history) in histories.iter().enumerate() {
        let count = history.repeat_purchases;
        if !(count >= 1.0 && count.is_finite() && count.fract() == 0.0) {
            return Err(GammaGammaFitError::NotARepeatCustomer { position, found: count });
        }
        let spend = history.mean_spend;
        if !(spend > 0.0 && spend.is_finite()) {
            return Err(GammaGammaFitError::NotASpend { position, found: spend });
        }
    }
    Ok(())
}

/// Puts equal histories together, sorted, so that sums run in one order whatever the order of the input.
fn distinct(histories: &[SpendHistory]) -> Vec<Row> {
    let mut sorted = histories.to_vec();
    sorted.sort_unstable_by(|left, right| {
        left.repeat_purchases.total_cmp(&right.repeat_purchases).then(left.mean_spend.total_cmp(&right.mean_spend))
    });
    sorted
        .chunk_by(|left, right| left == right)
        .map(|equal| Row { history: equal[0], customers: equal.len() as f64 })
        .collect()
}

fn mean_over(rows: &[Row], customers: f64, of: impl Fn(&SpendHistory) -> f64) -> f64 {
    let total: f64 = rows.iter().map(|row| row.customers * of(&row.history)).sum();
    total / customers
}

fn correlation(rows: &[Row], customers: f64) -> f64 {
    let mean_count = mean_over(rows, customers, |history| history.repeat_purchases);
    let mean_spend = mean_over(rows, customers, |history| history.mean_spend);
    let product = |left: fn(&SpendHistory, [f64; 2]) -> f64| {
        mean_over(rows, customers, |history| left(history, [mean_count, mean_spend]))
    };
    let count_variance = product(|history, [count, _]| (history.repeat_purchases - count).powi(2));
    let spend_variance = product(|history, [_, spend]| (history.mean_spend - spend).powi(2));
    let covariance =
        product(|history, [count, spend]| (history.repeat_purchases - count) * (history.mean_spend - spend));
    if count_variance > 0.0 && spend_variance > 0.0 {
        covariance / (count_variance.sqrt() * spend_variance.sqrt())
    } else {
        0.0
    }
}

/// The histories in scaled money, in groups of one count each: gamma functions depend on the count alone.
struct ScaledData {
    groups: Vec<CountGroup>,
}

struct CountGroup {
    repeat_purchases: f64,
    customers: f64,
    /// Total spend of one customer, and how many have it.
    totals: Vec<(f64, f64)>,
    /// Sum over customers of the logarithm of the mean spend.
    log_spend: f64,
}

impl ScaledData {
    fn new(rows: &[Row], spend_scale: f64) -> Self {
        let count = |row: &Row| row.history.repeat_purchases;
        let spend = |row: &Row| row.history.mean_spend / spend_scale;
        let groups = rows
            .chunk_by(|left, right| count(left) == count(right))
            .map(|same| CountGroup {
                repeat_purchases: count(&same[0]),
                customers: same.iter().map(|row| row.customers).sum(),
                totals: same.iter().map(|row| (count(row) * spend(row), row.customers)).collect(),
                log_spend: same.iter().map(|row| row.customers * spend(row).ln()).sum(),
            })
            .collect();
        Self { groups }
    }

    /// The log-likelihood and its derivatives by ln p, ln q and ln v.
    fn evaluate(&self, point: &[f64; 3]) -> Evaluation<3> {
        let [p, q, v] = point.map(f64::exp);
        let (mut value, mut by_p, mut by_q, mut by_v) = (0.0, 0.0, 0.0, 0.0);
        for group in &self.groups {
            let (x, n) = (group.repeat_purchases, group.customers);
            let shape = p * x;
            value -= n * log_beta(shape, q) + group.log_spend;
            let both = digamma(shape + q);
            by_p += n * x * (both - digamma(shape));
            by_q += n * (both - digamma(q));
            for &(total, customers) in &group.totals {
                let (log_above, log_below) = ((total / v).ln_1p(), (v / total).ln_1p());
                value -= customers * (q * log_above + shape * log_below);
                by_p -= customers * x * log_below;
                by_q -= customers * log_above;
                by_v += customers * (q * total / v - shape) / (total + v);
            }
        }
        Evaluation { value, gradient: [by_p * p, by_q * q, by_v * v] }
    }
}

fn finished(
    rows: &[Row],
    spend_scale: f64,
    maximum: &Maximum<3>,
    log_covariance: Option<[[f64; 3]; 3]>,
) -> Result<GammaGammaFit, GammaGammaFitError> {
    let [p, q, scaled_v] = maximum.point.map(f64::exp);
    let parameters = [p, q, scaled_v * spend_scale];
    if q <= 1.0 {
        return Err(GammaGammaFitError::NoMean { q });
    }
    let [Ok(p), Ok(q), Ok(v)] = parameters.map(Positive::new) else {
        return Err(GammaGammaFitError::Diverged { parameters });
    };
    let model = GammaGamma { p, q, v };
    let log_likelihood: f64 = rows
        .iter()
        .map(|row| {
            let history = row.history;
            row.customers * model.log_likelihood(history.repeat_purchases, history.mean_spend)
        })
        .sum();
    if !log_likelihood.is_finite() {
        return Err(GammaGammaFitError::Diverged { parameters });
    }
    Ok(GammaGammaFit {
        model,
        log_likelihood,
        distinct_rows: rows.len(),
        iterations: maximum.iterations,
        converged: maximum.converged,
        correlation: correlation(rows, rows.iter().map(|row| row.customers).sum()),
        log_covariance,
    })
}
