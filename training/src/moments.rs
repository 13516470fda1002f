//! Chooses the moments of training in time order: train, then tune, then test, whose label windows never overlap.

use std::ops::Range;

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

    /// How the training moments part to judge settings before the tune moment: the newest quarter judges what is
    /// fitted on those whose label windows end before it begins, and the moments between serve neither. `None` where
    /// no window ends so early. Source: purging, López de Prado (2018), *Advances in Financial Machine Learning*, 7.4.
    #[must_use]
    pub fn inner(&self) -> Option<InnerMoments> {
        let window = self.test.days_since(self.tune);
        let judge = self.train.len() - self.train.len().div_ceil(4);
        let newest = self.train[judge];
        let fit = self.train.partition_point(|moment| newest.days_since(*moment) >= window);
        (fit > 0).then_some(InnerMoments { fit: 0..fit, judge: judge..self.train.len() })
    }
}

/// Places among the training moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerMoments {
    /// To fit on.
    pub fit: Range<usize>,
    /// To judge on.
    pub judge: Range<usize>,
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
    fn settings_are_judged_after_the_windows_that_they_were_fitted_on() {
        let day = Moment::from_day;
        let moments = Moments::plan(day(0), day(2_000), 90, 0, 12).unwrap();
        let inner = moments.inner().unwrap();
        // A third of a window apart: the two moments before the judges still look into their windows.
        assert_eq!((inner.fit.clone(), inner.judge.clone()), (0..7, 9..12));
        let end = moments.train[inner.fit.end - 1].plus_days(90);
        assert!(end <= moments.train[inner.judge.start], "{end} is after {}", moments.train[inner.judge.start]);
        assert!(moments.train[11].plus_days(90) <= moments.tune);
        // Three moments a third of a window apart: no window ends before the last begins.
        assert_eq!(Moments::plan(day(0), day(2_000), 90, 0, 3).unwrap().inner(), None);
    }

    #[test]
    fn too_little_history_is_an_error_that_says_how_much_is_needed() {
        let error = Moments::plan(Moment::from_day(0), Moment::from_day(300), 90, 0, 4).unwrap_err();
        assert!(error.to_string().contains("at least 360 days"), "{error}");
    }
}
