//! Rows of features with labels, and how they are split into train, tune and test.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::features::FeaturePlan;
use tend_models::predict::FeatureKind;

use crate::fit::table::TrainingRows;

/// Parts of the training rows that settings are judged on in turn, where rows have no time.
const FOLDS: usize = 4;
/// With more training rows than this, one part judges well enough.
const MOST_FOLDED_ROWS: usize = 20_000;

/// Labelled rows of one task.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The features.
    pub plan: FeaturePlan,
    names: Vec<String>,
    kinds: Vec<FeatureKind>,
    /// (rows, features), row-major.
    pub rows: Vec<f64>,
    /// One a row.
    pub labels: Vec<bool>,
}

/// Row indices of the parts of a run; no row is in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Models are fitted on these.
    pub train: Vec<usize>,
    /// Calibration and the choice of the champion use these.
    pub tune: Vec<usize>,
    /// The report uses these.
    pub test: Vec<usize>,
    /// Parts of the training rows, to compare settings by before a model is fitted on all of them.
    pub folds: Vec<Fold>,
}

/// Training rows apart, so that what is fitted on some can be judged on others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fold {
    /// Rows to fit on.
    pub fit: Vec<usize>,
    /// Rows to judge on, of label windows after those of `fit` where there is a time.
    pub judge: Vec<usize>,
}

/// Some rows of [`Samples`], copied together.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    samples: &'a Samples,
    rows: Vec<f64>,
    /// One a row.
    pub labels: Vec<bool>,
}

impl Samples {
    /// No rows yet.
    #[must_use]
    pub fn new(plan: FeaturePlan) -> Self {
        let (names, kinds) = (plan.names(), plan.kinds());
        Self { plan, names, kinds, rows: Vec::new(), labels: Vec::new() }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, place: usize) -> &[f64] {
        &self.rows[place * self.plan.width()..(place + 1) * self.plan.width()]
    }

    /// Leaves the features of these places out.
    pub fn leave_out(&mut self, places: &[usize]) {
        let width = self.plan.width();
        let rows = self.rows.iter().enumerate().filter(|(index, _)| !places.contains(&(index % width)));
        let rows: Vec<f64> = rows.map(|(_, &value)| value).collect();
        let features = self.plan.features.iter().enumerate().filter(|(place, _)| !places.contains(place));
        let plan = FeaturePlan { features: features.map(|(_, feature)| feature.clone()).collect() };
        *self = Self { rows, labels: std::mem::take(&mut self.labels), ..Self::new(plan) };
    }

    /// The rows of these places.
    #[must_use]
    pub fn part(&self, places: &[usize]) -> Part<'_> {
        let mut rows = Vec::with_capacity(places.len() * self.plan.width());
        for &place in places {
            rows.extend_from_slice(self.row(place));
        }
        Part { samples: self, rows, labels: places.iter().map(|&place| self.labels[place]).collect() }
    }
}

impl Part<'_> {
    /// The part as fits read it.
    #[must_use]
    pub fn training_rows(&self) -> TrainingRows<'_> {
        let Samples { kinds, names, .. } = self.samples;
        TrainingRows { rows: &self.rows, kinds, labels: &self.labels, names }
    }

    /// The rows, one after the other.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.rows.chunks_exact(self.samples.plan.width().max(1))
    }
}

/// Splits rows without a time at random, each class in proportion: `folds` splits, in each of which another fold is
/// the test, and a fifth of the rest the tune part.
#[must_use]
pub fn cross_validation(labels: &[bool], folds: usize, seed: u64) -> Vec<Split> {
    let fold_of = dealt(labels, folds, seed);
    (0..folds)
        .map(|fold| {
            let (test, rest) = (0..labels.len()).partition(|&place| fold_of[place] == fold);
            Split { test, ..train_and_tune(rest, labels, seed) }
        })
        .collect()
}

/// Splits rows for the model to publish: four fifths train, one fifth tune, no test.
#[must_use]
pub fn all_rows(labels: &[bool], seed: u64) -> Split {
    train_and_tune((0..labels.len()).collect(), labels, seed)
}

fn train_and_tune(places: Vec<usize>, labels: &[bool], seed: u64) -> Split {
    let part = dealt_places(&places, labels, 5, seed ^ 0x7475_6e65);
    let (tune, train) = parted(&places, &part, 0);
    let part = dealt_places(&train, labels, FOLDS, seed ^ 0x666f_6c64);
    let folds = if train.len() > MOST_FOLDED_ROWS { 1 } else { FOLDS };
    let fold = |fold| {
        let (judge, fit) = parted(&train, &part, fold);
        Fold { fit, judge }
    };
    Split { folds: (0..folds).map(fold).collect(), train, tune, test: Vec::new() }
}

/// The places that were dealt to a fold, and the others.
fn parted(places: &[usize], fold_of: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    let (own, others): (Vec<_>, Vec<_>) = places.iter().zip(fold_of).partition(|(_, of)| **of == fold);
    let plain = |pairs: Vec<(&usize, &usize)>| pairs.into_iter().map(|(&place, _)| place).collect();
    (plain(own), plain(others))
}

fn dealt_places(places: &[usize], labels: &[bool], folds: usize, seed: u64) -> Vec<usize> {
    let own: Vec<bool> = places.iter().map(|&place| labels[place]).collect();
    dealt(&own, folds, seed)
}

/// Deals rows to folds at random, each class in turn.
fn dealt(labels: &[bool], folds: usize, seed: u64) -> Vec<usize> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut fold_of = vec![0; labels.len()];
    for class in [false, true] {
        let mut members: Vec<usize> = (0..labels.len()).filter(|&place| labels[place] == class).collect();
        members.shuffle(&mut random);
        for (turn, place) in members.into_iter().enumerate() {
            fold_of[place] = turn % folds;
        }
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_tested_once_and_never_trained_on_in_the_same_split() {
        let labels: Vec<bool> = (0..103).map(|place| place % 7 == 0).collect();
        let splits = cross_validation(&labels, 5, 9);
        let mut tested: Vec<usize> = splits.iter().flat_map(|split| split.test.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..103).collect::<Vec<_>>());
        for split in &splits {
            let mut all = [split.train.clone(), split.tune.clone(), split.test.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>());
        }
    }

    #[test]
    fn settings_are_judged_on_every_training_row_once_and_on_no_other() {
        let labels: Vec<bool> = (0..103).map(|place| place % 7 == 0).collect();
        let split = all_rows(&labels, 9);
        let mut judged: Vec<usize> = split.folds.iter().flat_map(|fold| fold.judge.clone()).collect();
        judged.sort_unstable();
        assert_eq!(judged, split.train);
        for fold in &split.folds {
            let mut all = [fold.fit.clone(), fold.judge.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, split.train);
        }
    }
}
