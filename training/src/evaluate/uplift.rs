//! How well expected effects order customers, seen from an experiment: Qini and AUUC, each in a convention that is named.

mod adjusted;
mod readout;
mod tenths;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::intervals::{Interval, ends};
use super::{MetricError, Point, check_finite, check_scores};

pub use adjusted::{
    BestLinearPredictor, Estimate, adjusted_qini, average_effect, best_linear_predictor, doubly_robust_scores,
    policy_value,
};
pub use readout::{Arm, Readout};
pub use tenths::{EffectTenth, ProfitCurve, effects_by_tenth, profit_curve};

/// Samples drawn for an interval.
const REPLICATES: usize = 300;
/// Points of a curve that is drawn.
const DRAWN_POINTS: usize = 100;

/// An experiment, with what was expected of it: all are (n,), element *i* being the same customer.
#[derive(Debug, Clone, Copy)]
pub struct Experiment<'a> {
    /// Expected effects; only their order matters.
    pub effects: &'a [f64],
    /// Who was treated; the others are controls.
    pub treated: &'a [bool],
    /// What happened: 0 or 1, or an amount.
    pub outcomes: &'a [f64],
}

/// Areas in the conventions of two packages, which differ in their curves and in what they divide by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UpliftScores {
    /// scikit-uplift's `qini_auc_score`; only of outcomes of 0 and 1 where a perfect order gains something.
    pub qini_scikit_uplift: Option<f64>,
    /// scikit-uplift's `uplift_auc_score`, likewise.
    pub auuc_scikit_uplift: Option<f64>,
    /// CausalML's `qini_score`, normalised; none if the last point of the curve is 0.
    pub qini_causalml: Option<f64>,
    /// CausalML's `qini_score` without normalisation.
    pub qini_causalml_raw: f64,
    /// CausalML's `auuc_score`, normalised; none if the last point of the curve is 0.
    pub auuc_causalml: Option<f64>,
    /// CausalML's `auuc_score` without normalisation.
    pub auuc_causalml_raw: f64,
}

/// Sums over the customers of largest expected effect.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rows: f64,
    treated: f64,
    control: f64,
    treated_outcome: f64,
    control_outcome: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, treated: bool, outcome: f64) {
        self.rows += weight;
        let (group, sum) = if treated {
            (&mut self.treated, &mut self.treated_outcome)
        } else {
            (&mut self.control, &mut self.control_outcome)
        };
        *group += weight;
        *sum += weight * outcome;
    }

    /// Outcomes of the treated beyond what as many controls had.
    fn gained(&self) -> f64 {
        let share = if self.control > 0.0 { self.treated / self.control } else { 0.0 };
        self.treated_outcome - self.control_outcome * share
    }

    /// Difference of the mean outcomes; an empty group has mean 0.
    fn difference(&self) -> f64 {
        let mean = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
        mean(self.treated_outcome, self.treated) - mean(self.control_outcome, self.control)
    }
}

