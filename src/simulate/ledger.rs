//! Compact rows of everything that happened, before they become columns.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::quantities::DAY_SECONDS;

use super::calendar::{CONTACT_WORKS_DAYS, Calendar};
use super::catalogue::{ACTIONS, CATEGORIES, PRODUCTS_PER_CATEGORY, Product};
use super::life::{Life, live};
use super::membership::Membership;
use super::person::{Person, SPEND_P, gamma};
use super::truth::{churn_probability, contact_effects, has_churned};

/// Part of the lines that are returned.
pub(super) const RETURNED: f64 = 0.02;
/// Probability of one, two and three lines in an order.
const LINES: [f64; 3] = [0.55, 0.3, 0.15];

/// One line of an order, or its return; rows sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    /// Seconds since day 0.
    pub(super) time: u32,
    pub(super) customer: u32,
    /// The customer's how-manieth order, from 0.
    pub(super) order: u16,
    pub(super) product: u8,
    /// Negative if returned.
    pub(super) quantity: i8,
    pub(super) amount_cents: i32,
    pub(super) margin_cents: i32,
}

/// One event; rows sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventRow {
    /// Seconds since day 0.
    pub(super) time: u32,
    pub(super) customer: u32,
    pub(super) kind: u8,
    pub(super) channel: u8,
    pub(super) value: Option<u8>,
}

/// One contact or control and what came of it; rows sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ContactRow {
    /// Seconds since day 0.
    pub(super) time: u32,
    pub(super) customer: u32,
    pub(super) action: u8,
    pub(super) is_control: bool,
    pub(super) probability_percent: u8,
    pub(super) is_taken: bool,
    /// Seconds since day 0: the first purchase while the contact works, or the end of that time.
    pub(super) outcome_time: u32,
    /// Value of that purchase, or 0.
    pub(super) outcome_cents: i32,
}

/// The truth about one customer at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChurnRow {
    pub(super) customer: u32,
    /// Position in the list of moments.
    pub(super) moment: u16,
    pub(super) probability: f64,
    pub(super) churned: bool,
}

/// One customer and how they ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct CustomerRow {
    pub(super) person: Person,
    /// Seconds since day 0.
    pub(super) created: u32,
    pub(super) dropped_out: Option<i32>,
    /// By action.
    pub(super) effects: [f64; ACTIONS.len()],
}

/// What all customers have in common.
pub(super) struct World {
    pub(super) calendar: Calendar,
    pub(super) products: Vec<Product>,
    /// Day and horizon in days.
    pub(super) moments: Vec<(i32, i32)>,
    pub(super) events_per_customer: f64,
}

/// The rows of some customers.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) customers: Vec<CustomerRow>,
    pub(super) lines: Vec<Line>,
    pub(super) events: Vec<EventRow>,
    pub(super) contacts: Vec<ContactRow>,
    pub(super) memberships: Vec<(u32, Membership)>,
    pub(super) churn: Vec<ChurnRow>,
}

impl Ledger {
    /// Draws the life of customer number `customer`, who joins on day `joined`, and writes it down.
    pub(super) fn record(&mut self, rng: &mut Xoshiro256PlusPlus, world: &World, customer: u32, joined: i32) {
        let calendar = &world.calendar;
        let person = Person::draw(rng, joined, calendar.days, world.events_per_customer);
        let life = live(rng, &person, calendar);
        let order_cents = self.record_orders(rng, world, customer, &person, &life);
        self.record_contacts(customer, &life, &order_cents);
        self.events.extend(life.events.iter().map(|event| EventRow {
            time: seconds(event.day, event.second),
            customer,
            kind: event.kind as u8,
            channel: event.channel,
            value: event.value,
        }));
        let memberships = life.memberships.iter().flat_map(|membership| membership.at_one_price());
        self.memberships.extend(memberships.map(|membership| (customer, membership)));
        for (index, &(moment, horizon)) in world.moments.iter().enumerate() {
            if joined < moment {
                self.churn.push(ChurnRow {
                    customer,
                    moment: index as u16,
                    probability: churn_probability(&person, &life, calendar, moment, horizon),
                    churned: has_churned(&life, moment, horizon),
                });
            }
        }
        let first = &life.purchases[0];
        self.customers.push(CustomerRow {
            person,
            created: seconds(first.day, first.second - rng.random_range(60..1_800)),
            dropped_out: life.dropped_out,
            effects: contact_effects(&person, &life, calendar),
        });
    }

