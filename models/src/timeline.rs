//! All that happened to each customer, with when it happened and when we knew, in columns sorted by customer and time.
//!
//! [`Timelines`] holds every customer. One customer's [`Timeline`] is cut at a moment into a [`History`] (what was
//! known before it) and an [`Outcome`] (what happened in the window from it on). Nothing after the cut takes a
//! timeline, so nothing after the cut can look ahead.

mod build;
mod column;
mod cut;
mod file;
mod mapping;

pub use build::{ConsentRow, ContactRow, EventRow, PurchaseRow, SubscriptionRow, TimelinesBuilder};
pub use column::{Column, TextColumn};
pub use cut::{Assignment, Contact, Event, History, Outcome, Purchase, Subscription};
pub use file::{TimelinesFileError, open_timelines, save_timelines};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quantities::Moment;

/// The code of a text that is not given.
pub const NO_CODE: u32 = u32::MAX;
/// The time of something that has not happened or is not known.
pub const NEVER: i64 = i64::MAX;

/// The timelines of all customers, ordered by customer id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timelines {
    /// Customer ids, ascending by bytes, each once.
    pub ids: TextColumn,
    /// When each customer came to be, in seconds; never [`NEVER`].
    pub created_at: Column<i64>,
    /// When each customer's attributes became known; empty if always.
    pub attributes_known_at: Column<i64>,
    /// What is known of each customer that does not change with time.
    pub attributes: Vec<Attribute>,
    /// Product names; the `product` columns hold indices into it.
    pub products: Vec<String>,
    /// Category names; the `category` columns hold indices into it.
    pub categories: Vec<String>,
    /// Event type names; the `event_type` column holds indices into it.
    pub event_types: Vec<String>,
    /// Action names; the `action` column holds indices into it.
    pub actions: Vec<String>,
    /// Channel names; the `channel` column holds indices into it.
    pub channels: Vec<String>,
    /// What products sell for, by product, and by category as the mean of its products; empty if nobody said.
    pub catalogue: BTreeMap<String, Listed>,
    /// Purchase lines.
    pub purchases: Purchases,
    /// Subscriptions.
    pub subscriptions: Subscriptions,
    /// Events.
    pub events: Events,
    /// Campaign contacts.
    pub contacts: Contacts,
    /// Consents to be contacted.
    pub consents: Consents,
}

/// What one sale of a product brings, in money.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Listed {
    /// List price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Margin: what is left of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}

/// An attribute of all customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The column's name.
    pub name: String,
    /// One value a customer.
    pub values: AttributeValues,
}

/// The values of an attribute, one a customer.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValues {
    /// Numbers; NaN is unknown.
    Number(Column<f64>),
    /// Indices into `levels`; [`NO_CODE`] is unknown.
    Category {
        /// The texts that occur, ascending.
        levels: Vec<String>,
        /// One index a customer.
        codes: Column<u32>,
    },
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        ///
        /// Rows `offsets[i]..offsets[i + 1]` are customer *i*'s, ascending by time. Every other column has one value
        /// a row, or is empty if the company does not have it.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            /// Where each customer's rows begin; one more than there are customers.
            pub offsets: Column<u64>,
            $($(#[$field_doc])* pub $field: Column<$ty>,)*
        }

        impl $name {
            /// Number of rows of all customers.
            #[must_use]
            pub fn len(&self) -> usize {
                self.at.len()
            }

            /// Whether there are no rows.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.at.is_empty()
            }

            fn rows_of(&self, customer: usize) -> std::ops::Range<usize> {
                if self.offsets.is_empty() {
                    return 0..0;
                }
                self.offsets[customer] as usize..self.offsets[customer + 1] as usize
            }
        }
    };
}

