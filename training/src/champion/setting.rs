//! How one family is fitted: the usual settings, those for few positives, and the space that a search draws from.

use std::collections::BTreeMap;

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::families::boosted::{Boosted, Node};
use tend_models::families::classifier::Family;

use super::Effort;
use crate::fit::boosting::BoostingParams;
use crate::fit::forest::ForestParams;
use crate::fit::logistic::LogisticParams;
use crate::fit::table::{FitError, TrainingRows};

/// With fewer rows of the rarer outcome than this, models are kept simple and penalties strong.
pub(super) const SCARCE: usize = 100;
/// Boosting stops once so many trees in a row have not helped.
const PATIENCE: usize = 50;
/// Trees that boosting never needs at its learning rate.
const MOST_TREES: usize = 1000;
/// Spreads the seeds of averaged fits, so that those of neighbouring seeds share none.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// How one family is fitted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Logistic(LogisticParams),
    Forest(ForestParams),
    /// Averaged over so many seeds.
    Boosting(BoostingParams, u64),
}

impl Setting {
    /// The usual settings for training rows, by family.
    pub(super) fn usual(rows: &TrainingRows<'_>, effort: Effort, seed: u64) -> [Self; 3] {
        let max_rows = effort.library_rows();
        let logistic = LogisticParams { seed, max_rows, ..LogisticParams::default() };
        let forest = ForestParams { seed, max_rows, trees: effort.forest_trees(), ..ForestParams::default() };
        let boosting = BoostingParams { seed, trees: MOST_TREES, ..BoostingParams::for_rows(rows.len()) };
        if !is_scarce(rows.labels) {
            return [Self::Logistic(logistic), Self::Forest(forest), Self::Boosting(boosting, effort.boosting_seeds())];
        }
        let min_leaf = (rows.len() / 20).clamp(10, 100);
        [
            Self::Logistic(LogisticParams { l2: vec![30.0], ..logistic }),
            Self::Forest(ForestParams { max_depth: 4, min_leaf, ..forest }),
            Self::Boosting(
                BoostingParams {
                    learning_rate: 0.03,
                    max_leaves: 4,
                    min_leaf_rows: min_leaf,
                    l2: 10.0,
                    row_share: 0.7,
                    feature_share: 0.3,
                    ..boosting
                },
                effort.boosting_seeds(),
            ),
        ]
    }

    /// This setting, and others of its family to compare it with.
    pub(super) fn with_rivals(&self, random: &mut Xoshiro256PlusPlus) -> Vec<Self> {
        let mut all = vec![self.clone()];
        match self {
            Self::Logistic(usual) => {
                let penalties = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0].map(|l2| vec![l2]);
                let others = penalties.into_iter().filter(|l2| *l2 != usual.l2);
                all.extend(others.map(|l2| Self::Logistic(LogisticParams { l2, ..usual.clone() })));
            }
            Self::Forest(usual) => all.extend((1..6).map(|_| {
                Self::Forest(ForestParams {
                    max_depth: random.random_range(usual.max_depth.saturating_sub(3)..=usual.max_depth + 6),
                    min_leaf: (usual.min_leaf as f64 * spread(random, 0.3, 5.0)).ceil() as usize,
                    ..usual.clone()
                })
            })),
            Self::Boosting(usual, seeds) => all.extend((1..18).map(|_| {
                let params = BoostingParams {
                    learning_rate: spread(random, 0.02, 0.12),
                    max_leaves: (usual.max_leaves as f64 * spread(random, 0.25, 2.0)).ceil() as usize + 1,
                    min_leaf_rows: (usual.min_leaf_rows as f64 * spread(random, 0.3, 5.0)).ceil() as usize,
                    l2: usual.l2 * spread(random, 0.5, 500.0),
                    row_share: random.random_range(0.5..1.0),
                    feature_share: random.random_range(0.15..0.9),
                    ..usual.clone()
                };
                Self::Boosting(params, *seeds)
            })),
        }
        all
    }

    /// As it is compared with others: on a share of the rows, and without what only makes a fit surer.
    pub(super) fn for_share(&self, share: f64) -> Self {
        match self.clone() {
            Self::Forest(usual) => Self::Forest(ForestParams { trees: usual.trees.min(60), ..usual }),
            Self::Boosting(usual, _) => {
                let min_leaf_rows = ((usual.min_leaf_rows as f64 * share).ceil() as usize).max(5);
                Self::Boosting(BoostingParams { min_leaf_rows, ..usual }, 1)
            }
            logistic @ Self::Logistic(_) => logistic,
        }
    }

    /// Fits; boosting stops by the log loss of `stopping` rows. `None` if no tree lowers it.
    pub(super) fn fit(&self, rows: &TrainingRows<'_>, stopping: &TrainingRows<'_>) -> Result<Option<Family>, FitError> {
        Ok(Some(match self {
            Self::Logistic(params) => Family::Logistic(params.fit(rows)?),
            Self::Forest(params) => Family::Trees(params.fit(rows)?),
            Self::Boosting(params, seeds) => {
                let mut fits = Vec::new();
                for fit in 0..*seeds {
                    let seed = params.seed.wrapping_add(fit.wrapping_mul(GOLDEN));
                    let params = BoostingParams { seed, ..params.clone() };
                    if let (boosted, 1..) = params.fit_stopping(rows, stopping, PATIENCE)? {
                        fits.push(boosted);
                    }
                }
                return Ok(average(fits).map(Family::Boosted));
            }
        }))
    }

    pub(super) fn family(&self) -> &'static str {
        match self {
            Self::Logistic(_) => "logistic",
            Self::Forest(_) => "forest",
            Self::Boosting(..) => "boosting",
        }
    }

    /// The numbers that a search varies, by name.
    pub(super) fn numbers(&self) -> BTreeMap<&'static str, f64> {
        match self {
            // Several penalties are left to the fit itself to choose from.
            Self::Logistic(params) => match params.l2[..] {
                [l2] => BTreeMap::from([("l2", l2)]),
                _ => BTreeMap::new(),
            },
            Self::Forest(params) => {
                BTreeMap::from([("max_depth", f64::from(params.max_depth)), ("min_leaf", params.min_leaf as f64)])
            }
            Self::Boosting(params, _) => BTreeMap::from([
                ("learning_rate", params.learning_rate),
                ("max_leaves", params.max_leaves as f64),
                ("min_leaf_rows", params.min_leaf_rows as f64),
                ("l2", params.l2),
                ("row_share", params.row_share),
                ("feature_share", params.feature_share),
            ]),
        }
    }
}

