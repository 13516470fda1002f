//! The chance that each customer had of being treated: logged, the same for all, or estimated; and whether there was one.

use serde::Serialize;
use tend_models::families::logistic::sigmoid;
use tend_models::predict::Predict;
use tend_models::quantities::Probability;

use crate::evaluate::{auc, log_loss};
use crate::fit::boosting::BoostingParams;
use crate::fit::logistic::LogisticParams;
use crate::fit::table::{FitError, TrainingRows};

/// Parts of the rows, each of which is foretold by a model of the others.
const PARTS: usize = 3;
/// Customers with less of a chance of either group have nobody to be compared with. Crump, Hotz, Imbens and Mitnik
/// (2009) take .1; an experiment that holds back one in twenty is still one.
const LEAST_CHANCE: f64 = 0.04;
/// Fewer of a group tell nothing.
const LEAST_OF_A_GROUP: usize = 50;
/// Treatment that features foretell no better than this is taken for drawn by lot.
const DRAWN_BY_LOT_AUC: f64 = 0.52;
/// The same, in standard errors above one half.
const DRAWN_BY_LOT_ERRORS: f64 = 3.0;
/// Logged chances that miss the share of the treated by more standard errors are not those it was drawn with.
const MOST_MISSED_ERRORS: f64 = 5.0;
/// Trees of the model that looks for a rule behind the treatment.
const TREES: usize = 60;

/// What is known of the chances.
#[derive(Debug, Clone, Copy)]
pub enum Chances<'a> {
    /// Logged with each row, (n,).
    Logged(&'a [f64]),
    /// Nothing: taken for the same for all where features do not foretell the treatment, and estimated where they do.
    Unknown,
}

/// Where chances come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Propensity {
    /// Logged with each row.
    Logged,
    /// Drawn by lot with the same chance for all.
    Constant,
    /// Estimated from the features: effects are right only if these hold all that chose the treated.
    Estimated,
}

/// The chances of some rows, and which rows can be compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// Where the chances come from.
    pub propensity: Propensity,
    /// How well features foretell the treatment, out of sample: area under the ROC curve, .5 if not at all. Not asked
    /// where the chances were logged.
    pub treatment_auc: Option<f64>,
    /// The least chance of treatment among the rows kept.
    pub least: f64,
    /// The largest.
    pub largest: f64,
    /// Rows left out, as nobody of the other group is like them.
    pub rows_left_out: usize,
    /// The chance of each row, (n,).
    #[serde(skip)]
    pub chances: Vec<f64>,
    /// The rows kept, rising.
    #[serde(skip)]
    pub kept: Vec<usize>,
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoOverlap {
    /// Too few rows of a group have someone like them in the other.
    #[error(
        "found {treated} treated customers and {control} controls with a chance of both, of {rows} rows (features foretell the treatment with an AUC of {auc:.3}); expected at least {LEAST_OF_A_GROUP} of each and half of all rows: without customers of both groups who are alike no effect can be told from who was chosen; hold back a random control group"
    )]
    TooFew {
        /// Treated rows with overlap.
        treated: usize,
        /// Controls with overlap.
        control: usize,
        /// All rows.
        rows: usize,
        /// How well features foretell the treatment.
        auc: f64,
    },
    /// A logged chance is none.
    #[error("row {row}: found a logged chance of treatment of {found}; expected a number above 0 and below 1")]
    NoChance {
        /// Position, from 0.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// The logged chances are not those that the treated were drawn with.
    #[error(
        "found {found:.1} % of the rows treated, where their logged chances say {expected:.1} %; expected these to agree: log the chance of being contacted rather than held back, for contacts and controls alike"
    )]
    Miscounted {
        /// Share treated, in percent.
        found: f64,
        /// What the chances say, in percent.
        expected: f64,
    },
    /// The chances cannot be estimated.
    #[error(transparent)]
    Fit(#[from] FitError),
}

