//! Rows of the data contract as JSON, checked: nothing unknown, nothing infinite, nothing too long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use tend_models::quantities::Moment;
use tend_models::timeline::{ConsentRow, ContactRow, EventRow, PurchaseRow, SubscriptionRow};

/// Bytes that an id or a name may have.
const MOST_TEXT_BYTES: usize = 256;
/// Numbers may be this far from zero; sums of them then stay finite.
const LARGEST_NUMBER: f64 = 1e12;
/// Seconds of 1900-01-01 and 2200-01-01.
const TIMES: std::ops::Range<i64> = -2_208_988_800..7_258_118_400;

/// What is known of a customer that does not change with time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// When the customer came to be.
    pub created_at: When,
    /// Values by the attribute's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// When the attributes became known, if later than the customer came to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number within 1e12 of zero, a text of 1 to 256 bytes, true or false")]
pub enum AttributeValue {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A category.
    Text(Text),
}

/// A purchase line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// When it was bought.
    pub event_time: When,
    /// What was paid; negative for a return.
    pub amount: Number,
    /// The product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<Text>,
    /// The product's category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Text>,
    /// Pieces; negative for a return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Number>,
    /// Margin of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<Number>,
    /// When the row became known, if later than it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// A subscription as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// When it began.
    pub start_date: When,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<When>,
    /// The product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<Text>,
    /// Revenue a month.
    pub mrr: Number,
    /// Months between bills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill_period_months: Option<Number>,
    /// Discount as the company gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Number>,
    /// When the row became known, if later than it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// An event: a login, a ticket, a survey answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When it happened.
    pub event_time: When,
    /// What happened.
    pub event_type: Text,
    /// Through which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text>,
    /// The answer or quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Number>,
    /// When the row became known, if later than it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// A campaign contact as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// When it was sent.
    pub sent_at: When,
    /// The action.
    pub action_id: Text,
    /// The decision that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<Text>,
    /// Through which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text>,
    /// Whether the customer was held back as control.
    #[serde(default)]
    pub is_control: bool,
    /// The probability with which the action was selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<Number>,
    /// The policy's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Text>,
    /// The model's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version: Option<Text>,
    /// What the contact cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Number>,
    /// What came of it; `taken` for an offer that was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text>,
    /// When the outcome was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_at: Option<When>,
    /// What the outcome was worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_value: Option<Number>,
    /// When the row became known, if later than it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// A change of a consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The channel.
    pub channel: Text,
    /// Whether consent was granted or withdrawn.
    pub status: ConsentStatus,
    /// When it changed.
    pub changed_at: When,
    /// When the row became known, if later than it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<When>,
}

/// Whether consent was granted or withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentStatus {
    /// The channel may be used.
    Granted,
    /// The channel may not be used.
    Withdrawn,
}

impl Transaction {
    /// The row as timelines hold it. A return has a negative amount or quantity; then all its numbers are negative,
    /// as in the tables.
    #[must_use]
    pub fn row(&self) -> PurchaseRow<'_> {
        let quantity = number(self.quantity);
        let returned = self.amount.get() < 0.0 || quantity < 0.0;
        let signed = |value: f64| if returned { -value.abs() } else { value };
        PurchaseRow {
            at: self.event_time.0,
            known_at: moment(self.available_at),
            amount: signed(self.amount.get()),
            margin: signed(number(self.margin)),
            quantity: signed(quantity) as f32,
            product: text(&self.product_id),
            category: text(&self.category),
        }
    }
}

impl Subscription {
    /// The row as timelines hold it.
    #[must_use]
    pub fn row(&self) -> SubscriptionRow<'_> {
        SubscriptionRow {
            start: self.start_date.0,
            end: moment(self.end_date),
            known_at: moment(self.available_at),
            product: text(&self.product_id),
            mrr: self.mrr.get(),
            bill_period_months: number(self.bill_period_months) as f32,
            discount: number(self.discount) as f32,
        }
    }

    /// Whether it ends before it starts.
    #[must_use]
    pub fn ends_before_it_starts(&self) -> bool {
        self.end_date.is_some_and(|end| end.0 < self.start_date.0)
    }
}

impl Event {
    /// The row as timelines hold it.
    #[must_use]
    pub fn row(&self) -> EventRow<'_> {
        EventRow {
            at: self.event_time.0,
            known_at: moment(self.available_at),
            event_type: self.event_type.as_str(),
            value: number(self.value),
        }
    }
}

impl Contact {
    /// The row as timelines hold it.
    #[must_use]
    pub fn row(&self) -> ContactRow<'_> {
        ContactRow {
            at: self.sent_at.0,
            known_at: moment(self.available_at),
            action: self.action_id.as_str(),
            is_control: self.is_control,
            taken: self.outcome.as_ref().is_some_and(|outcome| outcome.as_str().eq_ignore_ascii_case("taken")),
            outcome_at: moment(self.outcome_at),
        }
    }
}

impl Consent {
    /// The row as timelines hold it.
    #[must_use]
    pub fn row(&self) -> ConsentRow<'_> {
        ConsentRow {
            at: self.changed_at.0,
            known_at: moment(self.available_at),
            channel: self.channel.as_str(),
            is_granted: self.status == ConsentStatus::Granted,
        }
    }
}

fn number(given: Option<Number>) -> f64 {
    given.map_or(f64::NAN, Number::get)
}

fn moment(given: Option<When>) -> Option<Moment> {
    given.map(|when| when.0)
}

fn text(given: &Option<Text>) -> Option<&str> {
    given.as_ref().map(Text::as_str)
}

/// A text of 1 to 256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected = "expected 1 to 256 bytes without control characters";
        if text.is_empty() || text.len() > MOST_TEXT_BYTES {
            return Err(format!("found a text of {} bytes, {expected}", text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("found a control character in a text, {expected}"));
        }
        Ok(Self(text))
    }
}

/// A finite number within 1e12 of zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Number(f64);

impl Number {
    /// The plain number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Number {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.abs() <= LARGEST_NUMBER {
            Ok(Self(value))
        } else {
            Err(format!("found the number {value}, expected one within 1e12 of zero"))
        }
    }
}

/// A moment of the years 1900 to 2199; written as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct When(pub Moment);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let moment: Moment = text.parse()?;
        if TIMES.contains(&moment.seconds()) {
            Ok(Self(moment))
        } else {
            Err(format!("found {moment}, expected a time in the years 1900 to 2199"))
        }
    }
}
