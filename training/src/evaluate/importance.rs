//! Permutation importance: how much worse the forecasts get when one feature is shuffled between customers.

use rand::SeedableRng;
use rand::seq::{SliceRandom, index};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::probability::log_loss_of_one;
use super::{MetricError, check_finite};

/// How many rows importance is measured on; more are sampled down to this, without replacement.
pub const IMPORTANCE_ROWS: usize = 5_000;

/// Increase of the log loss, in nats, when each feature in turn is shuffled between the rows.
///
/// `rows` is (n, width), row by row; `happened` is (n,); `predict` gives a probability
/// for each of the rows that it is given, one after the other. The
/// answer is (width,): the mean over `repeats` shuffles (at least one is made). A feature that `predict` does not read
/// gets exactly 0; one whose shuffling helps by luck gets a number below 0. The answer depends on `seed` and not on the
/// number of threads. Source: Breiman (2001).
///
/// # Errors
/// [`MetricError::Empty`] without rows, [`MetricError::Width`] if `rows` is not n times `width`,
/// [`MetricError::NotFinite`] or [`MetricError::NotProbability`] if `predict` gives no probability for a row as it is.
pub fn permutation_importance(
    rows: &[f64],
    width: usize,
    happened: &[bool],
    predict: impl Fn(&[f64]) -> Vec<f64> + Sync,
    seed: u64,
    repeats: usize,
) -> Result<Vec<f64>, MetricError> {
    if happened.is_empty() {
        return Err(MetricError::Empty);
    }
    if width == 0 || happened.len().checked_mul(width) != Some(rows.len()) {
        return Err(MetricError::Width { values: rows.len(), rows: happened.len(), width });
    }
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
    let sample = sampled_rows(happened.len(), &mut generator);
    let intact_rows: Vec<f64> = sample.iter().flat_map(|&row| &rows[row * width..(row + 1) * width]).copied().collect();

    let forecasts = predict(&intact_rows);
    let outcomes: Vec<bool> = sample.iter().map(|&row| happened[row]).collect();
    check_finite(&forecasts)?;
    let intact = super::log_loss(&forecasts, &outcomes)?;

    // A stream of its own for each feature: which thread comes first cannot matter.
    let generators: Vec<Xoshiro256PlusPlus> = (0..width)
        .map(|_| {
            generator.jump();
            generator.clone()
        })
        .collect();
    Ok(generators
        .into_par_iter()
        .enumerate()
        .map(|(feature, mut generator)| {
            let mut donors: Vec<usize> = (0..outcomes.len()).collect();
            let mut changed = intact_rows.clone();
            let mut increase = 0.0;
            for _ in 0..repeats.max(1) {
                donors.shuffle(&mut generator);
                for (row, donor) in donors.iter().enumerate() {
                    changed[row * width + feature] = intact_rows[donor * width + feature];
                }
                let losses = predict(&changed).into_iter().zip(&outcomes);
                let total: f64 = losses.map(|(forecast, &left)| log_loss_of_one(forecast, left)).sum();
                increase += total / sample.len() as f64 - intact;
            }
            increase / repeats.max(1) as f64
        })
        .collect())
}

fn sampled_rows(rows: usize, generator: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    if rows <= IMPORTANCE_ROWS {
        return (0..rows).collect();
    }
    let mut sample = index::sample(generator, rows, IMPORTANCE_ROWS).into_vec();
    sample.sort_unstable();
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three features: the first decides, the second helps a little, the third is not read.
    fn predict(row: &[f64]) -> f64 {
        1.0 / (1.0 + (-(4.0 * row[0] + row[1])).exp())
    }

    fn predict_all(rows: &[f64]) -> Vec<f64> {
        rows.chunks_exact(3).map(predict).collect()
    }

    fn data(rows: usize) -> (Vec<f64>, Vec<bool>) {
        let mut values = Vec::with_capacity(rows * 3);
        let mut happened = Vec::with_capacity(rows);
        for row in 0..rows {
            // Weyl sequences: spread evenly without a random source.
            let [a, b, c, u] =
                [0.618_034, 0.414_214, 0.732_051, 0.645_751].map(|step: f64| (row as f64 * step).fract());
            let features = [2.0 * a - 1.0, 2.0 * b - 1.0, c];
            happened.push(u < predict(&features));
            values.extend(features);
        }
        (values, happened)
    }

    #[test]
    fn the_deciding_feature_comes_first_and_an_unread_one_gets_zero() {
        let (rows, happened) = data(2_000);
        let importance = permutation_importance(&rows, 3, &happened, predict_all, 1, 3).unwrap();
        assert!(importance[0] > 5.0 * importance[1], "{importance:?}");
        assert!(importance[1] > 0.005, "{importance:?}");
        assert_eq!(importance[2], 0.0);
    }

    #[test]
    fn the_number_of_threads_does_not_matter_but_the_seed_does() {
        let (rows, happened) = data(6_000);
        let with_threads = |threads, seed| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| permutation_importance(&rows, 3, &happened, predict_all, seed, 2).unwrap())
        };
        assert_eq!(with_threads(1, 7), with_threads(4, 7));
        assert_ne!(with_threads(1, 7), with_threads(1, 8));
    }

    #[test]
    fn values_that_make_no_whole_rows_are_an_error() {
        assert_eq!(
            permutation_importance(&[1.0; 5], 3, &[true, false], |_| vec![0.5; 2], 1, 1),
            Err(MetricError::Width { values: 5, rows: 2, width: 3 })
        );
        assert_eq!(permutation_importance(&[], 3, &[], |_| Vec::new(), 1, 1), Err(MetricError::Empty));
        assert_eq!(
            permutation_importance(&[1.0; 2], 1, &[true, false], |_| vec![f64::INFINITY; 2], 1, 1),
            Err(MetricError::NotFinite { row: 0, found: f64::INFINITY })
        );
    }
}
