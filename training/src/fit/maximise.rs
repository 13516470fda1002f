//! Maximises a smooth log-likelihood of a few parameters: L-BFGS to come near, Newton steps to finish.

use std::cell::{Cell, RefCell};

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// A log-likelihood and its gradient at one point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluation<const N: usize> {
    /// The log-likelihood, summed over all observations.
    pub(crate) value: f64,
    /// Its derivatives, in the order of the parameters.
    pub(crate) gradient: [f64; N],
}

/// Where a log-likelihood is largest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Maximum<const N: usize> {
    /// The parameters there.
    pub(crate) point: [f64; N],
    /// L-BFGS iterations from all starts, and Newton steps.
    pub(crate) iterations: usize,
    /// Whether no more than [`GAIN_LEFT`] is to be had from a further step, and no parameter is at a limit.
    pub(crate) converged: bool,
}

/// The log-likelihood that a converged maximum may be short of.
const GAIN_LEFT: f64 = 1e-9;

/// Parameters are logarithms: further out than this nothing changes but overflows draw near.
const FARTHEST: f64 = 40.0;

/// Beyond e^11.5, a hundred thousand, a parameter runs off to 0 or infinity. There the log-likelihood still creeps up, by less
/// than rounding leaves of its gradient, which then looks like that of a maximum.
const AT_A_LIMIT: f64 = 11.5;

/// After a step no longer than this, Newton's method keeps its second derivatives.
const SHORT_STEP: f64 = 0.02;

const NEWTON_STEPS: usize = 200;
const LBFGS_ITERATIONS: u64 = 60;

/// A line search has no limit of its own, and may go round in circles where the log-likelihood is flat.
const LBFGS_EVALUATIONS: usize = 300;

/// Maximises `log_likelihood`, a sum over `observations`, from the best of several starts.
///
/// The parameters are logarithms, so that a step of 1 is a large one. Each start is followed by L-BFGS until the gradient
/// is small, where its line search begins to see rounding only; damped Newton steps take the best of them to the end.
pub(crate) fn maximise<const N: usize>(
    log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>,
    observations: f64,
    starts: &[[f64; N]],
) -> Maximum<N> {
    let bounded = bounded(log_likelihood);
    let mut iterations = 0;
    let mut best: Option<([f64; N], f64)> = None;
    for start in starts {
        let (point, used) = approach(&bounded, observations, start);
        iterations += used;
        let value = bounded(&point).value;
        if best.is_none_or(|(_, best_value)| value > best_value) {
            best = Some((point, value));
        }
    }
    let (point, _) = best.expect("there is at least one start");
    let maximum = refine(bounded, point);
    Maximum { iterations: maximum.iterations + iterations, ..maximum }
}

/// Maximises `log_likelihood` from a point near its maximum by damped Newton steps.
pub(crate) fn refine<const N: usize>(
    log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>,
    start: [f64; N],
) -> Maximum<N> {
    let bounded = bounded(log_likelihood);
    let mut maximum = finish(&bounded, start);
    let inside = |parameter: &f64| parameter.abs() < AT_A_LIMIT;
    maximum.converged &= maximum.point.iter().all(inside);
    maximum
}

/// The function held within the bounds, and flat beyond them.
fn bounded<const N: usize>(log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>) -> impl Fn(&[f64; N]) -> Evaluation<N> {
    move |point: &[f64; N]| {
        let mut evaluation = log_likelihood(&point.map(within_bounds));
        for (slope, parameter) in evaluation.gradient.iter_mut().zip(point) {
            if parameter.abs() > FARTHEST {
                *slope = 0.0;
            }
        }
        evaluation
    }
}

fn within_bounds(parameter: f64) -> f64 {
    parameter.clamp(-FARTHEST, FARTHEST)
}

/// The mean negative log-likelihood, as argmin wants it: what it minimises, and its gradient, one call each.
struct Objective<'a, F, const N: usize> {
    log_likelihood: &'a F,
    observations: f64,
    last: RefCell<Option<([f64; N], Evaluation<N>)>>,
    evaluations_left: Cell<usize>,
}

impl<F: Fn(&[f64; N]) -> Evaluation<N>, const N: usize> Objective<'_, F, N> {
    /// Both at once and kept, since the line search asks for value and gradient of the same point in turn.
    fn at(&self, parameters: &[f64]) -> Result<Evaluation<N>, Error> {
        let point: [f64; N] = parameters.try_into()?;
        if let Some((known, evaluation)) = self.last.borrow().as_ref()
            && *known == point
        {
            return Ok(evaluation.clone());
        }
        let left = self.evaluations_left.get().checked_sub(1);
        self.evaluations_left.set(left.ok_or_else(|| Error::msg("no evaluations left"))?);
        let evaluation = (self.log_likelihood)(&point);
        *self.last.borrow_mut() = Some((point, evaluation.clone()));
        Ok(evaluation)
    }
}

