//! What was known of one customer at the moment of the metrics, gathered once for all that is counted.

use tend_models::quantities::Moment;
use tend_models::timeline::{Contact, NEVER, Purchase, Subscription, Timeline};

use super::activity::{Span, spans};
use super::periods::Period;
use super::{Counting, voice};

/// One customer's rows known at the moment; the vectors are used again for the next customer.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    /// Purchase lines, ascending by time; returns have negative amounts.
    pub purchases: Vec<Purchase>,
    /// Subscriptions, ascending by start.
    pub subscriptions: Vec<Subscription>,
    /// Contacts received, ascending by time.
    pub contacts: Vec<Contact>,
    /// Answers and complaints, ascending by time.
    pub answers: Vec<voice::Answer>,
    /// When the customer was active, ascending, apart from each other.
    pub spans: Vec<Span>,
    /// What it cost to win the customer; NaN if unknown.
    pub acquisition_cost: f64,
    /// Purchase lines that became known only after their period had ended.
    pub late: Vec<Late>,
}

/// Purchase lines of one period that were not known at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Late {
    pub period: usize,
    pub lines: u64,
    pub revenue: f64,
}

impl Life {
    pub(super) fn read(&mut self, source: &Counting<'_>, customer: usize) {
        let Counting { timelines, request, periods, voice: codes, .. } = source;
        let timeline = timelines.timeline(customer);
        let history = timeline.before(request.as_of);
        refill(&mut self.purchases, history.purchases());
        refill(&mut self.subscriptions, history.subscriptions());
        refill(&mut self.contacts, history.contacts());
        refill(&mut self.answers, history.events().filter_map(|event| codes.answer(&event)));
        self.acquisition_cost = codes.acquisition_cost(timelines, &history);
        self.late.clear();
        if !timelines.purchases.known_at.is_empty() {
            let late =
                periods.iter().enumerate().filter_map(|(place, period)| late(timeline, place, period, request.as_of));
            self.late.extend(late);
        }
        spans(&self.purchases, &self.subscriptions, request.active_within_days, &mut self.spans);
    }

    /// The lines and subscriptions of one kind alone, and nothing that belongs to no line.
    pub(super) fn only(
        &self,
        active_within_days: u32,
        of_line: impl Fn(&Purchase) -> bool,
        of_subscription: impl Fn(&Subscription) -> bool,
    ) -> Self {
        let mut part = Self {
            purchases: self.purchases.iter().copied().filter(of_line).collect(),
            subscriptions: self.subscriptions.iter().copied().filter(of_subscription).collect(),
            acquisition_cost: f64::NAN,
            ..Self::default()
        };
        spans(&part.purchases, &part.subscriptions, active_within_days, &mut part.spans);
        part
    }

    /// Revenue a month of the subscriptions that run just before a second.
    pub(super) fn monthly_revenue_before(&self, second: i64) -> f64 {
        let runs = |subscription: &&Subscription| {
            subscription.start < second && (subscription.end == NEVER || subscription.end >= second)
        };
        self.subscriptions.iter().filter(runs).map(|subscription| subscription.mrr).sum()
    }
}

/// What was known of a period at the moment and not yet at the period's end.
fn late(timeline: Timeline<'_>, place: usize, period: &Period, as_of: Moment) -> Option<Late> {
    let known_before = |moment| {
        let lines = timeline.between(period.from, period.until, moment).purchases();
        lines.fold((0, 0.0), |(count, revenue), line| (count + 1, revenue + line.amount))
    };
    let (then, now) = (known_before(period.until), known_before(as_of));
    (now.0 > then.0).then(|| Late { period: place, lines: now.0 - then.0, revenue: now.1 - then.1 })
}

fn refill<T>(vector: &mut Vec<T>, rows: impl Iterator<Item = T>) {
    vector.clear();
    vector.extend(rows);
}
