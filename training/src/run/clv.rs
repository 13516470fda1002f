//! Fits lifetime value models on the purchase rhythm of histories.

use tend_models::artifact::{ClvModel, Model};
use tend_models::families::gamma_gamma::SpendHistory;
use tend_models::families::purchases::PurchaseHistory;
use tend_models::families::season::Season;
use tend_models::features::{FeaturePlan, PurchaseRhythm, purchase_days, purchase_rhythm};
use tend_models::quantities::{DAY_SECONDS, Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::scorer::{on_the_clock, value_of_rhythm};
use tend_models::timeline::Timelines;

use super::lifetime::Lifetime;
use super::{ClvFigures, Figures, HoldOut, Parameters, SpendParameters, TrainError, Trained};
use crate::evaluate::ValueFigures;
use crate::fit::gamma_gamma::{self, GammaGammaFit};
use crate::fit::purchases::{self, PurchaseFamily, PurchaseFit};
use crate::fit::season::PurchaseCalendar;
use crate::labels::purchases_in;
use crate::recipe::{Clv, ClvFamily};

/// Fits of the season and of the purchases under it, in turns.
const SEASON_ROUNDS: usize = 2;

/// What to fit a lifetime value model on.
#[derive(Debug)]
pub struct ClvRun<'a> {
    /// The customers.
    pub timelines: &'a Timelines,
    /// Features for stages and lists; empty for a bare transaction log.
    pub plan: FeaturePlan,
    /// The histories before this moment are used.
    pub as_of: Moment,
    /// Days in a time unit of the parameters.
    pub unit_days: Positive,
    /// Horizon, margin and discount.
    pub clv: Clv,
    /// The first moment without data: what lies between `as_of` and it is the hold-out.
    pub data_until: Moment,
    /// Recorded in the model.
    pub seed: u64,
}

struct Fitted {
    season: Season,
    purchases: PurchaseFit,
    spend: Option<GammaGammaFit>,
    customers: usize,
}

/// Fits a purchase model and Gamma-Gamma on all histories before `as_of`. They are tested on the data after it; where there is
/// none, parameters fitted one horizon (at most a third of the data) earlier are tested on that horizon.
///
/// # Errors
/// [`TrainError`] if no customer ever came back, or the fit fails.
pub fn train_clv(run: &ClvRun<'_>) -> Result<Trained, TrainError> {
    let rhythms = rhythms_before(run.timelines, run.as_of);
    let fitted = fit(run, &rhythms, run.as_of)?;
    let model = |fitted: &Fitted| ClvModel {
        plan: run.plan.clone(),
        purchases: fitted.purchases.model,
        spend: fitted.spend.as_ref().map(|spend| spend.model),
        unit_days: run.unit_days,
        season: fitted.season.clone(),
        horizon_days: run.clv.horizon_days,
        margin: run.clv.margin,
        annual_discount_rate: run.clv.annual_discount_rate,
    };
    let figures_of = |rhythms: &[(usize, PurchaseRhythm)], model: &ClvModel, from: Moment, until: Moment| {
        Lifetime { timelines: run.timelines, rhythms, model, from, until }.figures()
    };
    let (hold_out, lifetime) = if run.data_until > run.as_of {
        let model = model(&fitted);
        let hold_out = hold_out(run.timelines, &rhythms, &model, run.as_of, run.data_until)?;
        (Some(hold_out), figures_of(&rhythms, &model, run.as_of, run.data_until))
    } else {
        let span = run.timelines.first_event().map_or(0.0, |first| run.as_of.days_since(first));
        let days = run.clv.horizon_days.get().min(span / 3.0).floor() as i64;
        let earlier = run.as_of.plus_days(-days);
        let known = rhythms_before(run.timelines, earlier);
        match fit(run, &known, earlier) {
            Ok(fitted) if days > 0 => {
                let model = model(&fitted);
                let hold_out = hold_out(run.timelines, &known, &model, earlier, run.as_of)?;
                (Some(hold_out), figures_of(&known, &model, earlier, run.as_of))
            }
            _ => (None, None),
        }
    };
    let mut figures = Figures::new(Task::Clv, fitted.purchases.model.family());
    figures.value = Some(clv_figures(&fitted, run.unit_days.get(), hold_out));
    let model = Model::Clv(model(&fitted));
    Ok(Trained { lifetime, ..Trained::new(model, figures, Some(run.as_of), fitted.customers, run.seed) })
}

