//! The rows of the ledger as columnar tables.

use std::sync::Arc;

use rayon::prelude::*;
use tend_models::quantities::DAY_SECONDS;

use super::attributes::{ACQUISITION, COUNTRIES, DEVICES, HOUSEHOLDS, Level, MISSING};
use super::catalogue::{ACTIONS, CATEGORIES, CHANNEL_NAMES, MEMBERSHIPS, PRODUCTS_PER_CATEGORY};
use super::ledger::{ContactRow, CustomerRow, EventRow, Ledger, Line, World};
use super::life::{EVENT_CHANNELS, EVENT_NAMES};
use super::{EMPTY_CODE, EMPTY_DATE, SimColumn, SimTable};

/// Orders of one customer have numbers below this.
const ORDERS_PER_CUSTOMER: i64 = 10_000;

/// Turns the ledger into tables; rows in the order of the ledger.
pub(super) struct Columns {
    pub(super) customer_ids: Arc<Vec<String>>,
    product_ids: Arc<Vec<String>>,
    start_seconds: i64,
    pub(super) start_day: i32,
}

impl Columns {
    /// For `customers` customers of `world`.
    pub(super) fn new(customers: usize, world: &World) -> Self {
        Self {
            customer_ids: Arc::new((1..=customers).map(|number| format!("C{number:07}")).collect()),
            product_ids: Arc::new((1..=world.products.len()).map(|number| format!("P{number:02}")).collect()),
            start_seconds: world.calendar.start.seconds(),
            start_day: world.calendar.start.day() as i32,
        }
    }

    /// All tables but the parameters; each part of the ledger is freed once it is written.
    pub(super) fn tables(&self, ledger: Ledger, world: &World) -> Vec<SimTable> {
        let Ledger { customers, lines, events, contacts, memberships, churn } = ledger;
        let mut tables = vec![self.customers(&customers), self.transactions(lines)];
        tables.push(self.subscriptions(&memberships));
        tables.push(self.events(events));
        tables.push(self.products(world));
        tables.push(self.contacts(contacts));
        tables.push(self.consents(&customers));
        tables.push(self.true_customers(&customers));
        tables.push(self.true_effects(&customers));
        tables.push(self.true_churn(&churn, world));
        tables
    }

    fn customers(&self, rows: &[CustomerRow]) -> SimTable {
        SimTable {
            name: "customers",
            columns: vec![
                (
                    "customer_id",
                    SimColumn::Coded {
                        levels: Arc::clone(&self.customer_ids),
                        codes: (0..rows.len() as u32).collect(),
                    },
                ),
                ("created_at", self.times(rows, |row| row.created)),
                ("acquisition_channel", coded(rows, level_names(&ACQUISITION), |row| code(row.person.acquisition))),
                ("acquisition_cost", numbers(rows, |row| row.person.acquisition_cost)),
                ("country", coded(rows, level_names(&COUNTRIES), |row| code(row.person.country))),
                ("household", coded(rows, level_names(&HOUSEHOLDS), |row| code(row.person.household))),
                ("birth_year", numbers(rows, |row| row.person.birth_year)),
                ("is_newsletter", flags(rows, |row| row.person.is_newsletter)),
                ("signup_device", coded(rows, names(&DEVICES), |row| code(row.person.device))),
            ],
        }
    }

    fn transactions(&self, rows: Vec<Line>) -> SimTable {
        let rows = &rows[..];
        SimTable {
            name: "transactions",
            columns: vec![
                (
                    "order_id",
                    wholes(rows, |line| (i64::from(line.customer) + 1) * ORDERS_PER_CUSTOMER + i64::from(line.order)),
                ),
                ("customer_id", self.customer(rows, |line| line.customer)),
                ("event_time", self.times(rows, |line| line.time)),
                (
                    "product_id",
                    SimColumn::Coded {
                        levels: Arc::clone(&self.product_ids),
                        codes: collect(rows, |line| u32::from(line.product)),
                    },
                ),
                (
                    "category",
                    coded(rows, names(&CATEGORIES), |line| u32::from(line.product) / PRODUCTS_PER_CATEGORY as u32),
                ),
                ("quantity", wholes(rows, |line| i64::from(line.quantity))),
                ("amount", numbers(rows, |line| f64::from(line.amount_cents) / 100.0)),
                ("margin", numbers(rows, |line| f64::from(line.margin_cents) / 100.0)),
                ("is_return", flags(rows, |line| line.quantity < 0)),
            ],
        }
    }

    fn subscriptions(&self, rows: &[(u32, super::membership::Membership)]) -> SimTable {
        SimTable {
            name: "subscriptions",
            columns: vec![
                ("customer_id", self.customer(rows, |row| row.0)),
                ("product_id", coded(rows, names(&MEMBERSHIPS), |row| row.1.product as u32)),
                ("start_date", dates(rows, |row| self.start_day + row.1.start)),
                ("end_date", dates(rows, |row| row.1.end.map_or(EMPTY_DATE, |end| self.start_day + end))),
                ("mrr", numbers(rows, |row| row.1.monthly_revenue())),
                ("bill_period_months", wholes(rows, |row| row.1.bill_period_months)),
                ("discount", numbers(rows, |row| row.1.discount)),
            ],
        }
    }

    fn events(&self, rows: Vec<EventRow>) -> SimTable {
        let rows = &rows[..];
        SimTable {
            name: "events",
            columns: vec![
                ("customer_id", self.customer(rows, |row| row.customer)),
                ("event_time", self.times(rows, |row| row.time)),
                ("event_type", coded(rows, names(&EVENT_NAMES), |row| u32::from(row.kind))),
                ("channel", coded(rows, names(&EVENT_CHANNELS), |row| u32::from(row.channel))),
                ("value", numbers(rows, |row| row.value.map_or(f64::NAN, f64::from))),
            ],
        }
    }

