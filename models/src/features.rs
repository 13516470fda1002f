//! Features: named numbers and categories computed from one customer's history in one pass over its sorted rows.
//!
//! A [`FeaturePlan`] says which features, as plain data; it is stored in the artifact. [`SnapshotMaker`] is a plan
//! bound to the texts of some [`Timelines`]: it fills one row a history, the same way in training, batch and serving.

mod contacts;
mod contracts;
mod engagement;
mod plan;
mod rhythm;
mod spending;
mod subscriptions;
mod words;

use serde::{Deserialize, Serialize};

use crate::predict::FeatureKind;
use crate::timeline::{AttributeValues, History, NO_CODE, Timelines};
use contacts::ContactTotals;
use engagement::EventTotals;
use spending::PurchaseTotals;
use subscriptions::SubscriptionTotals;

pub use contracts::{Contract, contracts, revenue_of_period};
pub use rhythm::{PurchaseRhythm, purchase_days, purchase_rhythm};
pub use subscriptions::{active_products, monthly_revenue_at};

/// The windows, in days, over which counts and sums are taken.
pub const WINDOWS_DAYS: [u16; 5] = [7, 30, 90, 180, 365];

/// What one feature measures. Windows are in days before the moment and one of [`WINDOWS_DAYS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// The month in which the moment lies: the same for all customers, so that models can tell seasons apart.
    Month,
    /// Days since the customer came to be.
    TenureDays,
    /// Days since the last purchase day.
    DaysSinceLastPurchase,
    /// Days since the first purchase day.
    DaysSinceFirstPurchase,
    /// Purchase days in a window.
    Purchases(u16),
    /// Purchase days ever.
    PurchasesEver,
    /// Repeat purchase days a month since the first purchase.
    PurchasesPerMonth,
    /// Spend in a window, returns netted.
    Spend(u16),
    /// Spend ever, returns netted.
    SpendEver,
    /// Spend a day in the shorter window over spend a day in the longer; unknown without spend in the longer.
    SpendTrend(u16, u16),
    /// Purchase days a day in the shorter window over the same in the longer.
    PurchaseTrend(u16, u16),
    /// Mean spend of a purchase day.
    AveragePurchase,
    /// Spend of the largest purchase day.
    LargestPurchase,
    /// Spend of the last purchase day.
    LastPurchase,
    /// Share of lines that were returned.
    ReturnShare,
    /// Mean days between purchase days.
    MeanGapDays,
    /// Standard deviation over mean of the days between purchase days.
    GapVariation,
    /// Days since the last purchase over the mean gap: above 1 the customer is late.
    GapRatio,
    /// Categories ever bought.
    CategoriesBought,
    /// Effective number of categories: the exponential of the entropy of their shares of spend.
    CategoryDiversity,
    /// Share of spend in a category.
    CategoryShare(String),
    /// Days since the last purchase in a category.
    DaysSinceCategory(String),
    /// Events of a type in a window.
    EventCount(String, u16),
    /// Days since the last event of a type.
    DaysSinceEvent(String),
    /// Value of the last event of a type, such as a survey answer.
    LastEventValue(String),
    /// Events of any type after the last purchase; all of them without a purchase.
    EventsSinceLastPurchase,
    /// Days since the last sign of life: a purchase or an event.
    DaysSinceLastActivity,
    /// Days since the last sign of life over the mean days from one to the next; unknown before the second.
    ActivityGapRatio,
    /// Contacts received in a window.
    Contacts(u16),
    /// Offers taken in a window.
    ContactsTaken(u16),
    /// Days since the last contact.
    DaysSinceContact,
    /// Subscriptions running.
    ActiveSubscriptions,
    /// Revenue a month of the running subscriptions.
    MonthlyRevenue,
    /// Change of the revenue a month over a window.
    MonthlyRevenueChange(u16),
    /// Days since the oldest running subscription began.
    SubscribedDays,
    /// Days since the last start of a subscription.
    DaysSinceSubscriptionStart,
    /// Days since a subscription last ended.
    DaysSinceSubscriptionEnd,
    /// Subscriptions that have ended.
    SubscriptionsEnded,
    /// Months between bills of the dearest running subscription.
    BillPeriodMonths,
    /// Discount of the dearest running subscription.
    Discount,
    /// Product of the dearest running subscription.
    SubscribedProduct,
    /// An attribute of the customer, by name.
    Attribute(String),
    /// A column of a customer table, by name; not computed from a history.
    Column(String),
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The name in files and conditions: an identifier.
    pub name: String,
    /// The name for a person.
    pub label: String,
    /// Number or category.
    pub kind: FeatureKind,
    /// What it measures.
    pub measure: Measure,
}

