//! Turns rows in any order into timelines sorted by customer and time.

mod attributes;
mod growing;
mod interner;
mod rows;
mod sorting;

use std::collections::BTreeMap;

use super::{Column, Listed, NEVER, Timelines};
use crate::quantities::Moment;
use attributes::{GrowingAttribute, GrowingValues};
use growing::{Codes, KnownTimes, Numbers};
use interner::Interner;
use rows::{ConsentRows, ContactRows, EventRows, PurchaseRows, SubscriptionRows};
use sorting::inverse;

pub use rows::{ConsentRow, ContactRow, EventRow, PurchaseRow, SubscriptionRow};

/// Gathers rows in any order; [`finish`](Self::finish) sorts them into [`Timelines`].
#[derive(Debug, Default)]
pub struct TimelinesBuilder {
    customers: Interner,
    created_at: Vec<i64>,
    attributes_known_at: KnownTimes,
    attributes: Vec<GrowingAttribute>,
    products: Interner,
    categories: Interner,
    event_types: Interner,
    actions: Interner,
    channels: Interner,
    purchases: PurchaseRows,
    subscriptions: SubscriptionRows,
    events: EventRows,
    contacts: ContactRows,
    consents: ConsentRows,
    listed: Vec<(String, Option<String>, Listed)>,
}

impl TimelinesBuilder {
    /// The handle of a customer, new or known.
    pub fn customer(&mut self, id: &str) -> u32 {
        let code = self.customers.intern(id);
        if code as usize == self.created_at.len() {
            self.created_at.push(NEVER);
        }
        code
    }

    /// The handle of a customer that is already there.
    #[must_use]
    pub fn known_customer(&self, id: &str) -> Option<u32> {
        self.customers.find(id)
    }

