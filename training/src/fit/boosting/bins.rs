//! Turns feature rows into bytes: the bin of each value, in blocks of neighbouring features.

use rayon::prelude::*;
use tend_models::families::boosted::Input;
use tend_models::predict::FeatureKind;

use super::BoostingParams;
use super::answers::Answers;
use super::level_rates::{OrderedRates, ordered_rates};
use super::monotone::Direction;
use super::split::Test;
use crate::fit::table::TrainingRows;

/// Features of one block: a row's bins in it are read at once.
pub(super) const LANES: usize = 4;
/// The bin of NaN; the bins of known values follow.
pub(super) const UNKNOWN: u8 = 0;
/// Values beyond this many are sampled down to place the edges of bins.
const EDGE_ROWS: usize = 200_000;

/// How one feature's values fall into bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// How the fitted model sees the feature.
    pub input: Input,
    /// Rising; bin b + 1 holds the values up to edge b that are above the edge before. Empty for sets of levels.
    pub edges: Vec<f64>,
    /// Number of bins, that of NaN included.
    pub bins: usize,
    /// The constraint on a number.
    pub direction: Option<Direction>,
}

impl Column {
    fn numeric(input: Input, edges: Vec<f64>) -> Self {
        Self { input, bins: edges.len() + 2, edges, direction: None }
    }

    /// The constraint that a split has to keep; none where it only tells the known from the unknown.
    pub(super) fn direction_of(&self, test: Test) -> Option<Direction> {
        match test {
            Test::UpTo { bin, .. } if usize::from(bin) + 1 < self.bins => self.direction,
            Test::UpTo { .. } | Test::Set(_) => None,
        }
    }

    fn bin(&self, value: f64) -> u8 {
        if value.is_nan() {
            return UNKNOWN;
        }
        let place = match self.input {
            Input::Levels => value as usize,
            Input::Number | Input::Rates { .. } => self.edges.partition_point(|edge| *edge < value),
        };
        // At most 255 bins are made, so that this fits.
        (place + 1) as u8
    }
}

/// All rows as bins.
pub(super) struct BinnedRows {
    /// One a feature.
    pub columns: Vec<Column>,
    /// One for each [`LANES`] features, with one entry a row.
    pub blocks: Vec<Vec<[u8; LANES]>>,
}

impl BinnedRows {
    /// `directions` holds one a feature.
    pub(super) fn new(
        rows: &TrainingRows,
        answers: &Answers,
        directions: &[Option<Direction>],
        params: &BoostingParams,
    ) -> Self {
        let sample: Vec<usize> = rows.sample(EDGE_ROWS, params.seed);
        let blocks = rows.width().div_ceil(LANES);
        let (columns, blocks): (Vec<_>, Vec<_>) = (0..blocks)
            .into_par_iter()
            .map(|block| {
                let mut lanes = vec![[UNKNOWN; LANES]; rows.len()];
                let features = block * LANES..rows.width().min((block + 1) * LANES);
                let columns = features.map(|feature| {
                    let (mut column, values) = column(rows, answers, feature, &sample, params);
                    column.direction = directions[feature];
                    for (bins, value) in lanes.iter_mut().zip(values) {
                        bins[feature % LANES] = column.bin(value);
                    }
                    column
                });
                (columns.collect::<Vec<_>>(), lanes)
            })
            .unzip();
        Self { columns: columns.into_iter().flatten().collect(), blocks }
    }

    /// The bin of one feature in one row.
    #[inline(always)]
    pub(super) fn bin(&self, feature: usize, row: usize) -> u8 {
        self.blocks[feature / LANES][row][feature % LANES]
    }
}