/// Which features, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeaturePlan {
    /// The features, in the order of a row's values.
    pub features: Vec<Feature>,
}

impl FeaturePlan {
    /// Number of features: the length of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// The place of a feature.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature.name == name)
    }

    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.features.iter().map(|feature| feature.name.clone()).collect()
    }

    /// The kinds, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<FeatureKind> {
        self.features.iter().map(|feature| feature.kind.clone()).collect()
    }

    /// Whether every feature can be computed from a history.
    #[must_use]
    pub fn reads_histories(&self) -> bool {
        self.features.iter().all(|feature| !matches!(feature.measure, Measure::Column(_)))
    }
}

/// A plan bound to the texts of some timelines, with the scratch space for one history at a time.
#[derive(Debug, Clone)]
pub struct SnapshotMaker<'a> {
    bound: Vec<Bound<'a>>,
    purchases: PurchaseTotals,
    events: EventTotals,
    subscriptions: SubscriptionTotals,
    contacts: ContactTotals,
}

/// A measure with its texts looked up. A text that the timelines do not have is [`NO_CODE`].
#[derive(Debug, Clone)]
enum Bound<'a> {
    Plain(Measure),
    CategoryShare(u32),
    DaysSinceCategory(u32),
    EventCount(u32, u16),
    DaysSinceEvent(u32),
    LastEventValue(u32),
    /// For each product code, the level.
    SubscribedProduct(Vec<f64>),
    NumberAttribute(&'a [f64]),
    /// The customers' codes, and for each code the level.
    CategoryAttribute(&'a [u32], Vec<f64>),
    /// Not in these timelines, or not computed from a history.
    Unknown,
}

impl<'a> SnapshotMaker<'a> {
    /// Binds a plan to timelines.
    #[must_use]
    pub fn new(plan: &FeaturePlan, timelines: &'a Timelines) -> Self {
        Self {
            bound: plan.features.iter().map(|feature| bind(feature, timelines)).collect(),
            purchases: PurchaseTotals::new(timelines.categories.len()),
            events: EventTotals::new(timelines.event_types.len()),
            subscriptions: SubscriptionTotals::default(),
            contacts: ContactTotals::default(),
        }
    }

    /// Fills `row` (one value a feature) from a history; makes no allocation.
    ///
    /// # Panics
    /// If `row` is not as long as the plan.
    pub fn fill(&mut self, history: &History<'_>, row: &mut [f64]) {
        assert_eq!(row.len(), self.bound.len(), "one value a feature");
        self.purchases.read(history);
        self.events.read(history, self.purchases.span().map(|(_, last)| last));
        self.subscriptions.read(history);
        self.contacts.read(history);
        for (value, bound) in row.iter_mut().zip(&self.bound) {
            *value = match bound {
                Bound::Plain(measure) => self.plain(measure, history),
                Bound::CategoryShare(code) => self.purchases.category_share(*code),
                Bound::DaysSinceCategory(code) => self.purchases.days_since_category(*code),
                Bound::EventCount(code, window) => self.events.count(*code, *window),
                Bound::DaysSinceEvent(code) => self.events.days_since(*code),
                Bound::LastEventValue(code) => self.events.last_value(*code),
                Bound::SubscribedProduct(levels) => level(self.subscriptions.product(), levels),
                Bound::NumberAttribute(values) => history.number(values),
                Bound::CategoryAttribute(codes, levels) => level(history.code(codes), levels),
                Bound::Unknown => f64::NAN,
            };
        }
    }

    fn activity(&self, history: &History<'_>) -> Option<Activity> {
        let spans = [self.purchases.span(), self.events.span()].into_iter().flatten();
        let (first, last) = spans.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))?;
        let days = |seconds: i64| seconds as f64 / crate::quantities::DAY_SECONDS as f64;
        Some(Activity {
            signs: self.purchases.all() + self.events.all(),
            days_from_first_to_last: days(last - first),
            days_since_last: days(history.moment().seconds() - last),
        })
    }

    fn plain(&self, measure: &Measure, history: &History<'_>) -> f64 {
        match *measure {
            Measure::Month => f64::from(history.moment().date().month() - 1),
            Measure::TenureDays => history.moment().days_since(history.created_at()),
            Measure::EventsSinceLastPurchase => self.events.since_last_purchase(),
            Measure::DaysSinceLastActivity => {
                self.activity(history).map_or(f64::NAN, |activity| activity.days_since_last)
            }
            Measure::ActivityGapRatio => self.activity(history).map_or(f64::NAN, |activity| activity.gap_ratio()),
            Measure::Contacts(window) => self.contacts.received(window),
            Measure::ContactsTaken(window) => self.contacts.taken(window),
            Measure::DaysSinceContact => self.contacts.days_since_last(),
            Measure::ActiveSubscriptions => self.subscriptions.active(),
            Measure::MonthlyRevenue => self.subscriptions.monthly_revenue(),
            Measure::MonthlyRevenueChange(window) => self.subscriptions.monthly_revenue_change(window),
            Measure::SubscribedDays => self.subscriptions.subscribed_days(),
            Measure::DaysSinceSubscriptionStart => self.subscriptions.days_since_start(),
            Measure::DaysSinceSubscriptionEnd => self.subscriptions.days_since_end(),
            Measure::SubscriptionsEnded => self.subscriptions.ended(),
            Measure::BillPeriodMonths => self.subscriptions.bill_period_months(),
            Measure::Discount => self.subscriptions.discount(),
            ref other => self.purchases.value(other),
        }
    }
}

