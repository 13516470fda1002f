//! Histories sent with a request, made into timelines by the builder that makes those of the batch.

use std::collections::{BTreeMap, BTreeSet};

use tend_models::timeline::{Attribute, AttributeValues, Timelines, TimelinesBuilder};

use super::problem::{Fault, Problem};
use super::request::InlineCustomer;
use crate::contract::{AttributeValue, When};

/// Makes timelines; `known` are the attributes that the book has, which alone can be given.
///
/// # Errors
/// [`Problem`] 422 with a pointer to everything that cannot be used.
pub(super) fn timelines(customers: &[InlineCustomer], known: &[Attribute]) -> Result<Timelines, Problem> {
    let mut builder = TimelinesBuilder::default();
    let handles: BTreeMap<&str, (usize, bool)> = known
        .iter()
        .map(|attribute| {
            let name = attribute.name.as_str();
            match attribute.values {
                AttributeValues::Number(_) => (name, (builder.add_number_attribute(name), true)),
                AttributeValues::Category { .. } => (name, (builder.add_category_attribute(name), false)),
            }
        })
        .collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (place, given) in customers.iter().enumerate() {
        let mut fault = |pointer: String, detail: String| {
            faults.push(Fault { pointer: format!("/customers/{place}{pointer}"), detail });
        };
        if !seen.insert(given.customer_id.as_str()) {
            let detail = "found an id that is in the request already, expected each once";
            fault("/customer_id".to_owned(), detail.to_owned());
        }
        if !has_a_beginning(given) {
            let detail = "found neither created_at nor a row, expected one of them";
            fault(String::new(), detail.to_owned());
        }
        let customer = builder.customer(given.customer_id.as_str());
        if let Some(When(at)) = given.created_at {
            builder.set_created_at(customer, at);
        }
        for (name, value) in &given.attributes {
            let outcome = match handles.get(name.as_str()) {
                Some(&handle) => set_attribute(&mut builder, customer, handle, value),
                None => Err(unknown_attribute(known)),
            };
            if let Err(detail) = outcome {
                let name = name.replace('~', "~0").replace('/', "~1");
                fault(format!("/attributes/{name}"), detail);
            }
        }
        for (row, subscription) in given.subscriptions.iter().enumerate() {
            if subscription.ends_before_it_starts() {
                let detail = "found an end before the start, expected one from the start on";
                fault(format!("/subscriptions/{row}/end_date"), detail.to_owned());
            }
        }
        add_rows(&mut builder, customer, given);
    }
    if faults.is_empty() { Ok(builder.finish()) } else { Err(Problem::faults(faults)) }
}

/// Sets an attribute; `handle` comes with whether the attribute holds numbers.
fn set_attribute(
    builder: &mut TimelinesBuilder,
    customer: u32,
    (handle, is_number): (usize, bool),
    value: &AttributeValue,
) -> Result<(), String> {
    match (value, is_number) {
        (AttributeValue::Number(value), true) => builder.set_number(handle, customer, value.get()),
        (AttributeValue::Flag(value), true) => {
            builder.set_number(handle, customer, f64::from(u8::from(*value)));
        }
        (AttributeValue::Text(text), false) => {
            builder.set_category(handle, customer, text.as_str());
        }
        (AttributeValue::Flag(value), false) => {
            builder.set_category(handle, customer, if *value { "true" } else { "false" });
        }
        (AttributeValue::Text(_), true) => return Err("found a text, expected a number".to_owned()),
        (AttributeValue::Number(_), false) => {
            return Err("found a number, expected a text".to_owned());
        }
    }
    Ok(())
}

fn has_a_beginning(given: &InlineCustomer) -> bool {
    given.created_at.is_some()
        || !(given.transactions.is_empty()
            && given.subscriptions.is_empty()
            && given.events.is_empty()
            && given.contacts.is_empty())
}

fn unknown_attribute(known: &[Attribute]) -> String {
    if known.is_empty() {
        return "found an attribute, expected none as the book has none; leave it out".to_owned();
    }
    let names: Vec<&str> = known.iter().map(|attribute| attribute.name.as_str()).collect();
    format!("found an attribute that the book does not have, expected one of {}", names.join(", "))
}

fn add_rows(builder: &mut TimelinesBuilder, customer: u32, given: &InlineCustomer) {
    for row in &given.transactions {
        builder.add_purchase(customer, &row.row());
    }
    for row in &given.subscriptions {
        builder.add_subscription(customer, &row.row());
    }
    for row in &given.events {
        builder.add_event(customer, &row.row());
    }
    for row in &given.contacts {
        builder.add_contact(customer, &row.row());
    }
}