impl<F: Fn(&[f64; N]) -> Evaluation<N>, const N: usize> CostFunction for Objective<'_, F, N> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parameters: &Vec<f64>) -> Result<f64, Error> {
        Ok(-self.at(parameters)?.value / self.observations)
    }
}

impl<F: Fn(&[f64; N]) -> Evaluation<N>, const N: usize> Gradient for Objective<'_, F, N> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, parameters: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let gradient = self.at(parameters)?.gradient;
        Ok(gradient.map(|slope| -slope / self.observations).to_vec())
    }
}

/// L-BFGS from one start: the best point it came to, and its iterations. A line search that gives up ends it early.
fn approach<F: Fn(&[f64; N]) -> Evaluation<N>, const N: usize>(
    log_likelihood: &F,
    observations: f64,
    start: &[f64; N],
) -> ([f64; N], usize) {
    let objective = Objective {
        log_likelihood,
        observations,
        last: RefCell::new(None),
        evaluations_left: Cell::new(LBFGS_EVALUATIONS),
    };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 6)
        .with_tolerance_grad(1e-5)
        .and_then(|solver| solver.with_tolerance_cost(1e-10))
        .expect("the tolerances are above 0");
    let outcome = Executor::new(objective, solver)
        .configure(|state| state.param(start.to_vec()).max_iters(LBFGS_ITERATIONS))
        .timer(false)
        .run();
    let reached = outcome.ok().and_then(|result| {
        let state = result.state();
        let point = <[f64; N]>::try_from(state.get_best_param()?.as_slice()).ok()?;
        let iterations = usize::try_from(state.get_iter()).ok()?;
        Some((point.map(within_bounds), iterations))
    });
    reached.unwrap_or((*start, 0))
}

/// Newton's method, with damping where the log-likelihood is not concave and shorter steps where it overshoots.
fn finish<const N: usize>(log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>, mut point: [f64; N]) -> Maximum<N> {
    let mut here = log_likelihood(&point);
    let mut curvature = None;
    for iterations in 0..NEWTON_STEPS {
        let is_fresh = curvature.is_none();
        let kept = *curvature.get_or_insert_with(|| nearly_negative_hessian(&log_likelihood, &point, &here.gradient));
        let Some(direction) = damped_newton_direction(&kept, &here.gradient) else {
            break;
        };
        let slope: f64 = dot(&direction, &here.gradient);
        let longest = direction.iter().fold(1.0, |longest: f64, step| longest.max(step.abs()));
        let mut length = 1.0 / longest;
        let mut moved = None;
        while moved.is_none() && length > 1e-10 {
            let next: [f64; N] = std::array::from_fn(|i| within_bounds(point[i] + length * direction[i]));
            let there = log_likelihood(&next);
            if there.value > here.value + 1e-4 * length * slope {
                moved = Some((next, there));
            }
            length *= 0.5;
        }
        let gain_left = 0.5 * slope;
        // Without an uphill step the rest is rounding, if little was to be gained.
        let arrived = gain_left < GAIN_LEFT || (moved.is_none() && gain_left < 10.0 * GAIN_LEFT);
        let stuck = moved.is_none() && is_fresh;
        let moved_by = moved.as_ref().map_or(f64::INFINITY, |(next, _)| {
            next.iter().zip(point).fold(0.0, |most: f64, (to, from)| most.max((to - from).abs()))
        });
        // Within a short step the second derivatives hardly change, and they cost many evaluations.
        if moved_by > SHORT_STEP {
            curvature = None;
        }
        if let Some((next, there)) = moved {
            point = next;
            here = there;
        }
        if arrived || stuck {
            return Maximum { point, iterations: iterations + 1, converged: arrived };
        }
    }
    Maximum { point, iterations: NEWTON_STEPS, converged: false }
}

/// The negative second derivatives, by forward differences of the analytic gradient: good enough to find the way.
fn nearly_negative_hessian<const N: usize>(
    log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>,
    point: &[f64; N],
    gradient: &[f64; N],
) -> [[f64; N]; N] {
    const STEP: f64 = 1e-6;
    let rows: [[f64; N]; N] = std::array::from_fn(|i| {
        let mut moved = *point;
        moved[i] += STEP;
        let there = log_likelihood(&moved).gradient;
        std::array::from_fn(|j| (gradient[j] - there[j]) / STEP)
    });
    std::array::from_fn(|i| std::array::from_fn(|j| 0.5 * (rows[i][j] + rows[j][i])))
}

