//! One customer: what the company can see of them and the true parameters that drive them.

use rand::Rng;
use rand_distr::{Beta, Distribution, Gamma, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::attributes::{
    ACQUISITION, ACQUISITION_COST, AGE_YEARS, AGES, COUNTRIES, DEVICES, HOUSEHOLDS, MISSING, NEWSLETTER, choose,
    relative,
};
use super::catalogue::{CATEGORIES, Channel};

/// Mean purchase rate per day across customers, at mean season.
pub(super) const MEAN_RATE_PER_DAY: f64 = 0.021;
/// Shape of the Gamma distribution of rates around the mean of the customer's attributes.
pub(super) const RATE_SHAPE: f64 = 80.0;
/// Mean probability of dropping out after a repeat purchase.
pub(super) const MEAN_DROPOUT: f64 = 0.045;
/// Sum of the two Beta parameters around the mean of the customer's attributes.
pub(super) const DROPOUT_CONCENTRATION: f64 = 300.0;
/// Mean order value across customers.
pub(super) const MEAN_ORDER_VALUE: f64 = 42.0;
/// Gamma-Gamma shape of order values around the customer's mean.
pub(super) const SPEND_P: f64 = 6.0;
/// Gamma-Gamma shape of the customers' means.
pub(super) const SPEND_Q: f64 = 4.0;
/// Days that an average customer spends alive in the default company; turns events per customer into events per day.
const MEAN_DAYS_ALIVE: f64 = 610.0;

/// Consent to one channel: given or not when joining, perhaps withdrawn later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent {
    pub(super) granted: bool,
    /// Day of withdrawal, if granted and withdrawn.
    pub(super) withdrawn: Option<i32>,
}

impl Consent {
    /// Whether the channel may be used on `day`.
    pub(super) fn allows(&self, day: i32) -> bool {
        self.granted && self.withdrawn.is_none_or(|withdrawn| day < withdrawn)
    }
}

/// Events per day while alive, by kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventRates {
    pub(super) login: f64,
    pub(super) email_open: f64,
    pub(super) support_ticket: f64,
    pub(super) nps: f64,
}

impl EventRates {
    /// Events of any kind per day while alive.
    pub(super) fn total(&self) -> f64 {
        self.login + self.email_open + self.support_ticket + self.nps
    }
}

/// Hazards per day of changes in membership.
#[derive(Debug, Clone, Copy)]
pub(super) struct MembershipHazards {
    pub(super) start: f64,
    pub(super) upgrade: f64,
    pub(super) end_alive: f64,
    pub(super) end_dropped_out: f64,
    /// Probability that a start is the family membership at once.
    pub(super) family: f64,
}

/// A customer's attributes and true parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    /// Day of joining and of the first purchase.
    pub(super) joined: i32,
    /// As recorded, in [`ACQUISITION`]; the others likewise, [`MISSING`] if not recorded.
    pub(super) acquisition: u8,
    pub(super) country: u8,
    pub(super) household: u8,
    pub(super) device: u8,
    /// NaN if not recorded.
    pub(super) birth_year: f64,
    /// NaN if not recorded.
    pub(super) acquisition_cost: f64,
    pub(super) is_newsletter: bool,
    /// Position in [`super::catalogue::KINDS`].
    pub(super) kind: u8,
    pub(super) rate_per_day: f64,
    pub(super) dropout: f64,
    pub(super) order_value: f64,
    /// Cumulative probability of each category.
    pub(super) affinity: [f64; CATEGORIES.len()],
    pub(super) events: EventRates,
    pub(super) membership: MembershipHazards,
    /// In the order of [`Channel`].
    pub(super) consents: [Consent; 2],
}

