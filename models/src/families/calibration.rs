//! The last step of a classifier: from a raw probability to one that can be taken at its word.

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use super::logistic::sigmoid;
use crate::quantities::Probability;

/// Raw probabilities are kept this far from 0 and 1 before their log-odds are taken.
pub const NEAREST_TO_CERTAIN: f64 = 1e-6;

/// The log-odds of a probability, kept finite by [`NEAREST_TO_CERTAIN`].
#[must_use]
pub fn log_odds(probability: f64) -> f64 {
    let inside = probability.clamp(NEAREST_TO_CERTAIN, 1.0 - NEAREST_TO_CERTAIN);
    (inside / (1.0 - inside)).ln()
}

/// A point of a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Knot {
    /// Raw probability.
    pub raw: f64,
    /// Calibrated probability there.
    pub calibrated: f64,
}

/// A rising curve from raw to calibrated probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Calibration {
    /// The raw probability is already right.
    None,
    /// A straight line in log-odds. Source: Platt (1999).
    Platt {
        /// Above 0.
        slope: f64,
        /// In log-odds.
        intercept: f64,
    },
    /// Straight lines between knots that rise in both directions; flat beyond the outermost knots.
    Isotonic {
        /// At least one.
        knots: Vec<Knot>,
    },
    /// Log-odds of `gain` ln s - `loss` ln(1 - s) + `intercept`, for the raw probability s: a line in log-odds whose
    /// two ends may differ in steepness. Source: Kull, Silva Filho and Flach (2017).
    Beta {
        /// Not below 0: steepness where s is near 0.
        gain: f64,
        /// Not below 0, and not 0 with `gain`: steepness where s is near 1.
        loss: f64,
        /// In log-odds.
        intercept: f64,
    },
}

/// ln s and -ln(1 - s) of a raw probability s, kept finite by [`NEAREST_TO_CERTAIN`]: the columns of beta calibration.
#[must_use]
pub fn beta_columns(raw: f64) -> [f64; 2] {
    let inside = raw.clamp(NEAREST_TO_CERTAIN, 1.0 - NEAREST_TO_CERTAIN);
    [inside.ln(), -(-inside).ln_1p()]
}

impl Calibration {
    /// The calibrated probability: never falls as `raw` rises.
    #[must_use]
    pub fn apply(&self, raw: Probability) -> Probability {
        match self {
            Self::None => raw,
            Self::Platt { slope, intercept } => Probability::clamped(sigmoid(slope * log_odds(raw.get()) + intercept)),
            Self::Isotonic { knots } => Probability::clamped(interpolate(knots, raw.get())),
            Self::Beta { gain, loss, intercept } => {
                let [low, high] = beta_columns(raw.get());
                Probability::clamped(sigmoid(gain * low + loss * high + intercept))
            }
        }
    }

    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Platt { .. } => "platt",
            Self::Isotonic { .. } => "isotonic",
            Self::Beta { .. } => "beta",
        }
    }

    /// Checks that the curve is finite and rises.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::None => Ok(()),
            Self::Platt { slope, intercept } => {
                ModelError::finite("Platt intercept", &[*intercept])?;
                if !(*slope > 0.0 && slope.is_finite()) {
                    return Err(ModelError::number("Platt slope", *slope, "a finite number above 0"));
                }
                Ok(())
            }
            Self::Beta { gain, loss, intercept } => {
                let part = "beta calibration";
                ModelError::finite(part, &[*gain, *loss, *intercept])?;
                if *gain < 0.0 || *loss < 0.0 {
                    return Err(ModelError::number(part, gain.min(*loss), "a number not below 0"));
                }
                if *gain + *loss == 0.0 {
                    return Err(ModelError::number(part, 0.0, "a curve that rises"));
                }
                Ok(())
            }
            Self::Isotonic { knots } => {
                let part = "isotonic knots";
                if knots.is_empty() {
                    return Err(ModelError::Empty { part: part.into() });
                }
                for knot in knots {
                    ModelError::rate(part, knot.raw)?;
                    ModelError::rate(part, knot.calibrated)?;
                }
                ModelError::rising(part, &knots.iter().map(|knot| knot.raw).collect::<Vec<_>>())?;
                match knots.windows(2).find(|pair| pair[0].calibrated > pair[1].calibrated) {
                    Some(pair) => Err(ModelError::number(part, pair[1].calibrated, "no less than the knot before it")),
                    None => Ok(()),
                }
            }
        }
    }
}

