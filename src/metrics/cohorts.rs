//! Customers by the period of their first activity: how many are still there, and what they have brought, by age.

use serde::Serialize;
use tend_models::quantities::DAYS_OF_A_YEAR;

use super::life::Life;
use super::periods::Periods;

/// The customers who became active for the first time in one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cohort {
    /// The period's name.
    pub period: String,
    /// How many they are.
    pub customers: u64,
    /// The share of them who bought in the period, or were subscribers at its end, by age in periods from 0 on.
    pub retained: Vec<f64>,
    /// Revenue a customer up to the end of each age, returns taken off, subscriptions at their price a month.
    pub revenue_to_date: Vec<f64>,
    /// Margin a customer up to the end of each age.
    pub margin_to_date: Vec<f64>,
    /// What it cost to win one, over those whose cost is known; none if no cost is known.
    pub acquisition_cost: Option<f64>,
    /// Periods until the margin to date had paid the cost, the first one counted; none if it has not yet.
    pub payback_periods: Option<usize>,
}

/// Sums of a cohort by age.
#[derive(Debug, Clone)]
pub(super) struct CohortTally {
    customers: u64,
    retained: Vec<u64>,
    revenue: Vec<f64>,
    margin: Vec<f64>,
    cost: f64,
    at_known_cost: u64,
}

impl CohortTally {
    pub(super) fn new(ages: usize) -> Self {
        let (retained, revenue, margin) = (vec![0; ages], vec![0.0; ages], vec![0.0; ages]);
        Self { customers: 0, retained, revenue, margin, cost: 0.0, at_known_cost: 0 }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.customers += other.customers;
        self.cost += other.cost;
        self.at_known_cost += other.at_known_cost;
        self.retained.iter_mut().zip(&other.retained).for_each(|(one, other)| *one += other);
        self.revenue.iter_mut().zip(&other.revenue).for_each(|(one, other)| *one += other);
        self.margin.iter_mut().zip(&other.margin).for_each(|(one, other)| *one += other);
    }
}

/// Counts the customer in the cohort of the first activity. `margin` is the margin of lines that do not say theirs.
pub(super) fn count(life: &Life, periods: &Periods, margin: f64, cohorts: &mut [CohortTally]) {
    let Some(first) = life.spans.first().and_then(|span| periods.place_of(span.start)) else { return };
    let cohort = &mut cohorts[first];
    cohort.customers += 1;
    if !life.acquisition_cost.is_nan() {
        cohort.cost += life.acquisition_cost;
        cohort.at_known_cost += 1;
    }
    let mut bought_at = None;
    for line in &life.purchases {
        let Some(age) = periods.place_of(line.at).and_then(|period| period.checked_sub(first)) else { continue };
        cohort.revenue[age] += line.amount;
        cohort.margin[age] += if line.margin.is_nan() { line.amount * margin } else { line.margin };
        if line.amount > 0.0 && bought_at != Some(age) {
            bought_at = Some(age);
            cohort.retained[age] += 1;
        }
    }
    if life.subscriptions.is_empty() {
        return;
    }
    let bought: Vec<usize> =
        life.purchases.iter().filter(|line| line.amount > 0.0).filter_map(|line| periods.place_of(line.at)).collect();
    for age in 0..periods.len() - first {
        let period = periods.get(first + age);
        let monthly = life.monthly_revenue_before(period.until.seconds());
        if monthly > 0.0 {
            let revenue = monthly * period.days() / (DAYS_OF_A_YEAR / 12.0);
            cohort.revenue[age] += revenue;
            cohort.margin[age] += revenue * margin;
            cohort.retained[age] += u64::from(bought.binary_search(&(first + age)).is_err());
        }
    }
}

/// What the sums say, for cohorts with a customer.
pub(super) fn cohorts(tallies: &[CohortTally], periods: &Periods) -> Vec<Cohort> {
    let cohort = |(tally, period): (&CohortTally, &super::Period)| {
        let customers = tally.customers as f64;
        let a_customer_to_date = |sums: &[f64]| -> Vec<f64> {
            sums.iter()
                .scan(0.0, |total, sum| {
                    *total += sum;
                    Some(*total / customers)
                })
                .collect()
        };
        let margin_to_date = a_customer_to_date(&tally.margin);
        let acquisition_cost = (tally.at_known_cost > 0).then(|| tally.cost / tally.at_known_cost as f64);
        Cohort {
            period: period.name.clone(),
            customers: tally.customers,
            retained: tally.retained.iter().map(|&count| count as f64 / customers).collect(),
            revenue_to_date: a_customer_to_date(&tally.revenue),
            payback_periods: acquisition_cost
                .and_then(|cost| margin_to_date.iter().position(|&margin| margin >= cost))
                .map(|age| age + 1),
            margin_to_date,
            acquisition_cost,
        }
    };
    tallies.iter().zip(periods.iter()).filter(|(tally, _)| tally.customers > 0).map(cohort).collect()
}
