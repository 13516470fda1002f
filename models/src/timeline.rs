//! All that happened to each customer, with when it happened and when we knew, in columns sorted by customer and time.
//!
//! [`Timelines`] holds every customer. One customer's [`Timeline`] is cut at a moment into a [`History`] (what was
//! known before it) and an [`Outcome`] (what happened in the window from it on). Nothing after the cut takes a
//! timeline, so nothing after the cut can look ahead.

mod build;
mod column;
mod file;
mod mapping;

pub use build::{ConsentRow, ContactRow, EventRow, PurchaseRow, SubscriptionRow, TimelinesBuilder};
pub use column::{Column, TextColumn};
pub use file::{TimelinesFileError, open_timelines, save_timelines};

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

    /// The latest time of any row but consents, which may change long after: the moment until which the data reaches.
    /// None without rows.
    #[must_use]
    pub fn last_event(&self) -> Option<Moment> {
        let ended = self.subscriptions.end.iter().copied().filter(|&end| end != NEVER);
        [&self.purchases.at, &self.subscriptions.at, &self.events.at, &self.contacts.at]
            .iter()
            .filter_map(|column| column.iter().copied().max())
            .chain(ended.max())
            .max()
            .map(Moment::from_seconds)
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

    /// What happened from `from` on and before `until`.
    #[must_use]
    pub fn between(self, from: Moment, until: Moment) -> Outcome<'a> {
        Outcome { timelines: self.timelines, customer: self.customer, from, until }
    }
}

/// One purchase line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purchase {
    /// When, in seconds.
    pub at: i64,
    /// Amount, negative for a return.
    pub amount: f64,
    /// Margin; NaN if unknown.
    pub margin: f64,
    /// Pieces; NaN if unknown.
    pub quantity: f32,
    /// Index into the products or [`NO_CODE`].
    pub product: u32,
    /// Index into the categories or [`NO_CODE`].
    pub category: u32,
}

/// One subscription as it was known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subscription {
    /// When it began, in seconds.
    pub start: i64,
    /// When it ended; [`NEVER`] if it was running.
    pub end: i64,
    /// Index into the products or [`NO_CODE`].
    pub product: u32,
    /// Revenue a month.
    pub mrr: f64,
    /// Months between bills; NaN if unknown.
    pub bill_period_months: f32,
    /// Discount; NaN if unknown.
    pub discount: f32,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// When, in seconds.
    pub at: i64,
    /// Index into the event types.
    pub event_type: u32,
    /// The answer or quantity; NaN if none.
    pub value: f64,
}

/// One contact as it was known; control rows are no contact and are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// When, in seconds.
    pub at: i64,
    /// Index into the actions.
    pub action: u32,
    /// Whether the offer was known to be taken.
    pub taken: bool,
}

/// What was known of a customer before a moment.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    timelines: &'a Timelines,
    customer: usize,
    moment: Moment,
}

/// What happened to a customer from a moment on, in a window; the end is not included.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    timelines: &'a Timelines,
    customer: usize,
    from: Moment,
    until: Moment,
}

/// The value at a row, or the default of a column that the company does not have.
#[inline]
fn or_default<T: Copy>(column: &[T], row: usize, default: T) -> T {
    column.get(row).copied().unwrap_or(default)
}

/// The rows of a range whose time lies before `moment`, given that times ascend.
#[inline]
fn rows_before(at: &[i64], rows: std::ops::Range<usize>, moment: i64) -> std::ops::Range<usize> {
    let count = at[rows.clone()].partition_point(|&time| time < moment);
    rows.start..rows.start + count
}