fn interpolate(knots: &[Knot], raw: f64) -> f64 {
    let after = knots.partition_point(|knot| knot.raw <= raw);
    if after == 0 {
        return knots[0].calibrated;
    }
    let low = knots[after - 1];
    let Some(high) = knots.get(after) else {
        return low.calibrated;
    };
    let share = (raw - low.raw) / (high.raw - low.raw);
    // Rounding must not lift the end of a line above its knot: the curve would fall there.
    (low.calibrated + share * (high.calibrated - low.calibrated)).min(high.calibrated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn knot(raw: f64, calibrated: f64) -> Knot {
        Knot { raw, calibrated }
    }

    #[test]
    fn lines_run_between_knots_and_are_flat_beyond() {
        let curve = Calibration::Isotonic { knots: vec![knot(0.2, 0.1), knot(0.6, 0.5)] };
        let at = |raw| curve.apply(Probability::new(raw).unwrap()).get();
        assert_eq!([0.0, 0.2, 0.6, 1.0].map(at), [0.1, 0.1, 0.5, 0.5]);
        assert!((at(0.3) - 0.2).abs() < 1e-15);
    }

    #[test]
    fn a_falling_curve_is_refused() {
        for knots in [
            vec![],
            vec![knot(0.2, 0.5), knot(0.6, 0.4)],
            vec![knot(0.2, 0.1), knot(0.2, 0.4)],
            vec![knot(0.2, f64::NAN)],
        ] {
            assert!(Calibration::Isotonic { knots }.check().is_err());
        }
        assert!(Calibration::Platt { slope: 0.0, intercept: 0.0 }.check().is_err());
        assert!(Calibration::Platt { slope: 1.0, intercept: f64::INFINITY }.check().is_err());
        for (gain, loss, intercept) in [(0.0, 0.0, 1.0), (-0.1, 1.0, 0.0), (1.0, f64::NAN, 0.0), (1.0, 1.0, f64::NAN)] {
            assert!(Calibration::Beta { gain, loss, intercept }.check().is_err(), "{gain} {loss} {intercept}");
        }
    }

    #[test]
    fn beta_calibration_with_equal_ends_is_the_line_of_platt() {
        let beta = Calibration::Beta { gain: 0.7, loss: 0.7, intercept: -0.4 };
        let platt = Calibration::Platt { slope: 0.7, intercept: -0.4 };
        for raw in [0.0, 1e-4, 0.2, 0.5, 0.99, 1.0].map(Probability::clamped) {
            let gap = beta.apply(raw).get() - platt.apply(raw).get();
            assert!(gap.abs() < 1e-12, "{gap} at {raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_calibration_ever_falls(
            raw in proptest::collection::btree_set(0_u32..=1_000_000, 1..20),
            calibrated in proptest::collection::vec(0.0..=1.0, 20),
            slope in 0.01..20.0,
            intercept in -9.0..9.0,
            loss in 0.0..5.0,
            mut probes in proptest::collection::vec(0.0..=1.0, 2..50),
        ) {
            let mut calibrated = calibrated;
            calibrated.sort_by(f64::total_cmp);
            let knots = raw.iter().zip(calibrated).map(|(&raw, y)| knot(f64::from(raw) / 1e6, y)).collect();
            probes.sort_by(f64::total_cmp);
            let beta = Calibration::Beta { gain: slope, loss, intercept };
            for curve in [Calibration::Isotonic { knots }, Calibration::Platt { slope, intercept }, beta] {
                prop_assert_eq!(curve.check(), Ok(()));
                let curved: Vec<f64> =
                    probes.iter().map(|&raw| curve.apply(Probability::clamped(raw)).get()).collect();
                prop_assert!(curved.is_sorted(), "{curved:?}");
            }
        }
    }
}
