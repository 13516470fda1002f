//! Fits of purchases, season and spend on the histories before a moment.

use tend_models::artifact::{ClvModel, Covariance};
use tend_models::families::gamma_gamma::SpendHistory;
use tend_models::families::purchases::PurchaseHistory;
use tend_models::families::season::Season;
use tend_models::families::spend::SpendModel;
use tend_models::features::{PurchaseRhythm, purchase_days, purchase_rhythm};
use tend_models::quantities::{Moment, Positive};
use tend_models::scorer::{in_opportunities, on_the_clock};
use tend_models::timeline::Timelines;

use super::ClvRun;
use crate::fit::gamma_gamma::{self, GammaGammaFit, GammaGammaFitError, Independence};
use crate::fit::purchases::{self, PurchaseFamily, PurchaseFit, PurchaseParams};
use crate::fit::season::PurchaseCalendar;
use crate::run::{Parameters, SpendFigures, TrainError};

/// Fits of the season and of the purchases under it, in turns.
const SEASON_ROUNDS: usize = 2;

/// A correlation of counts and spends from which the values of frequent buyers are visibly off.
const STRONG_CORRELATION: f64 = 0.3;

/// A lifetime value model, fitted on the histories before one moment.
pub(super) struct Fitted {
    pub(super) family: PurchaseFamily,
    pub(super) season: Season,
    pub(super) purchases: PurchaseFit,
    pub(super) spend: Option<FittedSpend>,
    pub(super) customers: usize,
    /// What a person should know before relying on the model.
    pub(super) notes: Vec<String>,
}

/// A model of spend; `gamma_gamma` is the fit if it is one of that family.
pub(super) struct FittedSpend {
    model: SpendModel,
    gamma_gamma: Option<GammaGammaFit>,
    independence: Independence,
}

/// Fits on the histories before `moment`; where they show a season, in rounds of season and purchases.
pub(super) fn fit(run: &ClvRun<'_>, family: PurchaseFamily, moment: Moment) -> Result<Fitted, TrainError> {
    let unit = run.unit_days.get();
    let is_discrete = family == PurchaseFamily::BgBb;
    let rhythms = rhythms_before(run.timelines, moment, if is_discrete { unit } else { 1.0 });
    let params = PurchaseParams { family, penalty: run.clv.penalty };
    let purchases_under = |season: &Season| {
        let history = |rhythm: &PurchaseRhythm| {
            if is_discrete { in_opportunities(rhythm, unit) } else { on_the_clock(rhythm, season, unit) }
        };
        let histories: Vec<PurchaseHistory> = rhythms.iter().map(|(_, rhythm)| history(rhythm)).collect();
        purchases::fit(params, &histories)
    };
    let mut season = Season::default();
    let mut purchases = purchases_under(&season)?;
    if run.clv.season && !is_discrete {
        let calendar = purchase_calendar(run.timelines, &rhythms, moment);
        for _ in 0..if calendar.shows_a_season() { SEASON_ROUNDS } else { 0 } {
            season = calendar.season(&purchases.model, unit, &season);
            purchases = purchases_under(&season)?;
        }
    }
    let mut notes = Vec::new();
    if !purchases.converged {
        notes.push(format!(
            "the parameters of {} run off to a limit that the data do not rule out; a penalty would hold them",
            purchases.model.family()
        ));
    }
    let spend = fit_spend(&rhythms, &mut notes)?;
    Ok(Fitted { family, season, purchases, spend, customers: rhythms.len(), notes })
}

/// The rhythm of every customer with a purchase before the moment, with the customer's place.
pub(super) fn rhythms_before(
    timelines: &Timelines,
    moment: Moment,
    days_of_a_purchase: f64,
) -> Vec<(usize, PurchaseRhythm)> {
    let rhythm = |customer| purchase_rhythm(&timelines.timeline(customer).before(moment), days_of_a_purchase);
    (0..timelines.len()).filter_map(|customer| Some((customer, rhythm(customer)?))).collect()
}

