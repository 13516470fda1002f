//! Figures that depend only on the order of the scores: AUC, average precision, lift.

use super::{MetricError, check_scores};

/// Rows from the highest score to the lowest, those with the same score taken together.
///
/// Only the ends of the groups of equal scores are kept, so no figure depends on the order in which rows came. A row
/// may stand for several, or for part of one: its weight says how many.
pub(super) struct Ranking {
    /// One entry for each distinct score, highest first.
    pub(super) steps: Vec<Step>,
    /// Whether all weights are whole: a tenth then ends at a row's edge.
    pub(super) is_whole: bool,
}

/// The state after all rows with at least this score.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) score: f64,
    /// Rows with this score or a higher one.
    pub(super) rows: f64,
    /// Sum of their outcomes.
    pub(super) outcome: f64,
}

impl Ranking {
    /// Ranks by `scores`; both slices are (n,), n > 0, finite.
    pub(super) fn new(scores: &[f64], outcomes: impl Iterator<Item = f64>) -> Self {
        let mut pairs: Vec<(f64, f64)> = scores.iter().map(|score| score + 0.0).zip(outcomes).collect();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
        Self::of_sorted(pairs.into_iter().map(|(score, outcome)| (score, 1.0, outcome)), true)
    }

    /// Ranks events: an outcome of 1 where it happened.
    pub(super) fn of_events(scores: &[f64], happened: &[bool]) -> Self {
        Self::new(scores, happened.iter().map(|&happened| f64::from(u8::from(happened))))
    }

    /// From rows in falling order of their scores: score, weight and outcome times weight.
    pub(super) fn of_sorted(rows: impl Iterator<Item = (f64, f64, f64)>, is_whole: bool) -> Self {
        let mut steps: Vec<Step> = Vec::with_capacity(rows.size_hint().0);
        let mut sum = Step { score: f64::NAN, rows: 0.0, outcome: 0.0 };
        for (score, weight, outcome) in rows {
            if weight == 0.0 {
                continue;
            }
            sum = Step { score, rows: sum.rows + weight, outcome: sum.outcome + outcome };
            match steps.last_mut() {
                Some(last) if last.score == score => *last = sum,
                _ => steps.push(sum),
            }
        }
        Self { steps, is_whole }
    }

    pub(super) fn rows(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.rows)
    }

    /// Sum of all outcomes: the number of positives if outcomes are events.
    pub(super) fn total(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.outcome)
    }

    /// Whether some rows are positive and some negative, if outcomes are events.
    pub(super) fn has_both(&self) -> bool {
        self.total() > 0.0 && self.steps.iter().any(|step| step.outcome < step.rows)
    }

    /// Expected sum of outcomes in the first `rows` rows if equal scores were put in random order.
    pub(super) fn outcome_of_first(&self, rows: f64) -> f64 {
        let at = self.steps.partition_point(|step| step.rows < rows);
        let Some(end) = self.steps.get(at) else {
            return self.total();
        };
        let (rows_before, outcome_before) = match at.checked_sub(1) {
            Some(before) => (self.steps[before].rows, self.steps[before].outcome),
            None => (0.0, 0.0),
        };
        let share = (rows - rows_before) / (end.rows - rows_before);
        outcome_before + share * (end.outcome - outcome_before)
    }

    /// How many of the first rows belong to the first `tenths` tenths: the share of all rows, rounded up to whole ones.
    pub(super) fn rows_in_tenths(&self, tenths: usize) -> f64 {
        let rows = self.rows() * tenths as f64 / 10.0;
        if self.is_whole { rows.ceil() } else { rows }
    }
}

