//! Chooses the contractual family: by the log-likelihood of decisions that no fit has seen.

use serde::Serialize;

use crate::fit::renewal::{RenewalFamily, RenewalFit, Tally, fit, log_likelihood};
use crate::recipe::ClvFamily;
use crate::run::TrainError;

/// A family and what it made of decisions that it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyTried {
    /// The family.
    pub family: &'static str,
    /// Decisions held out.
    pub hold_out_decisions: f64,
    /// Their log-likelihood; null if the family could not be fitted without them.
    pub hold_out_log_likelihood: Option<f64>,
}

/// The family chosen.
pub(super) struct Choice {
    pub(super) family: RenewalFamily,
    /// Its fit on the decisions before the hold-out, if it could be fitted to them.
    pub(super) fit: Option<RenewalFit>,
    /// Every family, in the order given.
    pub(super) tried: Vec<FamilyTried>,
}

/// The contractual family of this name; `None` for a family of purchases.
pub(in crate::run) fn named(family: ClvFamily) -> Option<RenewalFamily> {
    match family {
        ClvFamily::Sbg => Some(RenewalFamily::ShiftedBetaGeometric),
        ClvFamily::Bdw => Some(RenewalFamily::BetaDiscreteWeibull),
        ClvFamily::BetaGeometric => Some(RenewalFamily::BetaGeometric),
        ClvFamily::BgNbd | ClvFamily::MbgNbd | ClvFamily::ParetoNbd | ClvFamily::BgBb | ClvFamily::Auto => None,
    }
}

/// The families that compete for contracts built from subscriptions: the one that was named, or those that can win.
pub(super) fn families(family: ClvFamily) -> Result<Vec<RenewalFamily>, TrainError> {
    match named(family) {
        Some(RenewalFamily::BetaGeometric) => Err(TrainError::Data(
            "found the family beta-geometric for subscriptions, whose first period always counts; expected sbg or bdw, or no family"
                .to_owned(),
        )),
        Some(family) => Ok(vec![family]),
        None => Ok(vec![RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull]),
    }
}

/// Log-likelihoods that are no further apart do not tell one family from another.
const DRAW: f64 = 2.0;

/// Fits each family to the decisions before, and chooses by those after. Of families that these do not tell apart, that with the
/// better Akaike criterion on all decisions is taken: the held-out ones alone may be too few, or too late in life.
pub(super) fn best(families: &[RenewalFamily], before: &Tally, after: &Tally, all: &Tally) -> Choice {
    let hold_out_decisions = after.decisions().map(|(_, stayed, left)| stayed + left).sum();
    let mut fits: Vec<(RenewalFamily, RenewalFit, f64)> = Vec::new();
    let mut tried = Vec::new();
    for &family in families {
        let fitted = fit(family, before).ok();
        let score = fitted.as_ref().map(|fit| log_likelihood(&fit.estimate.model, after));
        tried.push(FamilyTried { family: family.name(), hold_out_decisions, hold_out_log_likelihood: score });
        fits.extend(fitted.zip(score).map(|(fit, score)| (family, fit, score)));
    }
    let highest = fits.iter().map(|(_, _, score)| *score).fold(f64::NEG_INFINITY, f64::max);
    fits.retain(|(_, _, score)| *score >= highest - DRAW);
    let gain = |(family, fit, _): &(RenewalFamily, RenewalFit, f64)| {
        let parameters = fit.estimate.model.parameters().len() as f64;
        crate::fit::renewal::fit(*family, all).map_or(f64::NEG_INFINITY, |fit| fit.log_likelihood - parameters)
    };
    match fits.into_iter().max_by(|one, other| gain(one).total_cmp(&gain(other))) {
        Some((family, fit, _)) => Choice { family, fit: Some(fit), tried },
        None => Choice { family: families[0], fit: None, tried },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_that_foretells_the_held_out_decisions_wins() {
        // The risk of the fifth year on is far above that of the first: only an ageing contract foretells it.
        let mut tally = Tally::default();
        let ageing: Vec<f64> = (0..12).map(|t| 100_000.0 * (-0.01 * f64::from(t).powf(2.0)).exp()).collect();
        tally.add_survivors(&ageing, 1).unwrap();
        let (before, after) = tally.parted_after(7);
        let families = [RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull];
        let choice = best(&families, &before, &after, &tally);
        assert_eq!(choice.family, RenewalFamily::BetaDiscreteWeibull, "{:?}", choice.tried);
        assert!(choice.fit.is_some() && choice.tried.len() == 2);
    }

    #[test]
    fn a_draw_goes_to_the_family_that_explains_all_decisions() {
        // Held out is one decision of a few customers, which tells nothing; the risk of the years before rises.
        let mut tally = Tally::default();
        let ageing: Vec<f64> = (0..10).map(|t| 10_000.0 * (-0.01 * f64::from(t).powf(2.0)).exp()).collect();
        tally.add_survivors(&ageing, 1).unwrap();
        let mut few = Tally::default();
        few.add(2, false);
        let families = [RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull];
        let choice = best(&families, &tally, &few, &tally);
        assert_eq!(choice.family, RenewalFamily::BetaDiscreteWeibull, "{:?}", choice.tried);
    }

    #[test]
    fn without_decisions_to_learn_from_the_first_family_is_taken() {
        let families = [RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull];
        let choice = best(&families, &Tally::default(), &Tally::default(), &Tally::default());
        assert_eq!((choice.family, choice.fit), (RenewalFamily::ShiftedBetaGeometric, None));
    }
}
