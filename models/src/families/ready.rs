//! The boosted trees of a classifier made ready for one row at a time, once, when it is loaded.

use super::blend::MemberModel;
use super::boosted::Boosted;
use super::boosted::row::BoostedRow;
use super::classifier::{Classifier, Family};
use crate::predict::Predict;
use crate::quantities::Probability;

/// The boosted trees of a classifier, made ready.
#[derive(Debug, Clone)]
pub struct ReadyTrees {
    /// For each member of a blend, or for the only model: none where it is used as it is.
    members: Vec<Option<BoostedRow>>,
}

impl ReadyTrees {
    /// Makes the trees of a checked classifier ready.
    #[must_use]
    pub fn of(classifier: &Classifier) -> Self {
        let members = match &classifier.family {
            Family::Boosted(model) => vec![BoostedRow::new(model)],
            Family::Blend(blend) => blend.members.iter().map(|member| of_member(&member.model)).collect(),
            _ => Vec::new(),
        };
        Self { members }
    }

    /// The calibrated probability of one row by the classifier that these are of: to the bit that of
    /// [`Classifier::probability`].
    #[must_use]
    pub fn probability(&self, classifier: &Classifier, row: &[f64]) -> Probability {
        let prediction = match &classifier.family {
            Family::Boosted(model) => self.boosted(0, model, row),
            Family::Blend(blend) => blend.average(|place, member| match member {
                MemberModel::Boosted(model) => self.boosted(place, model, row),
                other => other.log_odds(row),
            }),
            other => other.predict(row),
        };
        classifier.calibration.apply(classifier.family.probability_of(prediction))
    }

    fn boosted(&self, place: usize, model: &Boosted, row: &[f64]) -> f64 {
        self.members[place].as_ref().map_or_else(|| model.predict(row), |trees| trees.predict(row))
    }
}

fn of_member(model: &MemberModel) -> Option<BoostedRow> {
    match model {
        MemberModel::Boosted(model) => BoostedRow::new(model),
        MemberModel::Logistic(_) | MemberModel::Trees(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::blend::{Blend, Member};
    use crate::families::boosted::random_trees::{Random, Shape};
    use crate::families::calibration::Calibration;
    use crate::families::logistic::{Logistic, Scaling, Term, Transform};

    #[test]
    fn one_row_made_ready_and_many_rows_get_the_bits_of_the_classifier() {
        let mut random = Random(11);
        for leaves in [31, 500] {
            let shape = Shape { numbers: 3, sets: vec![], rates: vec![], trees: 30, leaves, thresholds: 40 };
            let boosted = shape.boosted(&mut random);
            let scaling = Scaling { transform: Transform::Identity, center: 0.0, scale: 1.0, limit: 10.0 };
            let term = Term::Number { scaling, coefficient: 0.7, unknown: 0.1, background: 0.0 };
            let logistic = Logistic { intercept: -0.5, terms: vec![term; 3] };
            let blend = Blend {
                members: vec![
                    Member { weight: 0.3, model: MemberModel::Logistic(logistic.clone()) },
                    Member { weight: 0.7, model: MemberModel::Boosted(boosted.clone()) },
                ],
            };
            let rows: Vec<f64> = (0..200).flat_map(|_| shape.row(&mut random)).collect();
            for family in [Family::Boosted(boosted), Family::Blend(blend), Family::Logistic(logistic)] {
                let calibration = Calibration::Platt { slope: 1.1, intercept: -0.2 };
                let classifier = Classifier { family, calibration, width: 3 };
                let ready = ReadyTrees::of(&classifier);
                let together = classifier.probabilities(&rows);
                assert_eq!(together.len(), 200);
                for (row, together) in rows.chunks_exact(3).zip(together) {
                    let expected = classifier.probability(row).get().to_bits();
                    assert_eq!(
                        ready.probability(&classifier, row).get().to_bits(),
                        expected,
                        "{row:?}, {leaves} leaves"
                    );
                    assert_eq!(together.get().to_bits(), expected, "{row:?}, {leaves} leaves");
                }
            }
        }
    }
}
