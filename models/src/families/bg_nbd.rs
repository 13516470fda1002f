//! BG/NBD and MBG/NBD: customers who may drop out after a purchase.

use serde::{Deserialize, Serialize};

use super::purchases::PurchaseHistory;
use super::quadrature::{nearly_largest_of_gamma, present_value};
use crate::quantities::Positive;
use crate::special::{log_beta_mean_of_power, log_gamma_ratio, log_one_plus_exp};

/// A fitted BG/NBD model.
///
/// While alive, a customer buys at a rate λ that has a Gamma(r, α) distribution across customers; after each repeat
/// purchase the customer drops out with a probability p that has a Beta(a, b) distribution. The time unit is the one of
/// the histories that the model was fitted to: days in, days out; `alpha` is in that unit, the others have none.
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

/// A fitted MBG/NBD model: as BG/NBD, but a customer may drop out after the first purchase already.
///
/// Source: Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base
/// analysis, International Journal of Research in Marketing 24 (3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MbgNbd {
    /// r: shape of the purchase rate across customers.
    pub r: Positive,
    /// α: scale of the purchase rate, in time units.
    pub alpha: Positive,
    /// a: first shape of the dropout probability; a / (a + b) is its mean.
    pub a: Positive,
    /// b: second shape of the dropout probability.
    pub b: Positive,
}

impl BgNbd {
    /// The model and one history.
    pub(super) fn with(&self, history: PurchaseHistory) -> Dropouts {
        let [r, alpha, a, b] = [self.r, self.alpha, self.a, self.b].map(Positive::get);
        Dropouts { r, alpha, a, b, chances: history.repeat_purchases, history }
    }
}

impl MbgNbd {
    /// The model and one history.
    pub(super) fn with(&self, history: PurchaseHistory) -> Dropouts {
        let [r, alpha, a, b] = [self.r, self.alpha, self.a, self.b].map(Positive::get);
        Dropouts { r, alpha, a, b, chances: history.repeat_purchases + 1.0, history }
    }
}

/// A customer who had some chances to drop out: after every repeat purchase, and in MBG/NBD after the first one.
pub(super) struct Dropouts {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
    chances: f64,
    history: PurchaseHistory,
}

impl Dropouts {
    /// Equation (6) of Fader, Hardie and Lee (2005), with b + x replaced by b + chances.
    pub(super) fn log_likelihood(&self) -> f64 {
        let PurchaseHistory { repeat_purchases: x, observed, .. } = self.history;
        let Self { r, alpha, a, b, chances, .. } = *self;
        let purchases = log_gamma_ratio(r, x) - r * (observed / alpha).ln_1p() - x * (alpha + observed).ln();
        let survived = log_gamma_ratio(b, chances) - log_gamma_ratio(a + b, chances);
        purchases + survived + log_one_plus_exp(self.log_odds_of_dropout())
    }

    /// The log-odds that the customer dropped out after the last purchase; minus infinity without a chance to.
    pub(super) fn log_odds_of_dropout(&self) -> f64 {
        if self.chances <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let PurchaseHistory { repeat_purchases: x, last_purchase, observed } = self.history;
        let silence = ((observed - last_purchase) / (self.alpha + last_purchase)).ln_1p();
        // Not b + chances − 1: that loses a small b, which is all there is at one chance.
        let shape = self.b + (self.chances - 1.0);
        self.a.ln() - shape.ln() + (self.r + x) * silence
    }

    /// The purchases of a living customer between two times after the observation, at a force of interest.
    ///
    /// For BG/NBD this is equation (10) of the paper, as the integral of the rate whose closed form is
    /// (r′ / α′) ₂F₁(r′ + 1, a; a + b′; −s / α′), with r′ = r + x, α′ = α + T, b′ = b + x. The printed form subtracts two
    /// nearly equal numbers for a short time, and is 0 / 0 at a = 1; a rate has neither flaw.
    pub(super) fn purchases_if_alive(&self, from: f64, until: f64, force: f64) -> f64 {
        let (r, alpha, b) = self.posterior();
        let log_rate = |time: f64| r.ln() - alpha.ln() + log_beta_mean_of_power(r + 1.0, self.a, b, time / alpha);
        present_value(log_rate, nearly_largest_of_gamma(r + 1.0) / alpha, force, from, until)
    }

    /// The probability that a living customer is alive a time after the observation.
    pub(super) fn survival(&self, ahead: f64) -> f64 {
        let (r, alpha, b) = self.posterior();
        log_beta_mean_of_power(r, self.a, b, ahead / alpha).exp()
    }

    /// r′, α′ and b′ of a customer who is alive at the end of the observation; a stays as it is.
    fn posterior(&self) -> (f64, f64, f64) {
        (self.r + self.history.repeat_purchases, self.alpha + self.history.observed, self.b + self.chances)
    }
}
