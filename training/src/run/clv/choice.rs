//! Chooses among purchase families by the window that none was fitted on.

use tend_models::quantities::Moment;

use super::ClvRun;
use super::fitted::{Fitted, fit};
use super::hold_out::{HeldOutWindow, hold_out};
use crate::fit::purchases::PurchaseFamily;
use crate::run::{FamilyFigures, TrainError};

/// Families whose log-likelihood is so many standard errors behind the best are worse; others are as good.
const NOISE: f64 = 2.0;

/// A family fitted before the window, and tested on it.
pub(super) struct Judged {
    pub(super) fitted: Fitted,
    /// What the fit knew came before this moment.
    pub(super) from: Moment,
    pub(super) hold_out: Option<HeldOutWindow>,
}

impl Judged {
    /// Fits before the window and tests on it; without one fits on all.
    pub(super) fn of(
        run: &ClvRun<'_>,
        family: PurchaseFamily,
        window: Option<(Moment, Moment)>,
    ) -> Result<Self, TrainError> {
        let from = window.map_or(run.as_of, |(from, _)| from);
        let fitted = fit(run, family, from)?;
        let model = fitted.model(run);
        let hold_out = window.map(|(from, until)| hold_out(run.timelines, &model, from, until)).transpose()?;
        Ok(Self { fitted, from, hold_out })
    }

    /// The log-likelihood that families are compared by.
    fn log_likelihood(&self) -> f64 {
        let held = self.hold_out.as_ref();
        held.and_then(|held| held.figures.log_likelihood).unwrap_or(self.fitted.purchases.log_likelihood)
    }

    fn size_of_bias(&self) -> f64 {
        let held = self.hold_out.as_ref();
        held.and_then(|held| held.figures.purchases.total_bias).map_or(f64::INFINITY, f64::abs)
    }

    /// Whether another family is better by no more than chance, customer by customer.
    fn is_as_good_as(&self, other: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (&self.hold_out, &other.hold_out) else {
            return self.log_likelihood() >= other.log_likelihood();
        };
        let gains: Vec<f64> =
            theirs.log_likelihoods.iter().zip(&mine.log_likelihoods).map(|(their, mine)| their - mine).collect();
        let count = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / count;
        let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / count;
        mean <= NOISE * (variance / count).sqrt()
    }
}

/// The best family: of those whose log-likelihood on the window is as good as the largest but for chance, the one with
/// the least bias of the total.
pub(super) fn best(judged: Vec<Judged>) -> Option<Judged> {
    let likeliest = judged.iter().max_by(|a, b| a.log_likelihood().total_cmp(&b.log_likelihood()))?;
    let as_good: Vec<bool> = judged.iter().map(|one| one.is_as_good_as(likeliest)).collect();
    let contest = judged.into_iter().zip(as_good).filter(|(_, is_as_good)| *is_as_good).map(|(one, _)| one);
    contest.min_by(|a, b| a.size_of_bias().total_cmp(&b.size_of_bias()))
}

/// The families side by side, in the order in which they were tried.
pub(super) fn comparison(judged: &[Judged]) -> Vec<FamilyFigures> {
    let figures = |one: &Judged| {
        let held = one.hold_out.as_ref().map(|held| &held.figures);
        FamilyFigures {
            family: one.fitted.purchases.model.family(),
            log_likelihood: one.fitted.purchases.log_likelihood,
            hold_out_log_likelihood: held.and_then(|held| held.log_likelihood),
            total_bias: held.and_then(|held| held.purchases.total_bias),
            mae: held.map(|held| held.purchases.mae),
            rmse: held.map(|held| held.purchases.rmse),
        }
    };
    judged.iter().map(figures).collect()
}
