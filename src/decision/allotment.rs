//! One list of contacts for all customers: what each may be offered, and what the budget and the capacities leave.

use super::action::Action;
use super::budget::{Offer, Plan, Problem};
use super::contact_rules::contacted;
use super::names;
use super::policy::CompiledPolicy;
use super::weighing::Weighing;

/// A limit on the whole list.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// What it is about: `budget`, or the name of a channel, an action or a group.
    pub name: String,
    /// Money, or contacts.
    pub limit: f64,
    /// What one contact by each action of the policy uses, (actions,).
    uses: Vec<f64>,
}

impl Constraint {
    /// At most so much money for all contacts.
    #[must_use]
    pub fn budget(policy: &CompiledPolicy, money: f64) -> Self {
        let uses = policy.actions.iter().map(|action| action.cost).collect();
        Self { name: "budget".to_owned(), limit: money, uses }
    }

    /// At most so many contacts by a channel, an action or a group, whichever has the name first.
    ///
    /// # Errors
    /// What was found, and the closest name, if nothing has it.
    pub fn capacity(policy: &CompiledPolicy, name: &str, contacts: f64) -> Result<Self, String> {
        let kinds: [fn(&Action) -> Option<&str>; 3] =
            [|action| Some(&action.channel), |action| Some(&action.id), |action| action.group.as_deref()];
        for kind in kinds {
            let uses = |action: &Action| f64::from(u8::from(kind(action) == Some(name)));
            let uses: Vec<f64> = policy.actions.iter().map(uses).collect();
            if uses.contains(&1.0) {
                return Ok(Self { name: name.to_owned(), limit: contacts, uses });
            }
        }
        let known = policy.actions.iter().flat_map(|action| kinds.into_iter().filter_map(move |kind| kind(action)));
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        known.dedup();
        Err(format!("the policy has no channel, action or group `{name}`; {}", names::advice(name, known)))
    }
}

/// What one customer may be offered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offers {
    offers: Vec<Offer>,
    most: u8,
}

impl Offers {
    /// The actions that pay for a customer, of which at most `most` can be taken together: of different goals, as
    /// effects on one goal do not add up, and within every contact limit.
    #[must_use]
    pub fn of(weighing: &Weighing<'_>, most: u8) -> Self {
        let policy = weighing.policy;
        let actions: Vec<(usize, f64)> = weighing.open().collect();
        if most == 1 {
            let offer = |(place, gain): (usize, f64)| Offer { action: place as u16, gain, excludes: 0 };
            return Self { offers: actions.into_iter().map(offer).collect(), most };
        }
        let subject = weighing.facts.subject;
        let contacted = contacted(policy, subject.dealings);
        let mut keys = Vec::new();
        let offer = |(place, gain): (usize, f64)| {
            let action = &policy.actions[place];
            let mut excludes = bit(&mut keys, None, action.goal.name());
            for (rule, limit) in policy.limits.iter().enumerate().filter(|(_, limit)| limit.scope.covers(action)) {
                if limit.left(action, &contacted, subject.scorecard.moment) < u32::from(most) {
                    let key = limit.scope.per.key(action).expect("covered, so it has a key");
                    excludes |= bit(&mut keys, Some(rule), key);
                }
            }
            Offer { action: place as u16, gain, excludes }
        };
        Self { offers: actions.into_iter().map(offer).collect(), most }
    }
}

/// The bit of what one limit counts together, or of one goal. Where a limit leaves fewer contacts than could be made,
/// it is taken to leave one: that forbids more than it must, and never less, as does sharing the last bit.
fn bit<'a>(keys: &mut Vec<(Option<usize>, &'a str)>, rule: Option<usize>, key: &'a str) -> u64 {
    let place = keys.iter().position(|known| *known == (rule, key)).unwrap_or_else(|| {
        keys.push((rule, key));
        keys.len() - 1
    });
    1 << place.min(63)
}

/// The actions of every customer, and what the list as a whole gains.
#[derive(Debug, Clone, PartialEq)]
pub struct Allotment {
    /// Places in the policy of each customer's actions, (customers,).
    pub places: Vec<Vec<usize>>,
    /// How good the list is, and what each limit costs.
    pub plan: Plan,
}

/// Chooses for all customers at once, in their order.
#[must_use]
pub fn allot(constraints: &[Constraint], customers: &[Offers]) -> Allotment {
    let actions = constraints.first().map_or(0, |constraint| constraint.uses.len());
    let consumption = (0..actions).flat_map(|action| constraints.iter().map(move |constraint| constraint.uses[action]));
    let mut problem =
        Problem::new(consumption.collect(), constraints.iter().map(|constraint| constraint.limit).collect());
    for customer in customers {
        problem.push_several(customer.offers.iter().copied(), customer.most);
    }
    let plan = problem.solve();
    let places = |customer: usize| {
        let taken = problem.options_of(customer).filter(|&option| plan.chosen[option]);
        taken.map(|option| problem.action_of(option)).collect()
    };
    Allotment { places: (0..customers.len()).map(places).collect(), plan }
}