impl Experiment<'_> {
    /// Checks lengths and numbers, and that there are treated and controls.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or [`MetricError::OneGroup`].
    pub fn check(&self) -> Result<(), MetricError> {
        check_scores(self.effects, self.treated)?;
        check_scores(self.outcomes, self.treated)?;
        check_finite(self.outcomes)?;
        let (treated, rows) = (self.treated.iter().filter(|&&treated| treated).count(), self.treated.len());
        if treated == 0 || treated == rows { Err(MetricError::OneGroup { treated, rows }) } else { Ok(()) }
    }

    /// Row places, largest expected effect first; equal ones in the order of the rows.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.effects.len()).collect();
        order.sort_by(|&one, &other| self.effects[other].total_cmp(&self.effects[one]));
        order
    }

    /// Sums after every group of equal effects, where `weight` is what a row counts.
    fn sums(&self, order: &[usize], weight: impl Fn(usize) -> f64) -> Vec<Sums> {
        let (mut sums, mut running) = (Vec::new(), Sums::default());
        for (place, &row) in order.iter().enumerate() {
            running.add(weight(row), self.treated[row], self.outcomes[row]);
            if order.get(place + 1).is_none_or(|&next| self.effects[next] != self.effects[row]) {
                sums.push(running);
            }
        }
        sums
    }

    /// Radcliffe's Qini a treated customer: the area between the Qini curve and the straight line to its end.
    ///
    /// The curve is over the share of customers of largest expected effect; its height is (R_t - R_c N_t / N_c) of
    /// these, over all treated. With probabilities of treatment, each row counts one over that of its own group, so
    /// that unequal chances do not pass for effects. Equal effects are passed at once. Source: Radcliffe (2007),
    /// *Using control groups to target on predicted lift*.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn qini_per_treated(&self, propensities: Option<&[f64]>) -> Result<f64, MetricError> {
        self.check()?;
        Ok(area_per_treated(&self.sums(&self.order(), |row| self.weight(propensities, row))))
    }

    /// The 95 % interval of [`qini_per_treated`](Self::qini_per_treated), by the bootstrap: it tells of the rows
    /// tested, not of training anew. Depends on `seed`, not on the threads.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn qini_interval(&self, propensities: Option<&[f64]>, seed: u64) -> Result<Interval, MetricError> {
        self.check()?;
        let (order, rows) = (self.order(), self.effects.len());
        let areas: Vec<f64> = (0..REPLICATES as u64)
            .into_par_iter()
            .map_init(
                || vec![0_u32; rows],
                |times, replicate| {
                    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ (replicate << 32));
                    times.fill(0);
                    (0..rows).for_each(|_| times[random.random_range(0..rows)] += 1);
                    let weight = |row: usize| f64::from(times[row]) * self.weight(propensities, row);
                    area_per_treated(&self.sums(&order, weight))
                },
            )
            .collect();
        Ok(ends(areas).expect("samples are always drawn"))
    }

    /// The points of the Qini curve a treated customer, at most a hundred, from (0, 0) to (1, average effect).
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn qini_curve(&self, propensities: Option<&[f64]>) -> Result<Vec<Point>, MetricError> {
        self.check()?;
        let sums = self.sums(&self.order(), |row| self.weight(propensities, row));
        let (x, y) = per_treated(&sums);
        let every = x.len().div_ceil(DRAWN_POINTS).max(1);
        let last = x.len() - 1;
        let drawn = (0..x.len()).filter(|place| place % every == 0 || *place == last);
        Ok(drawn.map(|place| Point { x: x[place], y: y[place] }).collect())
    }

    fn weight(&self, propensities: Option<&[f64]>, row: usize) -> f64 {
        propensities.map_or(1.0, |chances| {
            let chance = chances[row];
            if self.treated[row] { 1.0 / chance } else { 1.0 / (1.0 - chance) }
        })
    }

    /// Qini and AUUC as the two packages compute them.
    ///
    /// scikit-uplift: trapezoids over the counts of customers, less the straight line, over the same of a perfect
    /// order. CausalML: the mean of the curve's points, one a customer, less (Qini only) that of the straight line;
    /// points that a group is missing from lie on the line between their neighbours; normalised by the absolute last
    /// point. Both count rows as they are, whatever their chances.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn scores(&self) -> Result<UpliftScores, MetricError> {
        self.check()?;
        let lift = self.causalml_curve(Sums::difference);
        let gain: Vec<f64> = lift.iter().enumerate().map(|(rows, lift)| lift * rows as f64).collect();
        let qini = self.causalml_curve(Sums::gained);
        let mean = |curve: &[f64]| curve.iter().sum::<f64>() / curve.len() as f64;
        let end = |curve: &[f64]| curve.last().copied().unwrap_or(0.0);
        let normalised = |score: f64, end: f64| (end != 0.0).then(|| score / end.abs());
        let (qini_raw, auuc_raw) = (mean(&qini) - end(&qini) / 2.0, mean(&gain));
        Ok(UpliftScores {
            qini_scikit_uplift: self.over_perfect(
                Sums::gained,
                |treated, outcome| {
                    if treated { outcome } else { -outcome }
                },
            ),
            auuc_scikit_uplift: self.over_perfect(|sums| sums.difference() * sums.rows, self.perfect_uplift()),
            qini_causalml: normalised(qini_raw, end(&qini)),
            qini_causalml_raw: qini_raw,
            auuc_causalml: normalised(auuc_raw, end(&gain)),
            auuc_causalml_raw: auuc_raw,
        })
    }

    /// The order that scikit-uplift takes for perfect: first those whose outcome is that of their group, and of these
    /// those who answered, where many controls answer, else the treated.
    fn perfect_uplift(&self) -> impl Fn(bool, f64) -> f64 + use<> {
        let pairs = || self.treated.iter().zip(self.outcomes);
        let answering_controls = pairs().filter(|&(&treated, &outcome)| !treated && outcome == 1.0).count();
        let silent_treated = pairs().filter(|&(&treated, &outcome)| treated && outcome == 0.0).count();
        let by_outcome = answering_controls > silent_treated;
        move |treated, outcome| {
            let agrees = f64::from(treated == (outcome == 1.0));
            2.0 * agrees + if by_outcome { outcome } else { f64::from(treated) }
        }
    }

    /// The area of a curve above the straight line to its end, over the same of a perfect order.
    fn over_perfect(&self, height: impl Fn(&Sums) -> f64, perfect: impl Fn(bool, f64) -> f64) -> Option<f64> {
        if self.outcomes.iter().any(|&outcome| outcome != 0.0 && outcome != 1.0) {
            return None;
        }
        let area = |experiment: &Experiment<'_>| {
            let sums = experiment.sums(&experiment.order(), |_| 1.0);
            let x: Vec<f64> = std::iter::once(0.0).chain(sums.iter().map(|sums| sums.rows)).collect();
            let y: Vec<f64> = std::iter::once(0.0).chain(sums.iter().map(&height)).collect();
            above_straight_line(&x, &y)
        };
        let effects: Vec<f64> =
            self.treated.iter().zip(self.outcomes).map(|(&treated, &outcome)| perfect(treated, outcome)).collect();
        let best = area(&Experiment { effects: &effects, ..*self });
        (best != 0.0).then(|| area(self) / best)
    }

    /// One point a customer and one before the first.
    fn causalml_curve(&self, height: impl Fn(&Sums) -> f64) -> Vec<f64> {
        let (mut curve, mut running, mut known) = (vec![0.0], Sums::default(), 0);
        for &row in &self.order() {
            running.add(1.0, self.treated[row], self.outcomes[row]);
            curve.push(f64::NAN);
            if running.treated > 0.0 && running.control > 0.0 {
                let (here, value) = (curve.len() - 1, height(&running));
                let step = (value - curve[known]) / (here - known) as f64;
                for place in known + 1..here {
                    curve[place] = curve[known] + step * (place - known) as f64;
                }
                (curve[here], known) = (value, here);
            }
        }
        curve
    }
}

/// The curve over the share of rows, a treated customer; begins at (0, 0).
fn per_treated(sums: &[Sums]) -> (Vec<f64>, Vec<f64>) {
    let all = sums.last().copied().unwrap_or_default();
    let points = sums.iter().map(|sums| (sums.rows / all.rows, sums.gained() / all.treated));
    std::iter::once((0.0, 0.0)).chain(points).unzip()
}

fn area_per_treated(sums: &[Sums]) -> f64 {
    let (x, y) = per_treated(sums);
    above_straight_line(&x, &y)
}

/// The area of trapezoids under a curve from (0, 0), less that under the straight line to its end.
fn above_straight_line(x: &[f64], y: &[f64]) -> f64 {
    let steps = x.windows(2).zip(y.windows(2));
    let area: f64 = steps.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum();
    area - x[x.len() - 1] * y[y.len() - 1] / 2.0
}

#[cfg(test)]
mod tests;
