//! Searches settings by successive halving: many on few rows, the better of them on more.

use std::collections::BTreeMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::losses;
use super::setting::{SCARCE, Setting, rarer};
use crate::calibrate::Gain;
use crate::fit::table::FitError;
use crate::samples::{Fold, Samples};

/// The part of the settings that each round keeps, and of the rows that the round before the last has.
const KEPT: usize = 3;
/// Shares of the rows by round.
const SHARES: [f64; 3] = [1.0 / 9.0, 1.0 / 3.0, 1.0];
/// With fewer rows a round compares noise: all settings then meet on all rows at once.
const LEAST_ROWS: f64 = 3_000.0;
/// More rows to judge on tell settings no better apart, and cost time.
const MOST_JUDGED_ROWS: usize = 40_000;
/// The search draws from another stream than the fits.
const STREAM: u64 = 0x7365_6172_6368;

/// One setting that a search compared.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trial {
    /// The family.
    pub family: &'static str,
    /// The numbers that the search varies, by name; none where the fit chooses by itself.
    pub settings: BTreeMap<&'static str, f64>,
    /// Rounds that it took part in, at least 1.
    pub rounds: usize,
    /// Rows that it was fitted on in its last round.
    pub rows: usize,
    /// Rows that it was judged on there: none of these was fitted on, and none is a tune or test row.
    pub judged_rows: usize,
    /// Its log loss there, in nats.
    pub log_loss: f64,
    /// Whether it is the usual setting.
    pub is_usual: bool,
    /// Whether models are fitted with it.
    pub is_chosen: bool,
}

/// Finds a setting of the family of `usual` on parts of the training rows, and tells what was tried: `usual` stays
/// unless the best of the last round is better by more than the standard error of the gain.
///
/// There is at least one fold. A round keeps the better third and gives it three times the rows. Sources: Jamieson and Talwalkar (2016),
/// *Non-stochastic best arm identification and hyperparameter optimization*; for settings drawn at random, Bergstra
/// and Bengio (2012).
pub(super) fn search(
    usual: &Setting,
    samples: &Samples,
    folds: &[&Fold],
    seed: u64,
) -> Result<(Setting, Vec<Trial>), FitError> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ STREAM);
    let settings = usual.with_rivals(&mut random);
    let mut trials: Vec<Trial> = settings.iter().enumerate().map(|(place, one)| trial(one, place == 0)).collect();
    let mut remaining: Vec<usize> = (0..settings.len()).collect();
    let mut judged = BTreeMap::new();
    let rows = folds[0].fit.len();
    let rarer = rarer(&folds[0].fit.iter().map(|&place| samples.labels[place]).collect::<Vec<_>>());
    let is_enough = |share: f64| rows as f64 * share >= LEAST_ROWS && rarer as f64 * share >= SCARCE as f64;
    for share in SHARES.into_iter().filter(|&share| share == 1.0 || is_enough(share)) {
        judged.clear();
        for &place in &remaining {
            let losses = judge(&settings[place].for_share(share), samples, folds, share)?;
            let trial = &mut trials[place];
            trial.rounds += 1;
            trial.rows = (rows as f64 * share) as usize;
            trial.judged_rows = losses.len();
            trial.log_loss = losses.iter().sum::<f64>() / losses.len() as f64;
            judged.insert(place, losses);
        }
        remaining.sort_by(|&one, &other| trials[one].log_loss.total_cmp(&trials[other].log_loss));
        if share < 1.0 {
            let kept = remaining.len().div_ceil(KEPT);
            // The usual setting comes along, so that the last round can tell whether another is really better.
            let usual_is_out = remaining.iter().skip(kept).any(|&place| place == 0);
            remaining.truncate(kept);
            remaining.extend(usual_is_out.then_some(0));
        }
    }
    let best = remaining[0];
    let chosen = if Gain::of(&judged[&0], &judged[&best]).is_beyond(1.0, 0.0) { best } else { 0 };
    trials[chosen].is_chosen = true;
    trials.sort_by(|one, other| other.rounds.cmp(&one.rounds).then(one.log_loss.total_cmp(&other.log_loss)));
    Ok((settings[chosen].clone(), trials))
}

fn trial(setting: &Setting, is_usual: bool) -> Trial {
    Trial {
        family: setting.family(),
        settings: setting.numbers(),
        rounds: 0,
        rows: 0,
        judged_rows: 0,
        log_loss: f64::NAN,
        is_usual,
        is_chosen: false,
    }
}

/// The log loss of every judged row of all folds, each by a model fitted on the fold's other rows.
fn judge(setting: &Setting, samples: &Samples, folds: &[&Fold], share: f64) -> Result<Vec<f64>, FitError> {
    let mut all = Vec::new();
    for fold in folds {
        let fit = samples.part(&every((1.0 / share).round() as usize, &fold.fit));
        let judge = samples.part(&every(fold.judge.len().div_ceil(MOST_JUDGED_ROWS), &fold.judge));
        let family = setting.fit(&fit.training_rows(), &judge.training_rows())?;
        let rate = fit.training_rows().positives() as f64 / fit.labels.len() as f64;
        all.extend(losses(&judge, |row| family.as_ref().map_or(rate, |family| family.raw_probability(row).get())));
    }
    Ok(all)
}

fn every(step: usize, places: &[usize]) -> Vec<usize> {
    places.iter().copied().step_by(step.max(1)).collect()
}
