//! Finds features that alone tell the label: copies of the target, or things known only after the fact.

mod suspects;

use tend_models::predict::FeatureKind;

use crate::evaluate::auc;
use crate::samples::Samples;

pub use suspects::{Suspect, suspects};

/// A feature of honest origin does not come near this alone; a copy of the target with a few mistakes does.
const SUSPECT_AUC: f64 = 0.985;
/// With fewer rows of either outcome chance alone may look like a leak.
const LEAST_OF_EACH_OUTCOME: usize = 25;
const BINS: usize = 64;
/// More rows than this are thinned out: a leak shows in few.
const MOST_ROWS: usize = 10_000;

/// A feature that tells the label too well.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The place of the feature.
    pub place: usize,
    /// The feature.
    pub feature: String,
    /// Area under the ROC curve of the feature alone, on rows that its rates were not taken from.
    pub auc: f64,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: tells the target alone (AUC {:.3}), as a copy of it or something known only afterwards does; if it is neither, name it under keep",
            self.feature, self.auc
        )
    }
}

/// The features, but those named in `keep`, whose label rates by value order other rows almost without mistake.
#[must_use]
pub fn leaks(samples: &Samples, places: &[usize], keep: &[String]) -> Vec<Leak> {
    let Some(halves) = halves(samples, places) else { return Vec::new() };
    let features = samples.plan.features.iter().enumerate().filter(|(_, feature)| !keep.contains(&feature.name));
    features
        .filter_map(|(place, feature)| {
            let auc = auc_alone(samples, &halves, place);
            (auc >= SUSPECT_AUC).then(|| Leak { place, feature: feature.name.clone(), auc })
        })
        .collect()
}

/// Every second row, and the others, of a sample; `None` with too few rows of either outcome.
fn halves(samples: &Samples, places: &[usize]) -> Option<[Vec<usize>; 2]> {
    let step = places.len().div_ceil(MOST_ROWS).max(1);
    let places: Vec<usize> = places.iter().step_by(step).copied().collect();
    let positives = places.iter().filter(|&&place| samples.labels[place]).count();
    let are_enough = positives.min(places.len() - positives) >= LEAST_OF_EACH_OUTCOME;
    are_enough.then(|| [0, 1].map(|parity| places.iter().skip(parity).step_by(2).copied().collect()))
}

/// Area under the ROC curve of one feature: one half gives the label rates by value, the other is ordered by them, and
/// the other way round; the lower of the two. Unknown is a value.
fn auc_alone(samples: &Samples, halves: &[Vec<usize>; 2], place: usize) -> f64 {
    let kind = &samples.plan.features[place].kind;
    let value = |row: usize| samples.row(row)[place];
    let of_one_way = |(from, to): (usize, usize)| {
        let rates = Rates::of(kind, &halves[from], value, &samples.labels);
        let scores: Vec<f64> = halves[to].iter().map(|&row| rates.at(value(row))).collect();
        let happened: Vec<bool> = halves[to].iter().map(|&row| samples.labels[row]).collect();
        auc(&scores, &happened).ok().flatten()
    };
    [(0, 1), (1, 0)].into_iter().filter_map(of_one_way).fold(1.0, f64::min)
}

/// Label rates by the value of one feature: by level, or by bins of about equally many rows.
struct Rates {
    /// Upper ends of the bins of a number, rising; empty for a category.
    ends: Vec<f64>,
    rates: Vec<f64>,
}

impl Rates {
    fn of(kind: &FeatureKind, rows: &[usize], value: impl Fn(usize) -> f64, labels: &[bool]) -> Self {
        let (ends, bins) = match kind {
            FeatureKind::Category { levels } => (Vec::new(), levels.len() + 1),
            FeatureKind::Number => {
                let mut known: Vec<f64> = rows.iter().map(|&row| value(row)).filter(|value| !value.is_nan()).collect();
                known.sort_by(f64::total_cmp);
                let mut ends: Vec<f64> =
                    (1..BINS).filter_map(|bin| known.get(bin * known.len() / BINS)).copied().collect();
                ends.dedup();
                let bins = ends.len() + 1;
                (ends, bins)
            }
        };
        let mut counted = Self { ends, rates: vec![0.0; bins + 1] };
        let mut counts = vec![0.0; bins + 1];
        for &row in rows {
            let bin = counted.bin(value(row));
            counted.rates[bin] += f64::from(labels[row]);
            counts[bin] += 1.0;
        }
        let overall = counted.rates.iter().sum::<f64>() / rows.len().max(1) as f64;
        for (rate, count) in counted.rates.iter_mut().zip(counts) {
            *rate = (*rate + overall) / (count + 1.0);
        }
        counted
    }

    /// Unknown has the last bin.
    fn bin(&self, value: f64) -> usize {
        let last = self.rates.len() - 1;
        if value.is_nan() {
            last
        } else if self.ends.is_empty() {
            (value as usize).min(last - 1)
        } else {
            self.ends.partition_point(|&end| end < value)
        }
    }

    fn at(&self, value: f64) -> f64 {
        self.rates[self.bin(value)]
    }
}

#[cfg(test)]
mod tests {
    use tend_models::features::{Feature, FeaturePlan, Measure};

    use super::*;

    pub(super) fn samples(columns: &[(&str, FeatureKind)], rows: impl Iterator<Item = (Vec<f64>, bool)>) -> Samples {
        let features = columns
            .iter()
            .map(|(name, kind)| Feature {
                name: (*name).to_owned(),
                label: (*name).to_owned(),
                kind: kind.clone(),
                measure: Measure::Column((*name).to_owned()),
            })
            .collect();
        let mut samples = Samples::new(FeaturePlan { features });
        for (row, label) in rows {
            samples.rows.extend(row);
            samples.labels.push(label);
        }
        samples
    }

    fn found(samples: &Samples, keep: &[&str]) -> Vec<String> {
        let places: Vec<usize> = (0..samples.len()).collect();
        let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
        leaks(samples, &places, &keep).into_iter().map(|leak| leak.feature).collect()
    }

    #[test]
    fn copies_of_the_target_are_found_and_honest_features_are_not() {
        let levels = FeatureKind::Category { levels: vec!["stays".into(), "unsure".into(), "leaves".into()] };
        let columns = [
            ("spend", FeatureKind::Number),
            ("left_on", FeatureKind::Number),
            ("status", levels),
            ("strong", FeatureKind::Number),
        ];
        let rows = (0..4_000_u32).map(|row| {
            let noise = f64::from(row.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
            let label = row % 7 == 0;
            let left_on = if label { f64::from(row) } else { f64::NAN };
            let strong = noise + if label { 0.8 } else { 0.0 };
            (vec![noise, left_on, if label { 2.0 } else { 0.0 }, strong], label)
        });
        let samples = samples(&columns, rows);
        assert_eq!(found(&samples, &[]), ["left_on", "status"]);
        assert_eq!(found(&samples, &["status"]), ["left_on"]);
    }

    #[test]
    fn few_rows_accuse_nobody() {
        let rows = (0..40).map(|row| (vec![f64::from(row)], row >= 20));
        assert!(found(&samples(&[("age", FeatureKind::Number)], rows), &[]).is_empty());
    }
}
