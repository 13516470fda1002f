//! Fits every candidate, calibrates each on rows that none was fitted on, and chooses by log loss out of sample.

use rayon::prelude::*;
use tend_models::families::blend::{Blend, Member, MemberModel};
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};
use tend_models::families::logistic::sigmoid;
use tend_models::quantities::Probability;

use crate::calibrate::{Gain, calibrate};
use crate::evaluate::{ClassifierFigures, log_loss_of_one};
use crate::fit::baseline::{RecencyBinsParams, fit_base_rate};
use crate::fit::boosting::BoostingParams;
use crate::fit::forest::ForestParams;
use crate::fit::log_odds_line::{fit_log_odds_line, smoothed_targets};
use crate::fit::logistic::LogisticParams;
use crate::fit::table::{FitError, TrainingRows};
use crate::samples::{Part, Samples, Split};

/// Boosting stops once so many trees in a row have not helped.
const PATIENCE: usize = 50;
/// Trees that boosting never needs at its learning rate.
const MOST_TREES: usize = 1000;
/// Rows beyond this many tell a few weights no better.
const MOST_BLEND_ROWS: usize = 20_000;
/// A blend costs its members' time: it has to gain this much log loss a row, in nats, however sure the gain is.
const BLEND_WORTH_IT: f64 = 2e-4;

/// Rows that one thread forecasts at a time.
const BLOCK_ROWS: usize = 8_192;

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
    /// Every candidate's figures on the tune rows, the champion first, then by log loss.
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
    /// Its figures, each half of the tune rows calibrated, and blended, on the other.
    pub figures: ClassifierFigures,
}

/// Fits and compares all candidates on a split. The trivial baselines always take part, and win if they are best; a
/// blend of the others wins only if it is better than the best of them by more than the noise of the comparison.
///
/// # Errors
/// [`FitError`] if the rows cannot be fitted at all.
pub fn contest(samples: &Samples, split: &Split, effort: Effort, seed: u64) -> Result<Contest, FitError> {
    let train = samples.part(&split.train);
    let tune = samples.part(&split.tune);
    let mut compared = Vec::new();
    for family in candidates(samples, &train.training_rows(), &tune.training_rows(), effort, seed)? {
        let raw = raw_probabilities(&family, &tune);
        let forecasts = cross_fitted(tune.labels.len(), |half| (raw.clone(), calibrate_at(half, &raw, &tune.labels)));
        compared.push(Entry::new(family, &raw, forecasts, &tune)?);
    }
    compared.sort_by(|one, other| one.figures.log_loss.total_cmp(&other.figures.log_loss));
    if let Some(blend) = blended(&compared, &tune)? {
        let best = &compared[0];
        let is_better = Gain::of(&best.losses(&tune), &blend.losses(&tune)).is_beyond(1.0, BLEND_WORTH_IT);
        let loses_to = |one: &Entry| one.figures.log_loss <= blend.figures.log_loss;
        // A blend that is better by luck stands behind the best of its members.
        let place = if is_better { 0 } else { compared.iter().filter(|one| loses_to(one)).count().max(1) };
        compared.insert(place, blend);
    }
    let champion = compared[0].classifier(samples.plan.width());
    Ok(Contest { champion, candidates: compared.iter().map(Entry::candidate).collect() })
}

/// A fitted family in a contest.
struct Entry {
    family: Family,
    calibration: Calibration,
    /// Of the tune rows, each calibrated, and blended, by the other half.
    forecasts: Vec<f64>,
    figures: ClassifierFigures,
}

impl Entry {
    fn new(family: Family, raw: &[f64], forecasts: Vec<f64>, tune: &Part<'_>) -> Result<Self, FitError> {
        let figures = ClassifierFigures::of(&forecasts, &tune.labels)
            .map_err(|error| FitError::Library { family: family.name(), reason: error.to_string() })?;
        Ok(Self { family, calibration: calibrate(raw, &tune.labels), forecasts, figures })
    }

    fn losses(&self, tune: &Part<'_>) -> Vec<f64> {
        self.forecasts.iter().zip(&tune.labels).map(|(&forecast, &left)| log_loss_of_one(forecast, left)).collect()
    }

    fn classifier(&self, width: usize) -> Classifier {
        Classifier { family: self.family.clone(), calibration: self.calibration.clone(), width }
    }

    fn candidate(&self) -> Candidate {
        Candidate {
            family: self.family.name(),
            is_baseline: matches!(self.family, Family::BaseRate(_) | Family::RecencyBins(_)),
            calibration: self.calibration.name(),
            figures: self.figures.clone(),
        }
    }
}

