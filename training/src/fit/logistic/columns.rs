//! Where each feature goes in the matrix of a logistic regression, and the kernel that its coefficients make.

use ndarray::{Array2, ShapeBuilder};
use tend_models::families::logistic::{Logistic, Scaling, Term, Transform};
use tend_models::predict::FeatureKind;

use crate::fit::table::{TrainingRows, scaling_of};

/// Where each feature goes in the expanded matrix that linfa is given.
pub(in crate::fit) struct ColumnPlan {
    features: Vec<FeatureColumns>,
    columns: usize,
}

/// Coefficients of the columns of the plan, and the intercept, of the log-odds of the positive label.
pub(in crate::fit) struct Solution {
    pub(in crate::fit) coefficients: Vec<f64>,
    pub(in crate::fit) intercept: f64,
}

enum FeatureColumns {
    /// `None` where a column would not vary.
    Number { scaling: Option<Scaling>, value: Option<usize>, unknown: Option<usize> },
    /// One column a level, then other levels, then unknown; `None` where a level does not occur.
    Category { columns: Vec<Option<usize>> },
}

impl ColumnPlan {
    pub(in crate::fit) fn new(rows: &TrainingRows, sample: &[usize], max_levels: usize) -> Self {
        let mut plan = Self { features: Vec::with_capacity(rows.width()), columns: 0 };
        for (feature, kind) in rows.kinds.iter().enumerate() {
            let columns = match kind {
                FeatureKind::Number => {
                    let scaling = scaling_of(rows.column(feature, sample));
                    let missing = rows.column(feature, sample).filter(|value| value.is_nan()).count();
                    let value = scaling.is_some().then(|| plan.next());
                    let unknown = (missing > 0 && missing < sample.len()).then(|| plan.next());
                    FeatureColumns::Number { scaling, value, unknown }
                }
                FeatureKind::Category { levels } => {
                    let mut counts = vec![0_usize; levels.len() + 2];
                    for value in rows.column(feature, sample) {
                        counts[slot(value, levels.len())] += 1;
                    }
                    FeatureColumns::Category { columns: plan.level_columns(&counts, max_levels) }
                }
            };
            plan.features.push(columns);
        }
        plan
    }

    fn next(&mut self) -> usize {
        self.columns += 1;
        self.columns - 1
    }

    fn level_columns(&mut self, counts: &[usize], max_levels: usize) -> Vec<Option<usize>> {
        if counts.iter().filter(|&&count| count > 0).count() < 2 {
            return vec![None; counts.len()];
        }
        let levels = counts.len() - 2;
        let mut by_count: Vec<usize> = (0..levels).filter(|&level| counts[level] > 0).collect();
        by_count.sort_by_key(|&level| (std::cmp::Reverse(counts[level]), level));
        let mut columns = vec![None; counts.len()];
        for &level in by_count.iter().take(max_levels) {
            columns[level] = Some(self.next());
        }
        let rare = by_count.get(max_levels..).unwrap_or_default();
        if counts[levels] > 0 || !rare.is_empty() {
            columns[levels] = Some(self.next());
        }
        for &level in rare {
            columns[level] = columns[levels];
        }
        if counts[levels + 1] > 0 {
            columns[levels + 1] = Some(self.next());
        }
        columns
    }

    /// Fortran order, in which linfa's gradient reads the matrix column by column.
    pub(in crate::fit) fn matrix(&self, rows: &TrainingRows, sample: &[usize]) -> Array2<f64> {
        let mut matrix = Array2::zeros((sample.len(), self.columns).f());
        for (position, &index) in sample.iter().enumerate() {
            for (&value, columns) in rows.row(index).iter().zip(&self.features) {
                match columns {
                    FeatureColumns::Number { unknown, .. } if value.is_nan() => {
                        if let Some(column) = unknown {
                            matrix[[position, *column]] = 1.0;
                        }
                    }
                    FeatureColumns::Number { scaling: Some(scaling), value: Some(column), .. } => {
                        matrix[[position, *column]] = scaling.apply(value);
                    }
                    FeatureColumns::Number { .. } => {}
                    FeatureColumns::Category { columns } => {
                        if let Some(column) = columns[slot(value, columns.len() - 2)] {
                            matrix[[position, column]] = 1.0;
                        }
                    }
                }
            }
        }
        matrix
    }

    pub(in crate::fit) fn kernel(&self, rows: &TrainingRows, sample: &[usize], solution: &Solution) -> Logistic {
        let of = |column: Option<usize>| column.map_or(0.0, |column| solution.coefficients[column]);
        let terms = self.features.iter().enumerate().map(|(feature, columns)| {
            let mut term = match columns {
                FeatureColumns::Number { scaling, value, unknown } => Term::Number {
                    // A number that never varied has coefficient 0, so any valid scaling will do.
                    scaling: scaling.unwrap_or(Scaling {
                        transform: Transform::Identity,
                        center: 0.0,
                        scale: 1.0,
                        limit: 1.0,
                    }),
                    coefficient: of(*value),
                    unknown: of(*unknown),
                    background: 0.0,
                },
                FeatureColumns::Category { columns } => {
                    let levels = columns.len() - 2;
                    let all: Vec<f64> = columns.iter().map(|&column| of(column)).collect();
                    Term::Category {
                        levels: all[..levels].to_vec(),
                        other: all[levels],
                        unknown: all[levels + 1],
                        background: 0.0,
                    }
                }
            };
            let total: f64 = rows.column(feature, sample).map(|value| term.contribution(value)).sum();
            let mean = total / sample.len() as f64;
            settle(&mut term, columns, mean);
            term
        });
        Logistic { intercept: solution.intercept, terms: terms.collect() }
    }
}

/// Sets the background, and gives what did not occur in training the mean contribution: it says nothing.
fn settle(term: &mut Term, columns: &FeatureColumns, mean: f64) {
    match (term, columns) {
        (Term::Number { background, unknown, .. }, FeatureColumns::Number { unknown: column, .. }) => {
            *background = mean;
            if column.is_none() {
                *unknown = mean;
            }
        }
        (Term::Category { levels, other, unknown, background }, FeatureColumns::Category { columns }) => {
            *background = mean;
            let all = levels.iter_mut().chain([other, unknown]);
            for (coefficient, _) in all.zip(columns).filter(|(_, column)| column.is_none()) {
                *coefficient = mean;
            }
        }
        _ => unreachable!("a term has the kind of its columns"),
    }
}

/// The place of a category's value among its levels, other levels and unknown.
fn slot(value: f64, levels: usize) -> usize {
    if value.is_nan() { levels + 1 } else { (value as usize).min(levels) }
}
