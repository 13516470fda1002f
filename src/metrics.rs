//! Lifecycle metrics by period: who came, stayed, left and came back, what they brought, and what they cost.
//!
//! Everything is as known before one moment, and a period counts only what happened in it. So a period's figures stay
//! what they are when they are computed again later, but for rows that became known late: these have figures of
//! their own. Figures are sums over customers in a fixed order: threads do not change a digit.

mod acquisition;
mod activity;
mod cohorts;
mod figures;
mod groups;
mod life;
mod orders;
mod periods;
mod recurring;
mod tally;
mod voice;

use rayon::prelude::*;
use serde::Serialize;
use tend_models::quantities::{Moment, Probability};
use tend_models::timeline::Timelines;

pub use cohorts::Cohort;
pub use figures::{Figure, Unit};
pub use groups::Grouping;
pub use periods::{Calendar, Period};

use cohorts::CohortTally;
use groups::Groups;
use life::Life;
use periods::Periods;
use tally::Tally;
use voice::VoiceCodes;

/// Customers whose sums are added up as one; a constant, so that sums do not depend on the number of threads.
const CUSTOMERS_OF_A_SUM: usize = 4096;

/// Why there are no metrics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// Nothing has happened yet.
    #[error(
        "found no purchase and no subscription before {as_of}; expected at least one whole {calendar} of them; choose a later --as-of"
    )]
    NoPeriod {
        /// The moment before which rows were used.
        as_of: Moment,
        /// The length of a period.
        calendar: &'static str,
    },
    /// The grouping is none that the data have.
    #[error("found no way to group by {found:?}; expected one of {expected}")]
    UnknownGrouping {
        /// What was asked for.
        found: String,
        /// What there is.
        expected: String,
    },
}

/// What counts, and how it is shown.
#[derive(Debug, Clone)]
pub struct MetricsRequest {
    /// Rows known before this moment are used; the last period is the last one that ends by then.
    pub as_of: Moment,
    /// The length of a period.
    pub calendar: Calendar,
    /// A customer is active for this many days after a purchase.
    pub active_within_days: u32,
    /// The share of revenue that is margin, for lines that do not say theirs.
    pub margin: Probability,
    /// What the customers are divided by.
    pub grouping: Grouping,
    /// Names of the events that are answers to surveys and complaints.
    pub voice: Voice,
}

/// Which events tell what customers think: `[metrics]` of `tend.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Answers from 0 to 10 to "would you recommend us?".
    pub nps_event: String,
    /// Answers from 1 to 5 to "how satisfied were you?".
    pub csat_event: String,
    /// Complaints.
    pub complaint_events: Vec<String>,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            nps_event: "nps".to_owned(),
            csat_event: "csat".to_owned(),
            complaint_events: vec!["complaint".to_owned(), "support_ticket".to_owned()],
        }
    }
}

/// Lifecycle metrics of all customers, or of each group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifecycleMetrics {
    /// Rows known before this moment were used.
    pub as_of: Moment,
    /// The periods, oldest first.
    pub periods: Vec<Period>,
    /// What the customers are divided by; `none` for all together.
    pub grouped_by: String,
    /// One entry a group, by name; a single one called `all` without a grouping.
    pub groups: Vec<GroupMetrics>,
}

/// The metrics of one group of customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupMetrics {
    /// The group.
    pub group: String,
    /// The figures, in the order in which a person reads them.
    pub figures: Vec<Figure>,
    /// Customers by the period of their first activity.
    pub cohorts: Vec<Cohort>,
    /// What stands out, as sentences.
    pub notices: Vec<String>,
}

/// Computes the metrics of all whole periods before a moment.
///
/// # Errors
/// [`MetricsError`] if there is no whole period, or no such grouping.
pub fn lifecycle_metrics(timelines: &Timelines, request: &MetricsRequest) -> Result<LifecycleMetrics, MetricsError> {
    let first = timelines.first_event().filter(|first| *first < request.as_of);
    let periods = first.map(|first| Periods::between(first, request.as_of, request.calendar));
    let periods = periods
        .filter(|periods| !periods.is_empty())
        .ok_or(MetricsError::NoPeriod { as_of: request.as_of, calendar: request.calendar.name() })?;
    let groups = Groups::of(timelines, &request.grouping, &periods)?;
    let voice = VoiceCodes::of(timelines, &request.voice);
    let counted = Counting { timelines, request, periods: &periods, groups: &groups, voice: &voice }.all();
    let groups = groups.names().iter().zip(counted).map(|(name, sums)| GroupMetrics {
        group: name.clone(),
        figures: figures::figures(&sums.tallies, &periods, request),
        notices: figures::notices(&sums.tallies, &periods),
        cohorts: cohorts::cohorts(&sums.cohorts, &periods),
    });
    Ok(LifecycleMetrics {
        as_of: request.as_of,
        grouped_by: request.grouping.to_string(),
        groups: groups.collect(),
        periods: periods.into_periods(),
    })
}

/// What is added up for one group: a tally a period, and a cohort a period.
#[derive(Debug, Clone)]
struct Sums {
    tallies: Vec<Tally>,
    cohorts: Vec<CohortTally>,
}

impl Sums {
    fn new(periods: usize) -> Self {
        Self {
            tallies: vec![Tally::default(); periods],
            cohorts: (0..periods).map(|first| CohortTally::new(periods - first)).collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.tallies.iter_mut().zip(&other.tallies).for_each(|(one, other)| one.add(other));
        self.cohorts.iter_mut().zip(&other.cohorts).for_each(|(one, other)| one.add(other));
    }
}

/// All that counting needs to know.
struct Counting<'a> {
    timelines: &'a Timelines,
    request: &'a MetricsRequest,
    periods: &'a Periods,
    groups: &'a Groups,
    voice: &'a VoiceCodes,
}

impl Counting<'_> {
    fn nothing(&self) -> Vec<Sums> {
        vec![Sums::new(self.periods.len()); self.groups.names().len()]
    }

    fn all(&self) -> Vec<Sums> {
        let customers: Vec<usize> = (0..self.timelines.len()).collect();
        let parts: Vec<Vec<Sums>> = customers.par_chunks(CUSTOMERS_OF_A_SUM).map(|part| self.part(part)).collect();
        let mut total = self.nothing();
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(one, other)| one.add(other));
        }
        total
    }

    fn part(&self, customers: &[usize]) -> Vec<Sums> {
        let mut sums = self.nothing();
        let mut life = Life::default();
        for &customer in customers {
            life.read(self, customer);
            let count = |group: usize, life: &Life| self.count(life, &mut sums[group]);
            self.groups.each(self.timelines, self.request, self.periods, customer, &life, count);
        }
        sums
    }

    fn count(&self, life: &Life, sums: &mut Sums) {
        activity::count(life, self.periods, &mut sums.tallies);
        orders::count(life, self.periods, &mut sums.tallies);
        recurring::count(life, self.periods, &mut sums.tallies);
        voice::count(life, self.periods, &mut sums.tallies);
        acquisition::count(life, self.periods, &mut sums.tallies);
        cohorts::count(life, self.periods, self.request.margin.get(), &mut sums.cohorts);
    }
}
