//! Puts a customer's rows of the tables and of the stream together.

use std::collections::HashMap;

use tend_models::quantities::Moment;
use tend_models::timeline::{
    AttributeValues, ConsentRow, ContactRow, EventRow, NEVER, NO_CODE, PurchaseRow, SubscriptionRow, Timelines,
    TimelinesBuilder,
};

use super::{StreamedRow, Tables};
use crate::contract::{AttributeValue, Profile};

/// For each product, the category of all its purchase lines; [`NO_CODE`] if they have none or several.
pub(super) fn category_of_product(timelines: &Timelines) -> Vec<u32> {
    let mut categories: Vec<Option<u32>> = vec![None; timelines.products.len()];
    for (&product, &category) in timelines.purchases.product.iter().zip(timelines.purchases.category.iter()) {
        if let Some(known) = categories.get_mut(product as usize) {
            *known = Some(if known.is_none_or(|known| known == category) { category } else { NO_CODE });
        }
    }
    categories.into_iter().map(|category| category.unwrap_or(NO_CODE)).collect()
}

/// Gathers customers with streamed rows into timelines of their own.
pub(super) struct Merger<'a> {
    timelines: &'a Timelines,
    tables: &'a Tables,
    builder: TimelinesBuilder,
    /// The builder's handle of each attribute, and whether it holds numbers.
    attributes: HashMap<&'a str, (usize, bool)>,
}

impl<'a> Merger<'a> {
    pub(super) fn new(timelines: &'a Timelines, tables: &'a Tables) -> Self {
        Self { timelines, tables, builder: TimelinesBuilder::default(), attributes: HashMap::new() }
    }

    pub(super) fn finish(self) -> Timelines {
        self.builder.finish()
    }