fn clv_figures(fitted: &Fitted, unit_days: f64, hold_out: Option<HoldOut>) -> ClvFigures {
    ClvFigures {
        customers: fitted.customers,
        parameters: Parameters(fitted.purchases.model.parameters().to_vec()),
        log_likelihood: fitted.purchases.log_likelihood,
        converged: fitted.purchases.converged,
        season: (fitted.season != Season::default()).then(|| *fitted.season.months()),
        unit_days,
        spend: fitted.spend.as_ref().map(|spend| SpendParameters {
            p: spend.model.p.get(),
            q: spend.model.q.get(),
            v: spend.model.v.get(),
            log_likelihood: spend.log_likelihood,
            count_spend_correlation: spend.correlation,
        }),
        hold_out,
    }
}

/// The rhythm of every customer with a purchase before the moment, with the customer's place.
pub(super) fn rhythms_before(timelines: &Timelines, moment: Moment) -> Vec<(usize, PurchaseRhythm)> {
    (0..timelines.len())
        .filter_map(|customer| Some((customer, purchase_rhythm(&timelines.timeline(customer).before(moment))?)))
        .collect()
}

/// Fits on the rhythms before `moment`; where they show a season, in rounds of season and purchases.
fn fit(run: &ClvRun<'_>, rhythms: &[(usize, PurchaseRhythm)], moment: Moment) -> Result<Fitted, TrainError> {
    let unit = run.unit_days.get();
    let family = match run.clv.family {
        ClvFamily::BgNbd => PurchaseFamily::BgNbd,
        ClvFamily::Sbg | ClvFamily::Bdw | ClvFamily::BetaGeometric => {
            return Err(TrainError::Data(
                "found a family of contracts for purchases; expected one of purchases, such as bg-nbd".to_owned(),
            ));
        }
    };
    let purchases_under = |season: &Season| {
        let histories: Vec<PurchaseHistory> =
            rhythms.iter().map(|(_, rhythm)| on_the_clock(rhythm, season, unit)).collect();
        purchases::fit(family, &histories)
    };
    let mut season = Season::default();
    let mut purchases = purchases_under(&season)?;
    if run.clv.season {
        let calendar = purchase_calendar(run.timelines, rhythms, moment);
        for _ in 0..if calendar.shows_a_season() { SEASON_ROUNDS } else { 0 } {
            season = calendar.season(&purchases.model, unit, &season);
            purchases = purchases_under(&season)?;
        }
    }
    let spends: Vec<SpendHistory> = rhythms
        .iter()
        .filter(|(_, rhythm)| rhythm.mean_repeat_spend > 0.0)
        .map(|(_, rhythm)| SpendHistory {
            repeat_purchases: f64::from(rhythm.repeat_purchases),
            mean_spend: rhythm.mean_repeat_spend,
        })
        .collect();
    let spend = if spends.is_empty() { None } else { Some(gamma_gamma::fit(&spends)?) };
    Ok(Fitted { season, purchases, spend, customers: rhythms.len() })
}

fn purchase_calendar(timelines: &Timelines, rhythms: &[(usize, PurchaseRhythm)], moment: Moment) -> PurchaseCalendar {
    let mut calendar =
        PurchaseCalendar { last_day: Moment::from_seconds(moment.seconds() - 1).day(), ..PurchaseCalendar::default() };
    for (customer, _) in rhythms {
        calendar.add(purchase_days(&timelines.timeline(*customer).before(moment)));
    }
    calendar
}

/// Compares what a model expects of a window with what happened in it.
pub(super) fn hold_out(
    timelines: &Timelines,
    rhythms: &[(usize, PurchaseRhythm)],
    model: &ClvModel,
    from: Moment,
    until: Moment,
) -> Result<HoldOut, TrainError> {
    let days = (until.seconds() - from.seconds()) as f64 / DAY_SECONDS as f64;
    let window = ClvModel {
        horizon_days: Positive::new(days).map_err(|error| TrainError::Data(format!("hold-out window: {error}")))?,
        ..model.clone()
    };
    let (mut expected, mut actual) = (Vec::new(), Vec::new());
    let (mut expected_spend, mut actual_spend) = (Vec::new(), Vec::new());
    for (customer, rhythm) in rhythms {
        let value = value_of_rhythm(&window, rhythm);
        let (spend, purchases) = purchases_in(&timelines.timeline(*customer).between(from, until, until));
        expected.push(value.expected_purchases);
        actual.push(f64::from(purchases));
        expected_spend.push(value.expected_purchases * value.expected_average_spend.get());
        actual_spend.push(spend);
    }
    Ok(HoldOut {
        from: from.to_string(),
        days,
        purchases: ValueFigures::of(&expected, &actual)?,
        spend: model.spend.is_some().then(|| ValueFigures::of(&expected_spend, &actual_spend)).transpose()?,
    })
}
