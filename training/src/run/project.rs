//! Trains all tasks of a project on timelines: snapshots at several moments in time order, the newest as the test.

use std::ops::Range;

use rayon::prelude::*;
use tend_models::artifact::{ChurnDefinition, ChurnModel, Model, SegmentsModel};
use tend_models::families::classifier::Classifier;
use tend_models::features::FeaturePlan;
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::scorer::at_risk;
use tend_models::timeline::Timelines;

use super::contracts::{contractual_family, train_contracts};
use super::explained::explain;
use super::{ClvRun, Figures, TrainError, Trained, matrix, train_clv};
use crate::champion::{Effort, contest, forecasts};
use crate::evaluate::{ClassifierCurves, HeldOut, HeldOutParams, OutcomeWeights};
use crate::fit::segments::SegmentParams;
use crate::fit::table::{FitError, TrainingRows};
use crate::labels::churned;
use crate::leaks::{Leak, Suspect, leaks, suspects};
use crate::moments::Moments;
use crate::recipe::{ChurnBy, Recipe};
use crate::samples::{Fold, Samples, Split};
pub use upsell::FallbackFigures;
pub(super) use upsell::OfferState;
use upsell::train_upsell;

mod upsell;

/// Training rows beyond this many gain models little and cost them much.
pub(super) const MOST_TRAINING_ROWS: usize = 200_000;
/// Customers beyond this many are sampled, every k-th, to tune, to test and for segments.
pub(super) const MOST_CUSTOMERS: usize = 100_000;
const SEGMENTS: usize = 5;
/// What segments look at.
const SEGMENT_FEATURES: [&str; 6] =
    ["tenure_days", "days_since_last_purchase", "purchases_365d", "spend_365d", "average_purchase", "monthly_revenue"];

/// What to train.
#[derive(Debug)]
pub struct ProjectRun<'a> {
    /// The choices.
    pub recipe: &'a Recipe,
    /// The customers.
    pub timelines: &'a Timelines,
    /// Nothing from this moment on is looked at.
    pub as_of: Moment,
}

/// Trains one task.
///
/// Lifetime value is that of purchases where there are any, unless the recipe names a family of contracts; without
/// purchases it is that of the subscriptions.
///
/// # Errors
/// [`TrainError`] if there is too little history or nothing to learn.
pub fn train_project(run: &ProjectRun<'_>, task: Task) -> Result<Trained, TrainError> {
    match task {
        Task::Churn => train_churn(run),
        Task::Upsell => train_upsell(run),
        Task::Clv if contractual_family(run.recipe.clv.family).is_some() || run.timelines.purchases.is_empty() => {
            train_contracts(run)
        }
        Task::Clv => train_clv(&ClvRun {
            timelines: run.timelines,
            plan: FeaturePlan::for_timelines(run.timelines, run.as_of),
            as_of: run.as_of,
            unit_days: Positive::new(1.0).expect("above 0"),
            clv: run.recipe.clv.clone(),
            data_until: run.as_of,
            seed: run.recipe.training.seed,
        }),
        Task::Segments => train_segments(run),
    }
}

/// Rows of features with what was asked of each customer.
pub(super) struct Snapshots<T> {
    pub(super) answers: Vec<T>,
    /// (customers, features), row-major.
    pub(super) rows: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    /// With what the moment serves while settings are compared.
    Train(Option<Inner>),
    Tune,
    Test,
}

/// Part of the training moments.
#[derive(Debug, Clone, Copy)]
enum Inner {
    Fit,
    Judge,
}

