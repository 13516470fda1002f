//! What every fitted model can do with one row of features: predict, and explain beside it.

/// A fitted model over one row of features.
///
/// A row holds one `f64` a feature, in the order of the feature plan. NaN means unknown. A category is its
/// level's index in the plan; the index equal to the number of levels stands for every level not in the plan.
/// Nothing can go wrong here: a model that was loaded has been checked.
pub trait Predict: Send + Sync {
    /// The prediction on the model's own scale: log-odds for logistic regression, boosting and blends, probability
    /// for a forest.
    fn predict(&self, row: &[f64]) -> f64;

    /// The prediction of each row into `out`: to the bit what [`predict`](Self::predict) says of it.
    ///
    /// `rows` holds `out.len()` rows, one after the other.
    fn predict_rows(&self, rows: &[f64], out: &mut [f64]) {
        let width = rows.len() / out.len().max(1);
        for (place, out) in out.iter_mut().enumerate() {
            *out = self.predict(&rows[place * width..(place + 1) * width]);
        }
    }

    /// Splits the prediction over the features.
    ///
    /// Writes one contribution a feature into `contributions` (as long as `row`) and returns the base, so that
    /// base + sum of contributions = [`predict`](Self::predict), to rounding. The base is the mean prediction of the
    /// training rows; the contributions of logistic regression, forest and boosting are exact Shapley values.
    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64;

    /// The contributions of each row, to the bit those of [`explain`](Self::explain).
    ///
    /// `rows` and `contributions` are (rows, `width`), row-major.
    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        if width > 0 {
            for (row, own) in rows.chunks_exact(width).zip(contributions.chunks_exact_mut(width)) {
                self.explain(row, own);
            }
        }
    }
}

/// What a column of a feature row holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FeatureKind {
    /// A number, or NaN if unknown.
    Number,
    /// The index of one of these levels, `levels.len()` for any other level, or NaN if unknown.
    Category {
        /// The levels seen in training, sorted.
        levels: Vec<String>,
    },
}
