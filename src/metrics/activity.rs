//! When a customer is active, and who comes, stays, leaves and comes back in each period.

use tend_models::quantities::DAY_SECONDS;
use tend_models::timeline::{NEVER, Purchase, Subscription};

use super::life::Life;
use super::periods::Periods;
use super::tally::Tally;

/// A time without a break in which a customer is active; the end, in seconds, is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: i64,
    /// [`NEVER`] while it lasts.
    pub end: i64,
}

/// A customer is active while a subscription runs, and for some days after each purchase. Spans that touch are one.
pub(super) fn spans(
    purchases: &[Purchase],
    subscriptions: &[Subscription],
    active_within_days: u32,
    spans: &mut Vec<Span>,
) {
    let lapse = i64::from(active_within_days) * DAY_SECONDS;
    spans.clear();
    let bought =
        purchases.iter().filter(|line| line.amount > 0.0).map(|line| Span { start: line.at, end: line.at + lapse });
    let subscribed = subscriptions.iter().map(|one| Span { start: one.start, end: one.end });
    spans.extend(bought.chain(subscribed.filter(|span| span.end > span.start)));
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut kept = 0;
    for place in 0..spans.len() {
        let span = spans[place];
        if kept > 0 && span.start <= spans[kept - 1].end {
            spans[kept - 1].end = spans[kept - 1].end.max(span.end);
        } else {
            spans[kept] = span;
            kept += 1;
        }
    }
    spans.truncate(kept);
}

/// Whether one of the spans holds the time just before a second.
pub(super) fn is_active_before(spans: &[Span], second: i64) -> bool {
    spans.iter().any(|span| span.start < second && span.end >= second)
}

/// Counts the customer's beginnings and ends of activity in each period, and the state at its two edges.
pub(super) fn count(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    for (place, span) in life.spans.iter().enumerate() {
        if let Some(period) = periods.place_of(span.start) {
            if place == 0 { tallies[period].new += 1 } else { tallies[period].won_back += 1 }
        }
        if let Some(period) = (span.end != NEVER).then(|| periods.place_of(span.end)).flatten() {
            tallies[period].lost += 1;
        }
    }
    let mut was_active = false;
    for (period, tally) in periods.iter().zip(tallies) {
        let is_active = is_active_before(&life.spans, period.until.seconds());
        tally.active_at_start += u64::from(was_active);
        tally.active_at_end += u64::from(is_active);
        tally.retained += u64::from(was_active && is_active);
        was_active = is_active;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tend_models::timeline::NO_CODE;

    fn line(day: i64, amount: f64) -> Purchase {
        let at = day * DAY_SECONDS;
        Purchase { at, amount, margin: f64::NAN, quantity: f32::NAN, product: NO_CODE, category: NO_CODE }
    }

    fn subscription(start: i64, end: Option<i64>) -> Subscription {
        Subscription {
            start: start * DAY_SECONDS,
            end: end.map_or(NEVER, |day| day * DAY_SECONDS),
            product: NO_CODE,
            mrr: 1.0,
            bill_period_months: f32::NAN,
            discount: f32::NAN,
        }
    }

    fn days_of(purchases: &[Purchase], subscriptions: &[Subscription]) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        spans(purchases, subscriptions, 30, &mut found);
        found
            .iter()
            .map(|span| (span.start / DAY_SECONDS, if span.end == NEVER { -1 } else { span.end / DAY_SECONDS }))
            .collect()
    }

    #[test]
    fn purchases_and_subscriptions_join_into_spans() {
        assert_eq!(days_of(&[line(0, 5.0), line(20, 5.0), line(90, 5.0)], &[]), [(0, 50), (90, 120)]);
        assert_eq!(
            days_of(&[line(0, 5.0)], &[subscription(30, Some(60)), subscription(200, None)]),
            [(0, 60), (200, -1)]
        );
        // A return does not make a customer active, and a subscription that ended as it began never ran.
        assert_eq!(days_of(&[line(0, -5.0)], &[subscription(9, Some(9))]), []);
        // A short subscription within a long one does not end the span.
        assert_eq!(days_of(&[], &[subscription(0, Some(100)), subscription(10, Some(20))]), [(0, 100)]);
    }

    #[test]
    fn start_and_flows_give_the_end_in_every_period() {
        let periods = Periods::between(
            "2025-01-01".parse().unwrap(),
            "2026-01-01".parse().unwrap(),
            super::super::Calendar::Month,
        );
        let first = periods.get(0).from.day();
        let mut tallies = vec![Tally::default(); periods.len()];
        for customer in 0..200 {
            // Any purchases will do: some customers lapse and come back within one month.
            let days = (0..6).map(|purchase| first + (customer * 37 + purchase * purchase * 29 + purchase * 11) % 420);
            let mut purchases: Vec<Purchase> = days.map(|day| line(day, 1.0)).collect();
            purchases.sort_by_key(|line| line.at);
            let mut life = Life { purchases, ..Life::default() };
            spans(&life.purchases, &[], 10, &mut life.spans);
            count(&life, &periods, &mut tallies);
        }
        let mut at_start = 0;
        for (tally, period) in tallies.iter().zip(periods.iter()) {
            assert_eq!(tally.active_at_start, at_start, "{}", period.name);
            let end = tally.active_at_start + tally.new + tally.won_back - tally.lost;
            assert_eq!(end, tally.active_at_end, "{}", period.name);
            assert!(tally.retained <= tally.active_at_start.min(tally.active_at_end));
            at_start = end;
        }
        assert!(tallies.iter().any(|tally| tally.won_back > 0));
    }
}
