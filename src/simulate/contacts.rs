//! Who is contacted in a campaign, at random with known probabilities, and how much longer the season feels for it.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::calendar::{CONTACT_WORKS_DAYS, Calendar, season_under_contact};
use super::catalogue::{ACTIONS, Effect};
use super::person::Person;

/// Part of the eligible customers selected in each campaign.
pub(super) const SELECTED: f64 = 0.42;
/// Customers are eligible up to this many days after their last purchase.
pub(super) const ELIGIBLE_DAYS: i32 = 365;
/// Customers silent for longer are contacted rather than kept as control more often.
pub(super) const SILENT_DAYS: i32 = 90;
/// Probability that a selected customer is contacted: usually, and after [`SILENT_DAYS`].
pub(super) const CONTACTED: [f64; 2] = [0.7, 0.8];

/// A customer selected in a campaign, contacted or kept as control.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contact {
    pub(super) day: i32,
    /// Position in [`ACTIONS`].
    pub(super) action: usize,
    pub(super) is_control: bool,
    /// Probability of not being control.
    pub(super) probability: f64,
    /// Second of the day.
    pub(super) second: u32,
}

impl Contact {
    /// What the contact does to `person`, if it was made.
    pub(super) fn effect(&self, person: &Person) -> Option<Effect> {
        (!self.is_control).then(|| ACTIONS[self.action].effects[usize::from(person.kind)])
    }

    /// Whether the contact works on `day`.
    pub(super) fn works_on(&self, day: i32) -> bool {
        (self.day + 1..=self.day + CONTACT_WORKS_DAYS).contains(&day)
    }
}

fn contacted_probability(last_purchase: i32, day: i32) -> f64 {
    CONTACTED[usize::from(day - last_purchase > SILENT_DAYS)]
}

/// Probability that `person` is contacted by each action in the campaign of `day`, given the last purchase before it.
pub(super) fn contact_chances(person: &Person, last_purchase: i32, day: i32) -> [f64; ACTIONS.len()] {
    std::array::from_fn(|index| {
        let action = &ACTIONS[index];
        if day - last_purchase > ELIGIBLE_DAYS || !person.may_contact(action.channel, day) {
            0.0
        } else {
            SELECTED * action.share * contacted_probability(last_purchase, day)
        }
    })
}

/// Draws whether and how `person` takes part in the campaign of `day`.
pub(super) fn draw_contact(
    rng: &mut Xoshiro256PlusPlus,
    person: &Person,
    last_purchase: i32,
    day: i32,
) -> Option<Contact> {
    if day - last_purchase > ELIGIBLE_DAYS || !rng.random_bool(SELECTED) {
        return None;
    }
    let mut left: f64 = rng.random();
    let chosen = ACTIONS.iter().position(|action| {
        left -= action.share;
        left < 0.0
    });
    let action = chosen.unwrap_or(ACTIONS.len() - 1);
    if !person.may_contact(ACTIONS[action].channel, day) {
        return None;
    }
    let probability = contacted_probability(last_purchase, day);
    let second = rng.random_range(9 * 3_600..18 * 3_600);
    Some(Contact { day, action, is_control: !rng.random_bool(probability), probability, second })
}

/// The season summed over the days from `from` to before `to`, each day multiplied by the effect of `contacts` on it.
pub(super) fn season_with_contacts<'a>(
    calendar: &Calendar,
    person: &Person,
    contacts: impl Iterator<Item = &'a Contact>,
    from: i32,
    to: i32,
) -> f64 {
    let extra: f64 = contacts
        .filter_map(|contact| {
            let effect = contact.effect(person)?;
            Some((effect.rate - 1.0) * season_under_contact(calendar, contact.day, from, to))
        })
        .sum();
    calendar.season(from, to) + extra
}
