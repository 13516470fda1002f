//! What nobody could know better: exact probabilities given a customer's true parameters and all that was seen of them.

use super::calendar::{Calendar, EFFECT_HORIZON_DAYS, season_under_contact};
use super::catalogue::ACTIONS;
use super::contacts::{contact_chances, season_with_contacts};
use super::life::Life;
use super::membership::log_likelihoods;
use super::person::Person;

/// Probability that the customer is alive at the start of day `moment`, given all that was seen before it.
///
/// Customers drop out only right after a repeat purchase. So one who never came back is alive, and so is one with a
/// sign of life (an event, a membership started or upgraded) after the last purchase. Otherwise Bayes: the odds of
/// having survived the last purchase, times how likely the silence since is for a customer who is alive
/// (exp(-summed hazards of purchases, events and memberships)) against one who has gone.
pub(super) fn probability_alive(person: &Person, life: &Life, calendar: &Calendar, moment: i32) -> f64 {
    let known = life.purchases.partition_point(|purchase| purchase.day < moment);
    let last = &life.purchases[known - 1];
    let since = last.day + 1..moment;
    let gives_a_sign = life.events.iter().any(|event| since.contains(&event.day))
        || life.memberships.iter().any(|membership| since.contains(&membership.start));
    if gives_a_sign || last.dropout == 0.0 {
        return 1.0;
    }
    let days = f64::from(moment - last.day - 1);
    let season = season_with_contacts(calendar, person, life.contacts.iter(), last.day + 1, moment);
    let (membership_alive, membership_gone) = log_likelihoods(person, &life.memberships, last.day, moment);
    let log_alive = membership_alive - person.rate_per_day * season - person.events.total() * days;
    let odds = (1.0 - last.dropout) / last.dropout * (log_alive - membership_gone).exp();
    odds / (1.0 + odds)
}

/// Probability that a customer who is alive at the start of day `moment` buys nothing in the `horizon` days from it.
///
/// Contacts made before the moment work on; those of campaigns within the horizon are averaged over their chances.
fn silence_if_alive(person: &Person, life: &Life, calendar: &Calendar, moment: i32, horizon: i32) -> f64 {
    let end = moment + horizon;
    let known = life.purchases.partition_point(|purchase| purchase.day < moment);
    let last_purchase = life.purchases[known - 1].day;
    let sent = life.contacts.iter().filter(|contact| contact.day < moment);
    let season = season_with_contacts(calendar, person, sent, moment, end);
    let mut silence = (-person.rate_per_day * season).exp();
    let mut campaign = calendar.next_campaign(moment);
    while let Some(day) = campaign.filter(|&day| day < end) {
        let hazard = person.rate_per_day * season_under_contact(calendar, day, moment, end);
        let chances = contact_chances(person, last_purchase, day);
        let change: f64 = ACTIONS
            .iter()
            .zip(chances)
            .map(|(action, chance)| {
                let effect = action.effects[usize::from(person.kind)];
                chance * (-hazard * (effect.rate - 1.0)).exp_m1()
            })
            .sum();
        silence *= 1.0 + change;
        campaign = calendar.next_campaign(day + 1);
    }
    silence
}

/// Probability of no purchase in the `horizon` days from the start of day `moment`, given all that was seen before it.
///
/// 1 - P(alive) * (1 - P(silence if alive)). The customer must have joined before `moment`.
pub(super) fn churn_probability(person: &Person, life: &Life, calendar: &Calendar, moment: i32, horizon: i32) -> f64 {
    let alive = probability_alive(person, life, calendar, moment);
    1.0 - alive * (1.0 - silence_if_alive(person, life, calendar, moment, horizon))
}

/// Change in the probability of a purchase within [`EFFECT_HORIZON_DAYS`] by each action taken the day the records end.
///
/// Averaged over being alive or not as [`probability_alive`] has it; no further campaign is assumed.
pub(super) fn contact_effects(person: &Person, life: &Life, calendar: &Calendar) -> [f64; ACTIONS.len()] {
    let moment = calendar.days;
    let end = moment + EFFECT_HORIZON_DAYS;
    let alive = probability_alive(person, life, calendar, moment);
    let season = season_with_contacts(calendar, person, life.contacts.iter(), moment, end);
    let silence = (-person.rate_per_day * season).exp();
    let hazard = person.rate_per_day * season_under_contact(calendar, moment, moment, end);
    std::array::from_fn(|action| {
        let effect = ACTIONS[action].effects[usize::from(person.kind)];
        -alive * silence * (-hazard * (effect.rate - 1.0)).exp_m1()
    })
}

/// Whether no purchase fell into the `horizon` days from the start of day `moment`.
pub(super) fn has_churned(life: &Life, moment: i32, horizon: i32) -> bool {
    let until = |day: i32| life.purchases.partition_point(|purchase| purchase.day < day);
    until(moment) == until(moment + horizon)
}
