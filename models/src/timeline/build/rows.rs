//! Rows as they are read, and the columns in which they gather.

use super::growing::{Codes, Flags, KnownTimes, Numbers, OpenTimes, ShortNumbers};
use crate::quantities::Moment;

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
    /// Whether the offer was taken.
    pub taken: bool,
    /// When the outcome was known.
    pub outcome_at: Option<Moment>,
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
    pub(super) taken: Flags,
    pub(super) outcome_at: OpenTimes,
}
