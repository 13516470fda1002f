//! Fits every candidate, calibrates each on rows that none was fitted on, and chooses by log loss out of sample.

use rayon::prelude::*;
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};

use crate::calibrate::calibrate;
use crate::evaluate::ClassifierFigures;
use crate::fit::baseline::{RecencyBinsParams, fit_base_rate};
use crate::fit::boosting::BoostingParams;
use crate::fit::forest::ForestParams;
use crate::fit::logistic::LogisticParams;
use crate::fit::table::{FitError, TrainingRows};
use crate::samples::{Part, Samples, Split};

/// Boosting stops once so many trees in a row have not helped.
const PATIENCE: usize = 50;
/// Trees that boosting never needs at its learning rate.
const MOST_TREES: usize = 1000;

/// What the fits of a contest may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For one model of many, such as one product of an offer.
    Quick,
    /// For the one model of a task.
    Standard,
}

impl Effort {
    /// Rows beyond this many gain logistic regression and forests little and cost the fits of their libraries much.
    fn library_rows(self) -> usize {
        match self {
            Self::Quick => 10_000,
            Self::Standard => 20_000,
        }
    }

    fn forest_trees(self) -> usize {
        match self {
            Self::Quick => 60,
            Self::Standard => 100,
        }
    }
}

/// The candidates and the one that won.
#[derive(Debug, Clone)]
pub struct Contest {
    /// The winner, calibrated on all tune rows.
    pub champion: Classifier,
    /// Every candidate's figures on the tune rows, best first.
    pub candidates: Vec<Candidate>,
}

/// One candidate's figures on the tune rows.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Candidate {
    /// The family.
    pub family: &'static str,
    /// Whether it is one of the trivial models that every other must beat.
    pub is_baseline: bool,
    /// The calibration that suited it.
    pub calibration: &'static str,
    /// Its figures, each half of the tune rows calibrated on the other.
    pub figures: ClassifierFigures,
}

/// Fits and compares all candidates on a split. The trivial baselines always take part, and win if they are best.
///
/// # Errors
/// [`FitError`] if the rows cannot be fitted at all.
pub fn contest(samples: &Samples, split: &Split, effort: Effort, seed: u64) -> Result<Contest, FitError> {
    let train = samples.part(&split.train);
    let tune = samples.part(&split.tune);
    let families = candidates(samples, &train.training_rows(), &tune.training_rows(), effort, seed)?;
    let mut compared = Vec::new();
    for family in families {
        let raw = raw_probabilities(&family, &tune);
        let figures = ClassifierFigures::of(&cross_calibrated(&raw, &tune.labels), &tune.labels)
            .map_err(|error| FitError::Library { family: family.name(), reason: error.to_string() })?;
        let calibration = calibrate(&raw, &tune.labels);
        let is_baseline = matches!(family, Family::BaseRate(_) | Family::RecencyBins(_));
        let candidate = Candidate { family: family.name(), is_baseline, calibration: calibration.name(), figures };
        compared.push((candidate, Classifier { family, calibration, width: samples.plan.width() }));
    }
    compared.sort_by(|(one, _), (other, _)| one.figures.log_loss.total_cmp(&other.figures.log_loss));
    let champion = compared[0].1.clone();
    Ok(Contest { champion, candidates: compared.into_iter().map(|(candidate, _)| candidate).collect() })
}

fn candidates(
    samples: &Samples,
    rows: &TrainingRows<'_>,
    tune: &TrainingRows<'_>,
    effort: Effort,
    seed: u64,
) -> Result<Vec<Family>, FitError> {
    let mut families = vec![Family::BaseRate(fit_base_rate(rows)?)];
    if let Some(feature) = samples.plan.place("days_since_last_purchase") {
        families.push(Family::RecencyBins(RecencyBinsParams::new(feature).fit(rows)?));
    }
    let max_rows = effort.library_rows();
    families.push(Family::Logistic(LogisticParams { seed, max_rows, ..LogisticParams::default() }.fit(rows)?));
    let forest = ForestParams { seed, max_rows, trees: effort.forest_trees(), ..ForestParams::default() };
    families.push(Family::Trees(forest.fit(rows)?));
    let boosting = BoostingParams { seed, trees: MOST_TREES, ..BoostingParams::for_rows(rows.len()) };
    if let (boosted, 1..) = boosting.fit_stopping(rows, tune, PATIENCE)? {
        families.push(Family::Boosted(boosted));
    }
    Ok(families)
}

fn raw_probabilities(family: &Family, part: &Part<'_>) -> Vec<f64> {
    part.rows().map(|row| family.raw_probability(row).get()).collect()
}

/// Each half of the rows calibrated by the other.
fn cross_calibrated(raw: &[f64], happened: &[bool]) -> Vec<f64> {
    let half = |parity: usize| -> Calibration {
        let places = (0..raw.len()).filter(|place| place % 2 == parity);
        let (raw, happened): (Vec<f64>, Vec<bool>) = places.map(|place| (raw[place], happened[place])).unzip();
        calibrate(&raw, &happened)
    };
    let halves = [half(1), half(0)];
    raw.iter()
        .enumerate()
        .map(|(place, &raw)| {
            let probability = tend_models::quantities::Probability::clamped(raw);
            halves[place % 2].apply(probability).get()
        })
        .collect()
}

/// The champion's probabilities for some rows.
#[must_use]
pub fn forecasts(champion: &Classifier, samples: &Samples, places: &[usize]) -> Vec<f64> {
    places.par_iter().map(|&place| champion.probability(samples.row(place)).get()).collect()
}
