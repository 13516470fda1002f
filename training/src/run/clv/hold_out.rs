//! What lifetime value models expected of a window against what happened in it.

use tend_models::artifact::ClvModel;
use tend_models::features::purchase_rhythm;
use tend_models::quantities::{DAY_SECONDS, Moment, Positive};
use tend_models::scorer::value_of_rhythm;
use tend_models::timeline::Timelines;

use super::fitted::rhythms_before;
use crate::evaluate::ValueFigures;
use crate::labels::purchases_in;
use crate::run::{HoldOut, TrainError};

/// The figures, and how likely each customer's purchases in the window were.
pub(in crate::run) struct HeldOutWindow {
    pub(in crate::run) figures: HoldOut,
    /// The log-likelihood of a customer's purchases in the window, given those before, in the order of the customers.
    pub(super) log_likelihoods: Vec<f64>,
}

/// Compares what a model expects of a window with what happened in it.
///
/// The likelihood of the whole history over that of the history before the window is the density of when a customer
/// bought in the window, given what came before it.
///
/// # Errors
/// [`TrainError`] if nobody bought before the window, or it is empty.
pub(in crate::run) fn hold_out(
    timelines: &Timelines,
    model: &ClvModel,
    from: Moment,
    until: Moment,
) -> Result<HeldOutWindow, TrainError> {
    let days = (until.seconds() - from.seconds()) as f64 / DAY_SECONDS as f64;
    let horizon = |days| Positive::new(days).map_err(|error| TrainError::Data(format!("hold-out window: {error}")));
    let mut window = ClvModel { horizon_days: horizon(days)?, ..model.clone() };
    let (mut expected, mut actual) = (Vec::new(), Vec::new());
    let (mut expected_spend, mut actual_spend) = (Vec::new(), Vec::new());
    let mut log_likelihoods = Vec::new();
    let rhythms = rhythms_before(timelines, from, model.days_of_a_purchase());
    if rhythms.is_empty() {
        return Err(TrainError::Data(format!("found no purchase before {from}; bring older data or a later --as-of")));
    }
    for (customer, rhythm) in rhythms {
        let timeline = timelines.timeline(customer);
        let (spend, mut purchases) = purchases_in(&timeline.between(from, until, until));
        let later = purchase_rhythm(&timeline.before(until), model.days_of_a_purchase()).unwrap_or(rhythm);
        if model.purchases.is_discrete() {
            // Opportunities are each customer's own: those that ended in the window.
            purchases = later.repeat_purchases.saturating_sub(rhythm.repeat_purchases);
            window.horizon_days = horizon((later.observed_days - rhythm.observed_days).max(f64::MIN_POSITIVE))?;
        }
        let likelihood = |rhythm| model.purchases.log_likelihood(model.history(rhythm));
        log_likelihoods.push(likelihood(&later) - likelihood(&rhythm));
        let value = value_of_rhythm(&window, &rhythm);
        expected.push(value.expected_purchases);
        actual.push(f64::from(purchases));
        expected_spend.push(value.expected_purchases * value.expected_average_spend.get());
        actual_spend.push(spend);
    }
    let figures = HoldOut {
        from: from.to_string(),
        days,
        log_likelihood: Some(log_likelihoods.iter().sum()),
        purchases: ValueFigures::of(&expected, &actual)?,
        spend: model.spend.is_some().then(|| ValueFigures::of(&expected_spend, &actual_spend)).transpose()?,
    };
    Ok(HeldOutWindow { figures, log_likelihoods })
}
