//! Fits every candidate, calibrates each on rows that none was fitted on, and chooses by log loss out of sample.

use rayon::prelude::*;
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};
use tend_models::features::FeaturePlan;
use tend_models::quantities::Probability;

use self::blending::blended;
use self::search::search;
use self::setting::{Setting, is_scarce, rarer};
use crate::calibrate::{Gain, calibrate};
use crate::evaluate::{ClassifierFigures, MetricError, log_loss_of_one};
use crate::fit::baseline::{RecencyBinsParams, fit_base_rate};
use crate::fit::table::FitError;
use crate::samples::{Fold, Part, Samples, Split};
pub use effort::Effort;
pub use search::Trial;

mod blending;
mod effort;
mod search;
mod setting;

/// Rows of either outcome that a model needs to be fitted on; of a customer table a fifth is kept to tune, and in
/// cross-validation another fifth to test, so that ten of either are enough.
pub const LEAST_OF_EITHER: usize = 6;
/// With fewer tune rows of the rarer outcome than this, folds of the training rows help to choose.
const FEW_TO_CHOOSE_BY: usize = 50;
/// A blend costs its members' time: it has to gain this much log loss a row, in nats, however sure the gain is.
const BLEND_WORTH_IT: f64 = 2e-4;

/// Rows that one thread forecasts at a time.
const BLOCK_ROWS: usize = 8_192;

/// The candidates and the one that won.
#[derive(Debug, Clone)]
pub struct Contest {
    /// The winner, calibrated on all tune rows.
    pub champion: Classifier,
    /// Every candidate's figures on the tune rows, the champion first, then by log loss.
    pub candidates: Vec<Candidate>,
    /// The settings that were compared, by family; those that went furthest first. Empty without a search.
    pub tried: Vec<Trial>,
}

/// One candidate's figures on the rows that the choice was made by.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Candidate {
    /// The family.
    pub family: &'static str,
    /// Whether it is one of the trivial models that every other must beat.
    pub is_baseline: bool,
    /// The calibration that suited it.
    pub calibration: &'static str,
    /// Its figures on the tune rows, each half calibrated, and blended, on the other. Where positives are scarce the
    /// folds of the training rows count too, by models fitted on the others.
    pub figures: ClassifierFigures,
}

/// Fits and compares all candidates on a split. The trivial baselines always take part, and win if they are best; a
/// blend of the others wins only if it is better than the best of them by more than the noise of the comparison.
///
/// With [`Effort::Thorough`] the settings of every family are searched for on the split's folds, where it has any.
/// Where positives, or negatives, are scarce, models are kept simple, and folds help to choose among them.
///
/// # Errors
/// [`FitError`] if the rows cannot be fitted at all, or hold fewer than [`LEAST_OF_EITHER`] of one outcome.
pub fn contest(samples: &Samples, split: &Split, effort: Effort, seed: u64) -> Result<Contest, FitError> {
    let train = samples.part(&split.train);
    let tune = samples.part(&split.tune);
    check_enough(&train)?;
    let folds = usable(&split.folds, samples);
    let (settings, tried) = settings(samples, &folds, &train, effort, seed)?;
    let fit = |rows: &Part<'_>| fit_all(&samples.plan, &settings, rows, &tune);
    let mut entries: Vec<Entry> = fit(&train)?.into_iter().map(|family| Entry::new(family, &tune)).collect();
    let mut judged = tune.labels.clone();
    let are_few = rarer(&tune.labels) < FEW_TO_CHOOSE_BY;
    if are_few {
        for fold in folds {
            let judge = samples.part(&fold.judge);
            let families = fit(&samples.part(&fold.fit))?;
            entries.iter_mut().for_each(|entry| entry.judge_too(&families, &judge));
            judged.extend(&judge.labels);
        }
    }
    entries.sort_by(|one, other| one.log_loss(&judged).total_cmp(&other.log_loss(&judged)));
    if !are_few && let Some(blend) = blended(&entries, &tune) {
        let is_better = Gain::of(&entries[0].losses(&judged), &blend.losses(&judged)).is_beyond(1.0, BLEND_WORTH_IT);
        let loses_to = |one: &&Entry| one.log_loss(&judged) <= blend.log_loss(&judged);
        // A blend that is better by luck stands behind the best of its members.
        let place = if is_better { 0 } else { entries.iter().filter(loses_to).count().max(1) };
        entries.insert(place, blend);
    }
    let candidates = entries.iter().map(|entry| entry.candidate(&judged)).collect::<Result<_, _>>();
    let candidates = candidates.map_err(|error: MetricError| FitError::Library {
        family: "comparison of candidates",
        reason: error.to_string(),
    })?;
    Ok(Contest { champion: entries.swap_remove(0).classifier(samples.plan.width()), candidates, tried })
}

