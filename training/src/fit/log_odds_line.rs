//! Fits a line in log-odds over a few columns, with weights that are never below 0: calibrations and blends.

use tend_models::families::logistic::sigmoid;

/// More steps than Newton's method needs.
const MOST_STEPS: usize = 50;
/// A column that the others explain to this share of its spread has no weight of its own.
const LEAST_PIVOT: f64 = 1e-9;

/// log-odds = `intercept` + sum of `weights` x columns.
#[derive(Debug, Clone, PartialEq)]
pub struct LogOddsLine {
    /// In log-odds.
    pub intercept: f64,
    /// One a column, not below 0, at least one of them above.
    pub weights: Vec<f64>,
}

/// Fits the line of least log loss among those whose weights are not below 0.
///
/// `columns` holds a few columns, (n,) each; `targets` is (n,), from 0 to 1. `None` if no column has a weight above 0,
/// or the outcomes are told apart without an error. The least loss under such bounds is the least loss without bounds
/// over some of the columns, so that trying each set of columns is exact.
///
/// # Panics
/// If a column has another length than `targets`.
#[must_use]
pub fn fit_log_odds_line(columns: &[Vec<f64>], targets: &[f64]) -> Option<LogOddsLine> {
    assert!(columns.iter().all(|column| column.len() == targets.len()), "one value a row in each column");
    let all = (1_usize << columns.len()) - 1;
    let fit = |set: usize| fit_over(columns, set, targets).filter(|(_, line)| is_feasible(line));
    // More columns never fit worse: where all have a weight, no set of fewer is better.
    let best = fit(all).or_else(|| (1..all).filter_map(fit).min_by(|one, other| one.0.total_cmp(&other.0)));
    best.map(|(_, line)| line)
}

/// Half-smoothed outcomes, so that no line has to become infinitely steep. Source: Platt (1999).
#[must_use]
pub fn smoothed_targets(happened: &[bool]) -> Vec<f64> {
    let positives = happened.iter().filter(|&&happened| happened).count() as f64;
    let negatives = happened.len() as f64 - positives;
    let targets = [1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)];
    happened.iter().map(|&happened| targets[usize::from(happened)]).collect()
}

fn is_feasible(line: &LogOddsLine) -> bool {
    let is_finite = line.intercept.is_finite() && line.weights.iter().all(|weight| weight.is_finite());
    is_finite && line.weights.iter().all(|&weight| weight >= 0.0) && line.weights.iter().any(|&weight| weight > 0.0)
}

/// The line without bounds over the columns of a set, one bit a column, by Newton's method; with its loss.
fn fit_over(columns: &[Vec<f64>], set: usize, targets: &[f64]) -> Option<(f64, LogOddsLine)> {
    let used: Vec<usize> = (0..columns.len()).filter(|column| set >> column & 1 == 1).collect();
    let width = used.len() + 1;
    let rows: Vec<f64> = (0..targets.len())
        .flat_map(|row| std::iter::once(1.0).chain(used.iter().map(move |&column| columns[column][row])))
        .collect();
    let loss = |line: &[f64]| -> f64 {
        rows.chunks_exact(width).zip(targets).map(|(row, target)| cross_entropy(dot(row, line), *target)).sum()
    };
    let mut line = vec![1.0 / used.len() as f64; width];
    line[0] = 0.0;
    let mut current = loss(&line);
    for _ in 0..MOST_STEPS {
        let step = newton_step(&rows, targets, &line)?;
        // Newton's step may overshoot where the curve is flat; a halved one goes down in the end.
        let halved = (0..30).map(|halvings| 0.5_f64.powi(halvings)).find_map(|share| {
            let next: Vec<f64> = line.iter().zip(&step).map(|(line, step)| line + share * step).collect();
            let next_loss = loss(&next);
            (next_loss < current).then_some((next, next_loss))
        });
        let Some((next, next_loss)) = halved else {
            break;
        };
        let settled = current - next_loss < 1e-12 * current;
        line = next;
        current = next_loss;
        if settled {
            break;
        }
    }
    let mut weights = vec![0.0; columns.len()];
    used.iter().zip(&line[1..]).for_each(|(&column, &weight)| weights[column] = weight);
    Some((current, LogOddsLine { intercept: line[0], weights }))
}

fn dot(row: &[f64], line: &[f64]) -> f64 {
    row.iter().zip(line).map(|(value, weight)| value * weight).sum()
}

fn cross_entropy(log_odds: f64, target: f64) -> f64 {
    // ln(1 + e^x) without overflow.
    log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p() - target * log_odds
}

