//! What a request asks, checked: nothing unknown, nothing infinite, nothing too long.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tend_models::quantities::Moment;

use super::MOST_CUSTOMERS;
use super::problem::Problem;
use crate::contract::{AttributeValue, Contact, Event, Subscription, Text, Transaction, When};

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
}

/// Reads a body of JSON.
///
/// # Errors
/// [`Problem`] 415 for another media type, 400 for what is not JSON, 422 for JSON of another shape.
pub(super) fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    check_media_type(headers)?;
    parse_json(body)
}

/// Whether the body is said to be JSON.
///
/// # Errors
/// [`Problem`] 415 if not.
pub(super) fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Problem::media_type()),
    }
}

/// The media type of the body, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.split(';').next()).map(str::trim)
}

pub(super) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Problem::shape(format!("{error}; see /openapi.json")),
        Category::Io | Category::Syntax | Category::Eof => Problem::malformed(error),
    })
}

/// Reads a body.
///
/// # Errors
/// [`Problem`] 400 for what is not JSON, 422 for JSON of another shape.
pub(super) fn parse(body: &[u8]) -> Result<Request, Problem> {
    let body: Body = parse_json(body)?;
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
