//! The likelihood of BG/BB and its derivatives.

use tend_models::families::bg_bb::BgBb;
use tend_models::quantities::Positive;
use tend_models::special::{digamma, log_gamma_ratio, log_one_plus_exp};

use super::maximise::Evaluation;
use super::purchases::Row;

/// Where the search begins, as ln α, ln β, ln γ and ln δ, for this mean number of purchases and of opportunities.
pub(super) fn starts(purchase_rate: f64, opportunities: f64) -> [[f64; 4]; 3] {
    let purchase = (purchase_rate / opportunities).clamp(1e-6, 0.9);
    [[1.0, 0.5, 1.0], [4.0, 1.0, 5.0], [20.0, 0.2, 0.5]].map(|[certainty, gamma, lives]: [f64; 3]| {
        [certainty * purchase, certainty * (1.0 - purchase), gamma, gamma * lives * opportunities].map(f64::ln)
    })
}

/// The histories: time is counted in opportunities, so nothing is scaled.
pub(super) struct Likelihood {
    rows: Vec<Row>,
}

impl Likelihood {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// The log-likelihood and its derivatives by ln α, ln β, ln γ and ln δ.
    pub(super) fn evaluate(&self, point: &[f64; 4]) -> Evaluation<4> {
        let parameters @ [alpha, beta, gamma, delta] = point.map(f64::exp);
        let model = |value| Positive::new(value).expect("the search stays within finite logarithms");
        let model = BgBb { alpha: model(alpha), beta: model(beta), gamma: model(gamma), delta: model(delta) };
        let at_start = [alpha, beta, alpha + beta, delta, gamma + delta].map(digamma);
        let (mut value, mut gradient) = (0.0, [0.0; 4]);
        for row in &self.rows {
            let (x, n) = (row.history.repeat_purchases, row.history.observed);
            let dropout = model.dropout(row.history);
            let bought = log_gamma_ratio(alpha, x) + log_gamma_ratio(beta, n - x) - log_gamma_ratio(alpha + beta, n);
            let survived = log_gamma_ratio(delta, n) - log_gamma_ratio(gamma + delta, n);
            value += row.customers * (bought + survived + log_one_plus_exp(dropout.log_odds));
            let dropped_out = 1.0 / (1.0 + (-dropout.log_odds).exp());
            let tried = at_start[2] - digamma(alpha + beta + n);
            let lived = at_start[4] - digamma(gamma + delta + n);
            let alive = [
                digamma(alpha + x) - at_start[0] + tried,
                digamma(beta + n - x) - at_start[1] + tried,
                lived,
                digamma(delta + n) - at_start[3] + lived,
            ];
            for (slope, (alive, dead)) in gradient.iter_mut().zip(alive.into_iter().zip(dropout.slopes)) {
                *slope += row.customers * (alive + dropped_out * dead);
            }
        }
        Evaluation { value, gradient: std::array::from_fn(|place| gradient[place] * parameters[place]) }
    }
}
