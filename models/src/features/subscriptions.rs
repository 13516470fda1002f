//! The state of a customer's subscriptions, their price and its changes.

use super::WINDOWS_DAYS;
use crate::quantities::{DAY_SECONDS, Moment};
use crate::timeline::{History, NEVER, NO_CODE, Subscription};

/// What one pass over the subscriptions gathers.
#[derive(Debug, Clone, Default)]
pub(super) struct SubscriptionTotals {
    moment: i64,
    active: f64,
    monthly_revenue: f64,
    /// Revenue a month as it was at the start of each window.
    earlier_revenue: [f64; WINDOWS_DAYS.len()],
    oldest_start: Option<i64>,
    last_start: Option<i64>,
    last_end: Option<i64>,
    ended: f64,
    dearest: Option<Subscription>,
}

fn runs_at(subscription: &Subscription, at: i64) -> bool {
    subscription.start < at && subscription.end >= at
}

/// Revenue a month of the subscriptions that run at a moment.
pub fn monthly_revenue_at(subscriptions: impl Iterator<Item = Subscription>, moment: Moment) -> f64 {
    subscriptions
        .filter(|subscription| runs_at(subscription, moment.seconds()))
        .map(|subscription| subscription.mrr)
        .sum()
}

/// Products of the subscriptions that run at a moment.
pub fn active_products(subscriptions: impl Iterator<Item = Subscription>, moment: Moment) -> impl Iterator<Item = u32> {
    subscriptions
        .filter(move |subscription| runs_at(subscription, moment.seconds()))
        .map(|subscription| subscription.product)
}

impl SubscriptionTotals {
    pub(super) fn read(&mut self, history: &History<'_>) {
        *self = Self { moment: history.moment().seconds(), ..Self::default() };
        for subscription in history.subscriptions() {
            self.add(&subscription);
        }
    }

    fn add(&mut self, subscription: &Subscription) {
        self.last_start = Some(subscription.start);
        for (revenue, window) in self.earlier_revenue.iter_mut().zip(WINDOWS_DAYS) {
            if runs_at(subscription, self.moment - i64::from(window) * DAY_SECONDS) {
                *revenue += subscription.mrr;
            }
        }
        if subscription.end == NEVER {
            self.active += 1.0;
            self.monthly_revenue += subscription.mrr;
            self.oldest_start = self.oldest_start.or(Some(subscription.start));
            if self.dearest.is_none_or(|dearest| subscription.mrr > dearest.mrr) {
                self.dearest = Some(*subscription);
            }
        } else {
            self.ended += 1.0;
            self.last_end = self.last_end.max(Some(subscription.end));
        }
    }

    pub(super) fn active(&self) -> f64 {
        self.active
    }

    pub(super) fn monthly_revenue(&self) -> f64 {
        self.monthly_revenue
    }

    pub(super) fn monthly_revenue_change(&self, window: u16) -> f64 {
        let place = WINDOWS_DAYS.iter().position(|&days| days == window);
        place.map_or(f64::NAN, |place| self.monthly_revenue - self.earlier_revenue[place])
    }

    pub(super) fn subscribed_days(&self) -> f64 {
        self.days_since(self.oldest_start)
    }

    pub(super) fn days_since_start(&self) -> f64 {
        self.days_since(self.last_start)
    }

    pub(super) fn days_since_end(&self) -> f64 {
        self.days_since(self.last_end)
    }

    pub(super) fn ended(&self) -> f64 {
        self.ended
    }

    pub(super) fn bill_period_months(&self) -> f64 {
        self.dearest.map_or(f64::NAN, |dearest| f64::from(dearest.bill_period_months))
    }

    pub(super) fn discount(&self) -> f64 {
        self.dearest.map_or(f64::NAN, |dearest| f64::from(dearest.discount))
    }

    pub(super) fn product(&self) -> u32 {
        self.dearest.map_or(NO_CODE, |dearest| dearest.product)
    }

    fn days_since(&self, at: Option<i64>) -> f64 {
        at.map_or(f64::NAN, |at| (self.moment - at) as f64 / DAY_SECONDS as f64)
    }
}
