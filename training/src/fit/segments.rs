//! Fits customer segments with the k-means of linfa and names them in words.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use ndarray::Array2;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tend_models::families::segments::{SegmentFeature, Segments};
use tend_models::predict::FeatureKind;

use super::table::{FitError, TrainingRows, scaling_of};

/// A centre this many standard deviations from the average is worth a word.
const WORTH_A_WORD: f64 = 0.4;

/// How to fit segments.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentParams {
    /// Number of segments, at least 1.
    pub count: usize,
    /// Indices of the numbers to look at; empty for every number that varies. Categories have no distance.
    pub features: Vec<usize>,
    /// Starts to choose from, at least 1.
    pub runs: usize,
    /// More rows than this are sampled down.
    pub max_rows: usize,
    /// Draws the sample and the starts.
    pub seed: u64,
}

impl Default for SegmentParams {
    fn default() -> Self {
        Self { count: 5, features: Vec::new(), runs: 5, max_rows: 20_000, seed: 1 }
    }
}

impl SegmentParams {
    /// Fits on rows, whose labels are not looked at; segments come in order of size, the largest first.
    ///
    /// # Errors
    /// [`FitError`] if the table or a parameter is invalid, if no number varies, or if the library fails.
    pub fn fit(&self, rows: &TrainingRows) -> Result<Segments, FitError> {
        rows.check()?;
        self.check(rows)?;
        let mut sample = rows.sample(self.max_rows, self.seed);
        // The library's generator has a fixed seed and is of an older version: ours enters by the order of the rows.
        sample.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(self.seed));
        let features = self.scaled_features(rows, &sample);
        if features.is_empty() {
            return Err(FitError::Empty { what: "numbers that vary" });
        }
        let points = Array2::from_shape_fn((sample.len(), features.len()), |(position, column)| {
            let SegmentFeature { feature, scaling } = features[column];
            scaling.apply(rows.row(sample[position])[feature as usize])
        });
        let clusters = KMeans::params(self.count)
            .n_runs(self.runs)
            .max_n_iterations(100)
            .tolerance(1e-3)
            .fit(&DatasetBase::from(points))
            .map_err(|error| FitError::Library { family: "segments", reason: error.to_string() })?;
        let centers = clusters.centroids().rows().into_iter().map(|center| center.to_vec()).collect();
        Ok(by_size(features, centers, rows, &sample))
    }

    fn check(&self, rows: &TrainingRows) -> Result<(), FitError> {
        let broken = |name, found: String, expected| Err(FitError::Parameter { name, found, expected });
        if self.count == 0 || self.count > rows.len().min(self.max_rows) {
            return broken("count", self.count.to_string(), "1 or more, and no more than rows");
        }
        if self.runs == 0 {
            return broken("runs", "0".into(), "1 or more");
        }
        let number = |feature: &&usize| rows.kinds.get(**feature) != Some(&FeatureKind::Number);
        match self.features.iter().find(number) {
            Some(feature) => broken("features", feature.to_string(), "indices of numbers in the table"),
            None => Ok(()),
        }
    }

    fn scaled_features(&self, rows: &TrainingRows, sample: &[usize]) -> Vec<SegmentFeature> {
        let all: Vec<usize> = (0..rows.width()).collect();
        let wanted = if self.features.is_empty() { &all } else { &self.features };
        let numbers = wanted.iter().filter(|&&feature| rows.kinds[feature] == FeatureKind::Number);
        numbers
            .filter_map(|&feature| {
                let scaling = scaling_of(rows.column(feature, sample))?;
                Some(SegmentFeature { feature: feature as u32, scaling })
            })
            .collect()
    }
}

fn by_size(features: Vec<SegmentFeature>, centers: Vec<Vec<f64>>, rows: &TrainingRows, sample: &[usize]) -> Segments {
    let unsorted = Segments { names: vec![String::new(); centers.len()], features, centers: centers.concat() };
    let mut sizes = vec![0_usize; centers.len()];
    for &row in sample {
        sizes[unsorted.nearest(rows.row(row))] += 1;
    }
    let mut order: Vec<usize> = (0..centers.len()).collect();
    order.sort_by_key(|&segment| std::cmp::Reverse(sizes[segment]));
    let centers: Vec<Vec<f64>> = order.into_iter().map(|segment| centers[segment].clone()).collect();
    let words: Vec<String> =
        unsorted.features.iter().map(|number| rows.names[number.feature as usize].replace('_', " ")).collect();
    Segments { names: names(&centers, &words), centers: centers.concat(), features: unsorted.features }
}

