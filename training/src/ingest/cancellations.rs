//! Finds out whether a company marks cancelled orders by how their ids begin.

use std::collections::BTreeMap;

use super::{IngestError, Mapped};
use crate::tables::{Cell, TextFormat};

/// A prefix marks cancellations if of its lines at least this share are negative.
const NEARLY_ALL: f64 = 0.99;

/// The letters that order ids of cancelled orders, and no others, begin with: those of negative lines. `None` if the
/// table has no order ids or no such letters.
///
/// # Errors
/// [`IngestError`] if the table cannot be read.
pub fn find_cancelled_prefix(transactions: &Mapped, format: &TextFormat) -> Result<Option<String>, IngestError> {
    let signed = ["quantity", "amount"].into_iter().find(|column| transactions.has(column));
    let (Some(signed), true) = (signed, transactions.has("order_id")) else { return Ok(None) };
    let columns = ["order_id", signed].map(|column| transactions.theirs(column).to_owned());
    let mut lines_of_prefix: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    transactions.file.read(&columns, |batch| {
        let orders = batch.texts(&columns[0])?;
        let numbers = batch.numbers(&columns[1], format)?;
        for (row, number) in numbers.iter().enumerate() {
            let Some(order) = orders.get(row) else { continue };
            let prefix = &order[..order.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(order.len())];
            if !lines_of_prefix.contains_key(prefix) {
                lines_of_prefix.insert(prefix.to_owned(), (0, 0));
            }
            let (lines, negative) = lines_of_prefix.get_mut(prefix).expect("inserted above");
            *lines += 1;
            *negative += usize::from(matches!(number, Cell::Value(value) if *value < 0.0));
        }
        Ok::<(), IngestError>(())
    })?;
    let marks = |(lines, negative): (usize, usize)| negative as f64 >= lines as f64 * NEARLY_ALL;
    let found = lines_of_prefix.into_iter().filter(|(prefix, lines)| !prefix.is_empty() && marks(*lines));
    Ok(found.max_by_key(|(_, (lines, _))| *lines).map(|(prefix, _)| prefix))
}