table!(
    /// Purchase lines of all customers; returns are lines with a negative amount.
    Purchases {
        /// When the line was bought, in seconds.
        at: i64,
        /// When the row became known; empty if at once.
        known_at: i64,
        /// Amount paid, negative for a return.
        amount: f64,
        /// Margin of the line; NaN if unknown.
        margin: f64,
        /// Pieces; NaN if unknown.
        quantity: f32,
        /// Index into the products.
        product: u32,
        /// Index into the categories.
        category: u32,
    }
);
table!(
    /// Subscriptions of all customers.
    Subscriptions {
        /// When it began, in seconds.
        at: i64,
        /// When the row became known; empty if at once.
        known_at: i64,
        /// When it ended, [`NEVER`] while it runs; known once it has passed.
        end: i64,
        /// Index into the products.
        product: u32,
        /// Revenue a month.
        mrr: f64,
        /// Months between bills; NaN if unknown.
        bill_period_months: f32,
        /// Discount as given by the company; NaN if unknown.
        discount: f32,
    }
);
table!(
    /// Events of all customers: logins, tickets, survey answers, e-mail opens.
    Events {
        /// When it happened, in seconds.
        at: i64,
        /// When the row became known; empty if at once.
        known_at: i64,
        /// Index into the event types.
        event_type: u32,
        /// The answer or quantity; NaN if none.
        value: f64,
    }
);
table!(
    /// Campaign contacts of all customers.
    Contacts {
        /// When it was sent, in seconds.
        at: i64,
        /// When the row became known; empty if at once.
        known_at: i64,
        /// Index into the actions.
        action: u32,
        /// 1 if the customer was held back as control, else 0.
        is_control: u8,
        /// The chance of being contacted rather than held back; NaN if not logged.
        probability: f32,
        /// 1 if the offer was taken, else 0.
        taken: u8,
        /// When the outcome was known, [`NEVER`] if none.
        outcome_at: i64,
    }
);
table!(
    /// Changes of the consents of all customers.
    Consents {
        /// When it changed, in seconds.
        at: i64,
        /// When the change became known; empty if at once.
        known_at: i64,
        /// Index into the channels.
        channel: u32,
        /// 1 if consent was granted, 0 if it was denied or withdrawn.
        is_granted: u8,
    }
);

impl Timelines {
    /// Number of customers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.created_at.len()
    }

    /// Whether there are no customers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created_at.is_empty()
    }

    /// The position of a customer, by binary search.
    #[must_use]
    pub fn position(&self, customer_id: &str) -> Option<usize> {
        self.ids.binary_search(customer_id)
    }

    /// One customer's timeline.
    ///
    /// # Panics
    /// If `customer` is not below [`len`](Self::len).
    #[must_use]
    pub fn timeline(&self, customer: usize) -> Timeline<'_> {
        assert!(customer < self.len(), "customer {customer} of {}", self.len());
        Timeline { timelines: self, customer }
    }

    /// The midnight after the last row of any table but consents, which may change long after: until there the data
    /// reaches. None without rows.
    #[must_use]
    pub fn known_until(&self) -> Option<Moment> {
        let ended = self.subscriptions.end.iter().copied().filter(|&end| end != NEVER);
        [&self.purchases.at, &self.subscriptions.at, &self.events.at, &self.contacts.at]
            .iter()
            .filter_map(|column| column.iter().copied().max())
            .chain(ended.max())
            .max()
            .map(|last| Moment::from_day(Moment::from_seconds(last).day() + 1))
    }

    /// The earliest time of any purchase or subscription. None without any.
    #[must_use]
    pub fn first_event(&self) -> Option<Moment> {
        [&self.purchases.at, &self.subscriptions.at]
            .iter()
            .filter_map(|column| column.iter().copied().min())
            .min()
            .map(Moment::from_seconds)
    }
}

/// All that happened to one customer.
#[derive(Debug, Clone, Copy)]
pub struct Timeline<'a> {
    timelines: &'a Timelines,
    customer: usize,
}

impl<'a> Timeline<'a> {
    /// What was known before the moment.
    #[must_use]
    pub fn before(self, moment: Moment) -> History<'a> {
        History { timelines: self.timelines, customer: self.customer, moment }
    }

    /// Everyone who was up for an action, contacted or held back, ascending by time: what experiments are read from.
    /// Rows that were not known before `known_before` are left out.
    pub fn assignments(self, known_before: Moment) -> impl Iterator<Item = Assignment> + use<'a> {
        cut::assignments(&self.timelines.contacts, self.customer, known_before)
    }

    /// What happened from `from` on and before `until`, as far as it was known before `known_before`.
    #[must_use]
    pub fn between(self, from: Moment, until: Moment, known_before: Moment) -> Outcome<'a> {
        Outcome { timelines: self.timelines, customer: self.customer, from, until, known_before }
    }
}
