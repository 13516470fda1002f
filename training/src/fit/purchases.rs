//! Fits purchase models of any family to purchase histories by maximum likelihood.

mod rows;

use serde::{Deserialize, Serialize};
use tend_models::families::bg_bb::BgBb;
use tend_models::families::bg_nbd::{BgNbd, MbgNbd};
use tend_models::families::pareto_nbd::ParetoNbd;
use tend_models::families::purchases::{PurchaseHistory, PurchaseModel};
use tend_models::quantities::Positive;

use super::maximise::{Evaluation, Maximum, covariance, maximise, refine};
use super::{bg_bb, bg_nbd, pareto_nbd};

pub use rows::PurchaseFitError;
pub(super) use rows::{Row, customers_by_count};

/// More distinct rows than this are first put together to about so many, to find where the search may begin.
const COARSE_ROWS: usize = 400;

/// Beyond e^5 or e^-5 a parameter may be on its way to a limit.
const FAR_OUT: f64 = 5.0;

/// A family of purchase models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PurchaseFamily {
    /// Customers may drop out after a repeat purchase. Source: Fader, Hardie and Lee (2005), Marketing Science 24 (2).
    BgNbd,
    /// Customers may drop out after any purchase. Source: Batislam, Denizel and Filiztekin (2007), IJRM 24 (3).
    MbgNbd,
    /// Customers may drop out at any time. Source: Schmittlein, Morrison and Colombo (1987), Management Science 33 (1).
    ParetoNbd,
    /// Customers buy or not at each of a row of opportunities. Source: Fader, Hardie and Shang (2010), Marketing
    /// Science 29 (6).
    BgBb,
}

/// How to fit a purchase model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseParams {
    /// What is fitted.
    pub family: PurchaseFamily,
    /// What draws the parameters to 1, with the mean observation as the time unit (in BG/BB one opportunity): half of
    /// this times the sum of their squared logarithms is taken from the log-likelihood, as by so many customers' worth
    /// of a normal prior on the logarithms. 0 is maximum likelihood.
    pub penalty: f64,
}

/// A fitted purchase model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct PurchaseFit {
    /// The model, in the time unit of the histories.
    pub model: PurchaseModel,
    /// The log-likelihood of all histories under the model; within 1e-8 of the largest if `converged` without penalty.
    pub log_likelihood: f64,
    /// Different histories: the cost of the fit grows with these, not with customers.
    pub distinct_rows: usize,
    /// Steps of the optimiser, from all starts.
    pub iterations: usize,
    /// Whether the maximum was reached; if not, the parameters run off to a limit that the data do not rule out.
    pub converged: bool,
    /// The covariance of the logarithms of the parameters: the inverse of the observed information, with large variances
    /// in a direction in which they run off. `None` where even that gives none.
    pub log_covariance: Option<[[f64; 4]; 4]>,
}

impl PurchaseFit {
    /// The standard errors of the parameters, in their order; `None` without a covariance.
    #[must_use]
    pub fn standard_errors(&self) -> Option<[f64; 4]> {
        let covariance = self.log_covariance?;
        let parameters = self.model.parameters();
        Some(std::array::from_fn(|place| parameters[place].1 * covariance[place][place].sqrt()))
    }
}

