//! What an action changes for one customer: a sum of regressions, drawn towards the action's average.

use serde::{Deserialize, Serialize};

use super::boosted::Boosted;
use super::classifier::ModelError;
use super::logistic::Logistic;
use super::trees::Trees;
use crate::predict::{FeatureKind, Predict};

/// Half the width of a 95 % interval, in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A fitted regression on the scale of what it predicts: an outcome, or a difference of outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Regression {
    /// The same for everybody.
    Constant(f64),
    /// A linear function: the kernel of logistic regression without its last step.
    Linear(Logistic),
    /// Boosted trees: the sum of the leaves.
    Boosted(Boosted),
    /// Averaged trees, whose leaves are shares of the way from the least to the largest number.
    Forest {
        /// The trees.
        trees: Trees,
        /// The number that a leaf of 0 stands for.
        least: f64,
        /// What a leaf of 1 adds to it.
        range: f64,
    },
}

impl Regression {
    fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        match self {
            Self::Constant(value) => ModelError::finite("constant regression", &[*value]),
            Self::Linear(model) => model.check(kinds),
            Self::Boosted(model) => model.check(kinds),
            Self::Forest { trees, least, range } => {
                ModelError::finite("range of a forest", &[*least, *range])?;
                trees.check(kinds)
            }
        }
    }
}

impl Predict for Regression {
    fn predict(&self, row: &[f64]) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Linear(model) => model.predict(row),
            Self::Boosted(model) => model.predict(row),
            Self::Forest { trees, least, range } => least + range * trees.predict(row),
        }
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        match self {
            Self::Constant(value) => {
                contributions.fill(0.0);
                *value
            }
            Self::Linear(model) => model.explain(row, contributions),
            Self::Boosted(model) => model.explain(row, contributions),
            Self::Forest { trees, least, range } => {
                let base = trees.explain(row, contributions);
                contributions.iter_mut().for_each(|contribution| *contribution *= range);
                least + range * base
            }
        }
    }
}

/// The effect as it was learned, before it is drawn towards the average: weighted parts added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedEffect {
    /// Regressions with their weights: treated less untreated outcome (T), weighted effects of both groups (X), or
    /// regressions on pseudo-outcomes (DR, transformed outcome).
    pub parts: Vec<(f64, Regression)>,
    /// Regressions of the outcome with the contact as one more feature, the last: each at 1 less at 0 (S).
    pub switched: Vec<(f64, Regression)>,
}

impl LearnedEffect {
    /// Weighted regressions added up.
    #[must_use]
    pub fn sum(parts: Vec<(f64, Regression)>) -> Self {
        Self { parts, switched: Vec::new() }
    }

    /// One regression that has the contact for its last feature.
    #[must_use]
    pub fn switched(regression: Regression) -> Self {
        Self { parts: Vec::new(), switched: vec![(1.0, regression)] }
    }

    /// The mean of several.
    #[must_use]
    pub fn mean_of(learned: Vec<Self>) -> Self {
        let share = 1.0 / learned.len() as f64;
        let (parts, switched): (Vec<_>, Vec<_>) = learned.into_iter().map(|one| (one.parts, one.switched)).unzip();
        let weigh = |parts: Vec<Vec<(f64, Regression)>>| {
            parts.into_iter().flatten().map(|(weight, regression)| (weight * share, regression)).collect()
        };
        Self { parts: weigh(parts), switched: weigh(switched) }
    }

    /// Checks everything that prediction relies on.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not fit the features or itself.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        if self.parts.is_empty() && self.switched.is_empty() {
            return Err(ModelError::Empty { part: "regressions of an effect".into() });
        }
        let longer = [kinds, &[FeatureKind::Number]].concat();
        for (parts, kinds) in [(&self.parts, kinds), (&self.switched, &longer[..])] {
            for (weight, regression) in parts {
                ModelError::finite("weight of a regression", &[*weight])?;
                regression.check(kinds)?;
            }
        }
        Ok(())
    }
}