/// The blend of all families that are no baselines; `None` if no two of them have a weight.
fn blended(compared: &[Entry], tune: &Part<'_>) -> Result<Option<Entry>, FitError> {
    let models: Vec<MemberModel> = compared.iter().filter_map(|entry| member(&entry.family)).collect();
    let columns: Vec<Vec<f64>> =
        models.iter().map(|model| tune.rows().map(|row| model.log_odds(row)).collect()).collect();
    let everywhere: Vec<usize> = (0..tune.labels.len()).collect();
    let Some(weights) = fit_weights(&columns, &tune.labels, &everywhere) else { return Ok(None) };
    let blend = |weights: &[f64]| -> Vec<f64> {
        let log_odds =
            |place: usize| -> f64 { weights.iter().zip(&columns).map(|(weight, column)| weight * column[place]).sum() };
        everywhere.iter().map(|&place| sigmoid(log_odds(place))).collect()
    };
    // Weights and calibration of one half are judged on the other alone.
    let forecasts = cross_fitted(tune.labels.len(), |half| {
        let equal = || vec![1.0 / columns.len() as f64; columns.len()];
        let raw = blend(&fit_weights(&columns, &tune.labels, half).unwrap_or_else(equal));
        let calibration = calibrate_at(half, &raw, &tune.labels);
        (raw, calibration)
    });
    let members: Vec<Member> = models
        .into_iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(model, &weight)| Member { weight, model })
        .collect();
    if members.len() < 2 {
        return Ok(None);
    }
    Entry::new(Family::Blend(Blend { members }), &blend(&weights), forecasts, tune).map(Some)
}

fn member(family: &Family) -> Option<MemberModel> {
    match family {
        Family::Logistic(model) => Some(MemberModel::Logistic(model.clone())),
        Family::Trees(model) => Some(MemberModel::Trees(model.clone())),
        Family::Boosted(model) => Some(MemberModel::Boosted(model.clone())),
        Family::BaseRate(_) | Family::RecencyBins(_) | Family::Blend(_) => None,
    }
}

/// The weights of the average of least log loss on some rows, not below 0, adding up to 1: the calibration that
/// follows sees to the scale. Source: stacking, Wolpert (1992) and Breiman (1996), who found that the weights must not
/// fall below 0.
fn fit_weights(columns: &[Vec<f64>], happened: &[bool], places: &[usize]) -> Option<Vec<f64>> {
    let step = places.len().div_ceil(MOST_BLEND_ROWS).max(1);
    let places: Vec<usize> = places.iter().copied().step_by(step).collect();
    let chosen: Vec<Vec<f64>> =
        columns.iter().map(|column| places.iter().map(|&place| column[place]).collect()).collect();
    let happened: Vec<bool> = places.iter().map(|&place| happened[place]).collect();
    let line = fit_log_odds_line(&chosen, &smoothed_targets(&happened))?;
    let total: f64 = line.weights.iter().sum();
    Some(line.weights.iter().map(|weight| weight / total).collect())
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
    let rows = part.training_rows().rows;
    family.raw_probabilities(rows, part.labels.len()).iter().map(|one| one.get()).collect()
}

/// Forecasts of each half of the rows, the even and the odd, by what `fit` makes of the places of the other half: raw
/// probabilities of all rows, and their calibration.
fn cross_fitted(rows: usize, fit: impl Fn(&[usize]) -> (Vec<f64>, Calibration)) -> Vec<f64> {
    let mut forecasts = vec![0.0; rows];
    for parity in [0, 1] {
        let half: Vec<usize> = (parity..rows).step_by(2).collect();
        let (raw, calibration) = fit(&half);
        for place in (1 - parity..rows).step_by(2) {
            forecasts[place] = calibration.apply(Probability::clamped(raw[place])).get();
        }
    }
    forecasts
}

fn calibrate_at(places: &[usize], raw: &[f64], happened: &[bool]) -> Calibration {
    let (raw, happened): (Vec<f64>, Vec<bool>) = places.iter().map(|&place| (raw[place], happened[place])).unzip();
    calibrate(&raw, &happened)
}

/// The champion's probabilities for some rows.
#[must_use]
pub fn forecasts(champion: &Classifier, samples: &Samples, places: &[usize]) -> Vec<f64> {
    let of_block = |places: &[usize]| {
        let rows: Vec<f64> = places.iter().flat_map(|&place| samples.row(place)).copied().collect();
        champion.probabilities(&rows)
    };
    let blocks: Vec<Vec<Probability>> = places.par_chunks(BLOCK_ROWS).map(of_block).collect();
    blocks.iter().flatten().map(|one| one.get()).collect()
}