fn check_enough(train: &Part<'_>) -> Result<(), FitError> {
    train.training_rows().check_labelled()?;
    let rarer = rarer(&train.labels);
    if rarer < LEAST_OF_EITHER {
        return Err(FitError::TooFew { rarer, rows: train.labels.len(), expected: LEAST_OF_EITHER });
    }
    Ok(())
}

/// The folds with enough of either outcome to fit on.
fn usable<'a>(folds: &'a [Fold], samples: &Samples) -> Vec<&'a Fold> {
    let labels = |fold: &Fold| fold.fit.iter().map(|&place| samples.labels[place]).collect::<Vec<_>>();
    folds.iter().filter(|fold| !fold.judge.is_empty() && rarer(&labels(fold)) >= LEAST_OF_EITHER).collect()
}

/// The settings to fit with, and what was tried to find them.
fn settings(
    samples: &Samples,
    folds: &[&Fold],
    train: &Part<'_>,
    effort: Effort,
    seed: u64,
) -> Result<(Vec<Setting>, Vec<Trial>), FitError> {
    let (mut settings, mut tried) = (Vec::new(), Vec::new());
    for usual in Setting::usual(&train.training_rows(), effort, seed) {
        // A fifth of few rows is too little for logistic regression to choose its own penalty by.
        let is_needed = matches!(usual, Setting::Logistic(_)) && is_scarce(&train.labels);
        if (is_needed || effort == Effort::Thorough) && !folds.is_empty() {
            let (found, trials) = search(&usual, samples, folds, seed)?;
            settings.push(found);
            tried.extend(trials);
        } else {
            settings.push(usual);
        }
    }
    Ok((settings, tried))
}

/// All candidates but the blend, the base rate first.
fn fit_all(
    plan: &FeaturePlan,
    settings: &[Setting],
    rows: &Part<'_>,
    stopping: &Part<'_>,
) -> Result<Vec<Family>, FitError> {
    let (rows, stopping) = (rows.training_rows(), stopping.training_rows());
    let mut families = vec![Family::BaseRate(fit_base_rate(&rows)?)];
    if let Some(feature) = plan.place("days_since_last_purchase") {
        families.push(Family::RecencyBins(RecencyBinsParams::new(feature).fit(&rows)?));
    }
    for setting in settings {
        families.extend(setting.fit(&rows, &stopping)?);
    }
    Ok(families)
}

/// A fitted family in a contest.
struct Entry {
    family: Family,
    calibration: Calibration,
    /// Of the judged rows, the tune rows first: each of these calibrated, and blended, by the other half.
    forecasts: Vec<f64>,
}

impl Entry {
    fn new(family: Family, tune: &Part<'_>) -> Self {
        let raw = raw_probabilities(&family, tune);
        let forecasts = cross_fitted(tune.labels.len(), |half| (raw.clone(), calibrate_at(half, &raw, &tune.labels)));
        Self { family, calibration: calibrate(&raw, &tune.labels), forecasts }
    }

    /// Is judged on more rows too, by the one of `families` that is of its kind, or else by the base rate.
    fn judge_too(&mut self, families: &[Family], rows: &Part<'_>) {
        let own = families.iter().find(|family| family.name() == self.family.name());
        self.forecasts.extend(raw_probabilities(own.unwrap_or(&families[0]), rows));
    }

    fn losses(&self, happened: &[bool]) -> Vec<f64> {
        self.forecasts.iter().zip(happened).map(|(&forecast, &happened)| log_loss_of_one(forecast, happened)).collect()
    }

    fn log_loss(&self, happened: &[bool]) -> f64 {
        self.losses(happened).iter().sum::<f64>() / happened.len() as f64
    }

    fn classifier(self, width: usize) -> Classifier {
        Classifier { family: self.family, calibration: self.calibration, width }
    }

    fn candidate(&self, happened: &[bool]) -> Result<Candidate, MetricError> {
        Ok(Candidate {
            family: self.family.name(),
            is_baseline: matches!(self.family, Family::BaseRate(_) | Family::RecencyBins(_)),
            calibration: self.calibration.name(),
            figures: ClassifierFigures::of(&self.forecasts, happened)?,
        })
    }
}

/// The log loss of each row, in nats.
fn losses(part: &Part<'_>, probability: impl Fn(&[f64]) -> f64 + Sync) -> Vec<f64> {
    let rows = part.training_rows();
    let both = rows.rows.par_chunks_exact(rows.width()).zip(&part.labels);
    both.map(|(row, &happened)| log_loss_of_one(probability(row), happened)).collect()
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
