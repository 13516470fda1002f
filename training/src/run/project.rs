//! Trains all tasks of a project on timelines: snapshots at several moments in time order, the newest as the test.

use rayon::prelude::*;
use tend_models::artifact::{ChurnDefinition, ChurnModel, Model, SegmentsModel};
use tend_models::families::classifier::Classifier;
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::scorer::at_risk;
use tend_models::timeline::Timelines;

use super::uplift::train_contacts;
use super::{ClvRun, Figures, Importance, TrainError, Trained, train_clv};
use crate::champion::{Effort, contest, forecasts};
use crate::evaluate::{ClassifierCurves, HeldOut, HeldOutParams, MetricError, OutcomeWeights, permutation_importance};
use crate::fit::segments::SegmentParams;
use crate::fit::table::TrainingRows;
use crate::labels::churned;
use crate::leaks::{Leak, leaks};
use crate::moments::Moments;
use crate::recipe::{ChurnBy, Recipe};
use crate::samples::{Samples, Split};
pub(super) use upsell::OfferState;
use upsell::train_upsell;

mod upsell;

/// Training rows beyond this many gain models little and cost them much.
const MOST_TRAINING_ROWS: usize = 200_000;
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
/// # Errors
/// [`TrainError`] if there is too little history or nothing to learn.
pub fn train_project(run: &ProjectRun<'_>, task: Task) -> Result<Trained, TrainError> {
    match task {
        Task::Churn => train_churn(run),
        Task::Upsell => train_upsell(run),
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
        Task::Uplift => train_contacts(run),
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
    Train,
    Tune,
    Test,
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

    pub(super) fn churn_definition(&self) -> ChurnDefinition {
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
        let train = moments
            .train
            .iter()
            .enumerate()
            .map(|(place, &moment)| (moment, Role::Train, self.customers(of_one_moment, place)));
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
        let maker = SnapshotMaker::new(plan, self.timelines);
        let pieces: Vec<Snapshots<T>> = customers
            .par_chunks(2_048)
            .map_init(
                || maker.clone(),
                |maker, chunk| {
                    let mut made = Snapshots { answers: Vec::new(), rows: Vec::new() };
                    for &customer in chunk {
                        let history = self.timelines.timeline(customer).before(moment);
                        if !history.exists() {
                            continue;
                        }
                        if let Some(answer) = each(customer) {
                            let from = made.rows.len();
                            made.rows.resize(from + plan.width(), 0.0);
                            maker.fill(&history, &mut made.rows[from..]);
                            made.answers.push(answer);
                        }
                    }
                    made
                },
            )
            .collect();
        let mut all = Snapshots { answers: Vec::new(), rows: Vec::new() };
        for piece in pieces {
            all.answers.extend(piece.answers);
            all.rows.extend(piece.rows);
        }
        all
    }
}

impl Role {
    /// The part of a split that rows of this role belong to.
    fn part(self, split: &mut Split) -> &mut Vec<usize> {
        match self {
            Self::Train => &mut split.train,
            Self::Tune => &mut split.tune,
            Self::Test => &mut split.test,
        }
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
        role.part(&mut split).extend(samples.len()..samples.len() + made.answers.len());
        samples.labels.extend(made.answers);
    }
    let seed = run.recipe.training.seed;
    let left_out = leave_out_leaks(&mut samples, &split.train, &run.recipe.training.keep);
    let judging = run.judging(Task::Churn);
    let (champion, mut figures, curves) = compete(Task::Churn, &samples, &split, Effort::Standard, judging)?;
    figures.left_out = left_out;
    figures.importance = importance(&champion, &samples, &split.test, seed)?;
    let rows = samples.len();
    let model = ChurnModel { plan: samples.plan, classifier: champion, definition, horizon_days: churn.horizon_days };
    Ok(Trained { curves: Some(curves), ..Trained::new(Model::Churn(model), figures, Some(run.as_of), rows, seed) })
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

/// Features by the increase in log loss when each is shuffled, most important first.
pub(super) fn importance(
    champion: &Classifier,
    samples: &Samples,
    places: &[usize],
    seed: u64,
) -> Result<Vec<Importance>, MetricError> {
    let part = samples.part(places);
    let predict = |row: &[f64]| champion.probability(row).get();
    let rows = part.training_rows().rows;
    let increases = permutation_importance(rows, samples.plan.width(), &part.labels, predict, seed, 1)?;
    let mut importance: Vec<Importance> = samples
        .plan
        .features
        .iter()
        .zip(increases)
        .map(|(feature, log_loss_increase)| Importance {
            feature: feature.name.clone(),
            label: feature.label.clone(),
            log_loss_increase,
        })
        .collect();
    importance.sort_by(|one, other| other.log_loss_increase.total_cmp(&one.log_loss_increase));
    importance.truncate(20);
    Ok(importance)
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
