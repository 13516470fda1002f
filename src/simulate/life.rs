//! One customer's life day by day: purchases until a silent dropout, events, memberships and campaigns.

use rand::Rng;
use rand_distr::{Distribution, Exp1, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::quantities::DAY_SECONDS;

use super::calendar::{CONTACT_WORKS_DAYS, Calendar};
use super::contacts::{Contact, draw_contact};
use super::membership::{Membership, advance};
use super::person::Person;

/// Unresolved tickets count against a purchase for this many days.
pub(super) const TICKET_MEMORY_DAYS: i32 = 45;
/// Factor on the odds of dropping out for each unresolved ticket, at most two of them.
pub(super) const TICKET_DROPOUT_ODDS: f64 = 2.5;
/// Part of the tickets that stay unresolved.
pub(super) const UNRESOLVED: f64 = 0.4;

/// A day with an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    pub(super) day: i32,
    /// Second of the day.
    pub(super) second: u32,
    /// Probability of dropping out right after it.
    pub(super) dropout: f64,
}

/// Kinds of events, in the order of [`EVENT_NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Login,
    EmailOpen,
    SupportTicket,
    Nps,
}

/// Names of the kinds of events.
pub(super) const EVENT_NAMES: [&str; 4] = ["login", "email_open", "support_ticket", "nps"];
/// Names of the channels of events.
pub(super) const EVENT_CHANNELS: [&str; 5] = ["web", "app", "email", "phone", "chat"];

/// Something that happened other than a purchase; only customers who are alive cause events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) day: i32,
    /// Second of the day.
    pub(super) second: u32,
    pub(super) kind: EventKind,
    /// Position in [`EVENT_CHANNELS`].
    pub(super) channel: u8,
    /// 1 for a resolved ticket and 0 for an unresolved one; 0 to 10 for an NPS answer.
    pub(super) value: Option<u8>,
}

/// All that happened to one customer, each kind in the order of its days.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) purchases: Vec<Purchase>,
    pub(super) dropped_out: Option<i32>,
    pub(super) events: Vec<Event>,
    pub(super) contacts: Vec<Contact>,
    pub(super) memberships: Vec<Membership>,
}

/// Draws the life of `person` until the calendar ends.
pub(super) fn live(rng: &mut Xoshiro256PlusPlus, person: &Person, calendar: &Calendar) -> Life {
    let mut living = Living {
        person,
        calendar,
        next_campaign: calendar.next_campaign(person.joined + 1),
        last_purchase: person.joined,
        life: Life::default(),
    };
    living.record_purchase(rng, person.joined, 0.0);
    let last_day = calendar.days - 1;
    loop {
        let from = living.last_purchase + 1;
        let next = living.next_purchase(rng);
        let until = next.unwrap_or(last_day);
        living.draw_events(rng, from, until);
        advance(rng, person, &mut living.life.memberships, from, until, true);
        let Some(day) = next else { break };
        let dropout = living.dropout_after(day);
        living.record_purchase(rng, day, dropout);
        if rng.random_bool(dropout) {
            living.life.dropped_out = Some(day);
            advance(rng, person, &mut living.life.memberships, day + 1, last_day, false);
            while let Some(day) = living.next_campaign {
                living.hold_campaign(rng, day);
            }
            break;
        }
    }
    living.life
}

struct Living<'a> {
    person: &'a Person,
    calendar: &'a Calendar,
    next_campaign: Option<i32>,
    last_purchase: i32,
    life: Life,
}