    fn products(&self, world: &World) -> SimTable {
        let rows = &world.products[..];
        let cents = |value: f64| (value * 100.0).round() / 100.0;
        SimTable {
            name: "products",
            columns: vec![
                (
                    "product_id",
                    SimColumn::Coded { levels: Arc::clone(&self.product_ids), codes: (0..rows.len() as u32).collect() },
                ),
                ("category", coded(rows, names(&CATEGORIES), |product| product.category as u32)),
                ("price", numbers(rows, |product| product.price)),
                ("margin", numbers(rows, |product| cents(product.price * product.margin_rate))),
            ],
        }
    }

    fn contacts(&self, rows: Vec<ContactRow>) -> SimTable {
        let rows = &rows[..];
        let action = |row: &ContactRow| &ACTIONS[usize::from(row.action)];
        let value = |row: &ContactRow| f64::from(row.outcome_cents) / 100.0;
        let cost = |row: &ContactRow| {
            if row.is_control {
                0.0
            } else {
                ((action(row).cost + action(row).discount * value(row)) * 100.0).round() / 100.0
            }
        };
        let action_ids: Vec<&str> = ACTIONS.iter().map(|action| action.id).collect();
        SimTable {
            name: "contacts",
            columns: vec![
                ("customer_id", self.customer(rows, |row| row.customer)),
                ("action_id", coded(rows, names(&action_ids), |row| u32::from(row.action))),
                ("channel", coded(rows, names(&CHANNEL_NAMES), |row| action(row).channel as u32)),
                ("sent_at", self.times(rows, |row| row.time)),
                ("is_control", flags(rows, |row| row.is_control)),
                ("probability", numbers(rows, |row| f64::from(row.probability_percent) / 100.0)),
                ("policy", coded(rows, names(&["randomised"]), |_| 0)),
                ("cost", numbers(rows, cost)),
                ("outcome", coded(rows, names(&["not_taken", "taken"]), |row| u32::from(row.is_taken))),
                ("outcome_at", self.times(rows, |row| row.outcome_time)),
                ("outcome_value", numbers(rows, value)),
            ],
        }
    }

    /// For each customer and channel the consent at joining, then its withdrawal if there was one.
    fn consents(&self, rows: &[CustomerRow]) -> SimTable {
        let mut changes: Vec<(u32, u32, u32, u32)> = Vec::with_capacity(rows.len() * 2);
        for (customer, row) in rows.iter().enumerate() {
            for (channel, consent) in row.person.consents.iter().enumerate() {
                let mut change = |granted: bool, time: u32| {
                    changes.push((customer as u32, channel as u32, u32::from(granted), time));
                };
                change(consent.granted, row.created);
                if let Some(day) = consent.withdrawn {
                    change(false, day as u32 * DAY_SECONDS as u32);
                }
            }
        }
        SimTable {
            name: "consents",
            columns: vec![
                ("customer_id", self.customer(&changes, |change| change.0)),
                ("channel", coded(&changes, names(&CHANNEL_NAMES), |change| change.1)),
                ("status", coded(&changes, names(&["denied", "granted"]), |change| change.2)),
                ("changed_at", self.times(&changes, |change| change.3)),
            ],
        }
    }

    pub(super) fn customer<R: Sync>(&self, rows: &[R], customer: impl Fn(&R) -> u32 + Sync + Send) -> SimColumn {
        SimColumn::Coded { levels: Arc::clone(&self.customer_ids), codes: collect(rows, customer) }
    }

    fn times<R: Sync>(&self, rows: &[R], seconds: impl Fn(&R) -> u32 + Sync + Send) -> SimColumn {
        SimColumn::Time(collect(rows, |row| self.start_seconds + i64::from(seconds(row))))
    }
}

fn collect<R: Sync, T: Send>(rows: &[R], value: impl Fn(&R) -> T + Sync + Send) -> Vec<T> {
    rows.par_iter().map(value).collect()
}

pub(super) fn numbers<R: Sync>(rows: &[R], value: impl Fn(&R) -> f64 + Sync + Send) -> SimColumn {
    SimColumn::Number(collect(rows, value))
}

pub(super) fn wholes<R: Sync>(rows: &[R], value: impl Fn(&R) -> i64 + Sync + Send) -> SimColumn {
    SimColumn::Whole(collect(rows, value))
}

pub(super) fn dates<R: Sync>(rows: &[R], value: impl Fn(&R) -> i32 + Sync + Send) -> SimColumn {
    SimColumn::Date(collect(rows, value))
}

pub(super) fn flags<R: Sync>(rows: &[R], value: impl Fn(&R) -> bool + Sync + Send) -> SimColumn {
    SimColumn::Flag(collect(rows, value))
}

pub(super) fn coded<R: Sync>(
    rows: &[R],
    levels: Arc<Vec<String>>,
    code: impl Fn(&R) -> u32 + Sync + Send,
) -> SimColumn {
    SimColumn::Coded { levels, codes: collect(rows, code) }
}

fn code(level: u8) -> u32 {
    if level == MISSING { EMPTY_CODE } else { u32::from(level) }
}

pub(super) fn names(names: &[&str]) -> Arc<Vec<String>> {
    Arc::new(names.iter().map(|&name| name.to_owned()).collect())
}

fn level_names(levels: &[Level]) -> Arc<Vec<String>> {
    Arc::new(levels.iter().map(|level| level.name.to_owned()).collect())
}