/// Area under the ROC curve: the chance that a positive scores above a negative, ties counted half.
///
/// `scores` and `happened` are (n,), on any scale. `None` if all rows are positive or all negative. This is the exact
/// rank form (Mann-Whitney U over the number of pairs), not an integration of a thinned curve. Source: Hanley and
/// McNeil (1982).
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn auc(scores: &[f64], happened: &[bool]) -> Result<Option<f64>, MetricError> {
    check_scores(scores, happened)?;
    Ok(auc_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn auc_of(ranking: &Ranking) -> Option<f64> {
    if !ranking.has_both() {
        return None;
    }
    let positives = ranking.total();
    let negatives = ranking.rows() - positives;
    // Twice the number of pairs won, so that a tie counts 1 and the sum stays a whole number.
    let mut twice_won = 0.0;
    let (mut rows_before, mut positives_before) = (0.0, 0.0);
    for step in &ranking.steps {
        let positives_here = step.outcome - positives_before;
        let negatives_here = step.rows - rows_before - positives_here;
        let negatives_below = negatives - (step.rows - step.outcome);
        twice_won += positives_here * (2.0 * negatives_below + negatives_here);
        (rows_before, positives_before) = (step.rows, step.outcome);
    }
    Some(twice_won / (2.0 * positives * negatives))
}

/// Average precision: precision at each score threshold, weighted by the recall gained there.
///
/// `scores` and `happened` are (n,), on any scale. `None` if nothing happened. The base rate is what random scores
/// get. No interpolation, as scikit-learn's `average_precision_score`.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn average_precision(scores: &[f64], happened: &[bool]) -> Result<Option<f64>, MetricError> {
    check_scores(scores, happened)?;
    Ok(average_precision_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn average_precision_of(ranking: &Ranking) -> Option<f64> {
    let positives = ranking.total();
    if positives == 0.0 {
        return None;
    }
    let mut weighted = 0.0;
    let mut positives_before = 0.0;
    for step in &ranking.steps {
        weighted += (step.outcome - positives_before) * step.outcome / step.rows;
        positives_before = step.outcome;
    }
    Some(weighted / positives)
}

/// Lift of the first tenth: the rate among the best-scored tenth over the rate among all.
///
/// `scores` and `happened` are (n,), on any scale. `None` if nothing happened. The tenth is n / 10 rows, rounded up;
/// where its edge falls among equal scores, each of them counts in part, as if their order were random.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn top_decile_lift(scores: &[f64], happened: &[bool]) -> Result<Option<f64>, MetricError> {
    check_scores(scores, happened)?;
    Ok(top_decile_lift_of(&Ranking::of_events(scores, happened)))
}

pub(super) fn top_decile_lift_of(ranking: &Ranking) -> Option<f64> {
    let positives = ranking.total();
    if positives == 0.0 {
        return None;
    }
    let rows = ranking.rows_in_tenths(1);
    let rate = ranking.outcome_of_first(rows) / rows;
    Some(rate / (positives / ranking.rows()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_a_tie_as_half_a_win() {
        // Positives .8 and .4; negatives .4 and .1: pairs won 1, 1, .5, 1 of 4.
        let figure = auc(&[0.8, 0.4, 0.4, 0.1], &[true, true, false, false]).unwrap();
        assert_eq!(figure, Some(0.875));
    }

    #[test]
    fn figures_without_meaning_are_none() {
        assert_eq!(auc(&[0.2, 0.3], &[true, true]), Ok(None));
        assert_eq!(auc(&[0.2, 0.3], &[false, false]), Ok(None));
        assert_eq!(average_precision(&[0.2, 0.3], &[false, false]), Ok(None));
        assert_eq!(top_decile_lift(&[0.2, 0.3], &[false, false]), Ok(None));
        assert_eq!(average_precision(&[0.2, 0.3], &[true, true]), Ok(Some(1.0)));
    }

    #[test]
    fn lift_shares_out_ties_at_the_edge_of_the_tenth() {
        // Twenty rows, all with the same score: whoever is first is luck, so the lift is 1.
        let happened: Vec<bool> = (0..20).map(|row| row < 5).collect();
        assert_eq!(top_decile_lift(&[0.3; 20], &happened), Ok(Some(1.0)));
        // Distinct scores, the two best both positive, 5 of 20 positive overall: 1 / .25.
        let scores: Vec<f64> = (0..20).map(|row| -f64::from(row)).collect();
        assert_eq!(top_decile_lift(&scores, &happened), Ok(Some(4.0)));
    }

    #[test]
    fn minus_zero_ties_with_zero() {
        assert_eq!(auc(&[-0.0, 0.0], &[false, true]), Ok(Some(0.5)));
    }
}