impl Living<'_> {
    fn record_purchase(&mut self, rng: &mut Xoshiro256PlusPlus, day: i32, dropout: f64) {
        let second = daytime(rng);
        self.life.purchases.push(Purchase { day, second, dropout });
        self.last_purchase = day;
    }

    fn hold_campaign(&mut self, rng: &mut Xoshiro256PlusPlus, day: i32) {
        self.life.contacts.extend(draw_contact(rng, self.person, self.last_purchase, day));
        self.next_campaign = self.calendar.next_campaign(day + 1);
    }

    /// The day of the next purchase of a customer who is alive; holds the campaigns on the way.
    ///
    /// Each day sees a purchase with probability 1 - exp(-rate * season * contact effect), so the next one comes on
    /// the day in which the summed hazard passes a standard exponential draw.
    fn next_purchase(&mut self, rng: &mut Xoshiro256PlusPlus) -> Option<i32> {
        let mut left = rng.sample::<f64, _>(Exp1) / self.person.rate_per_day;
        let mut day = self.last_purchase + 1;
        while day < self.calendar.days {
            if self.next_campaign == Some(day) {
                self.hold_campaign(rng, day);
            }
            let (factor, until) = self.pace(day);
            let passing = factor * self.calendar.season(day, until);
            if left < passing {
                return Some(self.calendar.day_of_season(day, left / factor).min(until - 1));
            }
            left -= passing;
            day = until;
        }
        None
    }

    /// The factor of the last contact on the rate on `day`, and the first day on which it may be another.
    fn pace(&self, day: i32) -> (f64, i32) {
        let end = self.next_campaign.unwrap_or(self.calendar.days);
        match self.life.contacts.last() {
            Some(contact) if day <= contact.day => (1.0, end.min(contact.day + 1)),
            Some(contact) if contact.works_on(day) => {
                let factor = contact.effect(self.person).map_or(1.0, |effect| effect.rate);
                (factor, end.min(contact.day + 1 + CONTACT_WORKS_DAYS))
            }
            _ => (1.0, end),
        }
    }

    /// Probability of dropping out after a repeat purchase on `day`.
    fn dropout_after(&self, day: i32) -> f64 {
        let memory = day - TICKET_MEMORY_DAYS..day;
        let unresolved = self.life.events.iter().filter(|event| {
            event.kind == EventKind::SupportTicket && event.value == Some(0) && memory.contains(&event.day)
        });
        let tickets = unresolved.count().min(2) as i32;
        let contact = self.life.contacts.last().filter(|contact| contact.works_on(day));
        let contact = contact.and_then(|contact| contact.effect(self.person));
        let odds = self.person.dropout / (1.0 - self.person.dropout)
            * TICKET_DROPOUT_ODDS.powi(tickets)
            * contact.map_or(1.0, |effect| effect.dropout_odds);
        odds / (1.0 + odds)
    }

    fn draw_events(&mut self, rng: &mut Xoshiro256PlusPlus, from: i32, until: i32) {
        let expected = self.person.events.total() * f64::from(until - from + 1);
        if expected <= 0.0 {
            return;
        }
        let count = Poisson::new(expected).expect("events are finite in number").sample(rng) as usize;
        let first = self.life.events.len();
        for _ in 0..count {
            let event = self.draw_event(rng, from, until);
            self.life.events.push(event);
        }
        self.life.events[first..].sort_unstable_by_key(|event| (event.day, event.second));
    }

    fn draw_event(&self, rng: &mut Xoshiro256PlusPlus, from: i32, until: i32) -> Event {
        let rates = &self.person.events;
        let mut left = rng.random::<f64>() * rates.total();
        let mut falls_in = |rate: f64| {
            left -= rate;
            left < 0.0
        };
        let kind = if falls_in(rates.login) {
            EventKind::Login
        } else if falls_in(rates.email_open) {
            EventKind::EmailOpen
        } else if falls_in(rates.support_ticket) {
            EventKind::SupportTicket
        } else {
            EventKind::Nps
        };
        let (channel, value) = match kind {
            EventKind::Login => (rng.random_range(0..2), None),
            EventKind::EmailOpen => (2, None),
            EventKind::SupportTicket => (rng.random_range(2..5), Some(u8::from(!rng.random_bool(UNRESOLVED)))),
            EventKind::Nps => (2, Some(self.nps_answer(rng))),
        };
        Event { day: rng.random_range(from..=until), second: daytime(rng), kind, channel, value }
    }

    fn nps_answer(&self, rng: &mut Xoshiro256PlusPlus) -> u8 {
        let mood: f64 = rng.sample(StandardNormal);
        (9.4 - 14.0 * self.person.dropout + 1.4 * mood).round().clamp(0.0, 10.0) as u8
    }
}

/// A second of the day between 06:00 and 23:00, most often in the afternoon.
fn daytime(rng: &mut Xoshiro256PlusPlus) -> u32 {
    const OPEN: std::ops::Range<f64> = 0.25..23.0 / 24.0;
    let middle = 0.5 * (rng.random::<f64>() + rng.random::<f64>());
    ((OPEN.start + middle * (OPEN.end - OPEN.start)) * DAY_SECONDS as f64) as u32
}
