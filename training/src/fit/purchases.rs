//! Fits purchase models of any family to purchase histories by maximum likelihood.

mod rows;

use tend_models::families::bg_nbd::BgNbd;
use tend_models::families::purchases::{PurchaseHistory, PurchaseModel};
use tend_models::quantities::Positive;

use super::bg_nbd;
use super::maximise::{Maximum, maximise};

pub use rows::PurchaseFitError;
pub(super) use rows::Row;

/// A family of purchase models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseFamily {
    /// Customers drop out after a repeat purchase.
    BgNbd,
}

/// A fitted purchase model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct PurchaseFit {
    /// The model, in the time unit of the histories.
    pub model: PurchaseModel,
    /// The log-likelihood of all histories under the model; within 1e-8 of the largest if `converged`.
    pub log_likelihood: f64,
    /// Different histories: the cost of the fit grows with these, not with customers.
    pub distinct_rows: usize,
    /// Steps of the optimiser, from all starts.
    pub iterations: usize,
    /// Whether the maximum was reached; if not, the parameters run off to a limit that the data do not rule out.
    pub converged: bool,
}

/// Fits a purchase model by maximum likelihood.
///
/// `histories` holds one element a customer, in any order and any time unit; the result does not depend on the order, to
/// the last bit. Equal histories are put together first, and time is scaled by its mean, so that the search does not
/// depend on the unit.
///
/// # Errors
/// [`PurchaseFitError`] if there is nothing to fit, or a history is not one.
pub fn fit(family: PurchaseFamily, histories: &[PurchaseHistory]) -> Result<PurchaseFit, PurchaseFitError> {
    rows::check(histories)?;
    let rows = rows::distinct(histories);
    let customers = histories.len() as f64;
    let mean = |of: fn(&PurchaseHistory) -> f64| -> f64 {
        rows.iter().map(|row| row.customers * of(&row.history)).sum::<f64>() / customers
    };
    let time_scale = mean(|history| history.observed);
    let purchase_rate = mean(|history| history.repeat_purchases);
    let maximum = match family {
        PurchaseFamily::BgNbd => {
            let likelihood = bg_nbd::Likelihood::new(scaled(&rows, time_scale));
            maximise(|point| likelihood.evaluate(point), customers, &bg_nbd::starts(purchase_rate))
        }
    };
    finished(family, &rows, time_scale, &maximum)
}

/// The rows with the mean observation 1 long.
fn scaled(rows: &[Row], time_scale: f64) -> Vec<Row> {
    let scaled = |row: &Row| Row {
        history: PurchaseHistory {
            repeat_purchases: row.history.repeat_purchases,
            last_purchase: row.history.last_purchase / time_scale,
            observed: row.history.observed / time_scale,
        },
        customers: row.customers,
    };
    rows.iter().map(scaled).collect()
}

/// The parameters in the order of the logarithms that the likelihood takes, by name, times back in their unit.
fn parameters(family: PurchaseFamily, point: [f64; 4], time_scale: f64) -> [(&'static str, f64); 4] {
    let [first, second, third, fourth] = point.map(f64::exp);
    match family {
        PurchaseFamily::BgNbd => [("r", first), ("alpha", second * time_scale), ("a", third), ("b", fourth)],
    }
}

fn finished(
    family: PurchaseFamily,
    rows: &[Row],
    time_scale: f64,
    maximum: &Maximum<4>,
) -> Result<PurchaseFit, PurchaseFitError> {
    let parameters = parameters(family, maximum.point, time_scale);
    let [Ok(first), Ok(second), Ok(third), Ok(fourth)] = parameters.map(|(_, value)| Positive::new(value)) else {
        return Err(PurchaseFitError::Diverged { parameters });
    };
    let model = match family {
        PurchaseFamily::BgNbd => PurchaseModel::BgNbd(BgNbd { r: first, alpha: second, a: third, b: fourth }),
    };
    let log_likelihood: f64 = rows.iter().map(|row| row.customers * model.log_likelihood(row.history)).sum();
    if !log_likelihood.is_finite() {
        return Err(PurchaseFitError::Diverged { parameters });
    }
    Ok(PurchaseFit {
        model,
        log_likelihood,
        distinct_rows: rows.len(),
        iterations: maximum.iterations,
        converged: maximum.converged,
    })
}