impl Overlap {
    /// The chances of the rows, and which of these can be compared. Labels of `rows` are ignored.
    ///
    /// # Errors
    /// [`NoOverlap`] if there is nothing to compare, or the chances are wrong.
    pub fn of(rows: &TrainingRows, treated: &[bool], chances: Chances<'_>, seed: u64) -> Result<Self, NoOverlap> {
        let rows = TrainingRows { labels: treated, ..*rows };
        let count = rows.len() as f64;
        let share = rows.positives() as f64 / count;
        if rows.positives() < LEAST_OF_A_GROUP || rows.len() - rows.positives() < LEAST_OF_A_GROUP {
            let (treated, control) = (rows.positives(), rows.len() - rows.positives());
            return Err(NoOverlap::TooFew { treated, control, rows: rows.len(), auc: 0.5 });
        }
        let (propensity, chances, treatment_auc) = match chances {
            Chances::Logged(logged) => {
                check_logged(logged, share)?;
                (Propensity::Logged, logged.to_vec(), None)
            }
            Chances::Unknown => {
                let estimated = estimate(&rows, seed)?;
                let foretold = auc(&estimated, treated).ok().flatten().unwrap_or(0.5);
                if is_by_lot(foretold, rows.positives() as f64, count) {
                    (Propensity::Constant, vec![share; rows.len()], Some(foretold))
                } else {
                    (Propensity::Estimated, estimated, Some(foretold))
                }
            }
        };
        let has_both = |row: &usize| (LEAST_CHANCE..=1.0 - LEAST_CHANCE).contains(&chances[*row]);
        // A constant chance is that of a real control group, however small.
        let kept: Vec<usize> =
            (0..rows.len()).filter(|row| propensity == Propensity::Constant || has_both(row)).collect();
        let of_group = |wanted: bool| kept.iter().filter(|&&row| treated[row] == wanted).count();
        let (with, without) = (of_group(true), of_group(false));
        if with < LEAST_OF_A_GROUP || without < LEAST_OF_A_GROUP || 2 * kept.len() < rows.len() {
            let auc = treatment_auc.unwrap_or(0.5);
            return Err(NoOverlap::TooFew { treated: with, control: without, rows: rows.len(), auc });
        }
        let of_kept = || kept.iter().map(|&row| chances[row]);
        let (least, largest) = (of_kept().fold(1.0, f64::min), of_kept().fold(0.0, f64::max));
        let rows_left_out = rows.len() - kept.len();
        Ok(Self { propensity, treatment_auc, least, largest, rows_left_out, chances, kept })
    }
}

fn check_logged(logged: &[f64], share: f64) -> Result<(), NoOverlap> {
    if let Some(row) = logged.iter().position(|chance| !(*chance > 0.0 && *chance < 1.0)) {
        return Err(NoOverlap::NoChance { row, found: logged[row] });
    }
    let count = logged.len() as f64;
    let expected = logged.iter().sum::<f64>() / count;
    let error = logged.iter().map(|chance| chance * (1.0 - chance)).sum::<f64>().sqrt() / count;
    if (share - expected).abs() > MOST_MISSED_ERRORS * error {
        return Err(NoOverlap::Miscounted { found: 100.0 * share, expected: 100.0 * expected });
    }
    Ok(())
}

/// Whether the features foretell the treatment no better than chance would have it. The error of an AUC of one half is
/// that of Hanley and McNeil (1982).
fn is_by_lot(treatment_auc: f64, treated: f64, rows: f64) -> bool {
    let error = ((rows + 1.0) / (12.0 * treated * (rows - treated))).sqrt();
    treatment_auc < DRAWN_BY_LOT_AUC.max(0.5 + DRAWN_BY_LOT_ERRORS * error)
}

/// Chances of treatment, each by a model that had not seen the row: logistic regression or boosting, whichever has the
/// smaller log loss.
fn estimate(rows: &TrainingRows, seed: u64) -> Result<Vec<f64>, FitError> {
    let logistic = LogisticParams { l2: vec![10.0], max_rows: 20_000, seed, ..LogisticParams::default() };
    let boosting = BoostingParams { seed, trees: TREES, max_leaves: 15, ..BoostingParams::for_rows(rows.len()) };
    let linear = out_of_sample(rows, |part| Ok(Box::new(logistic.fit(part)?)))?;
    let boosted = out_of_sample(rows, |part| Ok(Box::new(boosting.fit(part)?)))?;
    let loss = |chances: &[f64]| log_loss(chances, rows.labels).unwrap_or(f64::INFINITY);
    Ok(if loss(&boosted) < loss(&linear) { boosted } else { linear })
}

fn out_of_sample(
    rows: &TrainingRows,
    fit: impl Fn(&TrainingRows) -> Result<Box<dyn Predict>, FitError>,
) -> Result<Vec<f64>, FitError> {
    let mut chances = vec![0.0; rows.len()];
    for part in 0..PARTS {
        let places: Vec<usize> = (0..rows.len()).filter(|row| row % PARTS != part).collect();
        let values: Vec<f64> = places.iter().flat_map(|&place| rows.row(place)).copied().collect();
        let labels: Vec<bool> = places.iter().map(|&place| rows.labels[place]).collect();
        let model = fit(&TrainingRows { rows: &values, labels: &labels, ..*rows })?;
        for row in (part..rows.len()).step_by(PARTS) {
            chances[row] = Probability::clamped(sigmoid(model.predict(rows.row(row)))).get();
        }
    }
    Ok(chances)
}
