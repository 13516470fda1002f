//! A weighted average, in log-odds, of models of other families.

use serde::{Deserialize, Serialize};

use super::boosted::Boosted;
use super::calibration::{NEAREST_TO_CERTAIN, log_odds};
use super::classifier::ModelError;
use super::logistic::Logistic;
use super::trees::Trees;
use crate::predict::{FeatureKind, Predict};

/// How far from 1 the weights may add up, by rounding.
const ROUNDING: f64 = 1e-9;

/// A model that takes part in a blend. Blends do not nest, and trivial models add nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MemberModel {
    /// Logistic regression.
    Logistic(Logistic),
    /// Averaged trees.
    Trees(Trees),
    /// Gradient-boosted trees.
    Boosted(Boosted),
}

/// A model with its share of the blend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Above 0; the weights of a blend add up to 1.
    pub weight: f64,
    /// The model.
    pub model: MemberModel,
}

/// A weighted average, in log-odds, of models of other families.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// At least two.
    pub members: Vec<Member>,
}

impl MemberModel {
    /// The model's log-odds for a row.
    #[must_use]
    pub fn log_odds(&self, row: &[f64]) -> f64 {
        match self {
            Self::Logistic(model) => model.predict(row),
            Self::Boosted(model) => model.predict(row),
            Self::Trees(model) => log_odds(model.predict(row)),
        }
    }

    /// The model's log-odds for each of `out.len()` rows, to the bit those of one at a time.
    pub fn log_odds_of_rows(&self, rows: &[f64], out: &mut [f64]) {
        match self {
            Self::Logistic(model) => model.predict_rows(rows, out),
            Self::Boosted(model) => model.predict_rows(rows, out),
            Self::Trees(model) => {
                model.predict_rows(rows, out);
                out.iter_mut().for_each(|prediction| *prediction = log_odds(*prediction));
            }
        }
    }

    /// Splits the log-odds over the features; returns the base.
    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        match self {
            Self::Logistic(model) => model.explain(row, contributions),
            Self::Boosted(model) => model.explain(row, contributions),
            Self::Trees(model) => {
                let base = model.explain(row, contributions);
                in_log_odds(base, model.predict(row), contributions)
            }
        }
    }

    /// The contributions of each row, to the bit those of one at a time.
    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        match self {
            Self::Logistic(model) => model.explain_rows(rows, width, contributions),
            Self::Boosted(model) => model.explain_rows(rows, width, contributions),
            Self::Trees(model) => {
                model.explain_rows(rows, width, contributions);
                let base = model.mean_prediction();
                for (row, own) in rows.chunks_exact(width).zip(contributions.chunks_exact_mut(width)) {
                    let _ = in_log_odds(base, model.predict(row), own);
                }
            }
        }
    }

    fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        match self {
            Self::Logistic(model) => model.check(kinds),
            Self::Trees(model) => model.check(kinds),
            Self::Boosted(model) => model.check(kinds),
        }
    }
}

impl Blend {
    /// The weighted average of what `log_odds` says of the member at each place.
    pub(super) fn average(&self, log_odds: impl Fn(usize, &MemberModel) -> f64) -> f64 {
        let members = self.members.iter().enumerate();
        members.fold(0.0, |sum, (place, member)| sum + member.weight * log_odds(place, &member.model))
    }

    /// Checks that the weights are those of an average and that every member fits the features.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        if self.members.len() < 2 {
            return Err(ModelError::number("blend members", self.members.len() as f64, "at least two"));
        }
        for member in &self.members {
            if !(member.weight > 0.0 && member.weight.is_finite()) {
                return Err(ModelError::number("blend weight", member.weight, "a finite number above 0"));
            }
            member.model.check(kinds)?;
        }
        let total: f64 = self.members.iter().map(|member| member.weight).sum();
        if (total - 1.0).abs() > ROUNDING {
            return Err(ModelError::number("blend weights", total, "a sum of 1"));
        }
        Ok(())
    }
}

/// On the log-odds scale; a contribution is the weighted sum of the members' contributions there.
impl Predict for Blend {
    fn predict(&self, row: &[f64]) -> f64 {
        self.average(|_, model| model.log_odds(row))
    }

    fn predict_rows(&self, rows: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        let mut own = vec![0.0; out.len()];
        for Member { weight, model } in &self.members {
            model.log_odds_of_rows(rows, &mut own);
            out.iter_mut().zip(&own).for_each(|(sum, own)| *sum += weight * own);
        }
    }

    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        contributions.fill(0.0);
        let mut own = vec![0.0; contributions.len()];
        for Member { weight, model } in &self.members {
            model.explain_rows(rows, width, &mut own);
            contributions.iter_mut().zip(&own).for_each(|(sum, own)| *sum += weight * own);
        }
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        contributions.fill(0.0);
        let mut own = vec![0.0; contributions.len()];
        let mut base = 0.0;
        for Member { weight, model } in &self.members {
            base += weight * model.explain(row, &mut own);
            contributions.iter_mut().zip(&own).for_each(|(sum, own)| *sum += weight * own);
        }
        base
    }
}

