//! How often and how recently a customer bought: the summary that lifetime value models read.

use crate::quantities::DAY_SECONDS;
use crate::timeline::History;

/// Purchase days of a history, in the terms of the lifetime value literature; times in days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseRhythm {
    /// The day of the first purchase, numbered from 1970-01-01.
    pub first_day: i64,
    /// Purchase days after the first: *x*.
    pub repeat_purchases: u32,
    /// Days from the first purchase day to the last: *t_x*.
    pub last_purchase_days: f64,
    /// Days from the first purchase day to the end of the history: *T*.
    pub observed_days: f64,
    /// Mean spend of the repeat purchase days, returns of the same day netted; NaN without any.
    pub mean_repeat_spend: f64,
}

/// The rhythm of a history; `None` without a purchase.
///
/// Days are counted from calendar day to calendar day: the observation ends with the last whole day before the
/// moment, so that a customer who bought on that day has T = 0. A day whose returns outweigh its purchases counts as
/// a purchase of nothing.
#[must_use]
pub fn purchase_rhythm(history: &History<'_>) -> Option<PurchaseRhythm> {
    let mut first = None;
    let mut last = 0;
    let mut days = 0_u32;
    let mut repeat_spend = 0.0;
    let mut spend_of_day = 0.0;
    for line in history.purchases() {
        let day = line.at.div_euclid(DAY_SECONDS);
        if line.amount >= 0.0 && (first.is_none() || day != last) {
            first = first.or(Some(day));
            if days > 1 {
                repeat_spend += f64::max(spend_of_day, 0.0);
            }
            days += 1;
            last = day;
            spend_of_day = 0.0;
        }
        if first.is_some() && day == last {
            spend_of_day += line.amount;
        }
    }
    if days > 1 {
        repeat_spend += f64::max(spend_of_day, 0.0);
    }
    let first = first?;
    let end = (history.moment().seconds() - 1).div_euclid(DAY_SECONDS);
    let repeats = days - 1;
    Some(PurchaseRhythm {
        first_day: first,
        repeat_purchases: repeats,
        last_purchase_days: (last - first) as f64,
        observed_days: (end - first) as f64,
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
