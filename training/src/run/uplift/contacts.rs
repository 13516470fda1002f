//! Uplift of a project: every action's contacts and controls, with what was known before and what happened after.

use std::collections::HashMap;

use rayon::prelude::*;
use tend_models::artifact::ChurnDefinition;
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::scorecard::EffectOutcome;
use tend_models::timeline::{Assignment, Timeline};

use super::trained;
use super::trial::{CANDIDATES, Judging, Trial};
use crate::fit::uplift::{Base, Learner};
use crate::labels::{churned, purchases_in};
use crate::recipe::UpliftOutcome;
use crate::run::{ProjectRun, TrainError, Trained};

/// More contacts and controls of one action than this are sampled down, by customer.
const MOST_ROWS: usize = 60_000;
/// What competes where several actions are learned at once: forests of all contacts would take minutes. One action
/// alone compares all.
const QUICK: [(Learner, Base); 4] = [
    (Learner::TwoModels, Base::Linear),
    (Learner::TwoGroups, Base::Linear),
    (Learner::DoublyRobust, Base::Linear),
    (Learner::Transformed, Base::Linear),
];

/// One customer who was up for an action, and the answer to what the action is meant to change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    pub(super) customer: usize,
    pub(super) assignment: Assignment,
    pub(super) outcome: f64,
}

/// Learns what each action with enough controls changes.
///
/// # Errors
/// [`TrainError`] if no action has enough, or nothing can be compared.
pub(in crate::run) fn train_contacts(run: &ProjectRun<'_>) -> Result<Trained, TrainError> {
    let uplift = &run.recipe.uplift;
    let plan = FeaturePlan::for_timelines(run.timelines, run.as_of);
    let (kinds, names) = (plan.kinds(), plan.names());
    let actions = tried_by_action(run);
    let has_enough = |tried: &[Tried]| {
        let controls = tried.iter().filter(|tried| tried.assignment.is_control).count();
        controls >= uplift.min_controls && tried.len() - controls >= uplift.min_controls
    };
    let (enough, thin): (Vec<_>, Vec<_>) = actions.into_iter().partition(|(_, tried)| has_enough(tried));
    if enough.is_empty() {
        return Err(TrainError::Data(format!(
            "found no action with {0} contacts and {0} controls whose {1} days after are over; mark the customers held back with `is_control` in the contacts table, or lower `min_controls` or `horizon_days` under [uplift] in tend.toml",
            uplift.min_controls, uplift.horizon_days
        )));
    }
    let mut left_out: Vec<String> = thin
        .iter()
        .map(|(code, tried)| {
            let name = &run.timelines.actions[*code];
            let controls = tried.iter().filter(|tried| tried.assignment.is_control).count();
            format!(
                "{name}: {} contacts and {controls} controls, fewer than {}",
                tried.len() - controls,
                uplift.min_controls
            )
        })
        .collect();
    let candidates = if enough.len() > 1 { &QUICK[..] } else { &CANDIDATES[..] };
    let mut judged = Vec::new();
    for (code, tried) in enough {
        let tried = thinned(tried);
        let name = run.timelines.actions[code].clone();
        let outcome = outcome_of(run, &name);
        let trial = Trial {
            values: snapshots(run, &plan, &tried),
            kinds: &kinds,
            names: &names,
            treated: tried.iter().map(|tried| !tried.assignment.is_control).collect(),
            outcomes: tried.iter().map(|tried| tried.outcome).collect(),
            customers: tried.iter().map(|tried| tried.customer).collect(),
            logged: logged(&tried),
            outcome,
            action: name,
        };
        let worth = worth(run, outcome);
        let (cost, seed) = (run.recipe.campaign.contact_cost, run.recipe.training.seed);
        match trial.judge(Judging { candidates, folds: uplift.folds, worth, cost, seed }) {
            Ok(found) => judged.push(found),
            Err(fault) => left_out.push(fault.to_string()),
        }
    }
    if judged.is_empty() {
        return Err(TrainError::Data(left_out.join("; ")));
    }
    let (days, seed) = (uplift.horizon_days, run.recipe.training.seed);
    let mut trained = trained(plan, judged, days, Some(run.as_of), seed);
    trained.figures.left_out = left_out;
    Ok(trained)
}

