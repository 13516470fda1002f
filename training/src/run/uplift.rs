//! Learns what contacts change: for each action an experiment, judged out of sample, and a model.

mod after_treatment;
mod contacts;
mod readout;
mod table;
mod trial;

use serde::Serialize;
use tend_models::artifact::{ActionUplift, Model, UpliftModel};
use tend_models::features::FeaturePlan;
use tend_models::quantities::Moment;
use tend_models::scorecard::{EffectOutcome, Task};

use super::{Figures, Trained};
use crate::evaluate::{EffectTenth, Estimate, Interval, Point, ProfitCurve, UpliftScores};
use crate::fit::uplift::{Base, Learner, Overlap};

pub(super) use contacts::train_contacts;
pub use readout::{ActionReadout, readouts};
pub use table::{ExperimentTable, train_experiment};

/// How the Qini that is told first is defined: see [`crate::evaluate::Experiment::qini_per_treated`].
pub const QINI_CONVENTION: &str = "Radcliffe, per treated customer";

/// What an uplift run found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpliftFigures {
    /// Rows of all experiments: contacts and controls.
    pub rows: usize,
    /// The average effect, if there is one action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_effect: Option<f64>,
    /// The Qini, if there is one action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qini: Option<f64>,
    /// How the Qini is defined.
    pub qini_convention: &'static str,
    /// Every action, by name.
    pub actions: Vec<ActionFigures>,
}

/// What was found out about one action. Figures are of rows that their models had not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionFigures {
    /// The action.
    pub action: String,
    /// What it changes.
    pub outcome: EffectOutcome,
    /// Rows compared.
    pub rows: usize,
    /// Of these treated.
    pub treated: usize,
    /// Mean outcome of the treated.
    pub treated_mean: f64,
    /// Mean outcome of controls.
    pub control_mean: f64,
    /// The average effect: the difference of the means where all had the same chance, else the adjusted one.
    pub average_effect: f64,
    /// The average of the doubly robust scores, with its error.
    pub average_effect_adjusted: Estimate,
    /// Its 95 % interval.
    pub average_effect_interval: Interval,
    /// Chances and who could be compared.
    pub overlap: Overlap,
    /// Qini by [`QINI_CONVENTION`].
    pub qini: f64,
    /// Its 95 % interval.
    pub qini_interval: Interval,
    /// The same area from doubly robust scores, a customer, with its error: what the learner is chosen by.
    pub qini_adjusted: Estimate,
    /// Qini and AUUC in the conventions of two packages.
    pub scores: UpliftScores,
    /// Whether the data show that customers differ in what the action changes.
    pub has_usable_heterogeneity: bool,
    /// How much of the differences between learned effects is believed, from 0 to 1.
    pub believed: f64,
    /// The learner chosen, such as `X, forest`.
    pub learner: String,
    /// Folds of the cross-fitting.
    pub folds: usize,
    /// What it earns a customer to treat whom the model would, with its error, in money.
    pub policy_value: Estimate,
    /// All learners, the chosen one first.
    pub candidates: Vec<LearnerFigures>,
    /// Effects by tenth of the customers, largest expected first.
    pub tenths: Vec<EffectTenth>,
    /// What it earns to treat the best share.
    pub profit: ProfitCurve,
    /// The Qini curve a treated customer.
    #[serde(skip)]
    pub qini_curve: Vec<Point>,
}

/// One learner on rows that it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LearnerFigures {
    /// How it learns, and from which regressions; none is the mean of all others.
    pub learner: Option<(Learner, Base)>,
    /// Its adjusted Qini.
    pub qini_adjusted: Estimate,
    /// What treating whom it would earns a customer.
    pub policy_value: Estimate,
}

impl LearnerFigures {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> String {
        self.learner
            .map_or_else(|| "mean of all".to_owned(), |(learner, base)| format!("{}, {}", learner.name(), base.name()))
    }
}

/// The trained model of the actions that were judged.
fn trained(
    plan: FeaturePlan,
    judged: Vec<(ActionFigures, ActionUplift)>,
    horizon_days: u32,
    as_of: Option<Moment>,
    seed: u64,
) -> Trained {
    let (actions, models): (Vec<ActionFigures>, Vec<ActionUplift>) = judged.into_iter().unzip();
    let rows = actions.iter().map(|action| action.rows).sum();
    let family = match &actions[..] {
        [only] if only.has_usable_heterogeneity => only.learner.clone(),
        [_] => "average effect".to_owned(),
        _ => "per action".to_owned(),
    };
    let mut figures = Figures::new(Task::Uplift, &family);
    let only = (actions.len() == 1).then(|| &actions[0]);
    figures.folds = actions.first().map(|action| action.folds);
    figures.uplift = Some(UpliftFigures {
        rows,
        average_effect: only.map(|action| action.average_effect),
        qini: only.map(|action| action.qini),
        qini_convention: QINI_CONVENTION,
        actions,
    });
    let model = UpliftModel { plan, actions: models, horizon_days };
    Trained::new(Model::Uplift(model), figures, as_of, rows, seed)
}