fn purchase_calendar(timelines: &Timelines, rhythms: &[(usize, PurchaseRhythm)], moment: Moment) -> PurchaseCalendar {
    let mut calendar =
        PurchaseCalendar { last_day: Moment::from_seconds(moment.seconds() - 1).day(), ..PurchaseCalendar::default() };
    for (customer, _) in rhythms {
        calendar.add(purchase_days(&timelines.timeline(*customer).before(moment)));
    }
    calendar
}

/// Gamma-Gamma, or each customer's own average where the spend has too heavy a tail, or none, for it.
fn fit_spend(rhythms: &[(usize, PurchaseRhythm)], notes: &mut Vec<String>) -> Result<Option<FittedSpend>, TrainError> {
    let spends: Vec<SpendHistory> = rhythms
        .iter()
        .filter(|(_, rhythm)| rhythm.mean_repeat_spend > 0.0)
        .map(|(_, rhythm)| SpendHistory {
            repeat_purchases: f64::from(rhythm.repeat_purchases),
            mean_spend: rhythm.mean_repeat_spend,
        })
        .collect();
    if spends.is_empty() {
        return Ok(None);
    }
    let independence = gamma_gamma::independence(&spends);
    if independence.correlation.abs() >= STRONG_CORRELATION {
        notes.push(format!(
            "how often and how much customers spend is correlated ({:.2}, p {:.2e}), which the models take to be independent: \
             values of the most frequent buyers are off",
            independence.correlation, independence.p_value
        ));
    }
    match gamma_gamma::fit(&spends) {
        Ok(fit) => {
            Ok(Some(FittedSpend { model: SpendModel::GammaGamma(fit.model), gamma_gamma: Some(fit), independence }))
        }
        Err(
            error @ (GammaGammaFitError::NoMean { .. }
            | GammaGammaFitError::NoVariation { .. }
            | GammaGammaFitError::Diverged { .. }),
        ) => {
            notes.push(format!(
                "no Gamma-Gamma model: {error}. Repeat customers are taken to go on as on average, the others to spend as these do"
            ));
            let mean = spends.iter().map(|spend| spend.mean_spend).sum::<f64>() / spends.len() as f64;
            let population_mean =
                Positive::new(mean).map_err(|error| TrainError::Data(format!("mean spend: {error}")))?;
            Ok(Some(FittedSpend { model: SpendModel::OwnAverage { population_mean }, gamma_gamma: None, independence }))
        }
        Err(error) => Err(error.into()),
    }
}

impl Fitted {
    pub(super) fn model(&self, run: &ClvRun<'_>) -> ClvModel {
        let gamma_gamma = self.spend.as_ref().and_then(|spend| spend.gamma_gamma.as_ref());
        ClvModel {
            plan: run.plan.clone(),
            purchases: self.purchases.model,
            spend: self.spend.as_ref().map(|spend| spend.model),
            covariance: self
                .purchases
                .log_covariance
                .map(|purchases| Covariance { purchases, spend: gamma_gamma.and_then(|fit| fit.log_covariance) }),
            unit_days: run.unit_days,
            season: self.season.clone(),
            horizon_days: run.clv.horizon_days,
            margin: run.clv.margin,
            annual_discount_rate: run.clv.annual_discount_rate,
        }
    }

    pub(super) fn shown_season(&self) -> Option<[f64; 12]> {
        (self.season != Season::default()).then(|| *self.season.months())
    }

    pub(super) fn spend_figures(&self) -> Option<SpendFigures> {
        let spend = self.spend.as_ref()?;
        let parameters = match spend.model {
            SpendModel::GammaGamma(model) => vec![("p", model.p.get()), ("q", model.q.get()), ("v", model.v.get())],
            SpendModel::OwnAverage { population_mean } => vec![("population_mean", population_mean.get())],
        };
        let fit = spend.gamma_gamma.as_ref();
        let standard_errors = fit
            .and_then(GammaGammaFit::standard_errors)
            .map(|errors| Parameters(parameters.iter().zip(errors).map(|((name, _), error)| (*name, error)).collect()));
        Some(SpendFigures {
            family: if fit.is_some() { "gamma-gamma" } else { "own-average" },
            parameters: Parameters(parameters),
            standard_errors,
            log_likelihood: fit.map(|fit| fit.log_likelihood),
            count_spend_correlation: spend.independence.correlation,
            count_spend_p_value: spend.independence.p_value,
        })
    }
}
