//! How often and how recently a customer bought: the summary that lifetime value models read.

use crate::quantities::DAY_SECONDS;
use crate::timeline::History;

/// Purchase days of a history, in the terms of the lifetime value literature; times in days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseRhythm {
    /// The day of the first purchase, numbered from 1970-01-01.
    pub first_day: i64,
    /// Purchase days (or periods with a purchase) after the first: *x*.
    pub repeat_purchases: u32,
    /// Days from the first purchase day to the last: *t_x*.
    pub last_purchase_days: f64,
    /// Days from the first purchase day to the end of the history: *T*.
    pub observed_days: f64,
    /// Mean spend of the repeat purchase days, returns of the same day netted; NaN without any.
    pub mean_repeat_spend: f64,
}

/// The rhythm of a history where all purchases of one period are one; `None` without a purchase.
///
/// With periods of 1 day: days are counted from calendar day to calendar day; the observation ends with the last whole
/// day before the moment, so that a customer who bought on that day has T = 0. A day whose returns outweigh its
/// purchases counts as a purchase of nothing. Longer periods follow each other from the day after the first purchase
/// on; times are those of their ends, and the observation ends with the last whole one.
#[must_use]
pub fn purchase_rhythm(history: &History<'_>, period_days: f64) -> Option<PurchaseRhythm> {
    let end = (history.moment().seconds() - 1).div_euclid(DAY_SECONDS);
    let mut first = None;
    let mut last = 0.0;
    let mut periods = 0_u32;
    let mut repeat_spend = 0.0;
    let mut spend_of_period = 0.0;
    let mut whole_periods = 0.0;
    for line in history.purchases() {
        let day = line.at.div_euclid(DAY_SECONDS);
        if line.amount < 0.0 && first.is_none() {
            continue;
        }
        let first_day = *first.get_or_insert_with(|| {
            whole_periods = ((end - day) as f64 / period_days).floor();
            day
        });
        let period = ((day - first_day) as f64 / period_days).ceil();
        if period > whole_periods.max(0.0) {
            break;
        }
        if line.amount >= 0.0 && (periods == 0 || period != last) {
            if periods > 1 {
                repeat_spend += f64::max(spend_of_period, 0.0);
            }
            periods += 1;
            last = period;
            spend_of_period = 0.0;
        }
        if period == last {
            spend_of_period += line.amount;
        }
    }
    if periods > 1 {
        repeat_spend += f64::max(spend_of_period, 0.0);
    }
    let first_day = first?;
    let repeats = periods - 1;
    Some(PurchaseRhythm {
        first_day,
        repeat_purchases: repeats,
        last_purchase_days: last * period_days,
        observed_days: whole_periods * period_days,
        mean_repeat_spend: if repeats > 0 { repeat_spend / f64::from(repeats) } else { f64::NAN },
    })
}

/// The days with a purchase, rising, numbered from 1970-01-01.
pub fn purchase_days(history: &History<'_>) -> impl Iterator<Item = i64> {
    let mut last = i64::MIN;
    history.purchases().filter(|line| line.amount >= 0.0).map(|line| line.at.div_euclid(DAY_SECONDS)).filter(
        move |&day| {
            let is_new = day != last;
            last = day;
            is_new
        },
    )
}