/// Whether one outcome is so rare that models have to be kept simple.
pub(super) fn is_scarce(labels: &[bool]) -> bool {
    rarer(labels) < SCARCE
}

/// Rows of the rarer outcome.
pub(super) fn rarer(labels: &[bool]) -> usize {
    let positives = labels.iter().filter(|&&label| label).count();
    positives.min(labels.len() - positives)
}

/// A number between two, drawn evenly on the scale of its logarithm.
fn spread(random: &mut Xoshiro256PlusPlus, low: f64, high: f64) -> f64 {
    random.random_range(low.ln()..high.ln()).exp()
}

/// One model whose log-odds are the mean of those of all: their trees side by side, each leaf divided by their number.
///
/// Fits of the same rows that see a category through other rates of its levels cannot share splits, and are left out.
fn average(fits: Vec<Boosted>) -> Option<Boosted> {
    let inputs = fits.first()?.inputs.clone();
    let fits: Vec<Boosted> = fits.into_iter().filter(|fit| fit.inputs == inputs).collect();
    let share = 1.0 / fits.len() as f64;
    let mut all = Boosted { base: 0.0, inputs, nodes: Vec::new(), populations: Vec::new(), roots: Vec::new() };
    for fit in fits {
        let moved = all.nodes.len() as u32;
        all.base += share * fit.base;
        all.roots.extend(fit.roots.iter().map(|root| root + moved));
        all.nodes.extend(fit.nodes.into_iter().map(|mut node| {
            match &mut node {
                Node::Leaf { value } => *value *= share,
                Node::Number { right, .. } | Node::Levels { right, .. } | Node::Rate { right, .. } => *right += moved,
            }
            node
        }));
        all.populations.extend(fit.populations.into_iter().map(|mut population| {
            population.mean *= share;
            population
        }));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use tend_models::predict::{FeatureKind, Predict};

    use super::*;

    #[test]
    fn averaged_models_answer_the_mean_of_their_log_odds_and_pass_the_checks_on_load() {
        let levels = (0..70).map(|level| level.to_string()).collect();
        let kinds = [FeatureKind::Number, FeatureKind::Category { levels }];
        let names = ["age".to_owned(), "shop".to_owned()];
        let rows: Vec<f64> = (0..4_000).flat_map(|row| [f64::from(row * 37 % 101), f64::from(row * 7 % 70)]).collect();
        let labels: Vec<bool> = (0..4_000).map(|row| row * 37 % 101 > 60 || row % 5 == 0).collect();
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
        let fits: Vec<Boosted> = (1..4)
            .map(|seed| BoostingParams { seed, trees: 8, ..BoostingParams::for_rows(4_000) }.fit(&table).unwrap())
            .collect();
        assert_ne!(fits[0].nodes, fits[1].nodes);
        let all = average(fits.clone()).unwrap();
        assert_eq!(all.check(&kinds), Ok(()));
        for row in rows.chunks_exact(2).take(50) {
            let expected = fits.iter().map(|fit| fit.predict(row)).sum::<f64>() / 3.0;
            assert!((all.predict(row) - expected).abs() < 1e-12, "{} {expected}", all.predict(row));
        }
        assert_eq!(average(Vec::new()), None);
    }
}
