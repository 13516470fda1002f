//! What boosting minimises: the loss of a row, and its derivatives by the row's score.

use tend_models::families::boosted::response::Link;
use tend_models::families::logistic::sigmoid;

use super::answers::Answers;
use crate::fit::table::FitError;

/// What the trees are fitted to say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Objective {
    /// How probable the positive label is: scores are log-odds, the loss is minus the log likelihood.
    #[default]
    LogLoss,
    /// The mean of a number: scores are means, the loss is half the squared distance.
    SquaredError,
    /// The mean of a number that is never negative and often 0, such as spend: scores are logs of means, the loss is
    /// half the unit deviance.
    ///
    /// Source: Jørgensen (1987), *Exponential dispersion models*: with a power from 1 to 2, a sum of gamma-distributed
    /// amounts, Poisson-distributed in number.
    Tweedie {
        /// The power of the mean that the variance follows, above 1 and below 2; 1.5 suits most amounts.
        power: f64,
    },
    /// The number that a share of the rows stays below: scores are such numbers, the loss is the check function of
    /// Koenker and Bassett (1978), *Regression quantiles*.
    Quantile {
        /// The share, above 0 and below 1.
        share: f64,
    },
}

impl Objective {
    /// How scores become predictions of a number.
    pub(super) fn link(self) -> Link {
        match self {
            Self::Tweedie { .. } => Link::Log,
            Self::LogLoss | Self::SquaredError | Self::Quantile { .. } => Link::Identity,
        }
    }

    pub(super) fn check(self) -> Result<(), FitError> {
        let wrong = |name, found: f64, expected| Err(FitError::Parameter { name, found: found.to_string(), expected });
        match self {
            Self::Tweedie { power } if !(power > 1.0 && power < 2.0) => {
                wrong("objective.power", power, "a number above 1 and below 2")
            }
            Self::Quantile { share } if !(share > 0.0 && share < 1.0) => {
                wrong("objective.share", share, "a number above 0 and below 1")
            }
            _ => Ok(()),
        }
    }

    /// The score that suits all rows best.
    pub(super) fn base(self, answers: &Answers) -> f64 {
        let mean = || answers.mean();
        match self {
            Self::LogLoss => (mean() / (1.0 - mean())).ln(),
            Self::SquaredError => mean(),
            Self::Tweedie { .. } => mean().ln(),
            Self::Quantile { share } => quantile((0..answers.len()).map(|row| answers.of(row)).collect(), share),
        }
    }

    /// First and second derivative of the loss by the score.
    ///
    /// Those of Tweedie are divided by the power of the overall mean that frees them of the unit of the numbers. The
    /// check function has no second derivative: 1 stands for it, and the leaves get their values by [`quantile`].
    #[inline(always)]
    pub(super) fn derivatives(self, score: f64, answer: f64, base: f64) -> [f64; 2] {
        match self {
            Self::LogLoss => {
                let probability = sigmoid(score);
                [probability - answer, probability * (1.0 - probability)]
            }
            Self::SquaredError => [score - answer, 1.0],
            Self::Tweedie { power } => {
                let relative = score - base;
                let mean = ((2.0 - power) * relative).exp();
                let drawn = answer * (-base).exp() * ((1.0 - power) * relative).exp();
                [mean - drawn, (2.0 - power) * mean + (power - 1.0) * drawn]
            }
            Self::Quantile { share } => [f64::from(u8::from(score > answer)) - share, 1.0],
        }
    }

    /// The largest that the derivatives can be, where that is known before any row.
    pub(super) fn largest_derivatives(self) -> Option<[f64; 2]> {
        match self {
            Self::LogLoss => Some([1.0, 0.25]),
            Self::Quantile { .. } => Some([1.0, 1.0]),
            Self::SquaredError | Self::Tweedie { .. } => None,
        }
    }

    /// The loss of a row, up to what does not depend on the score.
    pub(super) fn loss(self, score: f64, answer: f64) -> f64 {
        match self {
            Self::LogLoss => {
                let away = if answer > 0.5 { -score } else { score };
                // In this form no exponential overflows.
                away.max(0.0) + (-away.abs()).exp().ln_1p()
            }
            Self::SquaredError => (score - answer).powi(2) / 2.0,
            Self::Tweedie { power } => {
                ((2.0 - power) * score).exp() / (2.0 - power) - answer * ((1.0 - power) * score).exp() / (1.0 - power)
            }
            Self::Quantile { share } => (answer - score) * (share - f64::from(u8::from(answer < score))),
        }
    }
}

