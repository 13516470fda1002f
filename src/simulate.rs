//! A simulated company with known truth: a shop with an optional paid membership, its customers, and what drives them.
//!
//! Every customer buys at a rate of their own (BG/NBD with covariates, season and contacts) and may silently drop out
//! after a repeat purchase; the tables under `truth/` hold what an all-knowing observer would say about them.

mod attributes;
mod calendar;
mod catalogue;
mod columns;
mod contacts;
mod files;
mod ledger;
mod life;
mod membership;
mod parameters;
mod person;
mod truth;
mod truth_tables;

use std::fmt;
use std::sync::Arc;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use tend_models::quantities::Moment;

use calendar::Calendar;
use columns::Columns;
use ledger::{Ledger, World};

/// The code of an empty cell in [`SimColumn::Coded`].
pub const EMPTY_CODE: u32 = u32::MAX;
/// The value of an empty cell in [`SimColumn::Date`].
pub const EMPTY_DATE: i32 = i32::MIN;

/// Customers whose rows are drawn in one go by one thread.
const CUSTOMERS_PER_PIECE: usize = 2_000;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct SimulateParams {
    /// Number of customers, up to 4 billion.
    pub customers: usize,
    /// Same seed, same company, whatever the number of threads.
    pub seed: u64,
    /// The first day of the records; a time of day is cut off.
    pub start: Moment,
    /// Number of days recorded, from 1 to 10,000.
    pub days: u32,
    /// Events per customer on average, about; 0 switches events off.
    pub events_per_customer: f64,
    /// Moments (cut to midnight) and horizons in days for `truth/churn`; those that reach past the end are left out.
    /// At most 10,000.
    /// If there are none: 90 days before the end, with a horizon of 90 days.
    pub truth_moments: Vec<(Moment, u32)>,
}

impl Default for SimulateParams {
    /// 10,000 customers over the three years from 2023-01-01, with seed 1 and twelve events each.
    fn default() -> Self {
        Self {
            customers: 10_000,
            seed: 1,
            // 2023-01-01.
            start: Moment::from_day(19_358),
            days: 1_095,
            events_per_customer: 12.0,
            truth_moments: Vec::new(),
        }
    }
}

