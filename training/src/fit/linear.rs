//! Fits a linear regression with an L2 penalty, on the standardised columns of the logistic one, by its normal equations.

use ndarray::{Array1, Array2, Axis};
use tend_models::families::logistic::Logistic;

use super::logistic::columns::{ColumnPlan, Solution};
use super::table::{FitError, TrainingRows};

/// Every so many rows one is held out to choose the penalty.
const HELD_OUT: usize = 5;

/// How to fit a linear regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearParams {
    /// Strengths of the L2 penalty to try, each above 0: the penalty is strength x the sum of squared coefficients of
    /// standardised numbers and of levels, against squared errors summed over the rows. With several, the one with the
    /// least squared error on a fifth of the rows is taken.
    pub l2: Vec<f64>,
    /// The most frequent levels of a category that get a coefficient of their own; the rest share one.
    pub max_levels: usize,
}

impl Default for LinearParams {
    fn default() -> Self {
        Self { l2: vec![10.0, 100.0, 1_000.0, 10_000.0], max_levels: 50 }
    }
}

/// Sums of products of columns, centred on means.
struct Moments {
    count: f64,
    means: Array1<f64>,
    target_mean: f64,
    /// (columns, columns).
    products: Array2<f64>,
    with_target: Array1<f64>,
}

impl LinearParams {
    /// Fits `targets`, one a row, on rows whose labels are ignored. The kernel is that of logistic regression without
    /// its last step: what it calls log-odds is the expected target.
    ///
    /// # Errors
    /// [`FitError`] if the table or a parameter is invalid, or a target is not finite.
    pub fn fit(&self, rows: &TrainingRows, targets: &[f64]) -> Result<Logistic, FitError> {
        rows.check()?;
        if targets.len() != rows.len() {
            return Err(FitError::Shape { what: "targets", found: targets.len(), expected: rows.len() });
        }
        if let Some(row) = targets.iter().position(|target| !target.is_finite()) {
            let expected = "a finite number".into();
            return Err(FitError::Value { feature: "target".into(), row, found: targets[row], expected });
        }
        if self.l2.is_empty() || self.l2.iter().any(|l2| !(*l2 > 0.0 && l2.is_finite())) {
            let found = format!("{:?}", self.l2);
            return Err(FitError::Parameter { name: "l2", found, expected: "one or more finite numbers above 0" });
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        let plan = ColumnPlan::new(rows, &all, self.max_levels);
        let (matrix, targets) = (plan.matrix(rows, &all), Array1::from(targets.to_vec()));
        let l2 = if self.l2.len() == 1 || rows.len() < HELD_OUT { self.l2[0] } else { self.best_l2(&matrix, &targets) };
        let solution = Moments::of(&matrix, &targets).solve(l2);
        Ok(plan.kernel(rows, &all, &solution))
    }

    /// The strength of least squared error on every fifth row; of equal ones the strongest.
    fn best_l2(&self, matrix: &Array2<f64>, targets: &Array1<f64>) -> f64 {
        let (held_out, rest): (Vec<usize>, Vec<usize>) = (0..targets.len()).partition(|row| row % HELD_OUT == 0);
        let part = |rows: &[usize]| (matrix.select(Axis(0), rows), targets.select(Axis(0), rows));
        let ((inner, inner_targets), (outer, outer_targets)) = (part(&rest), part(&held_out));
        let moments = Moments::of(&inner, &inner_targets);
        let mut strengths = self.l2.clone();
        strengths.sort_by(|one, other| other.total_cmp(one));
        let error = |&l2: &f64| {
            let solution = moments.solve(l2);
            let expected = outer.dot(&Array1::from(solution.coefficients)) + solution.intercept;
            (&outer_targets - &expected).mapv(|gap| gap * gap).sum()
        };
        strengths.into_iter().min_by(|one, other| error(one).total_cmp(&error(other))).expect("at least one strength")
    }
}

impl Moments {
    fn of(matrix: &Array2<f64>, targets: &Array1<f64>) -> Self {
        let count = targets.len() as f64;
        let means = matrix.sum_axis(Axis(0)) / count;
        let target_mean = targets.sum() / count;
        let centred = matrix - &means;
        let products = centred.t().dot(&centred);
        let with_target = centred.t().dot(&(targets - target_mean));
        Self { count, means, target_mean, products, with_target }
    }