    /// Fills the baskets; returns the value of each order in cents.
    fn record_orders(
        &mut self,
        rng: &mut Xoshiro256PlusPlus,
        world: &World,
        customer: u32,
        person: &Person,
        life: &Life,
    ) -> Vec<i32> {
        let end = seconds(world.calendar.days, 0);
        let mut order_cents = Vec::with_capacity(life.purchases.len());
        for (order, purchase) in life.purchases.iter().enumerate() {
            let first = self.lines.len();
            let template = Line {
                time: seconds(purchase.day, purchase.second),
                customer,
                order: order as u16,
                product: 0,
                quantity: 1,
                amount_cents: 0,
                margin_cents: 0,
            };
            self.fill_basket(rng, person, template);
            let total = person.order_value * gamma(rng, SPEND_P, 1.0 / SPEND_P);
            price_basket(&mut self.lines[first..], &world.products, total);
            order_cents.push(self.lines[first..].iter().map(|line| line.amount_cents).sum());
            for index in first..self.lines.len() {
                if rng.random_bool(RETURNED) {
                    let line = self.lines[index];
                    let time = line.time + rng.random_range(2 * DAY_SECONDS as u32..25 * DAY_SECONDS as u32);
                    if time < end {
                        self.lines.push(Line {
                            time,
                            quantity: -line.quantity,
                            amount_cents: -line.amount_cents,
                            margin_cents: -line.margin_cents,
                            ..line
                        });
                    }
                }
            }
        }
        order_cents
    }

    /// Adds one to three lines with different products to the order that `template` describes.
    fn fill_basket(&mut self, rng: &mut Xoshiro256PlusPlus, person: &Person, template: Line) {
        let first = self.lines.len();
        let lines = 1 + pick(rng, &LINES);
        for _ in 0..lines {
            let draw: f64 = rng.random();
            let category = person.affinity.iter().position(|&sum| draw < sum).unwrap_or(CATEGORIES.len() - 1);
            let product = (category * PRODUCTS_PER_CATEGORY + pick(rng, &[0.4, 0.3, 0.2, 0.1])) as u8;
            let quantity = 1 + pick(rng, &[0.85, 0.12, 0.03]) as i8;
            if self.lines[first..].iter().all(|line| line.product != product) {
                self.lines.push(Line { product, quantity, ..template });
            }
        }
    }

    fn record_contacts(&mut self, customer: u32, life: &Life, order_cents: &[i32]) {
        self.contacts.extend(life.contacts.iter().map(|contact| {
            let first = life.purchases.partition_point(|purchase| purchase.day <= contact.day);
            let taken = life.purchases.get(first).filter(|purchase| contact.works_on(purchase.day));
            ContactRow {
                time: seconds(contact.day, contact.second),
                customer,
                action: contact.action as u8,
                is_control: contact.is_control,
                probability_percent: (contact.probability * 100.0).round() as u8,
                is_taken: taken.is_some(),
                outcome_time: taken.map_or(seconds(contact.day + 1 + CONTACT_WORKS_DAYS, 0), |purchase| {
                    seconds(purchase.day, purchase.second)
                }),
                outcome_cents: taken.map_or(0, |_| order_cents[first]),
            }
        }));
    }

    /// Takes over the rows of a ledger of later customers.
    pub(super) fn append(&mut self, mut later: Self) {
        self.customers.append(&mut later.customers);
        self.lines.append(&mut later.lines);
        self.events.append(&mut later.events);
        self.contacts.append(&mut later.contacts);
        self.memberships.append(&mut later.memberships);
        self.churn.append(&mut later.churn);
    }
}

/// Splits an order of value `total` over its lines in proportion to their list prices.
fn price_basket(lines: &mut [Line], products: &[Product], total: f64) {
    let list_price = |line: &Line| products[usize::from(line.product)].price * f64::from(line.quantity);
    let list_total: f64 = lines.iter().map(list_price).sum();
    for line in lines {
        let amount = total * list_price(line) / list_total;
        line.amount_cents = ((amount * 100.0).round() as i32).max(1);
        let margin_rate = products[usize::from(line.product)].margin_rate;
        line.margin_cents = (f64::from(line.amount_cents) * margin_rate).round() as i32;
    }
}

/// Seconds since day 0.
fn seconds(day: i32, second: u32) -> u32 {
    day as u32 * DAY_SECONDS as u32 + second
}

fn pick(rng: &mut Xoshiro256PlusPlus, shares: &[f64]) -> usize {
    let mut left: f64 = rng.random();
    let chosen = shares.iter().position(|share| {
        left -= share;
        left < 0.0
    });
    chosen.unwrap_or(shares.len() - 1)
}