/// Money that one unit of an outcome is worth.
pub(super) fn worth(run: &ProjectRun<'_>, outcome: EffectOutcome) -> f64 {
    if outcome.is_probability() { run.recipe.campaign.customer_value } else { run.recipe.clv.margin.get() }
}

/// What an action is meant to change.
pub(super) fn outcome_of(run: &ProjectRun<'_>, action: &str) -> EffectOutcome {
    let uplift = &run.recipe.uplift;
    match uplift.outcomes.get(action).unwrap_or(&uplift.outcome) {
        UpliftOutcome::Retention => EffectOutcome::Retention,
        UpliftOutcome::Spend => EffectOutcome::Spend,
    }
}

/// Contacts and controls whose window is over, by the code of the action; each in the order of customers and time.
pub(super) fn tried_by_action(run: &ProjectRun<'_>) -> Vec<(usize, Vec<Tried>)> {
    let mut actions: Vec<(usize, Vec<Tried>)> =
        (0..run.timelines.actions.len()).map(|code| (code, Vec::new())).collect();
    let outcomes: Vec<EffectOutcome> = run.timelines.actions.iter().map(|name| outcome_of(run, name)).collect();
    let definition = run.churn_definition();
    let days = i64::from(run.recipe.uplift.horizon_days);
    for customer in 0..run.timelines.len() {
        let timeline = run.timelines.timeline(customer);
        for assignment in timeline.assignments(run.as_of) {
            let code = assignment.action as usize;
            if assignment.at.plus_days(days) <= run.as_of && timeline.before(assignment.at).exists() {
                let outcome = happened(run, timeline, assignment, (outcomes[code], definition));
                actions[code].1.push(Tried { customer, assignment, outcome });
            }
        }
    }
    actions.retain(|(_, tried)| !tried.is_empty());
    actions
}

fn happened(
    run: &ProjectRun<'_>,
    timeline: Timeline<'_>,
    assignment: Assignment,
    (outcome, definition): (EffectOutcome, ChurnDefinition),
) -> f64 {
    let until = assignment.at.plus_days(run.recipe.uplift.horizon_days.into());
    let window = timeline.between(assignment.at, until, run.as_of);
    if outcome.is_probability() { f64::from(!churned(definition, &window)) } else { purchases_in(&window).0 }
}

/// All rows of every k-th customer who was up for the action.
fn thinned(tried: Vec<Tried>) -> Vec<Tried> {
    let step = tried.len().div_ceil(MOST_ROWS).max(1);
    let mut places = HashMap::new();
    let place = |customer: usize, places: &mut HashMap<usize, usize>| {
        let next = places.len();
        *places.entry(customer).or_insert(next)
    };
    tried.into_iter().filter(|tried| place(tried.customer, &mut places).is_multiple_of(step)).collect()
}

/// The logged chances, if every row has one.
fn logged(tried: &[Tried]) -> Option<Vec<f64>> {
    let chance = |tried: &Tried| {
        let chance = f64::from(tried.assignment.probability);
        (chance > 0.0 && chance < 1.0).then_some(chance)
    };
    tried.iter().map(chance).collect()
}

/// What was known of each customer before the contact, (rows, features).
fn snapshots(run: &ProjectRun<'_>, plan: &FeaturePlan, tried: &[Tried]) -> Vec<f64> {
    let width = plan.width();
    let mut values = vec![0.0; tried.len() * width];
    let maker = SnapshotMaker::new(plan, run.timelines);
    let chunks = values.par_chunks_mut((2_048 * width).max(1)).zip(tried.par_chunks(2_048));
    chunks.for_each_init(
        || maker.clone(),
        |maker, (rows, tried)| {
            for (row, tried) in rows.chunks_exact_mut(width).zip(tried) {
                maker.fill(&run.timelines.timeline(tried.customer).before(tried.assignment.at), row);
            }
        },
    );
    values
}
