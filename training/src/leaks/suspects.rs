//! Features that may be known only after the fact, or be an id: named, but not left out.
//!
//! Features that are known beforehand are traces of the same customer: they share what they know, so that each adds
//! little to all the others. What becomes known with the outcome or after it, such as how long the call took in which
//! the offer was accepted, is no such trace. A feature is therefore suspect if it tells the label alone as well as a
//! model of all the others does, these are no poor lot, and with it the model makes half of their mistakes or fewer:
//! 1 - AUC, the share of pairs in the wrong order, at least halves. Where all the others tell little, one feature that
//! tells much is no surprise, and only one that tells nearly everything is suspect.

use tend_models::predict::{FeatureKind, Predict};

use super::{auc_alone, halves};
use crate::evaluate::auc;
use crate::fit::boosting::BoostingParams;
use crate::fit::table::FitError;
use crate::samples::Samples;

/// Alone, few features that are known beforehand tell so much.
const NEARLY_EVERYTHING: f64 = 0.95;
/// Below this a feature tells too little alone to be suspect.
const MUCH: f64 = 0.7;
/// From here on, all the other features are no poor lot.
const NO_POOR_LOT: f64 = 0.65;
/// As well as the others, to within the noise of an AUC on some thousand rows.
const NOISE: f64 = 0.02;
/// Trees of the models that are compared.
const TREES: usize = 60;
/// With fewer rows, whole numbers may all differ by chance.
const LEAST_IDS: usize = 100;

/// A feature to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Suspect {
    /// It may be known only after the fact.
    KnownAfterwards {
        /// The feature.
        feature: String,
        /// Area under the ROC curve of the feature alone.
        alone: f64,
        /// That of a model of all other features.
        others: f64,
        /// That of a model of all features.
        together: f64,
    },
    /// It looks like an id.
    LikeAnId {
        /// The feature.
        feature: String,
        /// Its rows.
        rows: usize,
    },
}

impl std::fmt::Display for Suspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KnownAfterwards { feature, alone, others, together } => write!(
                f,
                "{feature}: tells the target alone (AUC {alone:.3}); all other features together tell it with {others:.3}, with this one {together:.3}: something known only after the fact does that; if it is, leave it out with --exclude {feature}, else name it under keep"
            ),
            Self::LikeAnId { feature, rows } => write!(
                f,
                "{feature}: {rows} whole numbers, no two the same, like an id or a row number; if it is one, leave it out with --exclude {feature}, else name it under keep"
            ),
        }
    }
}

/// The suspects among the features, but those named in `keep`.
///
/// # Errors
/// [`FitError`] if the rows cannot be fitted.
pub fn suspects(samples: &Samples, places: &[usize], keep: &[String]) -> Result<Vec<Suspect>, FitError> {
    let names: Vec<String> = samples.plan.names();
    let open: Vec<usize> = (0..names.len()).filter(|&place| !keep.contains(&names[place])).collect();
    let ids = open.iter().filter(|&&place| is_like_an_id(samples, places, place));
    let mut found: Vec<Suspect> =
        ids.map(|&place| Suspect::LikeAnId { feature: names[place].clone(), rows: places.len() }).collect();
    let Some(halves) = halves(samples, places) else { return Ok(found) };
    let alone: Vec<(usize, f64)> = open.iter().map(|&place| (place, auc_alone(samples, &halves, place))).collect();
    let strongest = alone.iter().map(|(_, auc)| *auc).fold(0.0, f64::max);
    // One that is weaker than another by more than noise is weaker than all the others together, too.
    let worth_a_look = |auc: f64| auc >= MUCH && auc >= strongest - NOISE;
    let mut together = None;
    for (place, alone) in alone.into_iter().filter(|&(_, auc)| worth_a_look(auc)) {
        let together = match together {
            Some(together) => together,
            None => *together.insert(auc_of_model(samples, &halves)?),
        };
        let mut rest = samples.clone();
        rest.leave_out(&[place]);
        let others = if rest.plan.width() == 0 { 0.5 } else { auc_of_model(&rest, &halves)? };
        let halves_mistakes = 1.0 - together <= 0.5 * (1.0 - others);
        let is_foreign = others >= NO_POOR_LOT && alone >= others - NOISE && halves_mistakes;
        if alone >= NEARLY_EVERYTHING || is_foreign {
            found.push(Suspect::KnownAfterwards { feature: names[place].clone(), alone, others, together });
        }
    }
    Ok(found)
}

