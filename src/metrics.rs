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
use serde::{Deserialize, Serialize};
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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

/// The group that each customer is in at the start of each period, worked out by who knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodGroups {
    /// What the customers are divided by.
    pub grouped_by: String,
    /// The groups.
    pub names: Vec<String>,
    /// The place of the group in `names`, by period and by the customer's place in the timelines.
    pub of_period: Vec<Vec<u16>>,
}

/// The whole periods before a moment, oldest first; there is at least one.
///
/// # Errors
/// [`MetricsError::NoPeriod`] if there is none.
pub fn whole_periods(timelines: &Timelines, as_of: Moment, calendar: Calendar) -> Result<Vec<Period>, MetricsError> {
    periods_before(timelines, as_of, calendar).map(Periods::into_periods)
}

/// Computes the metrics of all whole periods before a moment.
///
/// # Errors
/// [`MetricsError`] if there is no whole period, or no such grouping.
pub fn lifecycle_metrics(timelines: &Timelines, request: &MetricsRequest) -> Result<LifecycleMetrics, MetricsError> {
    let periods = periods_before(timelines, request.as_of, request.calendar)?;
    let groups = Groups::of(timelines, &request.grouping, &periods)?;
    let counted = Counting::new(timelines, request, &periods).by_life(&groups);
    let groups = groups.names().iter().zip(counted).map(|(name, sums)| GroupMetrics {
        cohorts: cohorts::cohorts(&sums.cohorts, &periods),
        ..group_metrics(name, &sums.tallies, &periods, request)
    });
    Ok(LifecycleMetrics {
        as_of: request.as_of,
        grouped_by: request.grouping.to_string(),
        groups: groups.collect(),
        periods: periods.into_periods(),
    })
}

/// Computes the metrics of groups that customers move between: what a customer does in a period counts for the group
/// at its start. The grouping of the request is not used, and there are no cohorts.
///
/// # Errors
/// [`MetricsError::NoPeriod`] if there is no whole period.
///
/// # Panics
/// If `groups` does not have every customer in every one of the [`whole_periods`].
pub fn lifecycle_metrics_by_period(
    timelines: &Timelines,
    request: &MetricsRequest,
    groups: &PeriodGroups,
) -> Result<LifecycleMetrics, MetricsError> {
    let periods = periods_before(timelines, request.as_of, request.calendar)?;
    let counted = Counting::new(timelines, request, &periods).by_period(groups);
    let named = groups.names.iter().zip(counted);
    Ok(LifecycleMetrics {
        as_of: request.as_of,
        grouped_by: groups.grouped_by.clone(),
        groups: named.map(|(name, tallies)| group_metrics(name, &tallies, &periods, request)).collect(),
        periods: periods.into_periods(),
    })
}

fn periods_before(timelines: &Timelines, as_of: Moment, calendar: Calendar) -> Result<Periods, MetricsError> {
    let first = timelines.first_event().filter(|first| *first < as_of);
    let periods = first.map(|first| Periods::between(first, as_of, calendar));
    let none = MetricsError::NoPeriod { as_of, calendar: calendar.name() };
    periods.filter(|periods| !periods.is_empty()).ok_or(none)
}

fn group_metrics(name: &str, tallies: &[Tally], periods: &Periods, request: &MetricsRequest) -> GroupMetrics {
    GroupMetrics {
        group: name.to_owned(),
        figures: figures::figures(tallies, periods, request),
        cohorts: Vec::new(),
        notices: figures::notices(tallies, periods),
    }
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
    voice: VoiceCodes,
}

impl<'a> Counting<'a> {
    fn new(timelines: &'a Timelines, request: &'a MetricsRequest, periods: &'a Periods) -> Self {
        Self { timelines, request, periods, voice: VoiceCodes::of(timelines, &request.voice) }
    }

    /// Sums of each group, where a customer's whole life, or a part of it, belongs to a group.
    fn by_life(&self, groups: &Groups) -> Vec<Sums> {
        let nothing = vec![Sums::new(self.periods.len()); groups.names().len()];
        let counted = self.parts(|customers| {
            let mut sums = nothing.clone();
            let mut life = Life::default();
            for &customer in customers {
                life.read(self, customer);
                groups.each(self.timelines, self.request, self.periods, customer, &life, |group, life| {
                    let Sums { tallies, cohorts } = &mut sums[group];
                    self.count(life, tallies);
                    cohorts::count(life, self.periods, self.request.margin.get(), cohorts);
                });
            }
            sums
        });
        let mut total = nothing.clone();
        for part in &counted {
            total.iter_mut().zip(part).for_each(|(one, other)| one.add(other));
        }
        total
    }

    /// A tally a period for each group, where each period of a customer's life belongs to a group of its own.
    fn by_period(&self, groups: &PeriodGroups) -> Vec<Vec<Tally>> {
        let nothing = vec![vec![Tally::default(); self.periods.len()]; groups.names.len()];
        let counted = self.parts(|customers| {
            let mut sums = nothing.clone();
            let mut life = Life::default();
            let mut own = vec![Tally::default(); self.periods.len()];
            for &customer in customers {
                life.read(self, customer);
                own.fill(Tally::default());
                self.count(&life, &mut own);
                for (period, tally) in own.iter().enumerate() {
                    sums[groups.of_period[period][customer] as usize][period].add(tally);
                }
            }
            sums
        });
        let mut total = nothing.clone();
        for part in &counted {
            for (one, other) in total.iter_mut().zip(part) {
                one.iter_mut().zip(other).for_each(|(one, other)| one.add(other));
            }
        }
        total
    }

    /// Counts parts of the customers beside each other; the parts are always the same.
    fn parts<T: Send>(&self, count: impl Fn(&[usize]) -> T + Sync + Send) -> Vec<T> {
        let customers: Vec<usize> = (0..self.timelines.len()).collect();
        customers.par_chunks(CUSTOMERS_OF_A_SUM).map(count).collect()
    }

    fn count(&self, life: &Life, tallies: &mut [Tally]) {
        activity::count(life, self.periods, tallies);
        orders::count(life, self.periods, tallies);
        recurring::count(life, self.periods, tallies);
        voice::count(life, self.periods, tallies);
        acquisition::count(life, self.periods, tallies);
    }
}