impl<'a> History<'a> {
    /// The moment of the cut.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Whether the customer was there before the moment.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.created_at() < self.moment
    }

    /// When the customer came to be.
    #[must_use]
    pub fn created_at(&self) -> Moment {
        Moment::from_seconds(self.timelines.created_at[self.customer])
    }

    /// The value of numeric attribute `index`; NaN if unknown at the moment.
    #[must_use]
    pub fn number(&self, values: &[f64]) -> f64 {
        if self.attributes_known() { values[self.customer] } else { f64::NAN }
    }

    /// The code of a category attribute; [`NO_CODE`] if unknown at the moment.
    #[must_use]
    pub fn code(&self, codes: &[u32]) -> u32 {
        if self.attributes_known() { codes[self.customer] } else { NO_CODE }
    }

    fn attributes_known(&self) -> bool {
        or_default(&self.timelines.attributes_known_at, self.customer, i64::MIN) < self.moment.seconds()
    }

    /// Purchase lines, ascending by time.
    pub fn purchases(&self) -> impl Iterator<Item = Purchase> + use<'a> {
        let table = &self.timelines.purchases;
        let moment = self.moment.seconds();
        let rows = rows_before(&table.at, table.rows_of(self.customer), moment);
        let lines = PurchaseColumns::of(table, rows);
        (0..lines.at.len())
            .filter(move |&row| or_default(lines.known_at, row, i64::MIN) < moment)
            .map(move |row| lines.line(row))
    }

    /// Subscriptions that had begun, ascending by start; an end that had not passed is not known.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> + use<'a> {
        let table = &self.timelines.subscriptions;
        let moment = self.moment.seconds();
        rows_before(&table.at, table.rows_of(self.customer), moment)
            .filter(move |&row| or_default(&table.known_at, row, i64::MIN) < moment)
            .map(move |row| {
                let subscription = subscription_at(table, row);
                let end = if subscription.end < moment { subscription.end } else { NEVER };
                Subscription { end, ..subscription }
            })
    }

    /// Events, ascending by time.
    pub fn events(&self) -> impl Iterator<Item = Event> + use<'a> {
        let table = &self.timelines.events;
        let moment = self.moment.seconds();
        rows_before(&table.at, table.rows_of(self.customer), moment)
            .filter(move |&row| or_default(&table.known_at, row, i64::MIN) < moment)
            .map(move |row| Event {
                at: table.at[row],
                event_type: table.event_type[row],
                value: or_default(&table.value, row, f64::NAN),
            })
    }

    /// Contacts received, ascending by time; an outcome that was not known yet reads as not taken.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> + use<'a> {
        let table = &self.timelines.contacts;
        let moment = self.moment.seconds();
        rows_before(&table.at, table.rows_of(self.customer), moment)
            .filter(move |&row| {
                or_default(&table.known_at, row, i64::MIN) < moment && or_default(&table.is_control, row, 0) == 0
            })
            .map(move |row| Contact {
                at: table.at[row],
                action: table.action[row],
                taken: or_default(&table.taken, row, 0) == 1 && or_default(&table.outcome_at, row, NEVER) < moment,
            })
    }

    /// Whether the customer had consented to the channel, an index into the channels: the last change that was known.
    /// `None` if none was.
    #[must_use]
    pub fn consent(&self, channel: u32) -> Option<bool> {
        let table = &self.timelines.consents;
        let moment = self.moment.seconds();
        rows_before(&table.at, table.rows_of(self.customer), moment)
            .rev()
            .find(|&row| table.channel[row] == channel && or_default(&table.known_at, row, i64::MIN) < moment)
            .map(|row| or_default(&table.is_granted, row, 0) == 1)
    }
}

impl<'a> Outcome<'a> {
    /// The first moment of the window.
    #[must_use]
    pub fn from(&self) -> Moment {
        self.from
    }

    /// The first moment after the window.
    #[must_use]
    pub fn until(&self) -> Moment {
        self.until
    }

    /// Purchase lines in the window, ascending by time.
    pub fn purchases(&self) -> impl Iterator<Item = Purchase> + use<'a> {
        let table = &self.timelines.purchases;
        let rows = table.rows_of(self.customer);
        let end = rows_before(&table.at, rows.clone(), self.until.seconds()).end;
        let start = rows_before(&table.at, rows, self.from.seconds()).end;
        let lines = PurchaseColumns::of(table, start..end);
        (0..lines.at.len()).map(move |row| lines.line(row))
    }

    /// Subscriptions that run at any time of the window; an end after the window is not told.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> + use<'a> {
        let table = &self.timelines.subscriptions;
        let (from, until) = (self.from.seconds(), self.until.seconds());
        rows_before(&table.at, table.rows_of(self.customer), until)
            .map(move |row| subscription_at(table, row))
            .filter(move |subscription| subscription.end >= from)
            .map(move |subscription| {
                let end = if subscription.end < until { subscription.end } else { NEVER };
                Subscription { end, ..subscription }
            })
    }
}

/// One customer's purchase columns, sliced once so that reading a line costs no bounds arithmetic on the whole table.
#[derive(Clone, Copy)]
struct PurchaseColumns<'a> {
    at: &'a [i64],
    known_at: &'a [i64],
    amount: &'a [f64],
    margin: &'a [f64],
    quantity: &'a [f32],
    product: &'a [u32],
    category: &'a [u32],
}

impl<'a> PurchaseColumns<'a> {
    fn of(table: &'a Purchases, rows: std::ops::Range<usize>) -> Self {
        fn part<T>(column: &[T], rows: std::ops::Range<usize>) -> &[T] {
            if column.is_empty() { &[] } else { &column[rows] }
        }
        Self {
            at: part(&table.at, rows.clone()),
            known_at: part(&table.known_at, rows.clone()),
            amount: part(&table.amount, rows.clone()),
            margin: part(&table.margin, rows.clone()),
            quantity: part(&table.quantity, rows.clone()),
            product: part(&table.product, rows.clone()),
            category: part(&table.category, rows),
        }
    }

    #[inline]
    fn line(&self, row: usize) -> Purchase {
        Purchase {
            at: self.at[row],
            amount: self.amount[row],
            margin: or_default(self.margin, row, f64::NAN),
            quantity: or_default(self.quantity, row, f32::NAN),
            product: or_default(self.product, row, NO_CODE),
            category: or_default(self.category, row, NO_CODE),
        }
    }
}

fn subscription_at(table: &Subscriptions, row: usize) -> Subscription {
    Subscription {
        start: table.at[row],
        end: or_default(&table.end, row, NEVER),
        product: or_default(&table.product, row, NO_CODE),
        mrr: table.mrr[row],
        bill_period_months: or_default(&table.bill_period_months, row, f32::NAN),
        discount: or_default(&table.discount, row, f32::NAN),
    }
}
