//! The prices that bound the gain from above most closely.
//!
//! Every price asked gives one column: what all customers together would gain and use. The master problem mixes the
//! columns within the limits; its duals are the next prices. The next price asked lies between these and the best so
//! far, which steadies the way (Wentges 1997).

use super::{Dual, Problem};

/// Prices asked at most.
const MOST_STEPS: usize = 400;
/// The bound is at its lowest if a mixture of columns comes this near, as a share of it.
const NEAR: f64 = 1e-9;
/// Share of the best price so far in the next price asked.
const STEADINESS: f64 = 0.5;

/// The lowest bound found, with its prices, (constraints,).
pub(super) fn cheapest_prices(problem: &Problem) -> (f64, Vec<f64>) {
    let constraints = problem.limits.len();
    let mut best_prices = vec![0.0; constraints];
    let free = Dual::at(problem, &best_prices);
    let mut best = free.bound;
    if free.used.iter().zip(&problem.limits).all(|(used, limit)| used <= limit) {
        return (best, best_prices);
    }
    // Rows are scaled, as a budget in money and a number of calls differ by orders of magnitude.
    let largest = free.gain.abs().max(f64::MIN_POSITIVE);
    let scales: Vec<f64> = (problem.limits.iter().zip(&free.used))
        .map(|(limit, used)| if *limit > 0.0 { *limit } else { used.max(1.0) })
        .collect();
    let scaled = |dual: &Dual| Column {
        gain: dual.gain / largest,
        uses: dual.used.iter().zip(&scales).map(|(used, scale)| used / scale).chain([1.0]).collect(),
    };
    let limits = problem.limits.iter().zip(&scales).map(|(limit, scale)| limit / scale);
    let mut master = Master::new(limits.collect());
    master.add(scaled(&free));
    let mut steadiness = STEADINESS;
    for _ in 0..MOST_STEPS {
        let (mixture, duals) = master.solve();
        if best - mixture * largest <= NEAR * best.abs() {
            break;
        }
        let next: Vec<f64> = (duals.iter().zip(&scales).zip(&best_prices))
            .map(|((dual, scale), best)| steadiness * best + (1.0 - steadiness) * (dual * largest / scale).max(0.0))
            .collect();
        let dual = Dual::at(problem, &next);
        let is_better = dual.bound < best;
        if is_better {
            (best, best_prices) = (dual.bound, next);
        }
        let is_new = master.add(scaled(&dual));
        // Neither a better bound nor a new column: ask the master's own price.
        match (is_better || is_new, steadiness == 0.0) {
            (true, _) => steadiness = STEADINESS,
            (false, false) => steadiness = 0.0,
            (false, true) => break,
        }
    }
    (best, best_prices)
}

/// What all customers together gain and use at one price; the last use is the column's share in the mixture.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    gain: f64,
    uses: Vec<f64>,
}

/// Mixes columns: a linear program with one row a constraint and one for the shares, solved by the primal simplex
/// method on a dense inverse, from the basis of the last time.
struct Master {
    /// Right-hand side, (rows,).
    limits: Vec<f64>,
    /// Slacks of the constraints first, then doing nothing, then what was added.
    columns: Vec<Column>,
    /// A column a row, (rows,).
    basis: Vec<usize>,
    /// Inverse of the basis, (rows, rows) row by row.
    inverse: Vec<f64>,
}

impl Master {
    fn new(mut limits: Vec<f64>) -> Self {
        limits.push(1.0);
        let rows = limits.len();
        // The last unit column is doing nothing: no gain, no use, and a share.
        let unit = |place: usize| (0..rows).map(|row| f64::from(u8::from(row == place))).collect();
        let columns: Vec<Column> = (0..rows).map(|place| Column { gain: 0.0, uses: unit(place) }).collect();
        let inverse = columns.iter().flat_map(|column| column.uses.clone()).collect();
        Self { limits, columns, basis: (0..rows).collect(), inverse }
    }

    /// Adds a column unless it is there; whether it was new.
    fn add(&mut self, column: Column) -> bool {
        let is_new = !self.columns.contains(&column);
        if is_new {
            self.columns.push(column);
        }
        is_new
    }

    /// The gain of the best mixture, and the duals of the constraints and of the share.
    fn solve(&mut self) -> (f64, Vec<f64>) {
        let rows = self.limits.len();
        // Degenerate steps may go round in a circle; the number of steps is bounded far above what is ever needed.
        for step in 0..50 * (self.columns.len() + rows) {
            let duals = self.duals();
            let reduced = |column: &Column| column.gain - dot(&duals, &column.uses);
            let improves = |place: &usize| reduced(&self.columns[*place]) > 1e-12;
            let mut entering = (0..self.columns.len()).filter(improves);
            // Bland's rule once steps are many: the first column that improves ends every circle.
            let entering = if step > 20 * rows {
                entering.next()
            } else {
                entering.max_by(|one, other| reduced(&self.columns[*one]).total_cmp(&reduced(&self.columns[*other])))
            };
            let Some(entering) = entering else { break };
            if !self.pivot(entering) {
                break;
            }
        }
        let duals = self.duals();
        (dot(&duals, &self.limits), duals)
    }

    fn duals(&self) -> Vec<f64> {
        let rows = self.limits.len();
        let of = |column: usize| {
            (0..rows).map(|row| self.columns[self.basis[row]].gain * self.inverse[row * rows + column]).sum()
        };
        (0..rows).map(of).collect()
    }

    /// Brings a column into the basis; false if nothing stops its growth, which a share of 1 always does.
    fn pivot(&mut self, entering: usize) -> bool {
        let rows = self.limits.len();
        let line = |row: usize| &self.inverse[row * rows..(row + 1) * rows];
        let direction: Vec<f64> = (0..rows).map(|row| dot(line(row), &self.columns[entering].uses)).collect();
        let ratio = |row: usize| dot(line(row), &self.limits).max(0.0) / direction[row];
        let leaving = (0..rows)
            .filter(|&row| direction[row] > 1e-11)
            .min_by(|&one, &other| ratio(one).total_cmp(&ratio(other)).then(self.basis[one].cmp(&self.basis[other])));
        let Some(leaving) = leaving else { return false };
        let pivot: Vec<f64> = line(leaving).iter().map(|number| number / direction[leaving]).collect();
        for row in (0..rows).filter(|row| *row != leaving) {
            for (column, pivot) in pivot.iter().enumerate() {
                self.inverse[row * rows + column] -= direction[row] * pivot;
            }
        }
        self.inverse[leaving * rows..(leaving + 1) * rows].copy_from_slice(&pivot);
        self.basis[leaving] = entering;
        true
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
