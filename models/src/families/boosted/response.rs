//! Boosted trees that predict a number, such as an amount of money.

use serde::{Deserialize, Serialize};

use super::Boosted;
use crate::families::classifier::ModelError;
use crate::predict::{FeatureKind, Predict};

/// From the score that trees add up to, to the number that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// The score is the number.
    Identity,
    /// The score is the number's logarithm.
    Log,
}

impl Link {
    /// The number of a score.
    #[must_use]
    pub fn response(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::Log => score.exp(),
        }
    }
}

/// Fitted boosted trees for a number.
///
/// `trees` predicts and explains on the scale of scores: with [`Link::Log`], its contributions are logarithms of
/// factors. Of many rows, score `trees` in batches and put each score through `link`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostedNumber {
    /// They add up to the score.
    pub trees: Boosted,
    /// What the score stands for.
    pub link: Link,
}

impl BoostedNumber {
    /// The predicted number of one row, in the unit of the numbers that it was fitted to: their mean given the
    /// features, or the quantile that was asked for.
    #[must_use]
    pub fn response(&self, row: &[f64]) -> f64 {
        self.link.response(self.trees.predict(row))
    }

    /// Checks that this model fits the features and that every number is valid.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        self.trees.check(kinds)
    }
}