impl Predict for LearnedEffect {
    fn predict(&self, row: &[f64]) -> f64 {
        let sum: f64 = self.parts.iter().map(|(weight, regression)| weight * regression.predict(row)).sum();
        if self.switched.is_empty() {
            return sum;
        }
        let [with, without] = switched(row);
        let difference = |regression: &Regression| regression.predict(&with) - regression.predict(&without);
        sum + self.switched.iter().map(|(weight, regression)| weight * difference(regression)).sum::<f64>()
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        contributions.fill(0.0);
        let mut base = 0.0;
        let mut add = |weight: f64, regression: &Regression, row: &[f64]| {
            let mut own = vec![0.0; row.len()];
            base += weight * regression.explain(row, &mut own);
            contributions.iter_mut().zip(&own).for_each(|(sum, own)| *sum += weight * own);
            // What the contact itself adds is no feature of the customer.
            base += weight * own.get(contributions.len()).copied().unwrap_or(0.0);
        };
        self.parts.iter().for_each(|(weight, regression)| add(*weight, regression, row));
        let [with, without] = switched(row);
        for (weight, regression) in &self.switched {
            add(*weight, regression, &with);
            add(-weight, regression, &without);
        }
        base
    }
}

/// A row with and without the contact.
fn switched(row: &[f64]) -> [Vec<f64>; 2] {
    [1.0, 0.0].map(|contact| {
        let mut longer = Vec::with_capacity(row.len() + 1);
        longer.extend_from_slice(row);
        longer.push(contact);
        longer
    })
}

/// How an effect differs from customer to customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// The effect as learned.
    pub learned: LearnedEffect,
    /// Its mean over the rows it was judged on.
    pub mean: f64,
    /// How much of a difference from the mean is believed, from 0 to 1.
    pub believed: f64,
    /// The standard error of that share.
    pub believed_error: f64,
}

/// What an action changes, with how sure that is: the average effect, and where data show how customers differ, the
/// believed part of each customer's difference from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectModel {
    /// The average effect on all customers.
    pub average: f64,
    /// Its standard error.
    pub average_error: f64,
    /// How customers differ; `None` where the data do not show it.
    pub heterogeneity: Option<Heterogeneity>,
    /// The least and the largest effect that can be: -1 and 1 of a probability.
    pub bounds: [f64; 2],
}