/// The signs of life of a customer: purchase days and events.
struct Activity {
    signs: f64,
    days_from_first_to_last: f64,
    days_since_last: f64,
}

impl Activity {
    fn gap_ratio(&self) -> f64 {
        if self.signs < 2.0 || self.days_from_first_to_last <= 0.0 {
            return f64::NAN;
        }
        self.days_since_last * (self.signs - 1.0) / self.days_from_first_to_last
    }
}

fn code_of(texts: &[String], text: &str) -> u32 {
    texts.binary_search_by(|known| known.as_str().cmp(text)).map_or(NO_CODE, |place| place as u32)
}

/// The level of a code; unknown for [`NO_CODE`].
fn level(code: u32, levels: &[f64]) -> f64 {
    levels.get(code as usize).copied().unwrap_or(f64::NAN)
}

/// For each text of the timelines, its level in the plan; texts that are not in the plan share the level behind the last.
fn translation(kind: &FeatureKind, texts: &[String]) -> Vec<f64> {
    let FeatureKind::Category { levels } = kind else {
        return vec![f64::NAN; texts.len()];
    };
    texts.iter().map(|text| levels.binary_search(text).unwrap_or(levels.len()) as f64).collect()
}

fn bind<'a>(feature: &Feature, timelines: &'a Timelines) -> Bound<'a> {
    match &feature.measure {
        Measure::CategoryShare(name) => Bound::CategoryShare(code_of(&timelines.categories, name)),
        Measure::DaysSinceCategory(name) => Bound::DaysSinceCategory(code_of(&timelines.categories, name)),
        Measure::EventCount(name, window) => Bound::EventCount(code_of(&timelines.event_types, name), *window),
        Measure::DaysSinceEvent(name) => Bound::DaysSinceEvent(code_of(&timelines.event_types, name)),
        Measure::LastEventValue(name) => Bound::LastEventValue(code_of(&timelines.event_types, name)),
        Measure::SubscribedProduct => Bound::SubscribedProduct(translation(&feature.kind, &timelines.products)),
        Measure::Attribute(name) => bind_attribute(feature, name, timelines),
        Measure::Column(_) => Bound::Unknown,
        plain => Bound::Plain(plain.clone()),
    }
}

fn bind_attribute<'a>(feature: &Feature, name: &str, timelines: &'a Timelines) -> Bound<'a> {
    let Some(attribute) = timelines.attributes.iter().find(|attribute| attribute.name == name) else {
        return Bound::Unknown;
    };
    match (&attribute.values, &feature.kind) {
        (AttributeValues::Number(values), FeatureKind::Number) => Bound::NumberAttribute(values),
        (AttributeValues::Category { levels, codes }, FeatureKind::Category { .. }) => {
            Bound::CategoryAttribute(codes, translation(&feature.kind, levels))
        }
        _ => Bound::Unknown,
    }
}

/// The window's place in [`WINDOWS_DAYS`]; a window that is not there counts everything.
fn window_place(window: u16) -> usize {
    WINDOWS_DAYS.iter().position(|&days| days == window).unwrap_or(WINDOWS_DAYS.len())
}

/// The place of the smallest window that holds an age in seconds; one past the last if none does.
#[inline]
fn window_of_age(age_seconds: i64) -> usize {
    let is_older = |&window: &u16| usize::from(age_seconds > i64::from(window) * crate::quantities::DAY_SECONDS);
    WINDOWS_DAYS.iter().map(is_older).sum()
}

/// Amounts by window: each held once, in the smallest window that holds its age.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Windowed([f64; WINDOWS_DAYS.len() + 1]);

impl Windowed {
    #[inline]
    fn add(&mut self, age_seconds: i64, amount: f64) {
        self.0[window_of_age(age_seconds)] += amount;
    }

    /// The sum over a window.
    fn within(&self, window: u16) -> f64 {
        self.0[..=window_place(window)].iter().sum()
    }

    fn ever(&self) -> f64 {
        self.0.iter().sum()
    }
}
