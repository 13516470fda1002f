//! Constraints on how predictions follow a number: where a leaf may be split, and what its children may say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tend_models::predict::FeatureKind;

use crate::fit::table::{FitError, TrainingRows};

/// Which way predictions may go as a number rises, all else equal. Unknown values are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// They never fall.
    Increasing,
    /// They never rise.
    Decreasing,
}

impl Direction {
    /// Whether the leaf values of the smaller and of the larger numbers go the wrong way.
    #[inline(always)]
    pub(super) fn forbids(self, [smaller, larger]: [f64; 2]) -> bool {
        match self {
            Self::Increasing => smaller > larger,
            Self::Decreasing => smaller < larger,
        }
    }
}

/// Between which values a leaf and all that is split from it stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    least: f64,
    most: f64,
}

impl Bounds {
    /// Any value.
    pub(super) const NONE: Self = Self { least: f64::NEG_INFINITY, most: f64::INFINITY };

    #[inline(always)]
    pub(super) fn clamp(self, value: f64) -> f64 {
        value.clamp(self.least, self.most)
    }

    /// Those of the smaller and of the larger numbers, which meet half-way between the values that both sides want.
    ///
    /// So no later split of one side can overtake the other: the method of XGBoost and of LightGBM's `basic`.
    pub(super) fn divided(self, direction: Direction, wanted: [f64; 2]) -> [Self; 2] {
        let [smaller, larger] = wanted.map(|value| self.clamp(value));
        let middle = smaller / 2.0 + larger / 2.0;
        let (low, high) = (Self { most: middle, ..self }, Self { least: middle, ..self });
        match direction {
            Direction::Increasing => [low, high],
            Direction::Decreasing => [high, low],
        }
    }
}

/// The constraint of each feature.
///
/// # Errors
/// [`FitError::Constraint`] for a name that is no number of the table.
pub(super) fn directions(
    rows: &TrainingRows,
    monotone: &BTreeMap<String, Direction>,
) -> Result<Vec<Option<Direction>>, FitError> {
    let is_number = |name: &String| {
        let mut features = rows.names.iter().zip(rows.kinds);
        features.any(|(own, kind)| own == name && matches!(kind, FeatureKind::Number))
    };
    if let Some(feature) = monotone.keys().find(|name| !is_number(name)) {
        let is_category = rows.names.contains(feature);
        let found = if is_category { "a category" } else { "no such feature" };
        return Err(FitError::Constraint { feature: feature.clone(), found });
    }
    Ok(rows.names.iter().map(|name| monotone.get(name).copied()).collect())
}
