//! How much work goes into the choice of a model.

use serde::{Deserialize, Serialize};

/// How much work goes into the choice of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Fewer rows and trees: for a first look, or for one model of many.
    Quick,
    /// The usual settings of every family, boosting averaged over two seeds.
    #[default]
    Standard,
    /// Settings are searched for, and boosting is averaged over four seeds.
    Thorough,
}

impl Effort {
    /// The effort for each of many models, such as one a product: a level below that for a single one.
    #[must_use]
    pub fn for_one_of_many(self) -> Self {
        match self {
            Self::Quick | Self::Standard => Self::Quick,
            Self::Thorough => Self::Standard,
        }
    }

    /// Rows beyond this many gain logistic regression and forests little and cost the fits of their libraries much.
    pub(super) fn library_rows(self) -> usize {
        match self {
            Self::Quick => 10_000,
            Self::Standard | Self::Thorough => 20_000,
        }
    }

    pub(super) fn forest_trees(self) -> usize {
        match self {
            Self::Quick => 60,
            Self::Standard => 100,
            Self::Thorough => 200,
        }
    }

    /// Fits of boosting that are averaged, each with a seed of its own.
    pub(super) fn boosting_seeds(self) -> u64 {
        match self {
            Self::Quick => 1,
            Self::Standard => 2,
            Self::Thorough => 4,
        }
    }
}
