//! Rows as they are read, and the columns in which they gather until they are sorted.

use super::growing::{Codes, Flags, KnownTimes, Numbers, OpenTimes, ShortNumbers};
use super::sorting::Sorter;
use crate::quantities::Moment;
use crate::timeline::{Consents, Contacts, Events, Purchases, Subscriptions};

/// One purchase line, as read. `known_at` is when the row became known, if later than `at`.
#[derive(Debug, Clone, Copy)]
pub struct PurchaseRow<'a> {
    /// When.
    pub at: Moment,
    /// When we knew, if not at once.
    pub known_at: Option<Moment>,
    /// Amount, negative for a return.
    pub amount: f64,
    /// Margin; NaN if unknown.
    pub margin: f64,
    /// Pieces; NaN if unknown.
    pub quantity: f32,
    /// Product name.
    pub product: Option<&'a str>,
    /// Category name.
    pub category: Option<&'a str>,
}

/// One subscription, as read.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionRow<'a> {
    /// When it began.
    pub start: Moment,
    /// When it ended, if it did.
    pub end: Option<Moment>,
    /// When we knew of it, if not at once.
    pub known_at: Option<Moment>,
    /// Product name.
    pub product: Option<&'a str>,
    /// Revenue a month.
    pub mrr: f64,
    /// Months between bills; NaN if unknown.
    pub bill_period_months: f32,
    /// Discount; NaN if unknown.
    pub discount: f32,
}

/// One event, as read.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    /// When.
    pub at: Moment,
    /// When we knew, if not at once.
    pub known_at: Option<Moment>,
    /// Type name.
    pub event_type: &'a str,
    /// The answer or quantity; NaN if none.
    pub value: f64,
}

/// One campaign contact, as read.
#[derive(Debug, Clone, Copy)]
pub struct ContactRow<'a> {
    /// When it was sent.
    pub at: Moment,
    /// When we knew, if not at once.
    pub known_at: Option<Moment>,
    /// Action name.
    pub action: &'a str,
    /// Held back as control.
    pub is_control: bool,
    /// The chance of being contacted rather than held back; NaN if not logged.
    pub probability: f32,
    /// Whether the offer was taken.
    pub taken: bool,
    /// When the outcome was known.
    pub outcome_at: Option<Moment>,
}

/// One change of a consent, as read.
#[derive(Debug, Clone, Copy)]
pub struct ConsentRow<'a> {
    /// When it changed.
    pub at: Moment,
    /// When we knew, if not at once.
    pub known_at: Option<Moment>,
    /// Channel name.
    pub channel: &'a str,
    /// Granted, or else denied or withdrawn.
    pub is_granted: bool,
}

#[derive(Debug, Default)]
pub(super) struct PurchaseRows {
    pub(super) customer: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) known_at: KnownTimes,
    pub(super) amount: Vec<f64>,
    pub(super) margin: Numbers,
    pub(super) quantity: ShortNumbers,
    pub(super) product: Codes,
    pub(super) category: Codes,
}

#[derive(Debug, Default)]
pub(super) struct SubscriptionRows {
    pub(super) customer: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) known_at: KnownTimes,
    pub(super) end: OpenTimes,
    pub(super) product: Codes,
    pub(super) mrr: Vec<f64>,
    pub(super) bill_period_months: ShortNumbers,
    pub(super) discount: ShortNumbers,
}

#[derive(Debug, Default)]
pub(super) struct EventRows {
    pub(super) customer: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) known_at: KnownTimes,
    pub(super) event_type: Vec<u32>,
    pub(super) value: Numbers,
}

#[derive(Debug, Default)]
pub(super) struct ContactRows {
    pub(super) customer: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) known_at: KnownTimes,
    pub(super) action: Vec<u32>,
    pub(super) is_control: Flags,
    pub(super) probability: ShortNumbers,
    pub(super) taken: Flags,
    pub(super) outcome_at: OpenTimes,
}

#[derive(Debug, Default)]
pub(super) struct ConsentRows {
    pub(super) customer: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) known_at: KnownTimes,
    pub(super) channel: Vec<u32>,
    pub(super) is_granted: Flags,
}

impl PurchaseRows {
    pub(super) fn sorted(self, ranks: &[u32], product_ranks: &[u32], category_ranks: &[u32]) -> Purchases {
        let mut sorter = Sorter::new(&self.customer, &self.at, ranks);
        // The largest table by far: what is sorted makes room at once.
        drop((self.customer, self.at));
        Purchases {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(self.known_at.filled()),
            amount: sorter.column(self.amount),
            margin: sorter.column(self.margin.filled()),
            quantity: sorter.column(self.quantity.filled()),
            product: sorter.codes(self.product.filled(), product_ranks),
            category: sorter.codes(self.category.filled(), category_ranks),
        }
    }
}

impl SubscriptionRows {
    pub(super) fn sorted(self, ranks: &[u32], product_ranks: &[u32]) -> Subscriptions {
        let mut sorter = Sorter::new(&self.customer, &self.at, ranks);
        Subscriptions {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(self.known_at.filled()),
            end: sorter.column(self.end.filled()),
            product: sorter.codes(self.product.filled(), product_ranks),
            mrr: sorter.column(self.mrr),
            bill_period_months: sorter.column(self.bill_period_months.filled()),
            discount: sorter.column(self.discount.filled()),
        }
    }
}

impl EventRows {
    pub(super) fn sorted(self, ranks: &[u32], event_type_ranks: &[u32]) -> Events {
        let mut sorter = Sorter::new(&self.customer, &self.at, ranks);
        Events {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(self.known_at.filled()),
            event_type: sorter.codes(self.event_type, event_type_ranks),
            value: sorter.column(self.value.filled()),
        }
    }
}

impl ContactRows {
    pub(super) fn sorted(self, ranks: &[u32], action_ranks: &[u32]) -> Contacts {
        let mut sorter = Sorter::new(&self.customer, &self.at, ranks);
        Contacts {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(self.known_at.filled()),
            action: sorter.codes(self.action, action_ranks),
            is_control: sorter.column(self.is_control.filled()),
            probability: sorter.column(self.probability.filled()),
            taken: sorter.column(self.taken.filled()),
            outcome_at: sorter.column(self.outcome_at.filled()),
        }
    }
}

impl ConsentRows {
    pub(super) fn sorted(self, ranks: &[u32], channel_ranks: &[u32]) -> Consents {
        let mut sorter = Sorter::new(&self.customer, &self.at, ranks);
        Consents {
            offsets: sorter.offsets(),
            at: sorter.at(),
            known_at: sorter.column(self.known_at.filled()),
            channel: sorter.codes(self.channel, channel_ranks),
            is_granted: sorter.column(self.is_granted.filled()),
        }
    }
}
