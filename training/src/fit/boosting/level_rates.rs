//! A category of many levels as numbers: the mean answer of each level's rows.

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::answers::Answers;

/// Rates for fitting and for scoring.
pub(super) struct OrderedRates {
    /// One a training row, from the rows before it in a random order alone; NaN where the level is unknown.
    pub of_rows: Vec<f64>,
    /// One a level, from all rows.
    pub levels: Vec<f64>,
    /// For every other level.
    pub other: f64,
}

/// Ordered target statistics: no row's number holds its own answer, so that splits on it do not learn answers by heart.
///
/// `values` are indices below `levels`, or `levels` for any other level, or NaN. A rate is pulled towards the overall
/// one as if by `smoothing` rows more. Source: Prokhorenkova et al. (2018), *CatBoost: unbiased boosting with
/// categorical features*.
pub(super) fn ordered_rates(
    values: &[f64],
    answers: &Answers,
    levels: usize,
    smoothing: f64,
    seed: u64,
) -> OrderedRates {
    let overall = answers.mean();
    let rate = |(sum, weight): (f64, f64)| {
        if weight + smoothing > 0.0 { (sum + smoothing * overall) / (weight + smoothing) } else { overall }
    };
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    let mut seen = vec![(0.0, 0.0); levels + 1];
    let mut of_rows = vec![f64::NAN; values.len()];
    for row in order.into_iter().map(|row| row as usize).filter(|&row| !values[row].is_nan()) {
        let level = &mut seen[values[row] as usize];
        of_rows[row] = rate(*level);
        let (answer, weight) = answers.of(row);
        *level = (level.0 + answer * weight, level.1 + weight);
    }
    OrderedRates {
        of_rows,
        levels: seen[..levels].iter().map(|&level| rate(level)).collect(),
        other: rate(seen[levels]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_sees_its_own_label_and_scoring_sees_all() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(row % 3)).collect();
        let labels: Vec<bool> = (0..400).map(|row| row % 3 == 0 || row % 7 == 0).collect();
        let rates = ordered_rates(&values, &Answers::labels(&labels, None), 3, 10.0, 5);
        for row in (0..400).step_by(7) {
            let mut turned = labels.clone();
            turned[row] = !turned[row];
            let [found, other] =
                [&labels, &turned].map(|labels| ordered_rates(&values, &Answers::labels(labels, None), 3, 0.0, 5));
            // Only the first row of a level has nothing but the overall rate, which its label moves a little.
            assert!((found.of_rows[row] - other.of_rows[row]).abs() < 1.0 / 399.0, "row {row} sees its label");
        }
        let positives = labels.iter().filter(|&&label| label).count() as f64;
        let expected = (134.0 + 10.0 * positives / 400.0) / 144.0;
        assert!((rates.levels[0] - expected).abs() < 1e-12, "{} for {expected}", rates.levels[0]);
        assert!((rates.other - positives / 400.0).abs() < 1e-12, "{}", rates.other);
    }

    #[test]
    fn unknown_stays_unknown_and_weights_count_as_rows() {
        let values = [0.0, 0.0, 1.0, f64::NAN, 1.0, 0.0];
        let labels = [true, false, true, true, false, false];
        let weights = [2.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let rates = ordered_rates(&values, &Answers::labels(&labels, Some(&weights)), 2, 0.0, 1);
        assert!(rates.of_rows[3].is_nan());
        assert_eq!(rates.of_rows.iter().filter(|rate| rate.is_nan()).count(), 1);
        assert!((rates.levels[0] - 2.0 / 3.0).abs() < 1e-12);
        assert!((rates.levels[1] - 0.5).abs() < 1e-12);
        assert!((rates.other - 4.0 / 6.0).abs() < 1e-12);
    }
}
