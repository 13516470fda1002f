//! The likelihood of Pareto/NBD and its derivatives.

use tend_models::families::pareto_nbd::ParetoNbd;
use tend_models::quantities::Positive;
use tend_models::special::{digamma, log_gamma_ratio, log_one_plus_exp};

use super::maximise::Evaluation;
use super::purchases::{Row, customers_by_count};

/// Where the search begins, as ln r, ln α, ln s and ln β; the mean observation is 1 long.
pub(super) fn starts(purchase_rate: f64) -> [[f64; 4]; 3] {
    // α puts the mean purchases of the observation at what was found.
    [[0.5, 0.6, 1.0], [1.0, 0.1, 1.0], [3.0, 2.0, 3.0]]
        .map(|[r, s, beta]: [f64; 3]| [r, r / purchase_rate, s, beta].map(f64::ln))
}

/// The histories in scaled time, with the customers of each count: gamma functions depend on the count alone.
pub(super) struct Likelihood {
    rows: Vec<Row>,
    customers_by_count: Vec<(f64, f64)>,
}

impl Likelihood {
    /// `rows` are sorted by their count.
    pub(super) fn new(rows: Vec<Row>) -> Self {
        Self { customers_by_count: customers_by_count(&rows), rows }
    }

    /// The log-likelihood and its derivatives by ln r, ln α, ln s and ln β.
    pub(super) fn evaluate(&self, point: &[f64; 4]) -> Evaluation<4> {
        let [r, alpha, s, beta] = point.map(f64::exp);
        let model = |value| Positive::new(value).expect("the search stays within finite logarithms");
        let model = ParetoNbd { r: model(r), alpha: model(alpha), s: model(s), beta: model(beta) };
        let (mut value, mut gradient) = (0.0, [0.0; 4]);
        for &(x, customers) in &self.customers_by_count {
            value += customers * log_gamma_ratio(r, x);
            gradient[0] += customers * (digamma(r + x) - digamma(r));
        }
        for row in &self.rows {
            let (x, observed) = (row.history.repeat_purchases, row.history.observed);
            let (purchases, life) = ((observed / alpha).ln_1p(), (observed / beta).ln_1p());
            let dropout = model.dropout(row.history);
            value += row.customers
                * (log_one_plus_exp(dropout.log_odds) - r * purchases - x * (alpha + observed).ln() - s * life);
            let dropped_out = 1.0 / (1.0 + (-dropout.log_odds).exp());
            let alive = [
                -purchases,
                (r * observed / alpha - x) / (alpha + observed),
                -life,
                s * observed / (beta * (beta + observed)),
            ];
            for (slope, (alive, dead)) in gradient.iter_mut().zip(alive.into_iter().zip(dropout.slopes)) {
                *slope += row.customers * (alive + dropped_out * dead);
            }
        }
        Evaluation { value, gradient: std::array::from_fn(|place| gradient[place] * [r, alpha, s, beta][place]) }
    }
}
