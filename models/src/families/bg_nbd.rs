//! BG/NBD: how often customers buy and how readily they stop, where nobody says that they leave.

use serde::{Deserialize, Serialize};

use super::purchases::PurchaseHistory;
use crate::quantities::{Positive, Probability};
use crate::special::{log_beta_mean_of_power, log_gamma_ratio, log_one_plus_exp};

/// Beyond this discount, in e-folds, nothing is left of a purchase in double precision.
const DISCOUNTED_AWAY: f64 = 45.0;

/// A fitted BG/NBD model.
///
/// While alive, a customer buys at a rate λ that has a Gamma(r, α) distribution across customers; after each purchase
/// the customer drops out with a probability p that has a Beta(a, b) distribution. The time unit is the one of the
/// histories that the model was fitted to: days in, days out; `alpha` is in that unit, the others have none.
///
/// Single letters are those of Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24
/// (2). All kernels work in logarithms and stay finite for parameters from 1e-6 to 1e6 and any number of purchases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// r: shape of the purchase rate across customers.
    pub r: Positive,
    /// α: scale of the purchase rate, in time units; r / α is the mean purchases of a living customer in one unit.
    pub alpha: Positive,
    /// a: first shape of the dropout probability; a / (a + b) is its mean.
    pub a: Positive,
    /// b: second shape of the dropout probability.
    pub b: Positive,
}

impl BgNbd {
    /// The logarithm of the likelihood of one history, equation (6) of the paper.
    #[must_use]
    pub fn log_likelihood(&self, x: f64, t_x: f64, big_t: f64) -> f64 {
        let (r, alpha) = (self.r.get(), self.alpha.get());
        let (a, b) = (self.a.get(), self.b.get());
        let purchases = log_gamma_ratio(r, x) - r * (big_t / alpha).ln_1p() - x * (alpha + big_t).ln();
        let survived = log_gamma_ratio(b, x) - log_gamma_ratio(a + b, x);
        purchases + survived + log_one_plus_exp(self.log_odds_of_dropout(x, t_x, big_t))
    }

    /// The probability that the customer still buys at the end of the observation.
    ///
    /// It is 1 for a customer without a repeat purchase: in this model nobody drops out before a repeat purchase.
    #[must_use]
    pub fn probability_alive(&self, history: PurchaseHistory) -> Probability {
        Probability::clamped(self.log_probability_alive(history).exp())
    }

    /// The purchases expected of this customer in the time `t` after the end of the observation.
    ///
    /// Equation (10) of the paper, as P(alive) times the integral over (0, t] of the rate whose closed form is
    /// (r′ / α′) ₂F₁(r′ + 1, a; a + b′; −s / α′), with r′ = r + x, α′ = α + T, b′ = b + x. The printed form subtracts two
    /// nearly equal numbers for a short `t`, and is 0 / 0 at a = 1; a rate has neither flaw.
    #[must_use]
    pub fn expected_purchases(&self, history: PurchaseHistory, t: f64) -> f64 {
        self.discounted_expected_purchases(history, t, 0.0)
    }

    /// The purchases expected of a customer in the time `t` after the first one, which itself does not count.
    ///
    /// Equation (9) of the paper.
    #[must_use]
    pub fn expected_purchases_new_customer(&self, t: f64) -> f64 {
        self.expected_purchases(PurchaseHistory::NEWCOMER, t)
    }

    /// The present value, in purchases, of those expected of this customer within `horizon` after the observation.
    ///
    /// A purchase after the time s counts (1 + d)^−s, where d is `discount_rate_per_unit`: the rate of interest for one time
    /// unit, compounded continuously (.0027 a week is about .15 a year); d below 0 counts as 0. Multiply by the margin
    /// of a purchase for money. `horizon` may be infinite if d is above 0.
    ///
    /// The integral is taken by 16-point Gauss-Legendre quadrature over intervals that double in length. The rate is a
    /// mixture of decaying exponentials, and the first interval is short enough for the fastest of them, so the result
    /// is right to about 12 digits.
    #[must_use]
    pub fn discounted_expected_purchases(
        &self,
        history: PurchaseHistory,
        horizon: f64,
        discount_rate_per_unit: f64,
    ) -> f64 {
        let force_of_interest = discount_rate_per_unit.max(0.0).ln_1p();
        let end = horizon.min(DISCOUNTED_AWAY / force_of_interest);
        let alive = Survivor::of(self, history);
        let mut present_value = 0.0;
        let mut from = 0.0;
        let mut to = alive.first_interval(force_of_interest).min(end);
        while from < end {
            present_value += gauss_legendre(from, to, |time| (alive.log_rate(time) - force_of_interest * time).exp());
            from = to;
            to = (2.0 * to).min(end);
        }
        self.log_probability_alive(history).exp() * present_value
    }

    fn log_probability_alive(&self, history: PurchaseHistory) -> f64 {
        -log_one_plus_exp(self.log_odds_of_dropout(history.repeat_purchases, history.last_purchase, history.observed))
    }

    /// The log-odds that the customer dropped out after the last purchase; minus infinity without a repeat purchase.
    fn log_odds_of_dropout(&self, x: f64, t_x: f64, big_t: f64) -> f64 {
        if x <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let silence = ((big_t - t_x) / (self.alpha.get() + t_x)).ln_1p();
        // Not b + x − 1: that loses a small b, which is all there is at x = 1.
        let shape = self.b.get() + (x - 1.0).max(0.0);
        self.a.get().ln() - shape.ln() + (self.r.get() + x) * silence
    }
}

/// The distribution of the rate and the dropout probability of a customer who is alive at the end of the observation.
struct Survivor {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

impl Survivor {
    fn of(model: &BgNbd, history: PurchaseHistory) -> Self {
        Self {
            r: model.r.get() + history.repeat_purchases,
            alpha: model.alpha.get() + history.observed,
            a: model.a.get(),
            b: model.b.get() + history.repeat_purchases,
        }
    }

    /// The logarithm of the purchases per time unit at `time` after the observation.
    fn log_rate(&self, time: f64) -> f64 {
        self.r.ln() - self.alpha.ln() + log_beta_mean_of_power(self.r + 1.0, self.a, self.b, time / self.alpha)
    }

    /// A time over which the rate falls by at most 16 e-folds, which 16 Gauss-Legendre points still integrate fully.
    fn first_interval(&self, force_of_interest: f64) -> f64 {
        // Practically nothing of a Gamma(shape, 1) distribution lies above shape + 8 √shape + 30.
        let shape = self.r + 1.0;
        let fastest_purchase_rate = (shape + 8.0 * shape.sqrt() + 30.0) / self.alpha;
        16.0 / (fastest_purchase_rate + force_of_interest)
    }
}

/// ∫ f over \[from, to\] by the 16-point Gauss-Legendre rule; nodes and weights of Abramowitz and Stegun, table 25.4.
fn gauss_legendre(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const NODES_AND_WEIGHTS: [(f64, f64); 8] = [
        (0.09501250983763744, 0.1894506104550685),
        (0.2816035507792589, 0.18260341504492358),
        (0.45801677765722737, 0.16915651939500254),
        (0.6178762444026438, 0.14959598881657674),
        (0.755404408355003, 0.12462897125553388),
        (0.8656312023878318, 0.09515851168249279),
        (0.9445750230732326, 0.062253523938647894),
        (0.9894009349916499, 0.027152459411754096),
    ];
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    NODES_AND_WEIGHTS
        .iter()
        .map(|(node, weight)| weight * (f(middle - half * node) + f(middle + half * node)))
        .sum::<f64>()
        * half
}
