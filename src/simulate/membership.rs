//! Paid memberships: how they start, are upgraded and end, and what that says about being alive as a buyer.

use rand::Rng;
use rand_distr::Exp1;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::catalogue::{MEMBERSHIP_NEW_PRICES, MEMBERSHIP_PRICES, PRICE_CHANGE_DAY};
use super::person::Person;

/// One membership at one price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Membership {
    /// Position in [`super::catalogue::MEMBERSHIPS`].
    pub(super) product: usize,
    pub(super) start: i32,
    /// First day no longer covered, if it ended.
    pub(super) end: Option<i32>,
    pub(super) bill_period_months: i64,
    /// Part of the price given away.
    pub(super) discount: f64,
}

impl Membership {
    /// Revenue a month after discount.
    pub(super) fn monthly_revenue(&self) -> f64 {
        let prices = if self.start < PRICE_CHANGE_DAY { MEMBERSHIP_PRICES } else { MEMBERSHIP_NEW_PRICES };
        (prices[self.product] * (1.0 - self.discount) * 100.0).round() / 100.0
    }

    /// The records at one price each: two if the price changed while it ran.
    pub(super) fn at_one_price(self) -> impl Iterator<Item = Self> {
        let changed = self.start < PRICE_CHANGE_DAY && self.end.is_none_or(|end| end > PRICE_CHANGE_DAY);
        let first = if changed { Self { end: Some(PRICE_CHANGE_DAY), ..self } } else { self };
        let second = changed.then_some(Self { start: PRICE_CHANGE_DAY, ..self });
        std::iter::once(first).chain(second)
    }
}

/// Draws what happens to the memberships of `person` on the days `from..=to`, on all of which `alive` holds.
pub(super) fn advance(
    rng: &mut Xoshiro256PlusPlus,
    person: &Person,
    records: &mut Vec<Membership>,
    from: i32,
    to: i32,
    alive: bool,
) {
    let hazards = &person.membership;
    let mut day = from;
    loop {
        let running = records.last().filter(|last| last.end.is_none()).copied();
        let upgrade = if alive && running.is_some_and(|last| last.product == 0) { hazards.upgrade } else { 0.0 };
        let change = match running {
            Some(_) if alive => hazards.end_alive,
            Some(_) => hazards.end_dropped_out,
            None if alive && records.is_empty() => hazards.start,
            None => return,
        };
        let days = rng.sample::<f64, _>(Exp1) / (change + upgrade);
        // Compared as numbers: the days may exceed every integer type.
        if days >= f64::from(to - day + 1) {
            return;
        }
        day += days as i32;
        match running {
            None => records.push(draw_start(rng, day, hazards.family)),
            Some(last) => {
                records.last_mut().expect("a membership is running").end = Some(day);
                if rng.random::<f64>() * (change + upgrade) < upgrade {
                    records.push(Membership { product: 1, start: day, end: None, ..last });
                }
            }
        }
        day += 1;
    }
}

fn draw_start(rng: &mut Xoshiro256PlusPlus, day: i32, family: f64) -> Membership {
    let is_yearly = rng.random_bool(0.25);
    let is_introductory = rng.random_bool(0.12);
    Membership {
        product: usize::from(rng.random_bool(family)),
        start: day,
        end: None,
        bill_period_months: if is_yearly { 12 } else { 1 },
        discount: match (is_yearly, is_introductory) {
            (true, _) => 0.15,
            (false, true) => 0.2,
            (false, false) => 0.0,
        },
    }
}

/// Log-likelihood of the memberships on the days after `last_purchase` and before `moment`, (if alive, if dropped out).
///
/// Only for records without a start in that time: a start is a sign of life, and settles the question.
pub(super) fn log_likelihoods(person: &Person, records: &[Membership], last_purchase: i32, moment: i32) -> (f64, f64) {
    let hazards = &person.membership;
    let days = f64::from(moment - last_purchase - 1);
    let Some(last) = records.iter().rfind(|record| record.start <= last_purchase) else {
        return (-hazards.start * days, 0.0);
    };
    if last.end.is_some_and(|end| end <= last_purchase) {
        return (0.0, 0.0);
    }
    let alive = hazards.end_alive + if last.product == 0 { hazards.upgrade } else { 0.0 };
    let dropped_out = hazards.end_dropped_out;
    match last.end.filter(|&end| end < moment) {
        None => (-alive * days, -dropped_out * days),
        Some(end) => {
            let survived = f64::from(end - last_purchase - 1);
            let ended = |hazard: f64| (-(-hazard).exp_m1()).ln() - hazard * survived;
            (ended(alive) + (hazards.end_alive / alive).ln(), ended(dropped_out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Membership =
        Membership { product: 0, start: 600, end: Some(700), bill_period_months: 1, discount: 0.0 };

    #[test]
    fn a_price_change_splits_a_running_membership() {
        let parts: Vec<Membership> = RECORD.at_one_price().collect();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].end, parts[1].start, parts[1].end), (Some(640), 640, Some(700)));
        assert!(parts[1].monthly_revenue() > parts[0].monthly_revenue());
        assert_eq!(Membership { end: Some(640), ..RECORD }.at_one_price().count(), 1);
        assert_eq!(Membership { start: 640, ..RECORD }.at_one_price().count(), 1);
    }
}
