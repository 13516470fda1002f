//! Recurring revenue by period: what is new, won back, expanded, contracted and churned between its two edges.

use super::life::Life;
use super::periods::Periods;
use super::tally::Tally;

/// Counts how the customer's revenue a month moved over each period.
pub(super) fn count(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    if life.subscriptions.is_empty() {
        return;
    }
    let mut before = 0.0;
    let mut ever = false;
    for (period, tally) in periods.iter().zip(tallies) {
        let after = life.monthly_revenue_before(period.until.seconds());
        tally.mrr_at_start += before;
        tally.mrr_at_end += after;
        tally.subscribers_at_start += u64::from(before > 0.0);
        tally.subscribers_at_end += u64::from(after > 0.0);
        match (before > 0.0, after > 0.0) {
            (false, true) if ever => {
                tally.subscribers_won_back += 1;
                tally.mrr_won_back += after;
            }
            (false, true) => {
                tally.subscribers_new += 1;
                tally.mrr_new += after;
            }
            (true, false) => {
                tally.subscribers_lost += 1;
                tally.mrr_churned += before;
            }
            (true, true) => {
                tally.mrr_expansion += (after - before).max(0.0);
                tally.mrr_contraction += (before - after).max(0.0);
            }
            (false, false) => {}
        }
        ever |= after > 0.0;
        before = after;
    }
}