    /// The handles of many customers, of those that are already there.
    #[must_use]
    pub fn known_customers<'t>(&self, ids: impl Iterator<Item = Option<&'t str>>) -> Vec<Option<u32>> {
        self.customers.find_all(ids)
    }

    /// Number of customers so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.created_at.len()
    }

    /// Whether there are no customers yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created_at.is_empty()
    }

    /// When the customer came to be, if that was said.
    #[must_use]
    pub fn created_at(&self, customer: u32) -> Option<Moment> {
        let at = self.created_at[customer as usize];
        (at != NEVER).then(|| Moment::from_seconds(at))
    }

    /// Says when a customer came to be; without it, the customer's first row counts.
    pub fn set_created_at(&mut self, customer: u32, at: Moment) {
        self.created_at[customer as usize] = at.seconds();
    }

    /// Says when a customer's attributes became known.
    pub fn set_attributes_known_at(&mut self, customer: u32, at: Moment) {
        self.attributes_known_at.set(customer as usize, at.seconds());
    }

    /// Adds a numeric attribute and gives its handle.
    pub fn add_number_attribute(&mut self, name: &str) -> usize {
        self.attributes
            .push(GrowingAttribute { name: name.to_owned(), values: GrowingValues::Number(Numbers::default()) });
        self.attributes.len() - 1
    }

    /// Adds a category attribute and gives its handle.
    pub fn add_category_attribute(&mut self, name: &str) -> usize {
        self.attributes.push(GrowingAttribute {
            name: name.to_owned(),
            values: GrowingValues::Category(Interner::default(), Codes::default()),
        });
        self.attributes.len() - 1
    }

    /// Sets a customer's value of a numeric attribute.
    ///
    /// # Panics
    /// If the attribute holds categories.
    pub fn set_number(&mut self, attribute: usize, customer: u32, value: f64) {
        match &mut self.attributes[attribute].values {
            GrowingValues::Number(values) => values.set(customer as usize, value),
            GrowingValues::Category(..) => panic!("attribute {attribute} holds categories"),
        }
    }

    /// Sets a customer's value of a category attribute.
    ///
    /// # Panics
    /// If the attribute holds numbers.
    pub fn set_category(&mut self, attribute: usize, customer: u32, value: &str) {
        match &mut self.attributes[attribute].values {
            GrowingValues::Category(levels, codes) => {
                let code = levels.intern(value);
                codes.set(customer as usize, code);
            }
            GrowingValues::Number(_) => panic!("attribute {attribute} holds numbers"),
        }
    }

    /// Says what one sale of a product brings, and to which category it belongs.
    pub fn list_product(&mut self, product: &str, category: Option<&str>, listed: Listed) {
        if listed.price.is_some() || listed.margin.is_some() {
            self.listed.push((product.to_owned(), category.map(str::to_owned), listed));
        }
    }

    /// Adds a purchase line.
    pub fn add_purchase(&mut self, customer: u32, row: &PurchaseRow<'_>) {
        let table = &mut self.purchases;
        let place = table.at.len();
        table.customer.push(customer);
        table.at.push(row.at.seconds());
        table.known_at.set(place, late(row.at, row.known_at));
        table.amount.push(row.amount);
        table.margin.set(place, row.margin);
        table.quantity.set(place, row.quantity);
        table.product.set(place, self.products.code(row.product));
        table.category.set(place, self.categories.code(row.category));
    }

    /// Adds a subscription.
    pub fn add_subscription(&mut self, customer: u32, row: &SubscriptionRow<'_>) {
        let table = &mut self.subscriptions;
        let place = table.at.len();
        table.customer.push(customer);
        table.at.push(row.start.seconds());
        table.known_at.set(place, late(row.start, row.known_at));
        table.end.set(place, row.end.map_or(NEVER, Moment::seconds));
        table.product.set(place, self.products.code(row.product));
        table.mrr.push(row.mrr);
        table.bill_period_months.set(place, row.bill_period_months);
        table.discount.set(place, row.discount);
    }

    /// Adds an event.
    pub fn add_event(&mut self, customer: u32, row: &EventRow<'_>) {
        let table = &mut self.events;
        let place = table.at.len();
        table.customer.push(customer);
        table.at.push(row.at.seconds());
        table.known_at.set(place, late(row.at, row.known_at));
        table.event_type.push(self.event_types.intern(row.event_type));
        table.value.set(place, row.value);
    }

    /// Adds a campaign contact.
    pub fn add_contact(&mut self, customer: u32, row: &ContactRow<'_>) {
        let table = &mut self.contacts;
        let place = table.at.len();
        table.customer.push(customer);
        table.at.push(row.at.seconds());
        table.known_at.set(place, late(row.at, row.known_at));
        table.action.push(self.actions.intern(row.action));
        table.is_control.set(place, u8::from(row.is_control));
        table.probability.set(place, row.probability);
        table.taken.set(place, u8::from(row.taken));
        table.outcome_at.set(place, row.outcome_at.map_or(NEVER, Moment::seconds));
    }

    /// Adds a change of a consent.
    pub fn add_consent(&mut self, customer: u32, row: &ConsentRow<'_>) {
        let table = &mut self.consents;
        let place = table.at.len();
        table.customer.push(customer);
        table.at.push(row.at.seconds());
        table.known_at.set(place, late(row.at, row.known_at));
        table.channel.push(self.channels.intern(row.channel));
        table.is_granted.set(place, u8::from(row.is_granted));
    }

    /// Sorts everything: customers by id, texts by name, rows by customer and time. Rows of one customer at the same
    /// time keep the order in which they were added. The result does not depend on any other order of the input.
    #[must_use]
    pub fn finish(self) -> Timelines {
        let count = self.created_at.len();
        let (ids, ranks) = self.customers.sorted();
        let (products, product_ranks) = self.products.sorted_names();
        let (categories, category_ranks) = self.categories.sorted_names();
        let (event_types, event_type_ranks) = self.event_types.sorted_names();
        let (actions, action_ranks) = self.actions.sorted_names();
        let (channels, channel_ranks) = self.channels.sorted_names();

        let purchases = self.purchases.sorted(&ranks, &product_ranks, &category_ranks);
        let subscriptions = self.subscriptions.sorted(&ranks, &product_ranks);
        let events = self.events.sorted(&ranks, &event_type_ranks);
        let contacts = self.contacts.sorted(&ranks, &action_ranks);
        let consents = self.consents.sorted(&ranks, &channel_ranks);

        let order = inverse(&ranks);
        let first_rows = [
            (&purchases.offsets, &purchases.at),
            (&subscriptions.offsets, &subscriptions.at),
            (&events.offsets, &events.at),
            (&contacts.offsets, &contacts.at),
            (&consents.offsets, &consents.at),
        ];
        let created_at: Vec<i64> = (0..count)
            .map(|customer| match self.created_at[order[customer] as usize] {
                NEVER => first_time(customer, &first_rows),
                said => said,
            })
            .collect();
        Timelines {
            ids,
            created_at: created_at.into(),
            attributes_known_at: self.attributes_known_at.by_customer(&order),
            attributes: self.attributes.into_iter().map(|attribute| attribute.finish(&order)).collect(),
            products,
            categories,
            event_types,
            actions,
            channels,
            catalogue: catalogue(self.listed),
            purchases,
            subscriptions,
            events,
            contacts,
            consents,
        }
    }
}

