//! What a request asks, checked: nothing unknown, nothing infinite, nothing too long.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::error::Category;
use tend_models::quantities::Moment;

use super::MOST_CUSTOMERS;
use super::problem::Problem;

/// Bytes that an id or a name may have.
const MOST_TEXT_BYTES: usize = 256;
/// Numbers may be this far from zero; sums of them then stay finite.
const LARGEST_NUMBER: f64 = 1e12;
/// Seconds of 1900-01-01 and 2200-01-01.
const TIMES: std::ops::Range<i64> = -2_208_988_800..7_258_118_400;

/// A request for scores or decisions.
#[derive(Debug)]
pub(super) struct Request {
    /// About whom.
    pub(super) subjects: Subjects,
    /// As of when, if the request says so.
    pub(super) moment: Option<Moment>,
}

/// Whom a request is about.
#[derive(Debug)]
pub(super) enum Subjects {
    /// Customers of the book.
    Known(Vec<Text>),
    /// Customers whose histories are in the request.
    Inline(Vec<InlineCustomer>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    customer_ids: Option<Vec<Text>>,
    customers: Option<Vec<InlineCustomer>>,
    moment: Option<When>,
}

/// The query of a request about one customer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerQuery {
    /// As of when, if the request says so.
    pub(super) moment: Option<When>,
}

/// A customer with their history; columns are those of the data contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InlineCustomer {
    pub(super) customer_id: Text,
    pub(super) created_at: Option<When>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, AttributeValue>,
    #[serde(default)]
    pub(super) transactions: Vec<Transaction>,
    #[serde(default)]
    pub(super) subscriptions: Vec<Subscription>,
    #[serde(default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) contacts: Vec<Contact>,
    #[serde(default)]
    pub(super) consents: Vec<Consent>,
}

/// The value of an attribute.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number within 1e12 of zero, a text of 1 to 256 bytes, true or false")]
pub(super) enum AttributeValue {
    Flag(bool),
    Number(Number),
    Text(Text),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) event_time: When,
    pub(super) amount: Number,
    pub(super) product_id: Option<Text>,
    pub(super) category: Option<Text>,
    pub(super) quantity: Option<Number>,
    pub(super) margin: Option<Number>,
    pub(super) available_at: Option<When>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    pub(super) start_date: When,
    pub(super) end_date: Option<When>,
    pub(super) product_id: Option<Text>,
    pub(super) mrr: Number,
    pub(super) bill_period_months: Option<Number>,
    pub(super) discount: Option<Number>,
    pub(super) available_at: Option<When>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) event_time: When,
    pub(super) event_type: Text,
    pub(super) value: Option<Number>,
    pub(super) available_at: Option<When>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consent {
    pub(super) changed_at: When,
    pub(super) channel: Text,
    pub(super) status: ConsentStatus,
    pub(super) available_at: Option<When>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConsentStatus {
    Granted,
    Denied,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    pub(super) sent_at: When,
    pub(super) action_id: Text,
    #[serde(default)]
    pub(super) is_control: bool,
    pub(super) outcome: Option<Text>,
    pub(super) outcome_at: Option<When>,
    pub(super) available_at: Option<When>,
}

/// A text of 1 to 256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Text(String);

impl Text {
    pub(super) fn as_str(&self) -> &str {
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
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Number(f64);

impl Number {
    pub(super) fn get(self) -> f64 {
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

/// A moment of the years 1900 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct When(pub(super) Moment);

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

/// Reads a body.
///
/// # Errors
/// [`Problem`] 400 for what is not JSON, 422 for JSON of another shape.
pub(super) fn parse(body: &[u8]) -> Result<Request, Problem> {
    let body: Body = serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Problem::shape(format!("{error}; see /openapi.json")),
        Category::Io | Category::Syntax | Category::Eof => Problem::malformed(error),
    })?;
    let subjects = match (body.customer_ids, body.customers) {
        (Some(ids), None) => Subjects::Known(ids),
        (None, Some(customers)) => Subjects::Inline(customers),
        (Some(_), Some(_)) => return Err(one_of("both")),
        (None, None) => return Err(one_of("neither")),
    };
    let request = Request { subjects, moment: body.moment.map(|when| when.0) };
    match request.len() {
        0 => Err(Problem::shape("found no customer; expected at least one".to_owned())),
        count if count > MOST_CUSTOMERS => Err(Problem::shape(format!(
            "found {count} customers; expected at most {MOST_CUSTOMERS}; send several requests"
        ))),
        _ => Ok(request),
    }
}

impl Request {
    /// Number of customers asked about.
    pub(super) fn len(&self) -> usize {
        match &self.subjects {
            Subjects::Known(ids) => ids.len(),
            Subjects::Inline(customers) => customers.len(),
        }
    }
}

fn one_of(found: &str) -> Problem {
    Problem::shape(format!("found {found} of `customer_ids` and `customers`; expected one of them; see /openapi.json"))
}
