//! How good forecasts of amounts were: purchases or money a customer.

use serde::{Deserialize, Serialize};

use super::ranking::Ranking;
use super::{MetricError, check_finite, check_scores};

/// How good forecasts of an amount a customer were, in the unit of that amount (purchases, or a currency).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueFigures {
    /// Number of customers.
    pub rows: usize,
    /// Sum of the actual amounts.
    pub actual_total: f64,
    /// Sum of the predicted amounts.
    pub predicted_total: f64,
    /// Predicted total over actual total, minus 1; `None` (null) if the actual total is 0.
    pub total_bias: Option<f64>,
    /// Mean absolute error a customer.
    pub mae: f64,
    /// Root of the mean squared error a customer.
    pub rmse: f64,
    /// Spearman's rank correlation, ties at their mean rank; `None` (null) if either side is constant.
    pub spearman: Option<f64>,
    /// Gini of actual amounts in predicted order over the Gini in their own order: 1 is the perfect order, 0 a random
    /// one; `None` (null) if all actual amounts are equal.
    pub normalised_gini: Option<f64>,
    /// Predicted and actual amounts by tenth of the customers, highest predictions first.
    pub deciles: Vec<Decile>,
}

/// A tenth of the customers by predicted amount.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// Mean predicted amount a customer.
    pub predicted_mean: f64,
    /// Mean actual amount a customer.
    pub actual_mean: f64,
    /// Number of customers.
    pub n: usize,
}

/// Repeat purchases of all customers together, week by week, counted and expected.
///
/// All three lists are equally long; weeks count from the start of the observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// Number of the week that ends at this entry.
    pub week: Vec<u32>,
    /// Repeat purchases counted up to the end of that week.
    pub actual_cumulative: Vec<f64>,
    /// Repeat purchases that the model expects up to the end of that week.
    pub expected_cumulative: Vec<f64>,
    /// The last week the model was fitted on; what comes after it was held out.
    pub hold_out_from: u32,
}

impl ValueFigures {
    /// Computes all figures; `predicted` and `actual` are (n,), element *i* of both is the same customer.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a value of either.
    pub fn of(predicted: &[f64], actual: &[f64]) -> Result<Self, MetricError> {
        check_scores(predicted, actual)?;
        check_finite(actual)?;
        let rows = predicted.len();
        let actual_total: f64 = actual.iter().sum();
        let predicted_total: f64 = predicted.iter().sum();
        let errors = || predicted.iter().zip(actual).map(|(p, a)| p - a);
        let by_prediction = Ranking::new(predicted, actual.iter().copied());
        Ok(Self {
            rows,
            actual_total,
            predicted_total,
            total_bias: (actual_total != 0.0).then(|| predicted_total / actual_total - 1.0),
            mae: errors().map(f64::abs).sum::<f64>() / rows as f64,
            rmse: (errors().map(|error| error * error).sum::<f64>() / rows as f64).sqrt(),
            spearman: correlation(&mean_ranks(predicted), &mean_ranks(actual)),
            normalised_gini: normalised_gini(&by_prediction, actual),
            deciles: deciles(&by_prediction, predicted),
        })
    }
}

/// Rank of each value from 1, equal values at the mean of their ranks.
fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &row in tied {
            ranks[row] = rank;
        }
        below += tied.len();
    }
    ranks
}

/// Pearson's correlation; `None` if either side is constant.
fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let rows = left.len() as f64;
    let left_mean = left.iter().sum::<f64>() / rows;
    let right_mean = right.iter().sum::<f64>() / rows;
    let (mut both, mut left_squares, mut right_squares) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().zip(right) {
        let (l, r) = (l - left_mean, r - right_mean);
        both += l * r;
        left_squares += l * l;
        right_squares += r * r;
    }
    (left_squares > 0.0 && right_squares > 0.0).then(|| (both / (left_squares * right_squares).sqrt()).clamp(-1.0, 1.0))
}

fn normalised_gini(by_prediction: &Ranking, actual: &[f64]) -> Option<f64> {
    if actual.iter().all(|amount| *amount == actual[0]) {
        return None;
    }
    let perfect = area_above_diagonal(&Ranking::new(actual, actual.iter().copied()));
    Some(area_above_diagonal(by_prediction) / perfect)
}

/// Area between the curve of cumulative amounts and its diagonal, in rows times amount; ties make a straight line.
fn area_above_diagonal(ranking: &Ranking) -> f64 {
    let mut area = 0.0;
    let (mut rows_before, mut outcome_before) = (0.0, 0.0);
    for step in &ranking.steps {
        area += (step.rows - rows_before) * (outcome_before + step.outcome) / 2.0;
        (rows_before, outcome_before) = (step.rows, step.outcome);
    }
    area - ranking.rows() * ranking.total() / 2.0
}

fn deciles(by_prediction: &Ranking, predicted: &[f64]) -> Vec<Decile> {
    let predictions = Ranking::new(predicted, predicted.iter().copied());
    (1..=10)
        .filter_map(|decile| {
            let start = by_prediction.rows_in_tenths(decile - 1);
            let end = by_prediction.rows_in_tenths(decile);
            let mean =
                |ranking: &Ranking| (ranking.outcome_of_first(end) - ranking.outcome_of_first(start)) / (end - start);
            (end > start).then(|| Decile {
                predicted_mean: mean(&predictions),
                actual_mean: mean(by_prediction),
                n: (end - start) as usize,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_customers_are_as_by_hand() {
        let figures = ValueFigures::of(&[4.0, 1.0, 2.0, 1.0], &[6.0, 0.0, 1.0, 3.0]).unwrap();
        assert_eq!((figures.actual_total, figures.predicted_total), (10.0, 8.0));
        assert!((figures.total_bias.unwrap() + 0.2).abs() < 1e-15);
        assert_eq!((figures.mae, figures.rmse), (1.5, 2.5_f64.sqrt()));
        // Cumulative actual in predicted order 6, 7, then the tie 0 and 3 in a straight line, 10: area 26.5 - 20 over
        // rows of trapezoids 3 + 6.5 + 2 * 8.5; perfect order 6, 9, 10, 10: 3 + 7.5 + 9.5 + 10.
        assert!((figures.normalised_gini.unwrap() - 6.5 / 10.0).abs() < 1e-15);
        let means: Vec<f64> = figures.deciles.iter().map(|d| d.actual_mean).collect();
        assert_eq!(means, [6.0, 1.0, 1.5, 1.5]);
    }

    #[test]
    fn a_perfect_forecast_is_perfect_and_a_constant_one_has_no_order() {
        let actual = [0.0, 2.5, 7.0, 7.0, 1.0];
        let perfect = ValueFigures::of(&actual, &actual).unwrap();
        assert_eq!((perfect.mae, perfect.total_bias), (0.0, Some(0.0)));
        assert!((perfect.spearman.unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(perfect.normalised_gini, Some(1.0));
        let constant = ValueFigures::of(&[3.5; 5], &actual).unwrap();
        assert_eq!(constant.spearman, None);
        assert!(constant.normalised_gini.unwrap().abs() < 1e-15);
    }

    #[test]
    fn nothing_bought_has_no_bias_and_no_gini() {
        let figures = ValueFigures::of(&[1.0, 2.0], &[0.0, 0.0]).unwrap();
        assert_eq!((figures.total_bias, figures.normalised_gini), (None, None));
        assert_eq!(
            ValueFigures::of(&[1.0], &[f64::NAN]).map_err(|error| error.to_string()),
            Err("row 0: found NaN, expected a finite number".to_owned())
        );
    }
}
