//! The columns of a batch of transactions, and what one line says.

use tend_models::quantities::Moment;

use super::reasons::LARGEST_NUMBER;
use super::rows::CustomerIds;
use super::{IngestError, Mapped, Reason};
use crate::tables::{Batch, Cell, TextFormat, Texts};

/// The column of the contract, the text in it, and what is wrong with it.
pub type NumberFault = (&'static str, String, Reason);

/// A number that a row cannot do without.
pub fn required_number(column: &'static str, cell: &Cell<f64>) -> Result<f64, NumberFault> {
    match cell {
        Cell::Value(value) if value.abs() > LARGEST_NUMBER => Err((column, format!("{value:e}"), Reason::TooLarge)),
        Cell::Value(value) => Ok(*value),
        Cell::Empty => Err((column, String::new(), Reason::Empty(column))),
        Cell::Unclear(text) => Err((column, text.clone(), Reason::NotANumber)),
    }
}

/// The columns of a batch of transactions.
pub struct Lines {
    pub ids: CustomerIds,
    pub times: Vec<Cell<Moment>>,
    pub available: Option<Vec<Cell<Moment>>>,
    orders: Option<Texts>,
    amounts: Option<Vec<Cell<f64>>>,
    prices: Option<Vec<Cell<f64>>>,
    pub quantities: Option<Vec<Cell<f64>>>,
    pub margins: Option<Vec<Cell<f64>>>,
    pub products: Option<Texts>,
    pub categories: Option<Texts>,
    pub currencies: Option<Texts>,
    pub returns: Option<Vec<Cell<bool>>>,
}

impl Lines {
    /// Takes the columns out of a batch, whose customers are looked up already.
    pub fn read(ids: CustomerIds, mapped: &Mapped, batch: &Batch, format: &TextFormat) -> Result<Self, IngestError> {
        let amounts = mapped.numbers(batch, "amount", format)?;
        Ok(Self {
            ids,
            times: batch.moments(mapped.theirs("event_time"), format)?,
            available: mapped.moments(batch, "available_at", format)?,
            orders: if mapped.tells_cancellations() { mapped.texts(batch, "order_id")? } else { None },
            prices: if amounts.is_none() { mapped.numbers(batch, "unit_price", format)? } else { None },
            amounts,
            quantities: mapped.numbers(batch, "quantity", format)?,
            margins: mapped.numbers(batch, "margin", format)?,
            products: mapped.texts(batch, "product_id")?,
            categories: mapped.texts(batch, "category")?,
            currencies: mapped.texts(batch, "currency")?,
            returns: mapped.flags(batch, "is_return")?,
        })
    }

    /// What a line that takes money back is counted as; `None` for a purchase.
    pub fn kind(&self, mapped: &Mapped, row: usize) -> Option<&'static str> {
        if self.orders.as_ref().and_then(|orders| orders.get(row)).is_some_and(|order| mapped.is_cancelled(order)) {
            return Some("cancellations, netted");
        }
        let is_negative = |numbers: &Option<Vec<Cell<f64>>>| matches!(numbers.as_ref().map(|numbers| &numbers[row]), Some(Cell::Value(value)) if *value < 0.0);
        let is_flagged = matches!(self.returns.as_ref().map(|returns| &returns[row]), Some(Cell::Value(true)));
        let numbers = [&self.quantities, &self.amounts, &self.prices];
        (is_flagged || numbers.into_iter().any(is_negative)).then_some("returns, netted")
    }

    /// The amount, given or from price and quantity.
    pub fn amount(&self, row: usize) -> Result<f64, NumberFault> {
        if let Some(amounts) = &self.amounts {
            return required_number("amount", &amounts[row]);
        }
        let (Some(prices), Some(quantities)) = (&self.prices, &self.quantities) else {
            return required_number("amount", &Cell::Empty);
        };
        let price = required_number("unit_price", &prices[row])?;
        let quantity = required_number("quantity", &quantities[row])?;
        required_number("unit_price", &Cell::Value(price * quantity))
    }
}
