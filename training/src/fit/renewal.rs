//! Fits the contractual families to renewal decisions by maximum likelihood.

use tend_models::families::beta_discrete_weibull::BetaDiscreteWeibull;
use tend_models::families::beta_geometric::BetaGeometric;
use tend_models::families::renewal::{RenewalEstimate, RenewalModel};
use tend_models::families::shifted_beta_geometric::ShiftedBetaGeometric;
use tend_models::quantities::Positive;
use tend_models::special::digamma_gap;

use super::maximise::{Evaluation, Maximum, covariance, maximise};

pub use tally::{Tally, Tenure};

mod tally;

/// The contractual families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalFamily {
    /// A constant probability to leave for each customer.
    ShiftedBetaGeometric,
    /// One that changes with the age of the contract.
    BetaDiscreteWeibull,
    /// As the first, with a decision before the first period is over.
    BetaGeometric,
}

/// A fitted contractual model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct RenewalFit {
    /// The model, with the covariance of its parameters.
    pub estimate: RenewalEstimate,
    /// The log-likelihood of all decisions under the model.
    pub log_likelihood: f64,
    /// Steps of the optimiser, from all starts.
    pub iterations: usize,
    /// Whether the maximum was reached; if not, the parameters run off to a limit that the data do not rule out, as where
    /// customers do not differ.
    pub converged: bool,
}

/// Why a contractual model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalFitError {
    /// Nobody was asked anything yet, or all said the same.
    #[error(
        "found {stayed} renewals and {left} customers who left, expected some of both; observe for longer, and check which \
         value says that a customer left"
    )]
    OneAnswer {
        /// Customers who stayed, summed over decisions.
        stayed: f64,
        /// Customers who left.
        left: f64,
    },
    /// Fewer decisions than parameters: how much customers differ shows in how retention changes.
    #[error(
        "found decisions at the end of {found} period(s) only, expected at least {expected} for the family {family}; observe for \
         longer, or take a shorter period"
    )]
    TooFewPeriods {
        /// Different decisions at which customers were asked.
        found: usize,
        /// Parameters of the family.
        expected: usize,
        /// Its name.
        family: &'static str,
    },
    /// Somebody left before the first period was over, in a family where nobody can.
    #[error(
        "found {left} customers who left after 0 periods, expected at least 1 for the family {family}; count the period in which \
         they left, or take --family beta-geometric"
    )]
    LeftBeforeTheFirst {
        /// How many.
        left: f64,
        /// The family's name.
        family: &'static str,
    },
    /// A count that is negative, infinite or not a number.
    #[error("decision {number}: found {found} customers, expected a finite count of at least 0")]
    NotACount {
        /// The decision.
        number: u32,
        /// The count.
        found: f64,
    },
    /// Customers who are not on any more came back.
    #[error(
        "period {period}: found {survivors} customers still on after {before} in the period before, expected no more; count each \
         customer in the cohort of their first period"
    )]
    MoreThanBefore {
        /// The period.
        period: u32,
        /// Customers at its end.
        survivors: f64,
        /// Customers at the end of the one before.
        before: f64,
    },
    /// A parameter left the range of floating-point numbers.
    #[error("found the parameters {parameters:?} where the likelihood is largest, expected finite numbers above 0")]
    Diverged {
        /// Where the search ended.
        parameters: Vec<f64>,
    },
}

impl RenewalFamily {
    /// The name on the command line and in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ShiftedBetaGeometric => "sbg",
            Self::BetaDiscreteWeibull => "bdw",
            Self::BetaGeometric => "beta-geometric",
        }
    }

    /// The first decision that a customer is asked.
    #[must_use]
    pub fn first_decision(self) -> u32 {
        u32::from(self != Self::BetaGeometric)
    }
}

/// Fits a family by maximum likelihood to how many customers stayed and left at each decision.
///
/// The cost does not depend on the number of customers. The result does not depend on the order in which they were counted.
///
/// # Errors
/// [`RenewalFitError`] if there is nothing to fit, or a count is none.
pub fn fit(family: RenewalFamily, tally: &Tally) -> Result<RenewalFit, RenewalFitError> {
    let asked = asked(family, tally)?;
    let (stayed, left) = asked.iter().fold((0.0, 0.0), |(s, l), one| (s + one.stayed, l + one.left));
    let first_loss = (left / (stayed + left)).clamp(0.02, 0.98);
    let start = |spread: f64| [(spread * first_loss).ln(), (spread * (1.0 - first_loss)).ln()];
    match family {
        RenewalFamily::ShiftedBetaGeometric | RenewalFamily::BetaGeometric => {
            let evaluate = |point: &[f64; 2]| geometric(&asked, point);
            let maximum = maximise(evaluate, stayed + left, &[1.0, 6.0, 40.0].map(start));
            finished(family, &asked, &maximum, covariance(evaluate, &maximum))
        }
        RenewalFamily::BetaDiscreteWeibull => {
            let starts = [(1.0, 1.0), (2.0, 0.6), (6.0, 1.6)].map(|(spread, c): (f64, f64)| {
                let [alpha, beta] = start(spread);
                [alpha, beta, c.ln()]
            });
            let evaluate = |point: &[f64; 3]| weibull(&asked, point);
            let maximum = maximise(evaluate, stayed + left, &starts);
            finished(family, &asked, &maximum, covariance(evaluate, &maximum))
        }
    }
}

/// The log-likelihood of decisions under any model.
#[must_use]
pub fn log_likelihood(model: &RenewalModel, tally: &Tally) -> f64 {
    let of_one = |decision: f64, stayed: f64, left: f64| {
        let staying = if stayed > 0.0 { stayed * model.log_staying(decision) } else { 0.0 };
        let leaving = if left > 0.0 { left * model.log_leaving(decision) } else { 0.0 };
        staying + leaving
    };
    tally.decisions().map(|(decision, stayed, left)| of_one(f64::from(decision), stayed, left)).sum()
}