/// The least of some weighted numbers with at least this share of the weight at or below it; pairs are a number and
/// its weight. 0 of none.
pub(super) fn quantile(mut weighted: Vec<(f64, f64)>, share: f64) -> f64 {
    weighted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let wanted = share * weighted.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut below = 0.0;
    let reached = weighted.iter().find(|(_, weight)| {
        below += weight;
        below >= wanted && *weight > 0.0
    });
    reached.or(weighted.last()).map_or(0.0, |(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Objective; 6] = [
        Objective::LogLoss,
        Objective::SquaredError,
        Objective::Tweedie { power: 1.2 },
        Objective::Tweedie { power: 1.9 },
        Objective::Quantile { share: 0.1 },
        Objective::Quantile { share: 0.8 },
    ];

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let step = 1e-4;
        for objective in ALL {
            for (score, answer) in [(-1.3, 0.0), (0.4, 1.0), (1.7, 1.0), (0.2, 0.0)] {
                let loss = |moved: f64| objective.loss(score + moved, answer);
                let [first, second] = objective.derivatives(score, answer, 0.0);
                let slope = (loss(step) - loss(-step)) / (2.0 * step);
                assert!((first - slope).abs() < 1e-6, "{objective:?} at {score}, {answer}: {first} for {slope}");
                let bend = (loss(step) - 2.0 * loss(0.0) + loss(-step)) / step.powi(2);
                let has_none = matches!(objective, Objective::Quantile { .. });
                assert!(has_none || (second - bend).abs() < 1e-5, "{objective:?}: {second} for {bend}");
                let [most_first, most_second] = objective.largest_derivatives().unwrap_or([f64::INFINITY; 2]);
                assert!(first.abs() <= most_first && second <= most_second, "{objective:?}");
            }
        }
    }

    #[test]
    fn the_base_has_the_least_loss_of_all_constants() {
        let numbers = [0.0, 0.0, 3.0, 1.0, 7.5, 0.0, 2.0];
        let weights = [1.0, 2.0, 1.0, 0.5, 1.0, 0.0, 3.0];
        let answers = Answers::numbers(&numbers, Some(&weights));
        for objective in &ALL[1..] {
            let base = objective.base(&answers);
            let loss = |score: f64| -> f64 {
                (0..numbers.len()).map(|row| weights[row] * objective.loss(score, numbers[row])).sum()
            };
            for other in [base - 0.01, base + 0.01, base - 1.0, base + 1.0] {
                assert!(loss(base) <= loss(other), "{objective:?}: {base} loses more than {other}");
            }
        }
    }

    #[test]
    fn tweedie_loss_is_half_the_unit_deviance_and_knows_no_unit() {
        // Unit deviance by its definition: 2 (y^(2-p)/((1-p)(2-p)) - y m^(1-p)/(1-p) + m^(2-p)/(2-p)).
        let (power, answer) = (1.5, 3.0_f64);
        let objective = Objective::Tweedie { power };
        let deviance = |mean: f64| {
            2.0 * (answer.powf(0.5) / (-0.5 * 0.5) - answer * mean.powf(-0.5) / -0.5 + mean.powf(0.5) / 0.5)
        };
        let found = 2.0 * (objective.loss(2.0_f64.ln(), answer) - objective.loss(answer.ln(), answer));
        assert!((found - deviance(2.0)).abs() < 1e-12, "{found} for {}", deviance(2.0));
        let [euros, cents] =
            [1.0, 100.0_f64].map(|unit| objective.derivatives((2.0 * unit).ln(), 3.0 * unit, unit.ln()));
        assert!((euros[0] - cents[0]).abs() < 1e-12 && (euros[1] - cents[1]).abs() < 1e-12, "{euros:?} {cents:?}");
    }

    #[test]
    fn a_quantile_weighs_its_numbers() {
        let numbers = vec![(3.0, 1.0), (1.0, 1.0), (2.0, 2.0), (9.0, 0.0)];
        for (share, expected) in [(0.1, 1.0), (0.25, 1.0), (0.3, 2.0), (0.75, 2.0), (0.76, 3.0), (0.99, 3.0)] {
            assert_eq!(quantile(numbers.clone(), share), expected, "of {share}");
        }
        assert_eq!(quantile(Vec::new(), 0.5), 0.0);
    }
}