/// Area under the ROC curve on one half of a few boosted trees fitted on the other.
fn auc_of_model(samples: &Samples, halves: &[Vec<usize>; 2]) -> Result<f64, FitError> {
    let (fitted, judged) = (samples.part(&halves[0]), samples.part(&halves[1]));
    let rows = fitted.training_rows();
    let params = BoostingParams { trees: TREES, learning_rate: 0.1, ..BoostingParams::for_rows(rows.len()) };
    let model = params.fit(&rows)?;
    let mut scores = vec![0.0; judged.labels.len()];
    model.predict_rows(judged.training_rows().rows, &mut scores);
    Ok(auc(&scores, &judged.labels).ok().flatten().unwrap_or(0.5))
}

/// Whole numbers that all differ, in a range so narrow that by chance some would be the same: of *n* numbers drawn from
/// *r*, none meet with a probability of about exp(-*n*² / 2*r*).
fn is_like_an_id(samples: &Samples, places: &[usize], place: usize) -> bool {
    if samples.plan.features[place].kind != FeatureKind::Number || places.len() < LEAST_IDS {
        return false;
    }
    let mut values: Vec<f64> = places.iter().map(|&row| samples.row(row)[place]).collect();
    if values.iter().any(|value| value.fract() != 0.0) {
        return false;
    }
    values.sort_by(f64::total_cmp);
    let range = values[values.len() - 1] - values[0];
    let count = values.len() as f64;
    values.windows(2).all(|pair| pair[0] < pair[1]) && range < count * count / 20.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples;
    use super::*;

    /// Evenly spread numbers, another sequence for each salt.
    fn noise(row: u32, salt: u32) -> f64 {
        let mut mixed = (row ^ salt.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0xc2b2_ae35);
        f64::from((mixed ^ (mixed >> 13)) >> 8) / f64::from(1 << 24)
    }

    const COLUMNS: [&str; 4] = ["recency", "frequency", "visits", "call_seconds"];

    /// Three traces of one tendency that the label follows, and one number of its own that it follows as much.
    fn table(own_strength: f64, chance: f64) -> Samples {
        let columns = COLUMNS.map(|name| (name, FeatureKind::Number));
        let rows = (0..6_000_u32).map(move |row| {
            let tendency = noise(row, 1) - 0.5;
            let trace = |salt: u32| tendency + 0.3 * (noise(row, salt) - 0.5);
            let own = noise(row, 5) - 0.5;
            let label = 6.0 * tendency + own_strength * own + chance * (noise(row, 6) - 0.5) > 1.2;
            (vec![trace(2), trace(3), trace(4), own], label)
        });
        samples(&columns, rows)
    }

    fn found(samples: &Samples, keep: &[&str]) -> Vec<String> {
        let places: Vec<usize> = (0..samples.len()).collect();
        let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
        suspects(samples, &places, &keep).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_feature_that_shares_nothing_with_the_others_and_tells_as_much_is_suspect() {
        let named = found(&table(7.0, 0.6), &[]);
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].starts_with("call_seconds: tells the target alone"), "{named:?}");
        assert!(named[0].contains("--exclude call_seconds"), "{named:?}");
        assert!(found(&table(7.0, 0.6), &["call_seconds"]).is_empty());
    }

    #[test]
    fn strong_features_that_share_what_they_know_are_healthy() {
        let named = found(&table(1.5, 5.0), &[]);
        assert!(named.is_empty(), "{named:?}");
    }

    #[test]
    fn a_row_number_is_like_an_id_and_an_amount_is_not() {
        let columns = [("row", FeatureKind::Number), ("amount", FeatureKind::Number)];
        let rows = (0..1_000_u32).map(|row| (vec![f64::from(row), (noise(row, 1) * 1e4).round()], noise(row, 2) < 0.3));
        let named = found(&samples(&columns, rows), &[]);
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].starts_with("row: 1000 whole numbers, no two the same"), "{named:?}");
    }
}
