//! Gamma-Gamma: what customers spend in one purchase, given how much and how often they have spent.

use serde::{Deserialize, Serialize};

use crate::quantities::Positive;
use crate::special::log_beta;

/// What the model reads of one customer: the repeat purchases and their average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpendHistory {
    /// x: purchases after the first; several on one day are one.
    pub repeat_purchases: f64,
    /// z̄: mean spend of those purchases, in the company's currency; the first purchase is not in it.
    pub mean_spend: f64,
}

/// A fitted Gamma-Gamma model.
///
/// The spend of one purchase has a Gamma(p, ν) distribution for each customer, and ν has a Gamma(q, v) distribution across
/// customers (v is written γ in the paper). How much is spent is taken to be independent of how often.
///
/// Source: Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of
/// Marketing Research 42 (4); Fader and Hardie (2013), The Gamma-Gamma model of monetary value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// p: shape of the spend within a customer.
    pub p: Positive,
    /// q: shape of the scale across customers; above 1 in every model that the fit returns.
    pub q: Positive,
    /// v: scale of the spend, in the company's currency.
    pub v: Positive,
}

impl GammaGamma {
    /// The logarithm of the density of a mean spend over `x` purchases, equation (1a) of Fader and Hardie (2013).
    ///
    /// Both arguments must be above 0.
    #[must_use]
    pub fn log_likelihood(&self, x: f64, mean_spend: f64) -> f64 {
        let (p, q, v) = (self.p.get(), self.q.get(), self.v.get());
        let total = x * mean_spend;
        // Grouped so that no power of the total or of v stands alone: those overflow, and their difference rounds badly.
        -log_beta(p * x, q) - q * (total / v).ln_1p() - p * x * (v / total).ln_1p() - mean_spend.ln()
    }

    /// The spend expected of this customer in one purchase, in the company's currency; equation (5) of the same note.
    ///
    /// With x = 0 (`mean_spend` is not read) it is the mean of the population, p v / (q − 1). The mean exists only where
    /// p x + q > 1: infinity otherwise, which no model that the fit returns can give.
    #[must_use]
    pub fn expected_spend(&self, x: f64, mean_spend: f64) -> f64 {
        let (p, q, v) = (self.p.get(), self.q.get(), self.v.get());
        let total = if x > 0.0 { x * mean_spend } else { 0.0 };
        let shape = p * x.max(0.0) + (q - 1.0);
        if shape > 0.0 { p * (v + total) / shape } else { f64::INFINITY }
    }
}
