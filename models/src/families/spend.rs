//! What customers spend in one purchase, by whichever model was fitted.

use serde::{Deserialize, Serialize};

use super::gamma_gamma::GammaGamma;
use crate::quantities::Positive;

/// A fitted model of spend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum SpendModel {
    /// A customer's average is weighed against the population's.
    GammaGamma(GammaGamma),
    /// Where Gamma-Gamma has no mean: every repeat customer goes on as on average, the others spend as these do.
    OwnAverage {
        /// The mean over customers of what each spends in a repeat purchase, in the company's currency.
        population_mean: Positive,
    },
}

impl SpendModel {
    /// The spend expected of this customer in one purchase, in the company's currency.
    ///
    /// `x` is the number of repeat purchases; where it is 0, `mean_spend` is not read.
    #[must_use]
    pub fn expected_spend(&self, x: f64, mean_spend: f64) -> f64 {
        match self {
            Self::GammaGamma(model) => model.expected_spend(x, mean_spend),
            Self::OwnAverage { .. } if x > 0.0 => mean_spend,
            Self::OwnAverage { population_mean } => population_mean.get(),
        }
    }
}