/// Newton's step; `None` if a column follows from the others, or every row is certain.
fn newton_step(rows: &[f64], targets: &[f64], line: &[f64]) -> Option<Vec<f64>> {
    let width = line.len();
    let mut gradient = vec![0.0; width];
    let mut curvature = vec![0.0; width * width];
    for (row, target) in rows.chunks_exact(width).zip(targets) {
        let probability = sigmoid(dot(row, line));
        let (gap, weight) = (target - probability, probability * (1.0 - probability));
        for one in 0..width {
            gradient[one] += gap * row[one];
            for other in 0..=one {
                curvature[one * width + other] += weight * row[one] * row[other];
            }
        }
    }
    solved(&mut curvature, gradient)
}

/// Solves a symmetric system, given by its lower triangle, by Cholesky's decomposition in place.
fn solved(matrix: &mut [f64], mut right: Vec<f64>) -> Option<Vec<f64>> {
    let width = right.len();
    for one in 0..width {
        let spread = matrix[one * width + one];
        for other in 0..=one {
            let explained: f64 =
                (0..other).map(|place| matrix[one * width + place] * matrix[other * width + place]).sum();
            let left = matrix[one * width + other] - explained;
            if other < one {
                matrix[one * width + other] = left / matrix[other * width + other];
            } else if left > LEAST_PIVOT * spread {
                matrix[one * width + one] = left.sqrt();
            } else {
                return None;
            }
        }
    }
    for one in 0..width {
        let known: f64 = (0..one).map(|place| matrix[one * width + place] * right[place]).sum();
        right[one] = (right[one] - known) / matrix[one * width + one];
    }
    for one in (0..width).rev() {
        let known: f64 = (one + 1..width).map(|place| matrix[place * width + one] * right[place]).sum();
        right[one] = (right[one] - known) / matrix[one * width + one];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three evenly spread columns and the exact probabilities of a line over them.
    fn data(line: [f64; 4]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let spread = |step: f64| (0..2_000).map(|row| 4.0 * (f64::from(row) * step).fract() - 2.0).collect::<Vec<_>>();
        let columns = vec![spread(0.618_034), spread(0.414_214), spread(0.732_051)];
        let targets = (0..2_000)
            .map(|row| sigmoid(line[0] + (0..3).map(|place| line[place + 1] * columns[place][row]).sum::<f64>()))
            .collect();
        (columns, targets)
    }

    #[test]
    fn the_line_of_the_truth_is_found() {
        let truth = [-0.7, 0.2, 1.5, 0.6];
        let (columns, targets) = data(truth);
        let line = fit_log_odds_line(&columns, &targets).unwrap();
        for (found, expected) in std::iter::once(&line.intercept).chain(&line.weights).zip(truth) {
            assert!((found - expected).abs() < 1e-5, "found {line:?}, expected {truth:?}");
        }
    }

    #[test]
    fn no_weight_is_below_zero_and_none_is_better() {
        let (columns, targets) = data([-0.7, 0.9, -0.8, 0.3]);
        let line = fit_log_odds_line(&columns, &targets).unwrap();
        assert_eq!(line.weights[1], 0.0);
        assert!(line.weights[0] > 0.5 && line.weights[2] > 0.1, "{line:?}");
        let loss = |weights: [f64; 3], intercept: f64| -> f64 {
            (0..targets.len())
                .map(|row| {
                    let log_odds = intercept + (0..3).map(|place| weights[place] * columns[place][row]).sum::<f64>();
                    cross_entropy(log_odds, targets[row])
                })
                .sum()
        };
        let weights = [line.weights[0], line.weights[1], line.weights[2]];
        let least = loss(weights, line.intercept);
        for place in 0..3 {
            for step in [-0.01, 0.01] {
                let mut near = weights;
                near[place] = (near[place] + step).max(0.0);
                assert!(loss(near, line.intercept) >= least - 1e-9, "better at {near:?} than at {weights:?}");
            }
        }
    }

    #[test]
    fn columns_that_only_mislead_have_no_line() {
        let (columns, targets) = data([0.3, -1.0, -0.5, -2.0]);
        assert_eq!(fit_log_odds_line(&columns, &targets), None);
    }

    #[test]
    fn of_two_equal_columns_one_is_used() {
        let (columns, targets) = data([0.1, 1.0, 0.0, 0.0]);
        let twice = [columns[0].clone(), columns[0].clone()];
        let line = fit_log_odds_line(&twice, &targets).unwrap();
        assert!((line.weights.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{line:?}");
    }
}
