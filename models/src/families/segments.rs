//! Customer segments: which of a few typical customers is this one nearest to?

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use super::logistic::Scaling;
use crate::predict::FeatureKind;

/// A number that the segments look at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentFeature {
    /// Index of the number in the row.
    pub feature: u32,
    /// How it is standardised; unknown counts as average.
    pub scaling: Scaling,
}

/// Fitted segments: centres in the space of a few standardised numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segments {
    /// One name a segment, in words.
    pub names: Vec<String>,
    /// The numbers looked at.
    pub features: Vec<SegmentFeature>,
    /// (segments, features), row-major, standardised.
    pub centers: Vec<f64>,
}

impl Segments {
    /// Index of the segment whose centre is nearest to the row; the first of equally near ones.
    #[must_use]
    pub fn nearest(&self, row: &[f64]) -> usize {
        let mut nearest = (0, f64::INFINITY);
        for (segment, center) in self.centers.chunks_exact(self.features.len()).enumerate() {
            let distance = self.features.iter().zip(center).fold(0.0, |sum, (number, &center)| {
                let gap = number.scaling.apply(row[number.feature as usize]) - center;
                sum + gap * gap
            });
            if distance < nearest.1 {
                nearest = (segment, distance);
            }
        }
        nearest.0
    }

    /// Checks everything that [`nearest`](Self::nearest) relies on, once, on load.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not fit the features or itself.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        for (part, count) in [("segments", self.names.len()), ("segment features", self.features.len())] {
            if count == 0 {
                return Err(ModelError::Empty { part: part.into() });
            }
        }
        for number in &self.features {
            let part = format!("segment feature {}", number.feature);
            ModelError::index(&part, number.feature as usize, 0, kinds.len())?;
            if kinds[number.feature as usize] != FeatureKind::Number {
                return Err(ModelError::Kind { part });
            }
            number.scaling.check(&part)?;
        }
        ModelError::same_levels("segment centres", self.centers.len(), self.names.len() * self.features.len())?;
        ModelError::finite("segment centres", &self.centers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::logistic::Transform;

    #[test]
    fn the_nearest_centre_wins_and_unknown_counts_as_average() {
        let scaling = Scaling { transform: Transform::Identity, center: 10.0, scale: 5.0, limit: 5.0 };
        let segments = Segments {
            names: vec!["low".into(), "middle".into(), "high".into()],
            features: vec![SegmentFeature { feature: 1, scaling }],
            centers: vec![-1.0, 0.1, 1.0],
        };
        let nearest = |value| segments.nearest(&[99.0, value]);
        assert_eq!([2.0, 10.0, 40.0, f64::NAN].map(nearest), [0, 1, 2, 1]);
        let kinds = [FeatureKind::Category { levels: vec![] }, FeatureKind::Number];
        assert_eq!(segments.check(&kinds), Ok(()));
        let mut broken = segments.clone();
        broken.centers.pop();
        assert!(broken.check(&kinds).is_err());
        broken = segments;
        broken.features[0].feature = 0;
        assert!(broken.check(&kinds).is_err());
    }
}
