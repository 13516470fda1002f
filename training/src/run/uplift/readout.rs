//! The read-out of campaigns: treated against controls, by action and by stage of the customers.

use std::collections::BTreeMap;

use serde::Serialize;
use tend_models::quantities::Moment;
use tend_models::scorecard::EffectOutcome;

use super::contacts::{outcome_of, tried_by_action, worth};
use crate::evaluate::{Arm, Readout};
use crate::run::ProjectRun;

/// What one action changed for the customers of one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionReadout {
    /// The action.
    pub action: String,
    /// The stage of the customers before the contact; `all` for all of them.
    pub stage: String,
    /// What the action is meant to change.
    pub outcome: EffectOutcome,
    /// Money that one contact costs.
    pub cost: f64,
    /// Money that one unit of the outcome is worth.
    pub worth: f64,
    /// Treated against controls.
    #[serde(flatten)]
    pub readout: Readout,
}

/// The stage that stands for all customers.
const ALL: &str = "all";

/// Reads out every action: all customers first, then each stage that has treated and controls, by name.
///
/// Where every contact and control has its logged chance of a contact, each counts by the inverse of the chance to be in
/// its group, so that customers who are contacted more often do not look like an effect; without, all count alike.
/// `stage_of` names the stage of a customer, by position in the timelines, as known before a moment; `cost_of` says what a
/// contact by an action costs. Money is the difference x its worth - the cost, for every contact; the recipe's campaign
/// has the worth, and the cost of actions that `cost_of` does not know.
#[must_use]
pub fn readouts(
    run: &ProjectRun<'_>,
    stage_of: &mut dyn FnMut(usize, Moment) -> String,
    cost_of: &dyn Fn(&str) -> Option<f64>,
) -> Vec<ActionReadout> {
    let mut found = Vec::new();
    for (code, tried) in tried_by_action(run) {
        let action = &run.timelines.actions[code];
        let mut by_stage = BTreeMap::<String, [Arm; 2]>::new();
        let chances_are_logged =
            tried.iter().all(|one| one.assignment.probability > 0.0 && one.assignment.probability < 1.0);
        for one in &tried {
            let chance = f64::from(one.assignment.probability);
            let weight = match (chances_are_logged, one.assignment.is_control) {
                (false, _) => 1.0,
                (true, false) => 1.0 / chance,
                (true, true) => 1.0 / (1.0 - chance),
            };
            let own = stage_of(one.customer, one.assignment.at);
            for stage in [ALL.to_owned(), own] {
                let arms = by_stage.entry(stage).or_default();
                arms[usize::from(one.assignment.is_control)].add(one.outcome, weight);
            }
        }
        let outcome = outcome_of(run, action);
        let (worth, cost) = (worth(run, outcome), cost_of(action).unwrap_or(run.recipe.campaign.contact_cost));
        let all = by_stage.remove(ALL).map(|arms| (ALL.to_owned(), arms));
        for (stage, [treated, control]) in all.into_iter().chain(by_stage) {
            if let Some(readout) = Readout::of(treated, control, worth, cost) {
                found.push(ActionReadout { action: action.clone(), stage, outcome, cost, worth, readout });
            }
        }
    }
    found
}
