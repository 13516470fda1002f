//! The likelihood of BG/NBD and MBG/NBD and its derivatives.

use tend_models::families::purchases::PurchaseHistory;
use tend_models::special::{digamma, log_gamma_ratio, log_one_plus_exp};

use super::maximise::Evaluation;
use super::purchases::{Row, customers_by_count};

/// Where the search begins, as ln r, ln α, ln a and ln b; the mean observation is 1 long.
pub(super) fn starts(purchase_rate: f64) -> [[f64; 4]; 3] {
    // α puts the mean purchases of the observation at what was found.
    [[0.5, 0.8, 2.5], [1.0, 0.1, 1.0], [3.0, 3.0, 10.0]]
        .map(|[r, a, b]: [f64; 3]| [r, r / purchase_rate, a, b].map(f64::ln))
}

/// The histories in scaled time, with the customers of each count: gamma functions depend on the count alone.
pub(super) struct Likelihood {
    rows: Vec<Row>,
    customers_by_count: Vec<(f64, f64)>,
    /// Chances to drop out beside those after a repeat purchase: in MBG/NBD one after the first purchase.
    first_chances: f64,
}

impl Likelihood {
    /// `rows` are sorted by their count.
    pub(super) fn new(rows: Vec<Row>, first_chances: f64) -> Self {
        Self { customers_by_count: customers_by_count(&rows), rows, first_chances }
    }

    /// The log-likelihood and its derivatives by ln r, ln α, ln a and ln b.
    pub(super) fn evaluate(&self, point: &[f64; 4]) -> Evaluation<4> {
        let [r, alpha, a, b] = point.map(f64::exp);
        let (mut value, mut by_r, mut by_alpha, mut by_a, mut by_b) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, customers) in &self.customers_by_count {
            let chances = x + self.first_chances;
            let survived = log_gamma_ratio(b, chances) - log_gamma_ratio(a + b, chances);
            value += customers * (log_gamma_ratio(r, x) + survived);
            let both = digamma(a + b) - digamma(a + b + chances);
            by_r += customers * (digamma(r + x) - digamma(r));
            by_a += customers * both;
            by_b += customers * (digamma(b + chances) - digamma(b) + both);
        }
        for row in &self.rows {
            let PurchaseHistory { repeat_purchases: x, last_purchase: t_x, observed: big_t } = row.history;
            let n = row.customers;
            let exposure = (big_t / alpha).ln_1p();
            value -= n * (r * exposure + x * (alpha + big_t).ln());
            by_r -= n * exposure;
            by_alpha += n * (r * big_t / alpha - x) / (alpha + big_t);
            let chances = x + self.first_chances;
            if chances > 0.0 {
                let silence = ((big_t - t_x) / (alpha + t_x)).ln_1p();
                let shape = b + (chances - 1.0);
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
