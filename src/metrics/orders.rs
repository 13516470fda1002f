//! Purchases by period: revenue, orders, repeat and cross buying, and revenue kept from a year ago.

use tend_models::quantities::DAY_SECONDS;
use tend_models::timeline::{NO_CODE, Purchase};

use super::life::Life;
use super::periods::Periods;
use super::tally::Tally;

/// A customer who orders again within so many days of the first order has been converted.
pub(super) const SECOND_ORDER_DAYS: i64 = 90;
/// Revenue is compared with that of the year before.
pub(super) const YEAR_DAYS: i64 = 365;

/// What a line is of, to tell what a customer had never bought: its category, or its product where there is none.
fn kind_of(line: &Purchase) -> Option<(bool, u32)> {
    match (line.category, line.product) {
        (NO_CODE, NO_CODE) => None,
        (NO_CODE, product) => Some((false, product)),
        (category, _) => Some((true, category)),
    }
}

/// Counts the customer's purchases in each period.
pub(super) fn count(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    if life.purchases.is_empty() {
        return;
    }
    for late in &life.late {
        tallies[late.period].late_revenue += late.revenue;
        tallies[late.period].late_lines += late.lines;
    }
    count_orders(life, periods, tallies);
    count_revenue_kept(life, periods, tallies);
}

fn count_orders(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    let mut kinds: Vec<(bool, u32)> = Vec::new();
    let mut order_days: Vec<i64> = Vec::new();
    let (mut buyer_of, mut cross_buyer_of, mut is_returning) = (None, None, false);
    for line in &life.purchases {
        let Some(period) = periods.place_of(line.at) else { continue };
        let tally = &mut tallies[period];
        tally.revenue += line.amount;
        if line.amount <= 0.0 {
            tally.returned -= line.amount;
            continue;
        }
        let day = line.at.div_euclid(DAY_SECONDS);
        if buyer_of != Some(period) {
            buyer_of = Some(period);
            tally.buyers += 1;
            is_returning = !order_days.is_empty();
            tally.returning_buyers += u64::from(is_returning);
        }
        if order_days.last() != Some(&day) {
            tally.orders += 1;
            match order_days.last() {
                None => tally.first_orders += 1,
                Some(last) => {
                    tally.intervals += 1;
                    tally.interval_days += (day - last) as f64;
                }
            }
            order_days.push(day);
        }
        if let Some(kind) = kind_of(line).filter(|kind| !kinds.contains(kind)) {
            kinds.push(kind);
            if is_returning && cross_buyer_of != Some(period) {
                cross_buyer_of = Some(period);
                tally.cross_buyers += 1;
            }
        }
    }
    if let [first, second, ..] = order_days[..]
        && second - first <= SECOND_ORDER_DAYS
        && let Some(period) = periods.place_of(first * DAY_SECONDS)
    {
        tallies[period].second_orders += 1;
    }
}

/// Revenue of the year up to each period's end, of those who bought in the year before it.
fn count_revenue_kept(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    let revenue_between = |from: i64, until: i64| {
        let from = life.purchases.partition_point(|line| line.at < from);
        let until = life.purchases.partition_point(|line| line.at < until);
        life.purchases[from..until].iter().map(|line| line.amount).sum::<f64>()
    };
    let first = life.purchases[0].at;
    for (period, tally) in periods.iter().zip(tallies) {
        let end = period.until;
        let (a_year_ago, two_years_ago) =
            (end.plus_days(-YEAR_DAYS).seconds(), end.plus_days(-2 * YEAR_DAYS).seconds());
        if first >= a_year_ago {
            continue;
        }
        let before = revenue_between(two_years_ago, a_year_ago);
        if before > 0.0 {
            let now = revenue_between(a_year_ago, end.seconds());
            tally.revenue_before_last_year += before;
            tally.revenue_kept += now;
            tally.revenue_kept_at_most += now.clamp(0.0, before);
        }
    }
}