/// An effect with its 95 % interval, on the scale of the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The expected change.
    pub effect: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl EffectModel {
    /// What the action changes for one row.
    ///
    /// average + believed x (learned - mean). Its variance is that of the average and, times the square of the
    /// difference, that of the believed share. The interval tells of the mean effect on customers who are predicted
    /// alike, not of what happens to one. Source: the best linear predictor of Chernozhukov, Demirer, Duflo and
    /// Fernández-Val (2018).
    #[must_use]
    pub fn effect(&self, row: &[f64]) -> Effect {
        let (mut effect, mut variance) = (self.average, self.average_error * self.average_error);
        if let Some(own) = &self.heterogeneity {
            let difference = own.learned.predict(row) - own.mean;
            effect += own.believed * difference;
            variance += (difference * own.believed_error).powi(2);
        }
        let [least, most] = self.bounds;
        let reach = NORMAL_95 * variance.sqrt();
        let within = |value: f64| value.clamp(least, most);
        Effect { effect: within(effect), low: within(effect - reach), high: within(effect + reach) }
    }

    /// Splits the effect over the features as [`Predict::explain`] does, before it is held within its bounds.
    pub fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        let Some(own) = &self.heterogeneity else {
            contributions.fill(0.0);
            return self.average;
        };
        let base = own.learned.explain(row, contributions);
        contributions.iter_mut().for_each(|contribution| *contribution *= own.believed);
        self.average + own.believed * (base - own.mean)
    }

    /// Checks everything that prediction relies on, once, on load.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not fit the features or itself.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        ModelError::finite("average effect", &[self.average])?;
        ModelError::weight("standard error of the average effect", self.average_error)?;
        if self.bounds[0].is_nan() || self.bounds[1].is_nan() || self.bounds[0] > self.bounds[1] {
            return Err(ModelError::number("upper bound of effects", self.bounds[1], "at least the lower bound"));
        }
        let Some(own) = &self.heterogeneity else { return Ok(()) };
        ModelError::finite("mean of learned effects", &[own.mean])?;
        ModelError::rate("believed share of differences", own.believed)?;
        ModelError::weight("standard error of the believed share", own.believed_error)?;
        own.learned.check(kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::logistic::{Scaling, Term, Transform};

    fn linear(coefficients: &[f64]) -> Regression {
        let scaling = Scaling { transform: Transform::Identity, center: 0.0, scale: 1.0, limit: 10.0 };
        let term =
            |&coefficient: &f64| Term::Number { scaling, coefficient, unknown: 0.0, background: 0.5 * coefficient };
        Regression::Linear(Logistic { intercept: 0.25, terms: coefficients.iter().map(term).collect() })
    }

    fn model(learned: LearnedEffect) -> EffectModel {
        let heterogeneity = Heterogeneity { learned, mean: 1.0, believed: 0.5, believed_error: 0.1 };
        EffectModel { average: 0.2, average_error: 0.03, heterogeneity: Some(heterogeneity), bounds: [-9.0, 9.0] }
    }

    #[test]
    fn an_effect_is_drawn_towards_the_average_and_less_sure_far_from_it() {
        let model = model(LearnedEffect::sum(vec![(1.0, linear(&[2.0])), (-1.0, linear(&[-1.0]))]));
        // Learned 3 x, so at x = 1 it is 3, of which half of 2 is believed.
        let found = model.effect(&[1.0]);
        assert!((found.effect - 1.2).abs() < 1e-12, "{found:?}");
        let error = (0.03_f64.powi(2) + (2.0 * 0.1_f64).powi(2)).sqrt();
        assert!((found.high - found.effect - NORMAL_95 * error).abs() < 1e-12, "{found:?}");
        let average = EffectModel { heterogeneity: None, ..model };
        assert_eq!(average.effect(&[1.0]).effect, 0.2);
    }

    #[test]
    fn contributions_add_up_to_the_effect_for_every_kind_of_learner() {
        let sum = LearnedEffect::sum(vec![(0.3, linear(&[2.0, 1.0])), (0.7, linear(&[-1.0, 4.0]))]);
        let switched = LearnedEffect::switched(linear(&[2.0, 1.0, 0.7]));
        let mean = LearnedEffect::mean_of(vec![sum.clone(), switched.clone()]);
        let row = [1.5, -2.0];
        let halves = (sum.predict(&row) + switched.predict(&row)) / 2.0;
        assert!((mean.predict(&row) - halves).abs() < 1e-12, "{} and {halves}", mean.predict(&row));
        for learned in [sum, switched, mean] {
            let model = model(learned);
            let mut contributions = [0.0; 2];
            let base = model.explain(&[1.5, -2.0], &mut contributions);
            let (told, effect) = (base + contributions.iter().sum::<f64>(), model.effect(&[1.5, -2.0]).effect);
            assert!((told - effect).abs() < 1e-12, "{model:?}: explained {told}, effect {effect}");
        }
    }

    #[test]
    fn an_effect_model_for_other_features_or_with_broken_numbers_is_refused() {
        let kinds = [FeatureKind::Number];
        let good = model(LearnedEffect::switched(linear(&[2.0, 1.0])));
        assert_eq!(good.check(&kinds), Ok(()));
        assert!(matches!(good.check(&[]), Err(ModelError::Width { .. })));
        assert!(EffectModel { average: f64::NAN, ..good.clone() }.check(&kinds).is_err());
        assert!(EffectModel { bounds: [f64::NAN, 1.0], ..good.clone() }.check(&kinds).is_err());
        assert!(model(LearnedEffect::sum(Vec::new())).check(&kinds).is_err());
    }
}
