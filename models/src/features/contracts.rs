//! A customer's contracts, in renewal periods: the summary that contractual lifetime value models read.

use crate::quantities::{DAY_SECONDS, DAYS_OF_A_YEAR, Moment};
use crate::timeline::{History, NEVER, Subscription};

/// A run of subscriptions with one bill period: whatever is added, dropped or changed in price, it goes on for as long as
/// one of them runs or follows within a day.
///
/// A customer who changes the bill period goes over into another contract, which is no end of the first. A customer who
/// comes back later begins a new contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// Months between bills: the renewal period. 1 where the table does not say.
    pub period_months: f64,
    /// When it began.
    pub start: Moment,
    /// When it ended; `None` if it was running.
    pub end: Option<Moment>,
    /// Whether it ended because the customer went over to another bill period.
    pub has_switched: bool,
    /// Revenue a month of its running subscriptions.
    pub monthly_revenue: f64,
}

/// The contracts of a history, by start. An end that had not passed is not known, and late rows are not seen.
#[must_use]
pub fn contracts(history: &History<'_>) -> Vec<Contract> {
    let mut contracts: Vec<Contract> = Vec::new();
    for subscription in history.subscriptions() {
        let period_months = period_months(&subscription);
        let start = Moment::from_seconds(subscription.start);
        let end = (subscription.end != NEVER).then(|| Moment::from_seconds(subscription.end));
        let revenue = if end.is_none() { subscription.mrr } else { 0.0 };
        let goes_on = |contract: &&mut Contract| {
            contract.period_months == period_months && contract.end.is_none_or(|end| start <= end.plus_days(1))
        };
        match contracts.iter_mut().rev().find(goes_on) {
            Some(contract) => {
                contract.end = contract.end.and_then(|before| end.map(|end| end.max(before)));
                contract.monthly_revenue += revenue;
            }
            None => {
                contracts.push(Contract { period_months, start, end, has_switched: false, monthly_revenue: revenue })
            }
        }
    }
    for place in 0..contracts.len() {
        let Contract { period_months, end, .. } = contracts[place];
        let follows = |end: Moment, other: &Contract| {
            other.period_months != period_months && other.start >= end.plus_days(-1) && other.start <= end.plus_days(1)
        };
        contracts[place].has_switched = end.is_some_and(|end| contracts.iter().any(|other| follows(end, other)));
    }
    contracts
}

fn period_months(subscription: &Subscription) -> f64 {
    let months = f64::from(subscription.bill_period_months);
    if months > 0.0 { months } else { 1.0 }
}

/// Revenue a month of the subscriptions of one bill period that run at a moment.
pub fn revenue_of_period(subscriptions: impl Iterator<Item = Subscription>, months: f64, moment: Moment) -> f64 {
    let of_period = subscriptions.filter(|subscription| period_months(subscription) == months);
    super::monthly_revenue_at(of_period, moment)
}

impl Contract {
    /// Whether another is the same contract, as known at another time.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.period_months == other.period_months && self.start == other.start
    }

    /// When the renewal after so many periods is due.
    #[must_use]
    pub fn due(&self, periods: u32) -> Moment {
        let months = self.period_months * f64::from(periods);
        if months.fract() == 0.0 {
            self.start.plus_months(months as i64)
        } else {
            let seconds = months * DAYS_OF_A_YEAR / 12.0 * DAY_SECONDS as f64;
            Moment::from_seconds(self.start.seconds() + seconds as i64)
        }
    }

    /// The first renewal that is due at a moment or later, counted from 1.
    #[must_use]
    pub fn next_decision(&self, moment: Moment) -> u32 {
        let days_of_period = self.period_months * DAYS_OF_A_YEAR / 12.0;
        // Months differ in length by less than this estimate is short.
        let passed = (moment.days_since(self.start) / days_of_period).max(0.0) as u32;
        let mut decision = passed.saturating_sub(1).max(1);
        while self.due(decision) < moment {
            decision += 1;
        }
        decision
    }

    /// The decisions due from one moment up to another, with whether the customer left at it.
    ///
    /// A customer who leaves in the middle of a period leaves at the decision at its end, and is counted once that was due,
    /// as those are who stay: otherwise leavers of a running period would stand against nobody.
    pub fn decisions(&self, from: Moment, until: Moment) -> impl Iterator<Item = (u32, bool)> + use<> {
        let contract = *self;
        let last = self.end.map(|end| contract.next_decision(end));
        let first = if from > self.start { self.next_decision(from) } else { 1 };
        (first..)
            .take_while(move |&decision| contract.due(decision) < until && last.is_none_or(|last| decision <= last))
            .map(move |decision| (decision, last == Some(decision)))
            // Who goes over to another bill period was not asked again, or said yes.
            .filter(move |(_, has_left)| !(*has_left && contract.has_switched))
    }
}
