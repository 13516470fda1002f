//! The company's calendar: the season of buying and the days on which campaigns go out.

use std::f64::consts::TAU;

use tend_models::quantities::Moment;

/// Days from one campaign to the next.
pub(super) const CAMPAIGN_EVERY_DAYS: i32 = 60;
/// How long a contact works, in days, beginning the day after it.
pub(super) const CONTACT_WORKS_DAYS: i32 = 30;
/// Horizon of the true contact effects, in days.
pub(super) const EFFECT_HORIZON_DAYS: i32 = 90;

const YEARLY_SWING: f64 = 0.12;
const DECEMBER_PEAK: f64 = 0.7;
const DECEMBER_PEAK_DAY: f64 = 347.0;
const DECEMBER_PEAK_WIDTH_DAYS: f64 = 9.0;

/// Days are counted from the company's first day, which is day 0.
pub(super) struct Calendar {
    /// Midnight of day 0.
    pub(super) start: Moment,
    /// Number of days recorded; the first day not recorded.
    pub(super) days: i32,
    /// Element *d* is the season summed over days 0 to *d* - 1.
    summed: Vec<f64>,
}

impl Calendar {
    /// A calendar of `days` days from midnight of `start`'s date; the season is known [`EFFECT_HORIZON_DAYS`] further.
    pub(super) fn new(start: Moment, days: i32) -> Self {
        let start = Moment::from_day(start.day());
        let mut summed = vec![0.0];
        let mut total = 0.0;
        let shape_mean = (1..=365).map(season_shape).sum::<f64>() / 365.0;
        for day in 0..days + EFFECT_HORIZON_DAYS {
            let day_of_year = start.plus_days(i64::from(day)).date().day_of_year();
            total += season_shape(day_of_year) / shape_mean;
            summed.push(total);
        }
        Self { start, days, summed }
    }

    /// The season summed over the days from `from` to before `to`; 0 if there are none.
    pub(super) fn season(&self, from: i32, to: i32) -> f64 {
        if to <= from { 0.0 } else { self.summed[to as usize] - self.summed[from as usize] }
    }

    /// The first day from `from` on by whose end the season has summed to more than `amount`.
    pub(super) fn day_of_season(&self, from: i32, amount: f64) -> i32 {
        let target = self.summed[from as usize] + amount;
        let later = &self.summed[from as usize + 1..];
        let passed = later.partition_point(|&summed| summed <= target);
        // Rounding may put the target on the last sum; the day must still exist.
        from + passed.min(later.len() - 1) as i32
    }

    /// The first campaign day on or after `day`, if its contacts still work out before the records end.
    pub(super) fn next_campaign(&self, day: i32) -> Option<i32> {
        let number = day.div_euclid(CAMPAIGN_EVERY_DAYS) + i32::from(day % CAMPAIGN_EVERY_DAYS != 0);
        let campaign = number.max(1) * CAMPAIGN_EVERY_DAYS;
        (campaign + CONTACT_WORKS_DAYS < self.days).then_some(campaign)
    }
}

/// The days from `from` to before `to` on which a contact sent on day `sent` works, with the season summed over them.
pub(super) fn season_under_contact(calendar: &Calendar, sent: i32, from: i32, to: i32) -> f64 {
    calendar.season(from.max(sent + 1), to.min(sent + 1 + CONTACT_WORKS_DAYS))
}

fn season_shape(day_of_year: i16) -> f64 {
    let day = f64::from(day_of_year.min(365));
    let from_peak = (day - DECEMBER_PEAK_DAY) / DECEMBER_PEAK_WIDTH_DAYS;
    1.0 + YEARLY_SWING * (TAU * (day - 330.0) / 365.0).cos() + DECEMBER_PEAK * (-0.5 * from_peak * from_peak).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_season_averages_one_over_a_year_and_peaks_in_december() {
        let calendar = Calendar::new("2023-01-01".parse().unwrap(), 1095);
        let mean = calendar.season(0, 365) / 365.0;
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        let leap_year = calendar.season(365, 731) / 366.0;
        assert!((leap_year - 1.0).abs() < 2e-3, "{leap_year}");
        let december = calendar.season(334, 365) / 31.0;
        assert!((1.3..1.8).contains(&december), "{december}");
    }

    #[test]
    fn the_day_found_is_the_one_in_which_the_sum_is_passed() {
        let calendar = Calendar::new("2023-01-01".parse().unwrap(), 400);
        for amount in [0.0, 0.3, 5.0, 77.7, 250.0] {
            let day = calendar.day_of_season(20, amount);
            assert!(calendar.season(20, day) <= amount && calendar.season(20, day + 1) > amount, "{amount} {day}");
        }
    }

    #[test]
    fn campaigns_leave_room_for_their_outcomes() {
        let calendar = Calendar::new("2023-01-01".parse().unwrap(), 1095);
        assert_eq!(calendar.next_campaign(0), Some(60));
        assert_eq!(calendar.next_campaign(60), Some(60));
        assert_eq!(calendar.next_campaign(61), Some(120));
        assert_eq!(calendar.next_campaign(1021), None);
    }
}
