//! Trains lifetime value models on the purchase rhythm of histories.

mod choice;
mod fitted;
mod hold_out;

use tend_models::artifact::Model;
use tend_models::features::FeaturePlan;
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::timeline::Timelines;

use super::lifetime::Lifetime;
use super::{ClvFigures, Figures, Parameters, TrainError, Trained};
use crate::evaluate::LifetimeFigures;
use crate::fit::purchases::PurchaseFamily;
use crate::recipe::{Clv, ClvFamily};
use choice::{Judged, best, comparison};
use fitted::{fit, rhythms_before};

pub(super) use hold_out::hold_out;

/// What to fit a lifetime value model on.
#[derive(Debug)]
pub struct ClvRun<'a> {
    /// The customers.
    pub timelines: &'a Timelines,
    /// Features for stages and lists; empty for a bare transaction log.
    pub plan: FeaturePlan,
    /// The histories before this moment are used.
    pub as_of: Moment,
    /// Days in a time unit of the parameters; in BG/BB those of an opportunity.
    pub unit_days: Positive,
    /// Family, horizon, margin and discount.
    pub clv: Clv,
    /// The first moment without data: what lies between `as_of` and it is the hold-out.
    pub data_until: Moment,
    /// Recorded in the model.
    pub seed: u64,
}

/// Fits a purchase model and one of spend on all histories before `as_of`. They are tested on the data after it; where
/// there is none, parameters fitted one horizon (at most a third of the data) earlier are tested on that horizon.
///
/// # Errors
/// [`TrainError`] if no customer ever came back, or the fit fails.
pub fn train_clv(run: &ClvRun<'_>) -> Result<Trained, TrainError> {
    let families = families(run.clv.family)?;
    let window = window(run);
    let mut failed = None;
    let mut judged: Vec<Judged> = Vec::new();
    for &family in families {
        match Judged::of(run, family, window) {
            Ok(one) => judged.push(one),
            Err(error) => failed = Some(error),
        }
    }
    let comparison = if families.len() > 1 { comparison(&judged) } else { Vec::new() };
    let chosen = best(judged);
    let lifetime = chosen.as_ref().and_then(|chosen| lifetime(run, chosen, window?));
    let (fitted, hold_out) = match chosen {
        // The fit that was tested is the one on all histories, if what it was tested on came after them.
        Some(Judged { fitted, hold_out, from }) if from == run.as_of => (fitted, hold_out),
        Some(Judged { fitted, hold_out, .. }) => (fit(run, fitted.family, run.as_of)?, hold_out),
        None if window.is_some_and(|(from, _)| from < run.as_of) => (fit(run, families[0], run.as_of)?, None),
        None => return Err(failed.expect("a family was judged or failed")),
    };
    let mut figures = Figures::new(Task::Clv, fitted.purchases.model.family());
    figures.value = Some(ClvFigures {
        customers: fitted.customers,
        parameters: Parameters(fitted.purchases.model.parameters().to_vec()),
        standard_errors: fitted.purchases.standard_errors().map(|errors| {
            let named = fitted.purchases.model.parameters().into_iter().zip(errors);
            Parameters(named.map(|((name, _), error)| (name, error)).collect())
        }),
        log_likelihood: fitted.purchases.log_likelihood,
        converged: fitted.purchases.converged,
        season: fitted.shown_season(),
        unit_days: run.unit_days.get(),
        spend: fitted.spend_figures(),
        families: comparison,
        notes: fitted.notes.clone(),
        hold_out: hold_out.map(|held| held.figures),
    });
    let model = Model::Clv(fitted.model(run));
    Ok(Trained { lifetime, ..Trained::new(model, figures, Some(run.as_of), fitted.customers, run.seed) })
}

/// What the report draws of a model of purchase times, from its fit before the window.
fn lifetime(run: &ClvRun<'_>, chosen: &Judged, (from, until): (Moment, Moment)) -> Option<LifetimeFigures> {
    let model = chosen.fitted.model(run);
    let rhythms = rhythms_before(run.timelines, from, model.days_of_a_purchase());
    let lifetime = Lifetime { timelines: run.timelines, rhythms: &rhythms, model: &model, from, until };
    if model.purchases.is_discrete() { None } else { lifetime.figures() }
}

/// The families among which is chosen.
fn families(choice: ClvFamily) -> Result<&'static [PurchaseFamily], TrainError> {
    match choice {
        ClvFamily::BgNbd => Ok(&[PurchaseFamily::BgNbd]),
        ClvFamily::MbgNbd => Ok(&[PurchaseFamily::MbgNbd]),
        ClvFamily::ParetoNbd => Ok(&[PurchaseFamily::ParetoNbd]),
        ClvFamily::BgBb => Ok(&[PurchaseFamily::BgBb]),
        // Likelihoods of purchase times and of opportunities cannot be compared.
        ClvFamily::Auto => Ok(&[PurchaseFamily::BgNbd, PurchaseFamily::MbgNbd, PurchaseFamily::ParetoNbd]),
        ClvFamily::Sbg | ClvFamily::Bdw | ClvFamily::BetaGeometric => Err(TrainError::Data(
            "found a family of contracts for purchases; expected one of purchases, such as bg-nbd".to_owned(),
        )),
    }
}

/// The window that models are tested on; `None` where the data are too short for one.
fn window(run: &ClvRun<'_>) -> Option<(Moment, Moment)> {
    if run.data_until > run.as_of {
        return Some((run.as_of, run.data_until));
    }
    let span = run.timelines.first_event().map_or(0.0, |first| run.as_of.days_since(first));
    let days = run.clv.horizon_days.get().min(span / 3.0).floor() as i64;
    (days > 0).then(|| (run.as_of.plus_days(-days), run.as_of))
}