/// A feature's bins, and its values as the bins take them.
fn column(
    rows: &TrainingRows,
    answers: &Answers,
    feature: usize,
    sample: &[usize],
    params: &BoostingParams,
) -> (Column, Vec<f64>) {
    let values: Vec<f64> = (0..rows.len()).map(|row| rows.row(row)[feature]).collect();
    match &rows.kinds[feature] {
        FeatureKind::Number => (Column::numeric(Input::Number, edges_of(&values, sample, params.max_bins)), values),
        FeatureKind::Category { levels } if levels.len() <= params.max_set_levels => {
            (Column { input: Input::Levels, edges: Vec::new(), bins: levels.len() + 2, direction: None }, values)
        }
        FeatureKind::Category { levels } => {
            // Every feature draws its own order, so that no row is first in all of them.
            let seed = params.seed.wrapping_add(feature as u64);
            let OrderedRates { of_rows, levels, other } =
                ordered_rates(&values, answers, levels.len(), params.level_smoothing, seed);
            let edges = edges_of(&of_rows, sample, params.max_bins);
            (Column::numeric(Input::Rates { levels, other }, edges), of_rows)
        }
    }
}

fn edges_of(values: &[f64], sample: &[usize], max_bins: usize) -> Vec<f64> {
    let mut known: Vec<f64> = sample.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
    known.sort_unstable_by(f64::total_cmp);
    edges(&known, max_bins)
}

/// The edges of at most `max_bins` bins with about equally many of the sorted values each.
///
/// A value that alone fills a bin gets its own, and the others share the rest.
pub(super) fn edges(sorted: &[f64], max_bins: usize) -> Vec<f64> {
    let runs: Vec<&[f64]> = sorted.chunk_by(|one, next| one == next).collect();
    let mut edges = Vec::new();
    let (mut values_left, mut in_bin) = (sorted.len(), 0);
    for pair in runs.windows(2) {
        let bins_left = max_bins - edges.len();
        if bins_left == 1 {
            break;
        }
        in_bin += pair[0].len();
        let enough = values_left.div_ceil(bins_left);
        let heavy_next = pair[1].len() >= enough && 2 * in_bin >= enough;
        if runs.len() <= max_bins || in_bin >= enough || heavy_next {
            edges.push(between(pair[0][0], pair[1][0]));
            values_left -= in_bin;
            in_bin = 0;
        }
    }
    edges
}

/// A number at or above `low` and below `high`, in the middle if there is one.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle > low && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_get_a_bin_each_and_edges_lie_between_them() {
        assert_eq!(edges(&[-1.0, -1.0, 0.0, 4.0, 4.0], 255), [-0.5, 2.0]);
        assert_eq!(edges(&[3.0, 3.0], 255), [0.0; 0]);
        assert_eq!(edges(&[], 255), [0.0; 0]);
        let next = 1.0_f64.next_up();
        assert_eq!(edges(&[1.0, next], 255), [1.0]);
        assert!(edges(&[f64::MIN, f64::MAX], 255)[0].is_finite());
    }

    #[test]
    fn many_values_fill_bins_evenly_and_a_frequent_value_has_its_own() {
        let even: Vec<f64> = (0..1000).map(f64::from).collect();
        let found = edges(&even, 10);
        assert_eq!(found, [99.5, 199.5, 299.5, 399.5, 499.5, 599.5, 699.5, 799.5, 899.5]);
        let mut skewed = even.clone();
        skewed.extend([500.0; 4000]);
        skewed.sort_unstable_by(f64::total_cmp);
        let found = edges(&skewed, 10);
        assert!(found.contains(&499.5) && found.contains(&500.5), "{found:?}");
        assert_eq!(found.len(), 9, "{found:?}");
    }

    #[test]
    fn a_value_and_its_bin_agree_with_the_threshold_of_the_bin() {
        let values: Vec<f64> = (0..500).map(|step| f64::from(step * 37 % 101).sqrt()).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let column = Column::numeric(Input::Number, edges(&sorted, 20));
        assert_eq!(column.bins, 21);
        for value in values {
            for (bin, &edge) in (1_u8..).zip(&column.edges) {
                assert_eq!(column.bin(value) <= bin, value <= edge, "{value} against {edge}");
            }
        }
        assert_eq!(column.bin(f64::NAN), UNKNOWN);
    }
}