/// Prices and margins by product, and their means by category; a product has the name before a category of the same name.
fn catalogue(listed: Vec<(String, Option<String>, Listed)>) -> BTreeMap<String, Listed> {
    let mut of_category = BTreeMap::<String, [(f64, u32); 2]>::new();
    for (_, category, listed) in &listed {
        let Some(category) = category else { continue };
        let sums = of_category.entry(category.clone()).or_default();
        for (sum, amount) in sums.iter_mut().zip([listed.price, listed.margin]) {
            *sum = (sum.0 + amount.unwrap_or(0.0), sum.1 + u32::from(amount.is_some()));
        }
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    let of_category = of_category
        .into_iter()
        .map(|(category, [price, margin])| (category, Listed { price: mean(price), margin: mean(margin) }));
    of_category.chain(listed.into_iter().map(|(product, _, listed)| (product, listed))).collect()
}

/// When a row became known, if later than it happened; else a time before all moments.
fn late(at: Moment, known_at: Option<Moment>) -> i64 {
    match known_at {
        Some(known) if known > at => known.seconds(),
        _ => i64::MIN,
    }
}

/// The earliest row of a customer in any table; [`NEVER`] without rows.
fn first_time(customer: usize, tables: &[(&Column<u64>, &Column<i64>)]) -> i64 {
    tables
        .iter()
        .filter(|(offsets, _)| offsets[customer] < offsets[customer + 1])
        .map(|(offsets, at)| at[offsets[customer] as usize])
        .min()
        .unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchase(at: i64, amount: f64) -> PurchaseRow<'static> {
        PurchaseRow {
            at: Moment::from_seconds(at),
            known_at: None,
            amount,
            margin: f64::NAN,
            quantity: f32::NAN,
            product: None,
            category: Some(if amount > 15.0 { "toys" } else { "books" }),
        }
    }

    fn built(rows: &[(&str, i64, f64)]) -> Timelines {
        let mut builder = TimelinesBuilder::default();
        for &(id, at, amount) in rows {
            let customer = builder.customer(id);
            builder.add_purchase(customer, &purchase(at, amount));
        }
        builder.finish()
    }

    #[test]
    fn rows_are_sorted_by_customer_and_time_whatever_their_order() {
        let rows = [("b", 30, 10.0), ("a", 20, 20.0), ("b", 10, 30.0), ("a", 40, 40.0)];
        let timelines = built(&rows);
        let mut reversed = rows;
        reversed.reverse();
        assert_eq!(timelines, built(&reversed));
        assert_eq!(timelines.ids.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(timelines.purchases.at[..], [20, 40, 10, 30]);
        assert_eq!(timelines.purchases.offsets[..], [0, 2, 4]);
        assert_eq!(timelines.categories, ["books", "toys"]);
        assert_eq!(timelines.purchases.category[..], [1, 1, 1, 0]);
        assert_eq!(timelines.created_at[..], [20, 10]);
    }

    #[test]
    fn the_last_consent_that_was_known_counts() {
        let mut builder = TimelinesBuilder::default();
        let customer = builder.customer("a");
        let mut change = |day: i64, known: i64, channel, is_granted| {
            let (at, known_at) = (Moment::from_day(day), Some(Moment::from_day(known)));
            builder.add_consent(customer, &ConsentRow { at, known_at, channel, is_granted });
        };
        change(30, 50, "email", false);
        change(10, 10, "email", true);
        change(20, 20, "phone", false);
        let timelines = builder.finish();
        assert_eq!(timelines.channels, ["email", "phone"]);
        let known = |day, channel| timelines.timeline(0).before(Moment::from_day(day)).consent(channel);
        assert_eq!(
            [10, 11, 31, 50, 51].map(|day| known(day, 0)),
            [None, Some(true), Some(true), Some(true), Some(false)]
        );
        assert_eq!([20, 21, 90].map(|day| known(day, 1)), [None, Some(false), Some(false)]);
    }

    #[test]
    fn columns_that_nobody_gives_take_no_memory() {
        let timelines = built(&[("a", 1, 1.0), ("a", 2, 2.0)]);
        assert!(timelines.purchases.margin.is_empty());
        assert!(timelines.purchases.known_at.is_empty());
        assert!(timelines.purchases.product.is_empty());
        assert!(timelines.attributes_known_at.is_empty());
    }

    #[test]
    fn a_column_given_late_is_filled_with_unknown() {
        let mut builder = TimelinesBuilder::default();
        let customer = builder.customer("a");
        builder.add_purchase(customer, &purchase(1, 1.0));
        builder.add_purchase(customer, &PurchaseRow { margin: 0.5, ..purchase(2, 2.0) });
        builder.add_purchase(customer, &purchase(3, 3.0));
        let margin = builder.finish().purchases.margin;
        assert!(margin[0].is_nan() && margin[1] == 0.5 && margin[2].is_nan());
    }
}
