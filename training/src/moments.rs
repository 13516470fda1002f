//! Chooses the moments of training in time order: train, then tune, then test, whose label windows never overlap.

use tend_models::quantities::Moment;

/// The moments of a training run, oldest first in each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    /// Models are fitted on snapshots of these; their label windows may overlap one another, but no other part's.
    pub train: Vec<Moment>,
    /// Calibration and the choice of the champion use snapshots of this one.
    pub tune: Moment,
    /// The report uses snapshots of this one, the newest whose outcome is known.
    pub test: Moment,
}

/// There is not enough history for three label windows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found data from {first} to {last}; expected at least {needed} days: one window of {horizon_days} days to train, one to tune and one to test, after {horizon_days} days of history; shorten `horizon_days` in tend.toml or bring older data"
)]
pub struct TooShort {
    first: Moment,
    last: Moment,
    needed: i64,
    horizon_days: u32,
}

impl Moments {
    /// Moments for data from `first` up to and not including `until`, with label windows of `horizon_days` that begin
    /// `gap_days` after the moment. At most `most` training moments, each a third of a window before the next: a year
    /// of seasons where the data reach back as far.
    ///
    /// # Errors
    /// [`TooShort`] if there is no room for one training window after one window of history.
    pub fn plan(first: Moment, until: Moment, horizon_days: u32, gap_days: u32, most: usize) -> Result<Self, TooShort> {
        let window = i64::from(horizon_days) + i64::from(gap_days);
        let test = until.plus_days(-window);
        let tune = test.plus_days(-window);
        let step = (window / 3).max(1);
        let train: Vec<Moment> = (0..most as i64)
            .map(|place| tune.plus_days(-window - place * step))
            .take_while(|moment| *moment >= first.plus_days(i64::from(horizon_days)))
            .collect();
        if train.is_empty() {
            let needed = 3 * window + i64::from(horizon_days);
            return Err(TooShort { first, last: until, needed, horizon_days });
        }
        Ok(Self { train: train.into_iter().rev().collect(), tune, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_label_windows_never_overlap_and_the_newest_is_the_test() {
        let day = Moment::from_day;
        let moments = Moments::plan(day(0), day(1_000), 90, 5, 4).unwrap();
        assert_eq!(moments.train.len(), 4);
        assert!(moments.train.windows(2).all(|pair| pair[0].plus_days(31) == pair[1]));
        assert_eq!(moments.train[3].plus_days(95), moments.tune);
        assert_eq!(moments.tune.plus_days(95), moments.test);
        assert_eq!(moments.test.plus_days(95), day(1_000));
    }

    #[test]
    fn too_little_history_is_an_error_that_says_how_much_is_needed() {
        let error = Moments::plan(Moment::from_day(0), Moment::from_day(300), 90, 0, 4).unwrap_err();
        assert!(error.to_string().contains("at least 360 days"), "{error}");
    }
}