impl ProjectRun<'_> {
    fn moments(&self, horizon_days: u32) -> Result<Moments, TrainError> {
        let training = &self.recipe.training;
        let first = self.timelines.first_event().ok_or_else(nothing_happened)?;
        Ok(Moments::plan(first, self.as_of, horizon_days, training.gap_days, training.moments)?)
    }

    /// How a task's forecasts are judged.
    pub(super) fn judging(&self, task: Task) -> HeldOutParams {
        let campaign = (task == Task::Churn).then_some(self.recipe.campaign);
        HeldOutParams { weights: OutcomeWeights::ONE, campaign, seed: self.recipe.training.seed }
    }

    fn churn_definition(&self) -> ChurnDefinition {
        let by = self.recipe.churn.by.unwrap_or(if self.timelines.purchases.is_empty() {
            ChurnBy::Subscription
        } else {
            ChurnBy::Purchases
        });
        match by {
            ChurnBy::Purchases => {
                ChurnDefinition::NoPurchase { active_within_days: self.recipe.churn.active_within_days }
            }
            ChurnBy::Subscription => ChurnDefinition::SubscriptionEnds,
        }
    }

    /// Every moment with its role and its customers, oldest first. Neighbouring training moments take others, where
    /// not all are needed.
    fn roles(&self, moments: &Moments) -> Vec<(Moment, Role, Vec<usize>)> {
        let of_one_moment = MOST_TRAINING_ROWS / moments.train.len();
        let inner = moments.inner();
        let served = |place: usize| match &inner {
            Some(inner) if inner.fit.contains(&place) => Some(Inner::Fit),
            Some(inner) if inner.judge.contains(&place) => Some(Inner::Judge),
            _ => None,
        };
        let train = moments
            .train
            .iter()
            .enumerate()
            .map(|(place, &moment)| (moment, Role::Train(served(place)), self.customers(of_one_moment, place)));
        let all = |moment, role| (moment, role, self.customers(MOST_CUSTOMERS, 0));
        train.chain([all(moments.tune, Role::Tune), all(moments.test, Role::Test)]).collect()
    }

    /// About `most` customers, evenly spaced.
    pub(super) fn customers(&self, most: usize, first: usize) -> Vec<usize> {
        let step = self.timelines.len().div_ceil(most).max(1);
        (first % step..self.timelines.len()).step_by(step).collect()
    }

    /// Computes, for each of these customers, what `each` makes of the customer and the row of features; customers for
    /// whom it makes nothing are left out. In the order of the customers, whatever the threads.
    pub(super) fn snapshots<T: Send>(
        &self,
        plan: &FeaturePlan,
        moment: Moment,
        customers: &[usize],
        each: impl Fn(usize) -> Option<T> + Sync,
    ) -> Snapshots<T> {
        let answer = |&customer: &usize| {
            let exists = self.timelines.timeline(customer).before(moment).exists();
            exists.then(|| each(customer)).flatten().map(|answer| (customer, answer))
        };
        let (customers, answers): (Vec<usize>, Vec<T>) = customers.par_iter().filter_map(answer).unzip();
        Snapshots { rows: matrix::snapshots(self.timelines, plan, moment, &customers), answers }
    }
}

impl Role {
    /// Puts rows of this role into the parts of a split that they belong to.
    fn put(self, places: Range<usize>, split: &mut Split) {
        match self {
            Self::Train(inner) => {
                split.train.extend(places.clone());
                if let Some(inner) = inner {
                    if split.folds.is_empty() {
                        split.folds.push(Fold::default());
                    }
                    let fold = &mut split.folds[0];
                    match inner {
                        Inner::Fit => fold.fit.extend(places),
                        Inner::Judge => fold.judge.extend(places),
                    }
                }
            }
            Self::Tune => split.tune.extend(places),
            Self::Test => split.test.extend(places),
        }
    }

    fn is_test(self) -> bool {
        matches!(self, Self::Test)
    }
}

fn nothing_happened() -> TrainError {
    TrainError::Data("found no purchase and no subscription; expected at least one".to_owned())
}