/// Fits a purchase model by maximum likelihood.
///
/// `histories` holds one element a customer, in any order and any time unit; the result does not depend on the order, to
/// the last bit. Equal histories are put together first, and time is scaled by its mean, so that the search does not
/// depend on the unit.
///
/// # Errors
/// [`PurchaseFitError`] if there is nothing to fit, or a history is not one.
pub fn fit(params: PurchaseParams, histories: &[PurchaseHistory]) -> Result<PurchaseFit, PurchaseFitError> {
    let PurchaseParams { family, penalty } = params;
    rows::check(family, histories)?;
    let rows = rows::distinct(histories);
    let customers = histories.len() as f64;
    let mean = |of: fn(&PurchaseHistory) -> f64| -> f64 {
        rows.iter().map(|row| row.customers * of(&row.history)).sum::<f64>() / customers
    };
    let purchase_rate = mean(|history| history.repeat_purchases);
    let observed = mean(|history| history.observed);
    let (time_scale, starts) = match family {
        PurchaseFamily::BgNbd | PurchaseFamily::MbgNbd => (observed, bg_nbd::starts(purchase_rate)),
        PurchaseFamily::ParetoNbd => (observed, pareto_nbd::starts(purchase_rate)),
        PurchaseFamily::BgBb => (1.0, bg_bb::starts(purchase_rate, observed)),
    };
    let scaled = rows::scaled(&rows, time_scale);
    let penalised = |rows: Vec<Row>| {
        let likelihood = likelihood(family, rows);
        move |point: &[f64; 4]| {
            let mut evaluation = likelihood(point);
            for (slope, logarithm) in evaluation.gradient.iter_mut().zip(point) {
                evaluation.value -= 0.5 * penalty * logarithm * logarithm;
                *slope -= penalty * logarithm;
            }
            evaluation
        }
    };
    let is_coarse = !matches!(family, PurchaseFamily::BgBb) && scaled.len() > 2 * COARSE_ROWS;
    let near = is_coarse.then(|| maximise(penalised(rows::coarse(&scaled, COARSE_ROWS)), customers, &starts));
    let whole = penalised(scaled);
    let maximum = match near {
        // Where hardly anybody drops out, the coarse rows may hide those who do.
        Some(near) if near.point.iter().all(|logarithm| logarithm.abs() < FAR_OUT) => {
            let found = refine(&whole, near.point);
            Maximum { iterations: near.iterations + found.iterations, ..found }
        }
        _ => maximise(&whole, customers, &starts),
    };
    finished(family, &rows, time_scale, &maximum, covariance(&whole, &maximum))
}

type Likelihood = Box<dyn Fn(&[f64; 4]) -> Evaluation<4>>;

/// The log-likelihood of rows by the logarithms of the parameters.
fn likelihood(family: PurchaseFamily, rows: Vec<Row>) -> Likelihood {
    match family {
        PurchaseFamily::BgNbd | PurchaseFamily::MbgNbd => {
            let first_chances = if family == PurchaseFamily::MbgNbd { 1.0 } else { 0.0 };
            let likelihood = bg_nbd::Likelihood::new(rows, first_chances);
            Box::new(move |point| likelihood.evaluate(point))
        }
        PurchaseFamily::ParetoNbd => {
            let likelihood = pareto_nbd::Likelihood::new(rows);
            Box::new(move |point| likelihood.evaluate(point))
        }
        PurchaseFamily::BgBb => {
            let likelihood = bg_bb::Likelihood::new(rows);
            Box::new(move |point| likelihood.evaluate(point))
        }
    }
}

/// The model with the parameters of a scaled point.
fn model_at(family: PurchaseFamily, point: [f64; 4], time_scale: f64) -> Result<PurchaseModel, PurchaseFitError> {
    let [first, second, third, fourth] = point.map(f64::exp);
    let parameters = match family {
        PurchaseFamily::BgNbd | PurchaseFamily::MbgNbd => [first, second * time_scale, third, fourth],
        PurchaseFamily::ParetoNbd => [first, second * time_scale, third, fourth * time_scale],
        PurchaseFamily::BgBb => [first, second, third, fourth],
    };
    let [Ok(first), Ok(second), Ok(third), Ok(fourth)] = parameters.map(Positive::new) else {
        return Err(PurchaseFitError::Diverged { parameters });
    };
    Ok(match family {
        PurchaseFamily::BgNbd => PurchaseModel::BgNbd(BgNbd { r: first, alpha: second, a: third, b: fourth }),
        PurchaseFamily::MbgNbd => PurchaseModel::MbgNbd(MbgNbd { r: first, alpha: second, a: third, b: fourth }),
        PurchaseFamily::ParetoNbd => {
            PurchaseModel::ParetoNbd(ParetoNbd { r: first, alpha: second, s: third, beta: fourth })
        }
        PurchaseFamily::BgBb => PurchaseModel::BgBb(BgBb { alpha: first, beta: second, gamma: third, delta: fourth }),
    })
}

fn finished(
    family: PurchaseFamily,
    rows: &[Row],
    time_scale: f64,
    maximum: &Maximum<4>,
    log_covariance: Option<[[f64; 4]; 4]>,
) -> Result<PurchaseFit, PurchaseFitError> {
    let model = model_at(family, maximum.point, time_scale)?;
    let log_likelihood: f64 = rows.iter().map(|row| row.customers * model.log_likelihood(row.history)).sum();
    if !log_likelihood.is_finite() {
        return Err(PurchaseFitError::Diverged { parameters: model.parameters().map(|(_, value)| value) });
    }
    Ok(PurchaseFit {
        model,
        log_likelihood,
        distinct_rows: rows.len(),
        iterations: maximum.iterations,
        converged: maximum.converged,
        log_covariance,
    })
}
