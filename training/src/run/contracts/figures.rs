//! What a contractual fit found, as figures and reports show it.

use std::collections::BTreeMap;

use serde::Serialize;
use tend_models::families::renewal::Range;

use super::{FamilyTried, HazardFigures};
use crate::evaluate::{RenewalCohort, RenewalStep, renewal_steps};
use crate::fit::renewal::{RenewalFit, Tally};
use crate::run::{HoldOut, Parameters};

/// What was found on the contracts of one bill period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractFigures {
    /// Months between renewals.
    pub period_months: f64,
    /// The family.
    #[serde(rename = "renewal_family")]
    pub family: &'static str,
    /// Contracts, those that ended with the others.
    pub contracts: usize,
    /// Its parameters.
    pub parameters: Parameters,
    /// The standard error of each parameter, by the delta method from that of its logarithm; absent if not `converged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<Parameters>,
    /// The 80 % range of each parameter; absent if not `converged`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals_80: BTreeMap<&'static str, Range>,
    /// Log likelihood of all decisions.
    pub log_likelihood: f64,
    /// Whether the fit reached a maximum.
    pub converged: bool,
    /// The families that competed.
    pub tried: Vec<FamilyTried>,
    /// What a year made of the price of contracts that went on.
    pub price: PriceChange,
    /// A classifier of the next renewal, if one was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazard: Option<HazardFigures>,
    /// Decision by decision.
    pub steps: Vec<RenewalStep>,
    /// By the quarter in which contracts began; empty for a table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<RenewalCohort>,
}

/// What the contracts of a company were found to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractsFound {
    /// The bill period with the most contracts.
    #[serde(flatten)]
    pub main: ContractFigures,
    /// The other bill periods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_periods: Vec<ContractFigures>,
    /// Renewals and revenue on the hold-out window, from parameters fitted before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<HoldOut>,
}

/// How the price of contracts that went on changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PriceChange {
    /// The price after a year over that before: 1.03 where it grew by 3 %; 1 where too few contracts tell.
    pub annual_factor: f64,
    /// Its standard error; 0 where it was not estimated.
    pub standard_error: f64,
    /// Contracts that it was taken from.
    pub contracts: usize,
}

impl PriceChange {
    /// Too few contracts tell.
    pub const NONE: Self = Self { annual_factor: 1.0, standard_error: 0.0, contracts: 0 };

    /// From (price then, price now) of contracts, and how often the time between fits into a year.
    ///
    /// The ratio of the sums, so that a contract counts as much as it pays; its standard error is that of a ratio of
    /// means (Cochran, 1977, Sampling techniques, section 6.4), taken to a year by the delta method.
    pub(super) fn of(pairs: &[(f64, f64)], times_a_year: f64) -> Self {
        let (then, now) = pairs.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        let ratio = now / then;
        if !(ratio > 0.0 && ratio.is_finite()) {
            return Self::NONE;
        }
        let squares: f64 = pairs.iter().map(|(then, now)| (now - ratio * then).powi(2)).sum();
        let annual_factor = ratio.powf(times_a_year);
        let relative_error = squares.sqrt() / now;
        Self { annual_factor, standard_error: annual_factor * times_a_year * relative_error, contracts: pairs.len() }
    }
}

pub(super) fn contract_figures(
    period_months: f64,
    contracts: usize,
    tally: &Tally,
    fit: &RenewalFit,
    tried: Vec<FamilyTried>,
    price: PriceChange,
) -> ContractFigures {
    let estimate = &fit.estimate;
    let parameters = estimate.model.parameters();
    // At a limit the parameters have no error that means anything; what they tell together has.
    let errors = estimate.log_standard_errors().filter(|_| fit.converged);
    let named = |errors: Vec<f64>| {
        Parameters(parameters.iter().zip(errors).map(|((name, value), error)| (*name, value * error)).collect())
    };
    let range = |place: usize| errors.as_ref().and_then(|_| estimate.range_80(|model| model.parameters()[place].1));
    ContractFigures {
        period_months,
        family: estimate.model.name(),
        contracts,
        standard_errors: errors.clone().map(named),
        intervals_80: parameters.iter().enumerate().filter_map(|(i, (name, _))| Some((*name, range(i)?))).collect(),
        log_likelihood: fit.log_likelihood,
        converged: fit.converged,
        tried,
        price,
        hazard: None,
        steps: renewal_steps(tally.decisions(), |decision| estimate.model.retention(f64::from(decision)).get()),
        cohorts: Vec::new(),
        parameters: Parameters(parameters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_change_is_taken_to_a_year() {
        // Half a year made 10 % of every price.
        let change = PriceChange::of(&[(10.0, 11.0), (20.0, 22.0)], 2.0);
        assert!((change.annual_factor - 1.21).abs() < 1e-12, "{change:?}");
        assert!(change.standard_error < 1e-12, "{change:?}");
        // One of two customers doubled: 1.5 in all, residuals 5 and -5, over 30 now.
        let change = PriceChange::of(&[(10.0, 20.0), (10.0, 10.0)], 1.0);
        assert!((change.standard_error - 1.5 * 50.0_f64.sqrt() / 30.0).abs() < 1e-12, "{change:?}");
    }

    #[test]
    fn prices_that_fell_to_nothing_tell_no_change() {
        assert_eq!(PriceChange::of(&[(10.0, 0.0)], 1.0), PriceChange::NONE);
    }
}
