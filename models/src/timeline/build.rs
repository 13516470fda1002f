//! Turns rows in any order into timelines sorted by customer and time.

mod attributes;
mod growing;
mod interner;
mod rows;
mod sorting;

use super::{Column, Contacts, Events, NEVER, Purchases, Subscriptions, Timelines};
use crate::quantities::Moment;
use attributes::{GrowingAttribute, GrowingValues};
use growing::{Codes, KnownTimes, Numbers};
use interner::Interner;
use rows::{ContactRows, EventRows, PurchaseRows, SubscriptionRows};
use sorting::{Sorter, inverse};

pub use rows::{ContactRow, EventRow, PurchaseRow, SubscriptionRow};

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
    purchases: PurchaseRows,
    subscriptions: SubscriptionRows,
    events: EventRows,
    contacts: ContactRows,
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
        table.taken.set(place, u8::from(row.taken));
        table.outcome_at.set(place, row.outcome_at.map_or(NEVER, Moment::seconds));
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

        let rows = self.purchases;
        let mut sorter = Sorter::new(&rows.customer, &rows.at, &ranks);
        drop((rows.customer, rows.at));
        let purchases = Purchases {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(rows.known_at.filled()),
            amount: sorter.column(rows.amount),
            margin: sorter.column(rows.margin.filled()),
            quantity: sorter.column(rows.quantity.filled()),
            product: sorter.codes(rows.product.filled(), &product_ranks),
            category: sorter.codes(rows.category.filled(), &category_ranks),
        };
        let rows = self.subscriptions;
        let mut sorter = Sorter::new(&rows.customer, &rows.at, &ranks);
        let subscriptions = Subscriptions {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(rows.known_at.filled()),
            end: sorter.column(rows.end.filled()),
            product: sorter.codes(rows.product.filled(), &product_ranks),
            mrr: sorter.column(rows.mrr),
            bill_period_months: sorter.column(rows.bill_period_months.filled()),
            discount: sorter.column(rows.discount.filled()),
        };
        let rows = self.events;
        let mut sorter = Sorter::new(&rows.customer, &rows.at, &ranks);
        let events = Events {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(rows.known_at.filled()),
            event_type: sorter.codes(rows.event_type, &event_type_ranks),
            value: sorter.column(rows.value.filled()),
        };
        let rows = self.contacts;
        let mut sorter = Sorter::new(&rows.customer, &rows.at, &ranks);
        let contacts = Contacts {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(rows.known_at.filled()),
            action: sorter.codes(rows.action, &action_ranks),
            is_control: sorter.column(rows.is_control.filled()),
            taken: sorter.column(rows.taken.filled()),
            outcome_at: sorter.column(rows.outcome_at.filled()),
        };

        let order = inverse(&ranks);
        let first_rows = [
            (&purchases.offsets, &purchases.at),
            (&subscriptions.offsets, &subscriptions.at),
            (&events.offsets, &events.at),
            (&contacts.offsets, &contacts.at),
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
            purchases,
            subscriptions,
            events,
            contacts,
        }
    }
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