/// A column of a simulated table.
#[derive(Debug, Clone)]
pub enum SimColumn {
    /// Repeated text: row *i* is `levels[codes[i]]`, or empty if the code is [`EMPTY_CODE`].
    Coded {
        /// The texts.
        levels: Arc<Vec<String>>,
        /// Positions in `levels`.
        codes: Vec<u32>,
    },
    /// Numbers; NaN is empty.
    Number(Vec<f64>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Seconds since 1970-01-01 00:00:00 UTC.
    Time(Vec<i64>),
    /// Days since 1970-01-01; [`EMPTY_DATE`] is empty.
    Date(Vec<i32>),
    /// Yes or no.
    Flag(Vec<bool>),
}

impl SimColumn {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Coded { codes, .. } => codes.len(),
            Self::Number(values) => values.len(),
            Self::Whole(values) | Self::Time(values) => values.len(),
            Self::Date(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A simulated table: named columns of equal length.
#[derive(Debug, Clone)]
pub struct SimTable {
    /// The file stem, such as `transactions` or `truth/churn`.
    pub name: &'static str,
    /// Names and columns in the order of the file.
    pub columns: Vec<(&'static str, SimColumn)>,
}

impl SimTable {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The column of that name, if there is one.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&SimColumn> {
        self.columns.iter().find(|(column, _)| *column == name).map(|(_, column)| column)
    }
}

/// A simulated company.
#[derive(Debug, Clone)]
pub struct Company {
    /// Customers in the order of their ids, transactions, events and contacts in the order of time.
    pub tables: Vec<SimTable>,
    /// Midnight of the first day of the records.
    pub start: Moment,
    /// Midnight after the last day of the records.
    pub end: Moment,
}

impl Company {
    /// The table of that name, if there is one.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&SimTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The number of rows of every table.
    #[must_use]
    pub fn summary(&self) -> CompanySummary {
        CompanySummary {
            start: self.start,
            end: self.end,
            rows: self.tables.iter().map(|table| (table.name, table.rows())).collect(),
        }
    }
}

/// How much was simulated; shows as one line per table.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanySummary {
    /// Midnight of the first day of the records.
    pub start: Moment,
    /// Midnight after the last day of the records.
    pub end: Moment,
    /// Name and number of rows of every table.
    pub rows: Vec<(&'static str, usize)>,
}

impl fmt::Display for CompanySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a company from {} to before {}", self.start, self.end)?;
        for (name, rows) in &self.rows {
            writeln!(f, "  {name:<18}{rows:>12} rows")?;
        }
        Ok(())
    }
}

/// Simulates a company. A million customers over three years take about 25 million transactions.
///
/// Tables: `customers`, `transactions`, `subscriptions`, `events`, `products`, `contacts`, `consents`, and
/// `truth/customers`, `truth/effects`, `truth/churn`, `truth/parameters`. Of these,
/// - `contacts` are randomised: `probability` is that of being contacted rather than control for a customer who was
///   selected, and depends on the days since the last purchase, so plain averages of contacted and control differ by
///   more than the effect. An outcome is the first purchase in the 30 days after the contact;
/// - `truth/effects` is the change in the probability of a purchase within 90 days by a contact at the end of the records;
/// - `truth/churn` is the exact probability of no purchase in the horizon given all that was seen before the moment and
///   the customer's own parameters, and what happened. Customers drop out only right after a repeat purchase, so any
///   later sign of life proves that they are alive; without one it is Bayes' rule on the silence since.
///
/// # Panics
/// If a parameter is outside the range that it documents.
#[must_use]
pub fn simulate(params: &SimulateParams) -> Company {
    assert!((1..=10_000).contains(&params.days), "found {} days, expected 1 to 10,000", params.days);
    assert!(u32::try_from(params.customers).is_ok(), "found {} customers, expected fewer", params.customers);
    let moments = params.truth_moments.len();
    assert!(moments <= 10_000, "found {moments} moments, expected at most 10,000");
    let events = params.events_per_customer;
    assert!(events >= 0.0 && events.is_finite(), "found {events} events per customer, expected 0 or more");
    let days = params.days as i32;
    let calendar = Calendar::new(params.start, days);
    let (start, end) = (calendar.start, calendar.start.plus_days(i64::from(days)));
    let world = World {
        moments: truth_moments(params, start, end),
        calendar,
        products: catalogue::products(),
        events_per_customer: events,
    };
    let mut ledger = draw_all(params, &world);
    ledger.lines.par_sort_unstable();
    ledger.events.par_sort_unstable();
    ledger.contacts.par_sort_unstable();
    ledger.memberships.sort_by_key(|(customer, membership)| (membership.start, *customer));
    let mut tables = Columns::new(params.customers, &world).tables(ledger, &world);
    tables.push(parameters::table());
    Company { tables, start, end }
}

fn draw_all(params: &SimulateParams, world: &World) -> Ledger {
    let pieces: Vec<Ledger> = (0..params.customers.div_ceil(CUSTOMERS_PER_PIECE))
        .into_par_iter()
        .map(|piece| {
            let first = piece * CUSTOMERS_PER_PIECE;
            let mut ledger = Ledger::default();
            for customer in first..params.customers.min(first + CUSTOMERS_PER_PIECE) {
                // The generator's own seeding tells neighbouring numbers apart.
                let stream = params.seed.wrapping_mul(0x9E6C_63D0_876A_9A35).wrapping_add(customer as u64);
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(stream);
                let joined = joining_day(customer, params.customers, world.calendar.days);
                ledger.record(&mut rng, world, customer as u32, joined);
            }
            ledger
        })
        .collect();
    let mut all = Ledger::default();
    all.lines.reserve_exact(pieces.iter().map(|piece| piece.lines.len()).sum());
    all.events.reserve_exact(pieces.iter().map(|piece| piece.events.len()).sum());
    for piece in pieces {
        all.append(piece);
    }
    all
}

/// The day on which a customer joins: some in the first month, the others steadily over the first 73 % of the days.
fn joining_day(customer: usize, customers: usize, days: i32) -> i32 {
    const EARLY: f64 = 0.12;
    const EARLY_DAYS: f64 = 30.0;
    let window = 0.73 * f64::from(days);
    let rank = (customer as f64 + 0.5) / customers as f64;
    let early_days = EARLY_DAYS.min(window);
    let day = if rank < EARLY {
        rank / EARLY * early_days
    } else {
        early_days + (rank - EARLY) / (1.0 - EARLY) * (window - early_days)
    };
    day as i32
}

fn truth_moments(params: &SimulateParams, start: Moment, end: Moment) -> Vec<(i32, i32)> {
    const DEFAULT_HORIZON_DAYS: i64 = 90;
    let last = end.plus_days(-DEFAULT_HORIZON_DAYS);
    let default = [(last, DEFAULT_HORIZON_DAYS as u32)];
    let wanted = if params.truth_moments.is_empty() { &default[..] } else { &params.truth_moments[..] };
    wanted
        .iter()
        .filter(|(moment, horizon)| moment.day() > start.day() && moment.day() + i64::from(*horizon) <= end.day())
        .map(|&(moment, horizon)| ((moment.day() - start.day()) as i32, horizon as i32))
        .collect()
}

#[cfg(test)]
mod tests;