/// Names each centre by the two numbers in which it differs most from the average, more where that is not enough
/// to tell two segments apart, and by counting where nothing is.
fn names(centers: &[Vec<f64>], words: &[String]) -> Vec<String> {
    let phrases: Vec<Vec<String>> = centers.iter().map(|center| phrases(center, words)).collect();
    let mut names: Vec<String> = Vec::with_capacity(centers.len());
    for phrases in &phrases {
        let most = phrases.len().max(2);
        let fresh = (2..=most).map(|count| phrase_name(phrases, count)).find(|name| !names.contains(name));
        names.push(fresh.unwrap_or_else(|| {
            let name = phrase_name(phrases, 2);
            let mut copies = (2..).map(|copy| format!("{name} ({copy})"));
            copies.find(|name| !names.contains(name)).expect("an endless list of names")
        }));
    }
    names
}

fn phrase_name(phrases: &[String], count: usize) -> String {
    if phrases.is_empty() { "average".into() } else { phrases[..count.min(phrases.len())].join(", ") }
}

fn phrases(center: &[f64], words: &[String]) -> Vec<String> {
    let mut strongest: Vec<usize> = (0..center.len()).filter(|&index| center[index].abs() >= WORTH_A_WORD).collect();
    strongest.sort_by(|&a, &b| center[b].abs().total_cmp(&center[a].abs()));
    strongest
        .into_iter()
        .map(|index| {
            let high = center[index] > 0.0;
            match words[index].strip_prefix("days since ") {
                Some(event) if high => format!("{event} long ago"),
                Some(event) => format!("recent {event}"),
                None if high => format!("high {}", words[index]),
                None => format!("low {}", words[index]),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_special_and_never_repeat() {
        let words = ["spend", "days since last purchase", "visits"].map(String::from);
        let centers = [
            vec![2.0, -1.0, 0.5],
            vec![1.9, -1.0, 0.0],
            vec![2.0, -1.0, 0.1],
            vec![0.1, 0.2, 0.3],
            vec![-0.5, 0.6, 0.0],
        ];
        assert_eq!(
            names(&centers, &words),
            [
                "high spend, recent last purchase",
                "high spend, recent last purchase (2)",
                "high spend, recent last purchase (3)",
                "average",
                "last purchase long ago, low spend",
            ]
        );
    }

    /// Three groups far apart, of 300, 200 and 100 rows, with a constant and a category that do not matter.
    fn groups() -> (Vec<f64>, Vec<FeatureKind>, Vec<String>) {
        let levels = vec!["a".into(), "b".into()];
        let kinds =
            vec![FeatureKind::Number, FeatureKind::Category { levels }, FeatureKind::Number, FeatureKind::Number];
        let names = ["spend", "plan", "visits", "constant"].map(String::from).to_vec();
        let mut rows = Vec::new();
        for step in 0..600_usize {
            let (spend, visits) =
                [(10.0, 0.0), (10.0, 0.0), (10.0, 0.0), (20.0, 0.0), (20.0, 0.0), (10.0, 9.0)][step % 6];
            let wobble = (step * 37 % 101) as f64 / 101.0;
            rows.extend([spend + wobble, (step % 2) as f64, visits + 1.0 - wobble, 7.0]);
        }
        (rows, kinds, names)
    }

    #[test]
    fn groups_that_are_apart_are_found_largest_first_and_named() {
        let (rows, kinds, names) = groups();
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &[], names: &names };
        let params = SegmentParams { count: 3, ..SegmentParams::default() };
        let segments = params.fit(&table).unwrap();
        assert_eq!(segments.check(&kinds), Ok(()));
        assert_eq!(segments, params.fit(&table).unwrap());
        let expected = [0, 0, 0, 1, 1, 2];
        for row in 0..table.len() {
            assert_eq!(segments.nearest(table.row(row)), expected[row % 6], "row {row}");
        }
        assert_eq!(segments.names, ["low spend, low visits", "high spend, low visits", "high visits, low spend"]);
    }

    #[test]
    fn parameters_that_fit_no_table_are_refused() {
        let (rows, kinds, names) = groups();
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &[], names: &names };
        let broken = |params: SegmentParams| params.fit(&table).unwrap_err();
        let count = |count| broken(SegmentParams { count, ..SegmentParams::default() });
        for wrong in [0, 601] {
            assert!(matches!(count(wrong), FitError::Parameter { name: "count", .. }));
        }
        let features = |features| broken(SegmentParams { features, ..SegmentParams::default() });
        assert!(matches!(features(vec![1]), FitError::Parameter { name: "features", .. }));
        assert_eq!(features(vec![3]), FitError::Empty { what: "numbers that vary" });
    }
}