impl Person {
    /// Draws a customer who joins on day `joined` of `days`, with events scaled to `events_per_customer` on average.
    pub(super) fn draw(rng: &mut Xoshiro256PlusPlus, joined: i32, days: i32, events_per_customer: f64) -> Self {
        let acquisition = choose(rng, &ACQUISITION);
        let country = choose(rng, &COUNTRIES);
        let household = choose(rng, &HOUSEHOLDS);
        let age = choose(rng, &AGES);
        let is_newsletter = choose(rng, &NEWSLETTER) == 1;
        let levels = [
            (&ACQUISITION[..], acquisition),
            (&COUNTRIES[..], country),
            (&HOUSEHOLDS[..], household),
            (&AGES[..], age),
            (&NEWSLETTER[..], usize::from(is_newsletter)),
        ];
        let relative_rate = relative(&levels, |level| level.rate);
        let rate_per_day = MEAN_RATE_PER_DAY * relative_rate * gamma(rng, RATE_SHAPE, 1.0 / RATE_SHAPE).max(1e-4);
        let mean_dropout = (MEAN_DROPOUT * relative(&levels, |level| level.dropout)).min(0.5);
        let order_value =
            MEAN_ORDER_VALUE * relative(&levels, |level| level.spend) * (SPEND_Q - 1.0) / gamma(rng, SPEND_Q, 1.0);
        let consents = [
            draw_consent(rng, if is_newsletter { 1.0 } else { 0.6 }, joined, days),
            draw_consent(rng, 0.6, joined, days),
        ];
        let (first_age, last_age) = AGE_YEARS[age];
        let device = rng.random_range(0..DEVICES.len());
        Self {
            joined,
            acquisition: unless_missing(rng, acquisition, 0.02),
            country: unless_missing(rng, country, 0.01),
            household: unless_missing(rng, household, 0.03),
            device: unless_missing(rng, device, 0.02),
            birth_year: nan_sometimes(rng, 0.03, |rng| f64::from(2023 - rng.random_range(first_age..=last_age))),
            acquisition_cost: nan_sometimes(rng, 0.04, |rng| {
                (ACQUISITION_COST[acquisition] * gamma(rng, 8.0, 0.125) * 100.0).round() / 100.0
            }),
            is_newsletter,
            kind: draw_kind(rng, age, is_newsletter),
            rate_per_day,
            dropout: draw_dropout(rng, mean_dropout),
            order_value,
            affinity: draw_affinity(rng, household, age),
            events: draw_event_rates(rng, &consents, acquisition, rate_per_day, events_per_customer),
            membership: draw_membership(rng, household, is_newsletter),
            consents,
        }
    }

    /// Whether the customer may be contacted by `channel` on `day`.
    pub(super) fn may_contact(&self, channel: Channel, day: i32) -> bool {
        self.consents[channel as usize].allows(day)
    }
}

/// Draws from a Gamma distribution; `shape` and `scale` must be above 0.
pub(super) fn gamma(rng: &mut Xoshiro256PlusPlus, shape: f64, scale: f64) -> f64 {
    Gamma::new(shape, scale).expect("shape and scale are above 0").sample(rng)
}

fn unless_missing(rng: &mut Xoshiro256PlusPlus, value: usize, missing: f64) -> u8 {
    if rng.random_bool(missing) { MISSING } else { value as u8 }
}

fn nan_sometimes(
    rng: &mut Xoshiro256PlusPlus,
    missing: f64,
    value: impl FnOnce(&mut Xoshiro256PlusPlus) -> f64,
) -> f64 {
    let value = value(rng);
    if rng.random_bool(missing) { f64::NAN } else { value }
}

fn draw_consent(rng: &mut Xoshiro256PlusPlus, granted: f64, joined: i32, days: i32) -> Consent {
    let granted = rng.random_bool(granted);
    let withdrawn = (granted && rng.random_bool(0.04) && joined + 1 < days).then(|| rng.random_range(joined + 1..days));
    Consent { granted, withdrawn }
}

fn draw_kind(rng: &mut Xoshiro256PlusPlus, age: usize, is_newsletter: bool) -> u8 {
    let reads = usize::from(is_newsletter);
    let weights = [[0.5, 1.7][reads] * [1.5, 1.2, 0.7, 0.4][age], 1.0, [0.55, 0.18][reads] * [0.4, 0.7, 1.3, 2.0][age]];
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (kind, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return kind as u8;
        }
    }
    1
}

