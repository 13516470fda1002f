//! Checks what a checksum cannot tell: that the columns of a timelines file fit together.

use crate::timeline::{AttributeValues, NO_CODE, TextColumn, Timelines};

/// What a checksum cannot tell: that the columns fit together.
pub(super) fn check(timelines: &Timelines) -> Result<(), String> {
    let customers = timelines.len();
    check_ids(&timelines.ids, customers)?;
    optional_length("attributes_known_at", &timelines.attributes_known_at, customers)?;
    for attribute in &timelines.attributes {
        match &attribute.values {
            AttributeValues::Number(values) => exact_length(&attribute.name, values, customers)?,
            AttributeValues::Category { levels, codes } => {
                exact_length(&attribute.name, codes, customers)?;
                codes_below(&attribute.name, codes, levels.len())?;
            }
        }
    }
    let table = &timelines.purchases;
    check_rows("purchases", customers, &table.offsets, &table.at)?;
    exact_length("purchases.amount", &table.amount, table.len())?;
    optional_length("purchases.known_at", &table.known_at, table.len())?;
    optional_length("purchases.margin", &table.margin, table.len())?;
    optional_length("purchases.quantity", &table.quantity, table.len())?;
    optional_length("purchases.product", &table.product, table.len())?;
    optional_length("purchases.category", &table.category, table.len())?;
    codes_below("purchases.product", &table.product, timelines.products.len())?;
    codes_below("purchases.category", &table.category, timelines.categories.len())?;
    let table = &timelines.subscriptions;
    check_rows("subscriptions", customers, &table.offsets, &table.at)?;
    exact_length("subscriptions.mrr", &table.mrr, table.len())?;
    optional_length("subscriptions.known_at", &table.known_at, table.len())?;
    optional_length("subscriptions.end", &table.end, table.len())?;
    optional_length("subscriptions.product", &table.product, table.len())?;
    optional_length("subscriptions.bill_period_months", &table.bill_period_months, table.len())?;
    optional_length("subscriptions.discount", &table.discount, table.len())?;
    codes_below("subscriptions.product", &table.product, timelines.products.len())?;
    let table = &timelines.events;
    check_rows("events", customers, &table.offsets, &table.at)?;
    exact_length("events.event_type", &table.event_type, table.len())?;
    optional_length("events.known_at", &table.known_at, table.len())?;
    optional_length("events.value", &table.value, table.len())?;
    codes_below("events.event_type", &table.event_type, timelines.event_types.len())?;
    let table = &timelines.contacts;
    check_rows("contacts", customers, &table.offsets, &table.at)?;
    exact_length("contacts.action", &table.action, table.len())?;
    optional_length("contacts.known_at", &table.known_at, table.len())?;
    optional_length("contacts.is_control", &table.is_control, table.len())?;
    optional_length("contacts.taken", &table.taken, table.len())?;
    optional_length("contacts.outcome_at", &table.outcome_at, table.len())?;
    codes_below("contacts.action", &table.action, timelines.actions.len())?;
    let table = &timelines.consents;
    check_rows("consents", customers, &table.offsets, &table.at)?;
    exact_length("consents.channel", &table.channel, table.len())?;
    optional_length("consents.known_at", &table.known_at, table.len())?;
    optional_length("consents.is_granted", &table.is_granted, table.len())?;
    codes_below("consents.channel", &table.channel, timelines.channels.len())
}

fn check_ids(ids: &TextColumn, customers: usize) -> Result<(), String> {
    exact_length("ids", &ids.ends, customers)?;
    if !ids.ends.is_sorted() || ids.ends.last().is_some_and(|&end| end as usize != ids.bytes.len()) {
        return Err("found customer ids that do not fit their bytes".to_owned());
    }
    let text =
        std::str::from_utf8(&ids.bytes).map_err(|error| format!("found customer ids that are no text: {error}"))?;
    if ids.ends.iter().any(|&end| !text.is_char_boundary(end as usize)) {
        return Err("found a customer id that ends inside a character".to_owned());
    }
    if (1..customers).any(|place| ids.get(place - 1) >= ids.get(place)) {
        return Err("found customer ids out of order".to_owned());
    }
    Ok(())
}

fn check_rows(table: &str, customers: usize, offsets: &[u64], at: &[i64]) -> Result<(), String> {
    if offsets.is_empty() && at.is_empty() {
        return Ok(());
    }
    exact_length(&format!("{table}.offsets"), offsets, customers + 1)?;
    if offsets[0] != 0 || !offsets.is_sorted() || offsets[customers] as usize != at.len() {
        return Err(format!("found offsets of {table} that do not fit its rows"));
    }
    let sorted = |rows: &[u64]| at[rows[0] as usize..rows[1] as usize].is_sorted();
    if !offsets.windows(2).all(sorted) {
        return Err(format!("found rows of {table} out of time order"));
    }
    Ok(())
}

fn exact_length<T>(name: &str, column: &[T], expected: usize) -> Result<(), String> {
    if column.len() == expected {
        return Ok(());
    }
    Err(format!("found {} values of {name}, expected {expected}", column.len()))
}

fn optional_length<T>(name: &str, column: &[T], expected: usize) -> Result<(), String> {
    if column.is_empty() { Ok(()) } else { exact_length(name, column, expected) }
}

fn codes_below(name: &str, codes: &[u32], texts: usize) -> Result<(), String> {
    match codes.iter().find(|&&code| code != NO_CODE && code as usize >= texts) {
        Some(code) => Err(format!("found code {code} in {name}, which has {texts} texts")),
        None => Ok(()),
    }
}
