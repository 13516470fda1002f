//! What it cost to win the customers who are new, and how many kinds of things active customers hold.

use std::collections::BTreeSet;

use super::life::Life;
use super::periods::Periods;
use super::tally::Tally;

/// Counts the cost in the period of the customer's first activity, and products held at each period's end.
pub(super) fn count(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    let Some(first) = life.spans.first() else { return };
    if let Some(period) = periods.place_of(first.start).filter(|_| !life.acquisition_cost.is_nan()) {
        tallies[period].acquisition_cost += life.acquisition_cost;
        tallies[period].acquired_at_known_cost += 1;
    }
    let bought =
        life.purchases.iter().filter(|line| line.amount > 0.0).map(|line| (line.at, line.category, line.product));
    let subscribed = life.subscriptions.iter().map(|one| (one.start, u32::MAX, one.product));
    let mut taken: Vec<(i64, (u32, u32))> = bought
        .chain(subscribed)
        // A kind is a category, or a product where there is no category.
        .map(|(at, category, product)| (at, if category == u32::MAX { (category, product) } else { (category, 0) }))
        .collect();
    taken.sort_unstable();
    let mut held = BTreeSet::new();
    let mut next = taken.into_iter().peekable();
    for (period, tally) in periods.iter().zip(tallies) {
        while let Some((_, kind)) = next.next_if(|(at, _)| *at < period.until.seconds()) {
            held.insert(kind);
        }
        if super::activity::is_active_before(&life.spans, period.until.seconds()) {
            tally.products_held += held.len() as u64;
        }
    }
}
