//! A timeline cut at a moment: the history before it and the outcome from it on, row by row.

use super::{Contacts, NEVER, NO_CODE, Purchases, Subscriptions, Timelines};
use crate::quantities::Moment;

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

/// One customer who was up for an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// When.
    pub at: Moment,
    /// Index into the actions.
    pub action: u32,
    /// Held back as control, or else contacted.
    pub is_control: bool,
    /// The chance of being contacted rather than held back; NaN if not logged.
    pub probability: f32,
}

/// What was known of a customer before a moment.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    pub(super) timelines: &'a Timelines,
    pub(super) customer: usize,
    pub(super) moment: Moment,
}

/// What happened to a customer from a moment on, in a window; the end is not included.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    pub(super) timelines: &'a Timelines,
    pub(super) customer: usize,
    pub(super) from: Moment,
    pub(super) until: Moment,
    pub(super) known_before: Moment,
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

/// The contacts and controls of one customer, as [`super::Timeline::assignments`] gives them.
pub(super) fn assignments(
    table: &Contacts,
    customer: usize,
    known_before: Moment,
) -> impl Iterator<Item = Assignment> + use<'_> {
    let known_before = known_before.seconds();
    rows_before(&table.at, table.rows_of(customer), known_before)
        .filter(move |&row| or_default(&table.known_at, row, i64::MIN) < known_before)
        .map(move |row| Assignment {
            at: Moment::from_seconds(table.at[row]),
            action: table.action[row],
            is_control: or_default(&table.is_control, row, 0) == 1,
            probability: or_default(&table.probability, row, f32::NAN),
        })
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
        let known_before = self.known_before.seconds();
        (0..lines.at.len())
            .filter(move |&row| or_default(lines.known_at, row, i64::MIN) < known_before)
            .map(move |row| lines.line(row))
    }

    /// Subscriptions that run at any time of the window; an end after the window is not told.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> + use<'a> {
        let table = &self.timelines.subscriptions;
        let (from, until, known_before) = (self.from.seconds(), self.until.seconds(), self.known_before.seconds());
        rows_before(&table.at, table.rows_of(self.customer), until)
            .filter(move |&row| or_default(&table.known_at, row, i64::MIN) < known_before)
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