    /// Adds a customer with the rows of both, those of the tables first.
    pub(super) fn merge(&mut self, id: &str, in_book: Option<usize>, streamed: &[(i64, StreamedRow)]) {
        if self.builder.is_empty() {
            self.add_attributes();
        }
        let customer = self.builder.customer(id);
        let cut = self.tables.cut();
        let rows = || streamed.iter().map(|(_, row)| row).filter(|row| row.known_at() >= cut);
        if let Some(place) = in_book {
            self.copy_profile(customer, place);
        }
        for row in rows() {
            if let StreamedRow::Customer(profile) = row {
                self.set_profile(customer, profile, in_book.is_some());
            }
        }
        let created = self.builder.created_at(customer);
        let after_creation = |row: &&StreamedRow| created.is_none_or(|created| created.day() <= row.at().day());
        let mut subscriptions = Vec::new();
        let mut contacts = Vec::new();
        if let Some(place) = in_book {
            self.copy_purchases(customer, place);
            self.copy_events(customer, place);
            self.copy_consents(customer, place);
            subscriptions = self.subscriptions(place);
            contacts = self.contacts(place);
        }
        for row in rows().filter(after_creation) {
            match row {
                StreamedRow::Customer(_) => {}
                StreamedRow::Transaction(row) => self.add_purchase(customer, row.row()),
                StreamedRow::Event(row) => self.builder.add_event(customer, &row.row()),
                StreamedRow::Consent(row) => self.builder.add_consent(customer, &row.row()),
                StreamedRow::Subscription(row) => {
                    let row = row.row();
                    let same = |one: &SubscriptionRow<'_>| one.start == row.start && one.product == row.product;
                    put(&mut subscriptions, row, same);
                }
                StreamedRow::Contact(row) => {
                    let row = row.row();
                    put(&mut contacts, row, |one: &ContactRow<'_>| one.at == row.at && one.action == row.action);
                }
            }
        }
        subscriptions.iter().for_each(|row| self.builder.add_subscription(customer, row));
        contacts.iter().for_each(|row| self.builder.add_contact(customer, row));
    }

    fn add_attributes(&mut self) {
        for attribute in &self.timelines.attributes {
            let name = attribute.name.as_str();
            let handle = match attribute.values {
                AttributeValues::Number(_) => (self.builder.add_number_attribute(name), true),
                AttributeValues::Category { .. } => (self.builder.add_category_attribute(name), false),
            };
            self.attributes.insert(name, handle);
        }
    }

    fn copy_profile(&mut self, customer: u32, place: usize) {
        let timelines = self.timelines;
        self.builder.set_created_at(customer, Moment::from_seconds(timelines.created_at[place]));
        if let Some(known_at) = late(&timelines.attributes_known_at, place) {
            self.builder.set_attributes_known_at(customer, known_at);
        }
        for (handle, attribute) in timelines.attributes.iter().enumerate() {
            match &attribute.values {
                AttributeValues::Number(values) => self.builder.set_number(handle, customer, values[place]),
                AttributeValues::Category { levels, codes } => {
                    if let Some(level) = levels.get(codes[place] as usize) {
                        self.builder.set_category(handle, customer, level);
                    }
                }
            }
        }
    }

    /// Attributes that the tables do not have are no features, so they are passed over.
    fn set_profile(&mut self, customer: u32, profile: &Profile, in_book: bool) {
        if !in_book {
            self.builder.set_created_at(customer, profile.created_at.0);
        }
        if let Some(known_at) = profile.available_at {
            self.builder.set_attributes_known_at(customer, known_at.0);
        }
        for (name, value) in &profile.attributes {
            let Some(&(handle, is_number)) = self.attributes.get(name.as_str()) else { continue };
            match (value, is_number) {
                (AttributeValue::Number(value), true) => self.builder.set_number(handle, customer, value.get()),
                (AttributeValue::Flag(value), true) => {
                    self.builder.set_number(handle, customer, f64::from(u8::from(*value)));
                }
                (AttributeValue::Text(text), false) => self.builder.set_category(handle, customer, text.as_str()),
                (AttributeValue::Flag(value), false) => {
                    self.builder.set_category(handle, customer, if *value { "true" } else { "false" });
                }
                // Refused when it arrived, unless the tables had other attributes then.
                (AttributeValue::Text(_), true) | (AttributeValue::Number(_), false) => {}
            }
        }
    }

    /// A line that does not say its category has its product's, as in the batch.
    fn add_purchase(&mut self, customer: u32, row: PurchaseRow<'_>) {
        let timelines = self.timelines;
        let category = row.category.or_else(|| {
            let product = row.product?;
            let product = timelines.products.binary_search_by(|known| known.as_str().cmp(product)).ok()?;
            name(&timelines.categories, self.tables.category_of_product[product])
        });
        self.builder.add_purchase(customer, &PurchaseRow { category, ..row });
    }

    fn copy_purchases(&mut self, customer: u32, place: usize) {
        let (timelines, table) = (self.timelines, &self.timelines.purchases);
        for row in rows(&table.offsets, place) {
            self.builder.add_purchase(
                customer,
                &PurchaseRow {
                    at: Moment::from_seconds(table.at[row]),
                    known_at: late(&table.known_at, row),
                    amount: table.amount[row],
                    margin: or(&table.margin, row, f64::NAN),
                    quantity: or(&table.quantity, row, f32::NAN),
                    product: name(&timelines.products, or(&table.product, row, NO_CODE)),
                    category: name(&timelines.categories, or(&table.category, row, NO_CODE)),
                },
            );
        }
    }

    fn copy_events(&mut self, customer: u32, place: usize) {
        let (timelines, table) = (self.timelines, &self.timelines.events);
        for row in rows(&table.offsets, place) {
            self.builder.add_event(
                customer,
                &EventRow {
                    at: Moment::from_seconds(table.at[row]),
                    known_at: late(&table.known_at, row),
                    event_type: &timelines.event_types[table.event_type[row] as usize],
                    value: or(&table.value, row, f64::NAN),
                },
            );
        }
    }

    fn copy_consents(&mut self, customer: u32, place: usize) {
        let (timelines, table) = (self.timelines, &self.timelines.consents);
        for row in rows(&table.offsets, place) {
            self.builder.add_consent(
                customer,
                &ConsentRow {
                    at: Moment::from_seconds(table.at[row]),
                    known_at: late(&table.known_at, row),
                    channel: &timelines.channels[table.channel[row] as usize],
                    is_granted: or(&table.is_granted, row, 0) == 1,
                },
            );
        }
    }

    fn subscriptions<'r>(&self, place: usize) -> Vec<SubscriptionRow<'r>>
    where
        'a: 'r,
    {
        let (timelines, table) = (self.timelines, &self.timelines.subscriptions);
        let row = |row| SubscriptionRow {
            start: Moment::from_seconds(table.at[row]),
            end: time(or(&table.end, row, NEVER)),
            known_at: late(&table.known_at, row),
            product: name(&timelines.products, or(&table.product, row, NO_CODE)),
            mrr: table.mrr[row],
            bill_period_months: or(&table.bill_period_months, row, f32::NAN),
            discount: or(&table.discount, row, f32::NAN),
        };
        rows(&table.offsets, place).map(row).collect()
    }

    fn contacts<'r>(&self, place: usize) -> Vec<ContactRow<'r>>
    where
        'a: 'r,
    {
        let (timelines, table) = (self.timelines, &self.timelines.contacts);
        let row = |row| ContactRow {
            at: Moment::from_seconds(table.at[row]),
            known_at: late(&table.known_at, row),
            action: &timelines.actions[table.action[row] as usize],
            is_control: or(&table.is_control, row, 0) == 1,
            probability: or(&table.probability, row, f32::NAN),
            taken: or(&table.taken, row, 0) == 1,
            outcome_at: time(or(&table.outcome_at, row, NEVER)),
        };
        rows(&table.offsets, place).map(row).collect()
    }
}

/// Puts a row in the place of the last one that is the same thing, or behind all others.
fn put<R>(rows: &mut Vec<R>, row: R, is_same: impl Fn(&R) -> bool) {
    match rows.iter().rposition(is_same) {
        Some(place) => rows[place] = row,
        None => rows.push(row),
    }
}

fn rows(offsets: &[u64], place: usize) -> std::ops::Range<usize> {
    if offsets.is_empty() { 0..0 } else { offsets[place] as usize..offsets[place + 1] as usize }
}

fn or<T: Copy>(column: &[T], row: usize, absent: T) -> T {
    column.get(row).copied().unwrap_or(absent)
}

/// When a row became known, if later than it happened.
fn late(known_at: &[i64], row: usize) -> Option<Moment> {
    Some(or(known_at, row, i64::MIN)).filter(|&known| known != i64::MIN).map(Moment::from_seconds)
}

fn time(seconds: i64) -> Option<Moment> {
    (seconds != NEVER).then(|| Moment::from_seconds(seconds))
}

fn name(names: &[String], code: u32) -> Option<&str> {
    names.get(code as usize).map(String::as_str)
}