/// The negative second derivatives, by central differences of the analytic gradient.
fn negative_hessian<const N: usize>(
    log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>,
    point: &[f64; N],
) -> [[f64; N]; N] {
    const STEP: f64 = 1e-5;
    let rows: [[f64; N]; N] = std::array::from_fn(|i| {
        let gradient_at = |step: f64| {
            let mut moved = *point;
            moved[i] += step;
            log_likelihood(&moved).gradient
        };
        let (above, below) = (gradient_at(STEP), gradient_at(-STEP));
        std::array::from_fn(|j| (below[j] - above[j]) / (2.0 * STEP))
    });
    std::array::from_fn(|i| std::array::from_fn(|j| 0.5 * (rows[i][j] + rows[j][i])))
}

/// The covariance of maximum likelihood estimates: the inverse of the curvature at the maximum.
///
/// At a limit the log-likelihood is flat in some direction. A little curvature is added in all of them, which makes the
/// variance there as large as it should be: what the parameters tell that does not depend on that direction keeps its
/// variance. `None` where even that gives no covariance.
pub(crate) fn covariance<const N: usize>(
    log_likelihood: impl Fn(&[f64; N]) -> Evaluation<N>,
    maximum: &Maximum<N>,
) -> Option<[[f64; N]; N]> {
    let mut curvature = negative_hessian(&log_likelihood, &maximum.point);
    if !maximum.converged {
        let largest = (0..N).fold(0.0_f64, |largest, i| largest.max(curvature[i][i]));
        (0..N).for_each(|i| curvature[i][i] += 1e-6 * largest);
    }
    let mut columns = [[0.0; N]; N];
    for (i, column) in columns.iter_mut().enumerate() {
        let unit = std::array::from_fn(|j| f64::from(u8::from(i == j)));
        *column = solve_positive_definite(&curvature, &unit)?;
    }
    Some(columns)
}

/// Solves (curvature + damping) direction = gradient with the least damping that makes the matrix positive definite.
fn damped_newton_direction<const N: usize>(curvature: &[[f64; N]; N], gradient: &[f64; N]) -> Option<[f64; N]> {
    let largest = (0..N).fold(0.0_f64, |largest, i| largest.max(curvature[i][i].abs()));
    let mut damping = 0.0;
    while damping <= 100.0 * largest {
        let mut matrix = *curvature;
        for (i, row) in matrix.iter_mut().enumerate() {
            row[i] += damping;
        }
        if let Some(direction) = solve_positive_definite(&matrix, gradient) {
            return Some(direction);
        }
        damping = (10.0 * damping).max(1e-6 * largest).max(f64::MIN_POSITIVE);
    }
    None
}

/// Solves `matrix` · x = `right` by Cholesky's decomposition; `None` unless the matrix is positive definite.
fn solve_positive_definite<const N: usize>(matrix: &[[f64; N]; N], right: &[f64; N]) -> Option<[f64; N]> {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let rest = matrix[i][j] - dot(&lower[i][..j], &lower[j][..j]);
            if i != j {
                lower[i][j] = rest / lower[j][j];
            } else if rest > 1e-13 * matrix[i][i].abs() {
                lower[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut solution = *right;
    for i in 0..N {
        solution[i] = (solution[i] - dot(&lower[i][..i], &solution[..i])) / lower[i][i];
    }
    for i in (0..N).rev() {
        let below: f64 = (i + 1..N).map(|j| lower[j][i] * solution[j]).sum();
        solution[i] = (solution[i] - below) / lower[i][i];
    }
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        // Rosenbrock (1960), upside down: largest at (1, 1).
        let rosenbrock = |point: &[f64; 2]| {
            let (x, y) = (point[0], point[1]);
            let off = y - x * x;
            Evaluation {
                value: -(1.0 - x).powi(2) - 100.0 * off * off,
                gradient: [2.0 * (1.0 - x) + 400.0 * x * off, -200.0 * off],
            }
        };
        let maximum = maximise(rosenbrock, 1.0, &[[-1.2, 1.0], [3.0, -3.0]]);
        assert!(maximum.converged, "{maximum:?}");
        assert!((maximum.point[0] - 1.0).abs() < 1e-6, "{maximum:?}");
        assert!((maximum.point[1] - 1.0).abs() < 1e-6, "{maximum:?}");
    }

    #[test]
    fn a_limit_is_not_a_maximum() {
        // Rises to 0 as the parameter grows, and never gets there.
        let creeping = |point: &[f64; 1]| Evaluation { value: -(-point[0]).exp(), gradient: [(-point[0]).exp()] };
        let maximum = maximise(creeping, 1.0, &[[0.0]]);
        assert!(!maximum.converged, "{maximum:?}");
        assert!(maximum.point[0] > AT_A_LIMIT, "{maximum:?}");
    }

    #[test]
    fn a_function_without_a_maximum_stays_within_bounds() {
        let rising = |point: &[f64; 1]| Evaluation { value: point[0], gradient: [1.0] };
        let maximum = maximise(rising, 1.0, &[[0.0]]);
        assert!(!maximum.converged, "{maximum:?}");
        assert!(maximum.point[0].abs() <= FARTHEST, "{maximum:?}");
    }
}