/// The answers at one decision, counted from 1 in every family.
struct Asked {
    decision: f64,
    stayed: f64,
    left: f64,
}

fn asked(family: RenewalFamily, tally: &Tally) -> Result<Vec<Asked>, RenewalFitError> {
    let mut asked = Vec::new();
    for (number, stayed, left) in tally.decisions() {
        for found in [stayed, left] {
            if !(found >= 0.0 && found.is_finite()) {
                return Err(RenewalFitError::NotACount { number, found });
            }
        }
        if number < family.first_decision() {
            if left > 0.0 {
                return Err(RenewalFitError::LeftBeforeTheFirst { left, family: family.name() });
            }
        } else if stayed + left > 0.0 {
            let decision = f64::from(number + 1 - family.first_decision());
            asked.push(Asked { decision, stayed, left });
        }
    }
    let (stayed, left) = asked.iter().fold((0.0, 0.0), |(s, l), one| (s + one.stayed, l + one.left));
    if stayed == 0.0 || left == 0.0 {
        return Err(RenewalFitError::OneAnswer { stayed, left });
    }
    let expected = if family == RenewalFamily::BetaDiscreteWeibull { 3 } else { 2 };
    if asked.len() < expected {
        return Err(RenewalFitError::TooFewPeriods { found: asked.len(), expected, family: family.name() });
    }
    Ok(asked)
}

/// The log-likelihood of the shifted beta-geometric and its derivatives by ln α and ln β.
fn geometric(asked: &[Asked], point: &[f64; 2]) -> Evaluation<2> {
    let [alpha, beta] = point.map(f64::exp);
    let (mut value, mut by_alpha, mut by_beta) = (0.0, 0.0, 0.0);
    for Asked { decision, stayed, left } in asked {
        let kept = beta + decision - 1.0;
        let all = alpha + kept;
        value -= stayed * (alpha / kept).ln_1p() + left * (kept / alpha).ln_1p();
        by_alpha += left * kept / all - stayed * alpha / all;
        by_beta += beta / all * (stayed * alpha / kept - left);
    }
    Evaluation { value, gradient: [by_alpha, by_beta] }
}

/// The log-likelihood of the beta discrete Weibull and its derivatives by ln α, ln β and ln c.
fn weibull(asked: &[Asked], point: &[f64; 3]) -> Evaluation<3> {
    let parameters = point.map(|log| Positive::new(log.exp()).expect("the search is bounded"));
    let model = BetaDiscreteWeibull { alpha: parameters[0], beta: parameters[1], c: parameters[2] };
    let [alpha, beta, c] = parameters.map(Positive::get);
    let mut sum = Evaluation { value: 0.0, gradient: [0.0; 3] };
    for Asked { decision, stayed, left } in asked {
        let (staying, leaving) = (model.log_staying(*decision), model.log_leaving(*decision));
        sum.value += stayed * staying + left * leaving;
        // d ln(1 − e^g) = −dg / (e^−g − 1), where g is the logarithm of staying.
        let weight = stayed - left / (-staying).exp_m1();
        let (start, end) = (model.age(decision - 1.0), model.age(*decision));
        let all = digamma_gap(alpha + beta + start, end - start);
        // The age enters as age × (ψ(β + age) − ψ(α + β + age)), whose limit for a high age is −α.
        let by_age = |age: f64, decision: f64| {
            if age > 0.0 { -age * digamma_gap(beta + age, alpha) * decision.ln() } else { 0.0 }
        };
        sum.gradient[0] -= weight * alpha * all;
        sum.gradient[1] += weight * beta * (digamma_gap(beta + start, end - start) - all);
        sum.gradient[2] += weight * c * (by_age(end, *decision) - by_age(start, decision - 1.0));
    }
    sum
}

fn finished<const N: usize>(
    family: RenewalFamily,
    asked: &[Asked],
    maximum: &Maximum<N>,
    covariance: Option<[[f64; N]; N]>,
) -> Result<RenewalFit, RenewalFitError> {
    let parameters = maximum.point.map(f64::exp).to_vec();
    let one = Positive::new(1.0).expect("above 0");
    let shape = ShiftedBetaGeometric { alpha: one, beta: one };
    let of_family = match family {
        RenewalFamily::ShiftedBetaGeometric => RenewalModel::ShiftedBetaGeometric(shape),
        RenewalFamily::BetaGeometric => RenewalModel::BetaGeometric(BetaGeometric(shape)),
        RenewalFamily::BetaDiscreteWeibull => {
            RenewalModel::BetaDiscreteWeibull(BetaDiscreteWeibull { alpha: one, beta: one, c: one })
        }
    };
    let Some(model) = of_family.with_parameters(&parameters) else {
        return Err(RenewalFitError::Diverged { parameters });
    };
    let offset = 1.0 - f64::from(family.first_decision());
    let log_likelihood: f64 = asked
        .iter()
        .map(|one| {
            let decision = one.decision - offset;
            one.stayed * model.log_staying(decision) + one.left * model.log_leaving(decision)
        })
        .sum();
    if !log_likelihood.is_finite() {
        return Err(RenewalFitError::Diverged { parameters });
    }
    let log_covariance = covariance.map_or_else(Vec::new, |matrix| matrix.into_iter().flatten().collect());
    Ok(RenewalFit {
        estimate: RenewalEstimate { model, log_covariance },
        log_likelihood,
        iterations: maximum.iterations,
        converged: maximum.converged,
    })
}