fn train_churn(run: &ProjectRun<'_>) -> Result<Trained, TrainError> {
    let churn = &run.recipe.churn;
    let definition = run.churn_definition();
    let moments = run.moments(churn.horizon_days)?;
    let plan = FeaturePlan::for_timelines(run.timelines, moments.tune);
    let mut samples = Samples::new(plan);
    let mut split = Split::default();
    for (moment, role, customers) in run.roles(&moments) {
        let from = moment.plus_days(run.recipe.training.gap_days.into());
        let made = run.snapshots(&samples.plan, moment, &customers, |customer| {
            let timeline = run.timelines.timeline(customer);
            let outcome = timeline.between(from, from.plus_days(churn.horizon_days.into()), run.as_of);
            at_risk(definition, &timeline.before(moment)).then(|| churned(definition, &outcome))
        });
        samples.rows.extend(made.rows);
        role.put(samples.len()..samples.len() + made.answers.len(), &mut split);
        samples.labels.extend(made.answers);
    }
    let seed = run.recipe.training.seed;
    let left_out = leave_out_leaks(&mut samples, &split.train, &run.recipe.training.keep);
    let judging = run.judging(Task::Churn);
    let effort = run.recipe.training.effort;
    let (champion, mut figures, curves) = compete(Task::Churn, &samples, &split, effort, judging)?;
    figures.left_out = left_out;
    figures.suspects = named_suspects(&samples, &split.train, &run.recipe.training.keep)?;
    let dependences = explain(&mut figures, &champion, &samples, &split.test, seed)?;
    let rows = samples.len();
    let model = ChurnModel { plan: samples.plan, classifier: champion, definition, horizon_days: churn.horizon_days };
    let curves = Some(curves);
    Ok(Trained { curves, dependences, ..Trained::new(Model::Churn(model), figures, Some(run.as_of), rows, seed) })
}

fn compete(
    task: Task,
    samples: &Samples,
    split: &Split,
    effort: Effort,
    judging: HeldOutParams,
) -> Result<(Classifier, Figures, ClassifierCurves), TrainError> {
    let contest = contest(samples, split, effort, judging.seed)?;
    let mut figures = Figures::new(task, contest.champion.family_name());
    let happened: Vec<bool> = split.test.iter().map(|&place| samples.labels[place]).collect();
    let forecasts = forecasts(&contest.champion, samples, &split.test);
    let held_out = HeldOut::of(&forecasts, &happened, judging)?;
    figures.held_out = Some(held_out.figures);
    figures.detail = Some(held_out.detail);
    figures.candidates = contest.candidates;
    figures.tried = contest.tried;
    Ok((contest.champion, figures, held_out.curves))
}

/// Leaves out features that tell the label alone, but for those to keep; says which and why.
pub(super) fn leave_out_leaks(samples: &mut Samples, places: &[usize], keep: &[String]) -> Vec<String> {
    let found = leaks(samples, places, keep);
    if !found.is_empty() {
        samples.leave_out(&found.iter().map(|leak| leak.place).collect::<Vec<_>>());
    }
    found.iter().map(Leak::to_string).collect()
}

/// Features that may be known only after the fact or be ids, and what to do.
pub(super) fn named_suspects(samples: &Samples, places: &[usize], keep: &[String]) -> Result<Vec<String>, FitError> {
    Ok(suspects(samples, places, keep)?.iter().map(Suspect::to_string).collect())
}

fn train_segments(run: &ProjectRun<'_>) -> Result<Trained, TrainError> {
    let plan = FeaturePlan::for_timelines(run.timelines, run.as_of);
    let made = run.snapshots(&plan, run.as_of, &run.customers(MOST_CUSTOMERS, 0), |_| Some(()));
    let (kinds, names, labels) = (plan.kinds(), plan.names(), vec![false; made.answers.len()]);
    let training = TrainingRows { rows: &made.rows, kinds: &kinds, labels: &labels, names: &names };
    let seed = run.recipe.training.seed;
    let features = SEGMENT_FEATURES.iter().filter_map(|name| plan.place(name)).collect();
    let segments = SegmentParams { count: SEGMENTS, features, seed, ..SegmentParams::default() }.fit(&training)?;
    let mut figures = Figures::new(Task::Segments, "k-means");
    figures.segments.clone_from(&segments.names);
    Ok(Trained::new(
        Model::Segments(SegmentsModel { plan, segments }),
        figures,
        Some(run.as_of),
        made.answers.len(),
        seed,
    ))
}
