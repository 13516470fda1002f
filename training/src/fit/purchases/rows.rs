//! Purchase histories as the fits want them: checked, and equal ones put together.

use tend_models::families::purchases::PurchaseHistory;

use super::PurchaseFamily;

/// Why a purchase model cannot be fitted. Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PurchaseFitError {
    /// The list of histories is empty.
    #[error("found no customers, expected at least one purchase history; check the dates that the fit is limited to")]
    NoCustomers,
    /// Nobody bought twice, so nothing tells how often customers come back.
    #[error(
        "found {customers} customers without a repeat purchase, expected some with one; observe for longer, and check that \
         purchases carry the customer's id and not the order's"
    )]
    NoRepeatPurchases {
        /// How many histories there are.
        customers: usize,
    },
    /// A number that is negative, infinite or not a number.
    #[error(
        "purchase history {position}: found {field} = {found}, expected a finite number of at least 0; correct or leave \
         out this customer"
    )]
    NotAMeasurement {
        /// Which history.
        position: usize,
        /// Which of its numbers.
        field: &'static str,
        /// That number.
        found: f64,
    },
    /// Purchases that are not counted in whole numbers.
    #[error(
        "purchase history {position}: found {found} repeat purchases, expected a whole number; count purchase days, not \
         quantities or amounts"
    )]
    NotACount {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        found: f64,
    },
    /// A last purchase after the end of the observation.
    #[error(
        "purchase history {position}: found the last purchase at {last_purchase} but the end of observation at {observed}, \
         expected it no earlier; drop purchases after the end, and use one time unit for both"
    )]
    PurchaseAfterEnd {
        /// Which history.
        position: usize,
        /// Time of the last purchase.
        last_purchase: f64,
        /// Time of the end.
        observed: f64,
    },
    /// Repeat purchases at the time of the first one, or a last purchase without any.
    #[error(
        "purchase history {position}: found {repeat_purchases} repeat purchases and the last one {last_purchase} after the \
         first purchase, expected both to be 0 or neither; merge purchases of one day into one"
    )]
    CountAndTimeDisagree {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        repeat_purchases: f64,
        /// Time of the last one.
        last_purchase: f64,
    },
    /// A history that is not one of whole opportunities with at most one purchase each, as BG/BB has it.
    #[error(
        "purchase history {position}: found {repeat_purchases} purchases up to opportunity {last_purchase} of {observed}, \
         expected whole numbers and no more purchases than opportunities; count time in opportunities"
    )]
    NotOpportunities {
        /// Which history.
        position: usize,
        /// Its repeat purchases.
        repeat_purchases: f64,
        /// The opportunity of the last one.
        last_purchase: f64,
        /// Its opportunities.
        observed: f64,
    },
    /// A parameter left the range of floating-point numbers.
    #[error(
        "found the parameters {parameters:?} where the likelihood is largest, expected finite numbers above \
         0; the data are too few or too uniform for this model"
    )]
    Diverged {
        /// Where the search ended.
        parameters: [f64; 4],
    },
}

/// A history, and how many customers have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) history: PurchaseHistory,
    pub(crate) customers: f64,
}

/// Checks that every history is one, and that somebody came back.
pub(super) fn check(family: PurchaseFamily, histories: &[PurchaseHistory]) -> Result<(), PurchaseFitError> {
    if histories.is_empty() {
        return Err(PurchaseFitError::NoCustomers);
    }
    for (position, history) in histories.iter().enumerate() {
        let PurchaseHistory { repeat_purchases, last_purchase, observed } = *history;
        for (field, found) in
            [("repeat_purchases", repeat_purchases), ("last_purchase", last_purchase), ("observed", observed)]
        {
            if !(found >= 0.0 && found.is_finite()) {
                return Err(PurchaseFitError::NotAMeasurement { position, field, found });
            }
        }
        if repeat_purchases.fract() != 0.0 {
            return Err(PurchaseFitError::NotACount { position, found: repeat_purchases });
        }
        if last_purchase > observed {
            return Err(PurchaseFitError::PurchaseAfterEnd { position, last_purchase, observed });
        }
        if (repeat_purchases > 0.0) != (last_purchase > 0.0) {
            return Err(PurchaseFitError::CountAndTimeDisagree { position, repeat_purchases, last_purchase });
        }
        let is_whole = last_purchase.fract() == 0.0 && observed.fract() == 0.0 && repeat_purchases <= last_purchase;
        if family == PurchaseFamily::BgBb && !is_whole {
            return Err(PurchaseFitError::NotOpportunities { position, repeat_purchases, last_purchase, observed });
        }
    }
    if histories.iter().all(|history| history.repeat_purchases == 0.0) {
        return Err(PurchaseFitError::NoRepeatPurchases { customers: histories.len() });
    }
    Ok(())
}

/// Puts equal histories together, sorted, so that sums run in one order whatever the order of the input.
pub(super) fn distinct(histories: &[PurchaseHistory]) -> Vec<Row> {
    // Adding 0 turns −0 into 0: equal numbers must be equal bits.
    let mut keys: Vec<[f64; 3]> = histories
        .iter()
        .map(|history| [history.repeat_purchases + 0.0, history.last_purchase + 0.0, history.observed + 0.0])
        .collect();
    keys.sort_unstable_by(|left, right| {
        left[0].total_cmp(&right[0]).then(left[1].total_cmp(&right[1])).then(left[2].total_cmp(&right[2]))
    });
    keys.chunk_by(|left, right| left == right)
        .map(|equal| Row {
            history: PurchaseHistory {
                repeat_purchases: equal[0][0],
                last_purchase: equal[0][1],
                observed: equal[0][2],
            },
            customers: equal.len() as f64,
        })
        .collect()
}

/// The rows with the mean observation 1 long.
pub(super) fn scaled(rows: &[Row], time_scale: f64) -> Vec<Row> {
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

/// About `most` rows in place of many: neighbours of one count, with their mean times.
pub(super) fn coarse(rows: &[Row], most: usize) -> Vec<Row> {
    let together = rows.len().div_ceil(most);
    rows.chunk_by(|left, right| left.history.repeat_purchases == right.history.repeat_purchases)
        .flat_map(|same| same.chunks(together))
        .map(|near| {
            let customers: f64 = near.iter().map(|row| row.customers).sum();
            let mean = |of: fn(&PurchaseHistory) -> f64| -> f64 {
                near.iter().map(|row| row.customers * of(&row.history)).sum::<f64>() / customers
            };
            let history = PurchaseHistory {
                repeat_purchases: near[0].history.repeat_purchases,
                last_purchase: mean(|history| history.last_purchase),
                observed: mean(|history| history.observed),
            };
            Row { history, customers }
        })
        .collect()
}

/// How many customers have each count; `rows` are sorted by it.
pub(crate) fn customers_by_count(rows: &[Row]) -> Vec<(f64, f64)> {
    let count = |row: &Row| row.history.repeat_purchases;
    rows.chunk_by(|left, right| count(left) == count(right))
        .map(|same| (count(&same[0]), same.iter().map(|row| row.customers).sum()))
        .collect()
}