    fn solve(&self, l2: f64) -> Solution {
        let mut penalised = self.products.clone();
        // The sums of squares of standardised columns are about the count: a floor keeps equal columns apart.
        penalised.diag_mut().mapv_inplace(|square| square + l2 + 1e-9 * self.count);
        let coefficients = solve_symmetric(penalised, self.with_target.to_vec());
        let shift: f64 = self.means.iter().zip(&coefficients).map(|(mean, coefficient)| mean * coefficient).sum();
        Solution { coefficients, intercept: self.target_mean - shift }
    }
}

/// Solves a x = b for a symmetric, positive definite a, by Cholesky.
fn solve_symmetric(mut a: Array2<f64>, mut b: Vec<f64>) -> Vec<f64> {
    let size = b.len();
    for column in 0..size {
        let own: f64 = (0..column).map(|place| a[[column, place]].powi(2)).sum();
        let pivot = (a[[column, column]] - own).max(f64::MIN_POSITIVE).sqrt();
        a[[column, column]] = pivot;
        for row in column + 1..size {
            let shared: f64 = (0..column).map(|place| a[[row, place]] * a[[column, place]]).sum();
            a[[row, column]] = (a[[row, column]] - shared) / pivot;
        }
    }
    for row in 0..size {
        let known: f64 = (0..row).map(|place| a[[row, place]] * b[place]).sum();
        b[row] = (b[row] - known) / a[[row, row]];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|place| a[[place, row]] * b[place]).sum();
        b[row] = (b[row] - known) / a[[row, row]];
    }
    b
}

#[cfg(test)]
mod tests {
    use tend_models::predict::{FeatureKind, Predict};

    use super::*;

    fn kinds() -> [FeatureKind; 2] {
        [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into(), "b".into()] }]
    }

    fn rows(count: usize) -> Vec<f64> {
        (0..count).flat_map(|row| [(row as f64 * 0.37).sin(), (row % 2) as f64]).collect()
    }

    #[test]
    fn a_linear_truth_is_found() {
        let (kinds, names, rows) = (kinds(), ["x".to_owned(), "c".to_owned()], rows(400));
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &[], names: &names };
        let truth = |row: &[f64]| 3.0 + 2.0 * row[0] - 1.5 * row[1];
        let targets: Vec<f64> = rows.chunks_exact(2).map(truth).collect();
        let model = LinearParams { l2: vec![1e-6], ..LinearParams::default() }.fit(&table, &targets).unwrap();
        for row in rows.chunks_exact(2) {
            assert!((model.predict(row) - truth(row)).abs() < 1e-5, "{row:?}: {}", model.predict(row));
        }
    }

    #[test]
    fn noise_alone_is_shrunk_to_its_mean() {
        let (kinds, names, rows) = (kinds(), ["x".to_owned(), "c".to_owned()], rows(400));
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &[], names: &names };
        let targets: Vec<f64> = (0..400_u64).map(|row| (row.wrapping_mul(2_654_435_761) % 1_000) as f64).collect();
        let mean = targets.iter().sum::<f64>() / 400.0;
        let model = LinearParams::default().fit(&table, &targets).unwrap();
        let widest = rows.chunks_exact(2).map(|row| (model.predict(row) - mean).abs()).fold(0.0, f64::max);
        assert!(widest < 60.0, "found up to {widest} from the mean {mean}");
        assert!(LinearParams::default().fit(&table, &targets[1..]).is_err());
    }
}