fn draw_dropout(rng: &mut Xoshiro256PlusPlus, mean: f64) -> f64 {
    let beta = Beta::new(mean * DROPOUT_CONCENTRATION, (1.0 - mean) * DROPOUT_CONCENTRATION);
    beta.expect("the mean lies between 0 and 1").sample(rng).clamp(1e-9, 0.95)
}

fn draw_affinity(rng: &mut Xoshiro256PlusPlus, household: usize, age: usize) -> [f64; CATEGORIES.len()] {
    let weights = [
        1.0,
        [0.5, 0.9, 0.8][household],
        [0.15, 0.5, 0.8][household] * [0.5, 0.9, 1.4, 1.8][age],
        [0.1, 0.15, 2.2][household],
        0.7 * [0.7, 0.8, 1.1, 1.6][age],
        0.6 * [1.5, 1.1, 0.8, 0.6][age],
    ];
    let mut cumulative = [0.0; CATEGORIES.len()];
    let mut total = 0.0;
    for (sum, weight) in cumulative.iter_mut().zip(weights) {
        // The floor keeps every category possible for everyone.
        total += gamma(rng, weight, 1.0) + 0.02;
        *sum = total;
    }
    cumulative.map(|sum| sum / total)
}

fn draw_event_rates(
    rng: &mut Xoshiro256PlusPlus,
    consents: &[Consent; 2],
    acquisition: usize,
    rate_per_day: f64,
    events_per_customer: f64,
) -> EventRates {
    let per_day = events_per_customer / MEAN_DAYS_ALIVE;
    // Eager buyers look around more, though not in proportion.
    let eagerness = (rate_per_day / MEAN_RATE_PER_DAY).sqrt().min(3.0);
    let opens = if consents[Channel::Email as usize].granted { gamma(rng, 1.5, 1.0 / 1.5) } else { 0.0 };
    EventRates {
        login: per_day * 0.6 * eagerness * gamma(rng, 2.0, 0.5),
        email_open: per_day * 0.45 * opens,
        support_ticket: per_day * 0.09 * [0.9, 1.2, 0.6, 1.5, 0.8][acquisition],
        nps: per_day * 0.05,
    }
}

fn draw_membership(rng: &mut Xoshiro256PlusPlus, household: usize, is_newsletter: bool) -> MembershipHazards {
    let appeal = [0.6, 1.0, 1.7][household] * if is_newsletter { 1.5 } else { 0.7 };
    let noise: f64 = rng.sample(StandardNormal);
    MembershipHazards {
        start: 0.00065 * appeal * (0.4 * noise).exp(),
        upgrade: [0.0003, 0.0005, 0.0012][household],
        end_alive: 0.0012 / appeal.sqrt(),
        end_dropped_out: 0.009,
        family: [0.05, 0.15, 0.45][household],
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn attributes_shift_the_mean_without_moving_it() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let people: Vec<Person> = (0..40_000).map(|_| Person::draw(&mut rng, 0, 1095, 12.0)).collect();
        let count = people.len() as f64;
        let rate = people.iter().map(|person| person.rate_per_day).sum::<f64>() / count;
        assert!((rate / MEAN_RATE_PER_DAY - 1.0).abs() < 0.03, "{rate}");
        let order_value = people.iter().map(|person| person.order_value).sum::<f64>() / count;
        assert!((order_value / MEAN_ORDER_VALUE - 1.0).abs() < 0.03, "{order_value}");
        let newsletter = people.iter().filter(|person| person.is_newsletter).count() as f64 / count;
        assert!((newsletter - 0.45).abs() < 0.01, "{newsletter}");
    }

    #[test]
    fn withdrawn_consent_ends_contact_on_that_day() {
        let consent = Consent { granted: true, withdrawn: Some(10) };
        assert!(consent.allows(9) && !consent.allows(10));
    }
}