/// Brings contributions from the probability scale to log-odds; returns the base there.
///
/// All are stretched by one factor, the steepness of the straight line from the base to the prediction in log-odds:
/// signs and proportions stay, and base + sum of contributions = log-odds of the prediction, to rounding. A logit of
/// each partial sum would depend on the order of the features. Source: the rescale rule of Shrikumar, Greenside and
/// Kundaje (2017).
#[must_use]
pub fn in_log_odds(base: f64, prediction: f64, contributions: &mut [f64]) -> f64 {
    let inside = |probability: f64| probability.clamp(NEAREST_TO_CERTAIN, 1.0 - NEAREST_TO_CERTAIN);
    let (from, to) = (inside(base), inside(prediction));
    let steepness = if prediction == base {
        1.0 / (from * (1.0 - from))
    } else {
        // The difference of two nearby log-odds would lose its digits.
        let step = to - from;
        ((step / from).ln_1p() - (-step / (1.0 - from)).ln_1p()) / (prediction - base)
    };
    contributions.iter_mut().for_each(|contribution| *contribution *= steepness);
    log_odds(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::logistic::{Scaling, Term, Transform};
    use crate::families::trees::{Encoding, Node};
    use proptest::prelude::*;

    fn logistic() -> Logistic {
        let scaling = Scaling { transform: Transform::Identity, center: 0.0, scale: 1.0, limit: 10.0 };
        let term = |coefficient| Term::Number { scaling, coefficient, unknown: 0.0, background: 0.3 };
        Logistic { intercept: -0.5, terms: vec![term(0.8), term(-1.2)] }
    }

    /// One tree of two splits on two features.
    fn forest() -> Trees {
        let split = |feature, left, right, value, weight| Node { feature, left, right, threshold: 0.0, value, weight };
        Trees {
            encodings: vec![Encoding::Number { unknown: 0.0 }, Encoding::Number { unknown: 0.0 }],
            nodes: vec![
                split(0, 1, 2, 0.3, 100.0),
                Node::leaf(0.1, 60.0),
                split(1, 3, 4, 0.6, 40.0),
                Node::leaf(0.9, 40.0 * 35.0 / 65.0),
                Node::leaf(0.25, 40.0 * 30.0 / 65.0),
            ],
            roots: vec![0],
        }
    }

    fn blend(weight: f64) -> Blend {
        Blend {
            members: vec![
                Member { weight, model: MemberModel::Logistic(logistic()) },
                Member { weight: 1.0 - weight, model: MemberModel::Trees(forest()) },
            ],
        }
    }

    #[test]
    fn a_blend_is_the_average_of_its_members_log_odds() {
        // Logistic: -.5 + .8 + 2.4 = 2.7; the forest's leaf: .9.
        let found = blend(0.25).predict(&[1.0, -2.0]);
        let expected = 0.25 * 2.7 + 0.75 * 9.0_f64.ln();
        assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
    }

    #[test]
    fn rows_are_explained_to_the_bit_as_one_at_a_time() {
        let rows: Vec<f64> = (0..20).flat_map(|row| [f64::from(row % 5) - 2.5, f64::from(row % 3) - 1.0]).collect();
        let mut together = vec![9.0; rows.len()];
        blend(0.25).explain_rows(&rows, 2, &mut together);
        for (row, together) in rows.chunks_exact(2).zip(together.chunks_exact(2)) {
            let mut alone = [9.0; 2];
            blend(0.25).explain(row, &mut alone);
            assert_eq!(alone.map(f64::to_bits), [together[0].to_bits(), together[1].to_bits()], "{row:?}");
        }
    }

    #[test]
    fn weights_that_make_no_average_are_refused() {
        let kinds = [FeatureKind::Number, FeatureKind::Number];
        assert_eq!(blend(0.25).check(&kinds), Ok(()));
        for weight in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(blend(weight).check(&kinds).is_err(), "{weight}");
        }
        let mut doubled = blend(0.5);
        doubled.members[0].weight = 1.0;
        assert!(doubled.check(&kinds).is_err());
        let alone = Blend { members: vec![Member { weight: 1.0, model: MemberModel::Logistic(logistic()) }] };
        assert!(alone.check(&kinds).is_err());
        assert!(blend(0.5).check(&kinds[..1]).is_err());
    }

    #[test]
    fn a_step_of_a_probability_keeps_its_sign_and_its_share_in_log_odds() {
        let mut contributions = [0.3, -0.1];
        let base = in_log_odds(0.3, 0.5, &mut contributions);
        assert!((base - (0.3_f64 / 0.7).ln()).abs() < 1e-12);
        assert!((contributions[0] + 3.0 * contributions[1]).abs() < 1e-12, "{contributions:?}");
        assert!((base + contributions[0] + contributions[1]).abs() < 1e-12, "{contributions:?}");
    }

    proptest! {
        #[test]
        fn contributions_add_up_to_the_log_odds(
            weight in 0.01..0.99, row in proptest::array::uniform2(-3.0..3.0),
        ) {
            let blend = blend(weight);
            let mut contributions = [0.0; 2];
            let base = blend.explain(&row, &mut contributions);
            let gap = base + contributions.iter().sum::<f64>() - blend.predict(&row);
            prop_assert!(gap.abs() < 1e-12, "{gap}");
        }

        #[test]
        fn stretched_contributions_add_up_however_near_the_ends(
            base in 0.0..=1.0, first in -1.0..1.0, prediction in 0.0..=1.0, nearness in 0_i32..14,
        ) {
            let prediction = base + (prediction - base) * 10.0_f64.powi(-nearness);
            let mut contributions = [first, (prediction - base) - first];
            let exact: f64 = contributions.iter().sum();
            let start = in_log_odds(base, base + exact, &mut contributions);
            let found = start + contributions.iter().sum::<f64>();
            let expected = log_odds(base + exact);
            let size = contributions.iter().map(|one| one.abs()).sum::<f64>().max(1.0);
            prop_assert!((found - expected).abs() < 1e-8 * size, "found {found}, expected {expected}");
        }
    }
}
