//! The curves behind the ranking figures, at most 200 points each.

use serde::{Deserialize, Serialize};

use super::ranking::Ranking;
use super::{MetricError, check_scores};

/// How many points a curve may have: more than a screen shows, few enough for a file.
const MOST_POINTS: usize = 200;

/// One point of a curve; what the axes are is said where the curve is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// Position on the vertical axis.
    pub y: f64,
}

/// A tenth of the rows by score, and what happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LiftDecile {
    /// Number of the tenth: 1 has the highest scores.
    pub decile: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of positives; a fraction where equal scores straddle the edge of the tenth.
    pub positives: f64,
    /// Positives over rows, from 0 to 1.
    pub rate: f64,
    /// The rate over the rate of all rows.
    pub lift: f64,
    /// The rate of this tenth and all before it over the rate of all rows.
    pub cumulative_lift: f64,
}

/// ROC curve: x is the false positive rate, y the true positive rate, from (0, 0) to (1, 1).
///
/// `scores` and `happened` are (n,), on any scale. Empty if all rows are positive or all negative.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn roc_curve(scores: &[f64], happened: &[bool]) -> Result<Vec<Point>, MetricError> {
    check_scores(scores, happened)?;
    Ok(roc_curve_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn roc_curve_of(ranking: &Ranking) -> Vec<Point> {
    if !ranking.has_both() {
        return Vec::new();
    }
    let positives = ranking.total();
    let negatives = ranking.rows() - positives;
    let start = std::iter::once(Point { x: 0.0, y: 0.0 });
    let steps = ranking
        .steps
        .iter()
        .map(|step| Point { x: (step.rows - step.outcome) / negatives, y: step.outcome / positives });
    thinned(start.chain(steps).collect())
}

/// Precision-recall curve: x is recall, y precision, from the highest score threshold to the lowest.
///
/// `scores` and `happened` are (n,), on any scale. It begins at recall 0 with the precision of the highest score.
/// Empty if nothing happened.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn precision_recall_curve(scores: &[f64], happened: &[bool]) -> Result<Vec<Point>, MetricError> {
    check_scores(scores, happened)?;
    Ok(precision_recall_curve_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn precision_recall_curve_of(ranking: &Ranking) -> Vec<Point> {
    let positives = ranking.total();
    if positives == 0.0 {
        return Vec::new();
    }
    let mut points: Vec<Point> =
        ranking.steps.iter().map(|step| Point { x: step.outcome / positives, y: step.outcome / step.rows }).collect();
    points.insert(0, Point { x: 0.0, ..points[0] });
    thinned(points)
}

/// Cumulative gains curve: x is the share of rows taken, best scores first, y the share of all positives among them.
///
/// `scores` and `happened` are (n,), on any scale; it goes from (0, 0) to (1, 1). Empty if nothing happened.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn gains_curve(scores: &[f64], happened: &[bool]) -> Result<Vec<Point>, MetricError> {
    check_scores(scores, happened)?;
    Ok(gains_curve_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn gains_curve_of(ranking: &Ranking) -> Vec<Point> {
    let positives = ranking.total();
    if positives == 0.0 {
        return Vec::new();
    }
    let rows = ranking.rows();
    let start = std::iter::once(Point { x: 0.0, y: 0.0 });
    let steps = ranking.steps.iter().map(|step| Point { x: step.rows / rows, y: step.outcome / positives });
    thinned(start.chain(steps).collect())
}

/// Lift in each tenth of the rows, best scores first.
///
/// `scores` and `happened` are (n,), on any scale. Tenth *d* ends after d n / 10 rows, rounded up; equal scores at an
/// edge count in part on both sides. Fewer than ten rows make fewer tenths. Empty if nothing happened.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn lift_by_decile(scores: &[f64], happened: &[bool]) -> Result<Vec<LiftDecile>, MetricError> {
    check_scores(scores, happened)?;
    Ok(lift_by_decile_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn lift_by_decile_of(ranking: &Ranking) -> Vec<LiftDecile> {
    let positives = ranking.total();
    if positives == 0.0 {
        return Vec::new();
    }
    let base_rate = positives / ranking.rows();
    (1..=10)
        .filter_map(|decile| {
            let (start, end) = (ranking.rows_in_tenths(decile - 1), ranking.rows_in_tenths(decile));
            let rows = end - start;
            if rows <= 0.0 {
                return None;
            }
            let so_far = ranking.outcome_of_first(end);
            let positives = so_far - ranking.outcome_of_first(start);
            let rate = positives / rows;
            Some(LiftDecile {
                decile,
                rows: rows.round() as usize,
                positives,
                rate,
                lift: rate / base_rate,
                cumulative_lift: so_far / end / base_rate,
            })
        })
        .collect()
}

/// At most [`MOST_POINTS`] of the points, evenly spread over their order, first and last included.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let last = points.len() - 1;
    if last < MOST_POINTS {
        return points;
    }
    (0..MOST_POINTS).map(|index| points[index * last / (MOST_POINTS - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 4] = [0.9, 0.6, 0.6, 0.2];
    const HAPPENED: [bool; 4] = [true, true, false, false];

    fn point(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn curves_of_four_rows_are_as_by_hand() {
        assert_eq!(
            roc_curve(&SCORES, &HAPPENED).unwrap(),
            [point(0.0, 0.0), point(0.0, 0.5), point(0.5, 1.0), point(1.0, 1.0)]
        );
        assert_eq!(
            precision_recall_curve(&SCORES, &HAPPENED).unwrap(),
            [point(0.0, 1.0), point(0.5, 1.0), point(1.0, 2.0 / 3.0), point(1.0, 0.5)]
        );
        assert_eq!(
            gains_curve(&SCORES, &HAPPENED).unwrap(),
            [point(0.0, 0.0), point(0.25, 0.5), point(0.75, 1.0), point(1.0, 1.0)]
        );
    }

    #[test]
    fn a_long_curve_keeps_its_ends_and_at_most_200_points() {
        let scores: Vec<f64> = (0..5_000).map(f64::from).collect();
        let happened: Vec<bool> = (0..5_000).map(|row| row % 7 == 0).collect();
        for curve in [roc_curve(&scores, &happened).unwrap(), gains_curve(&scores, &happened).unwrap()] {
            assert_eq!(curve.len(), 200);
            assert_eq!(curve[0], point(0.0, 0.0));
            assert_eq!(curve[199], point(1.0, 1.0));
        }
    }

    #[test]
    fn tenths_share_out_ties_and_add_up() {
        // 23 rows with one score: every tenth has the base rate, whatever its size.
        let happened: Vec<bool> = (0..23).map(|row| row < 9).collect();
        let deciles = lift_by_decile(&[0.5; 23], &happened).unwrap();
        assert_eq!(deciles.iter().map(|decile| decile.rows).sum::<usize>(), 23);
        let positives: f64 = deciles.iter().map(|decile| decile.positives).sum();
        assert!((positives - 9.0).abs() < 1e-12, "{positives}");
        for decile in deciles {
            assert!((decile.lift - 1.0).abs() < 1e-12, "{decile:?}");
        }
    }

    #[test]
    fn three_rows_make_three_tenths() {
        let deciles = lift_by_decile(&[0.3, 0.2, 0.1], &[true, false, false]).unwrap();
        let numbers: Vec<usize> = deciles.iter().map(|decile| decile.decile).collect();
        assert_eq!(numbers, [1, 4, 7]);
        assert!((deciles[0].lift - 3.0).abs() < 1e-12);
    }
}
