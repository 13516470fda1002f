//! What is reported: streamed rows of the data contract, and what came of decisions. Each item has its own result.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tend_models::quantities::Moment;

use super::answer::json_answer;
use super::problem::Problem;
use super::request::read_json;
use super::{Answering, Service, keeping, now_ms};
use crate::contract::{
    AttributeValue, Consent, Contact, Event, Number, Profile, Subscription, Text, Transaction, When,
};
use crate::live::{Live, StreamedRow};
use crate::store::{EventRecord, OutcomeRecord, Recorded};
use tend_models::timeline::{AttributeValues, Timelines};

/// Items that one request may hold.
const MOST_ITEMS: usize = 1_000;
/// How far a client's clock may be ahead, in seconds.
const CLOCK_TOLERANCE_SECONDS: i64 = 300;

/// A streamed row as it is sent: one of the tables' members, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventItem {
    event_id: Text,
    customer_id: Text,
    customer: Option<Profile>,
    transaction: Option<Transaction>,
    subscription: Option<Subscription>,
    event: Option<Event>,
    contact: Option<Contact>,
    consent: Option<Consent>,
}

/// What came of a decision, as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeItem {
    decision_id: Text,
    outcome: Text,
    outcome_at: Option<When>,
    outcome_value: Option<Number>,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Recorded,
    Duplicate,
    Conflict,
    UnknownDecision,
    Erased,
    Refused,
}

#[derive(Serialize)]
struct ItemResult {
    result: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
struct Results {
    results: Vec<ItemResult>,
}

impl ItemResult {
    fn of(recorded: Recorded) -> Self {
        let (result, detail) = match recorded {
            Recorded::New(_) => (Verdict::Recorded, None),
            Recorded::Duplicate => (Verdict::Duplicate, None),
            Recorded::Conflict => (
                Verdict::Conflict,
                Some("found an id that another item has; expected one of its own; the first item stays"),
            ),
            Recorded::UnknownDecision => (
                Verdict::UnknownDecision,
                Some("found no decision of this id; expected one that POST /v1/decisions answered"),
            ),
            Recorded::Erased => (Verdict::Erased, Some("the customer was erased; nothing about them is kept")),
        };
        Self { result, detail: detail.map(str::to_owned) }
    }

    fn refused(detail: String) -> Self {
        Self { result: Verdict::Refused, detail: Some(detail) }
    }
}

/// Takes streamed rows: one, or `{"events": [...]}`.
pub(super) async fn events(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let items = Items::read(&headers, &body, "events")?;
    if service.live.is_full() {
        return Err(Problem::overloaded());
    }
    // Once rows are on disk they must be merged too, though the client may be gone by then.
    tokio::spawn(take_events(service, items)).await.map_err(|_| Problem::defect())?
}

/// Takes outcomes: one, or `{"outcomes": [...]}`.
pub(super) async fn outcomes(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let items = Items::read(&headers, &body, "outcomes")?;
    let (records, places, results) = items.sort_out(|item: OutcomeItem| {
        Ok(OutcomeRecord {
            decision_id: item.decision_id.as_str().to_owned(),
            outcome: item.outcome.as_str().to_owned(),
            outcome_at: item.outcome_at.map(|when| when.0.seconds()),
            outcome_value: item.outcome_value.map(Number::get),
        })
    });
    let recorded = keeping::outcomes(&service, records).await.map_err(|error| Problem::store(&error))?;
    answer(&service, items.is_single, results, &places, &recorded)
}

async fn take_events(service: Arc<Service>, items: Items) -> Result<Response, Problem> {
    let answering = service.answering.load_full();
    let latest = Moment::from_seconds(now_ms() / 1_000 + CLOCK_TOLERANCE_SECONDS);
    let (rows, places, results) = items.sort_out(|item: EventItem| checked(&answering, item, latest));
    let record = |(customer_id, event_id, row): &(Text, Text, StreamedRow)| {
        Ok(EventRecord {
            event_id: event_id.as_str().to_owned(),
            customer_id: customer_id.as_str().to_owned(),
            known_at: row.known_at().seconds(),
            row: serde_json::to_string(row).map_err(|_| Problem::defect())?,
        })
    };
    let records = rows.iter().map(record).collect::<Result<Vec<_>, Problem>>()?;
    let recorded = service.store.record_events(records).await.map_err(|error| Problem::store(&error))?;
    let live: &Live = &service.live;
    for ((customer_id, _, row), recorded) in rows.into_iter().zip(&recorded) {
        if let Recorded::New(sequence) = *recorded {
            live.add(&service.store, customer_id.as_str(), sequence, row);
        }
    }
    answer(&service, items.is_single, results, &places, &recorded)
}

/// The row of an item, if the batch would take it too.
fn checked(answering: &Answering, item: EventItem, latest: Moment) -> Result<(Text, Text, StreamedRow), String> {
    let EventItem { event_id, customer_id, customer, transaction, subscription, event, contact, consent } = item;
    let rows = [
        customer.map(StreamedRow::Customer),
        transaction.map(StreamedRow::Transaction),
        subscription.map(StreamedRow::Subscription),
        event.map(StreamedRow::Event),
        contact.map(StreamedRow::Contact),
        consent.map(StreamedRow::Consent),
    ];
    let mut rows = rows.into_iter().flatten();
    let (Some(row), None) = (rows.next(), rows.next()) else {
        return Err(
            "found no row or several; expected one of customer, transaction, subscription, event, contact and \
                    consent"
                .to_owned(),
        );
    };
    if row.at() > latest {
        return Err(format!("found the time {}, which is in the future; expected one that has passed", row.at()));
    }
    let timelines = &answering.book.timelines;
    match &row {
        StreamedRow::Customer(profile) => check_attributes(timelines, profile)?,
        StreamedRow::Subscription(row) if row.ends_before_it_starts() => {
            return Err("found an end before the start, expected one from the start on".to_owned());
        }
        row => {
            let place = timelines.position(customer_id.as_str());
            let created = place.map(|place| Moment::from_seconds(timelines.created_at[place]));
            if created.is_some_and(|created| created.day() > row.at().day()) {
                return Err("found a time before the customer came to be, expected one from then on".to_owned());
            }
        }
    }
    Ok((customer_id, event_id, row))
}

fn check_attributes(timelines: &Timelines, profile: &Profile) -> Result<(), String> {
    for (name, value) in &profile.attributes {
        let known = timelines.attributes.iter().find(|attribute| attribute.name == *name);
        match (known.map(|attribute| &attribute.values), value) {
            (None, _) => return Err("found an attribute that the tables do not have; leave it out".to_owned()),
            (Some(AttributeValues::Number(_)), AttributeValue::Text(_)) => {
                return Err("found a text for an attribute that holds numbers, expected a number".to_owned());
            }
            (Some(AttributeValues::Category { .. }), AttributeValue::Number(_)) => {
                return Err("found a number for an attribute that holds texts, expected a text".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// The items of a request as they came.
struct Items {
    is_single: bool,
    items: Vec<Value>,
}

impl Items {
    /// Reads one item, or the list under `name`.
    fn read(headers: &HeaderMap, body: &[u8], name: &str) -> Result<Self, Problem> {
        let Value::Object(mut members) = read_json::<Value>(headers, body)? else {
            return Err(Problem::shape(format!("found no object; expected an item or {{\"{name}\": [...]}}")));
        };
        let Some(list) = members.remove(name) else {
            return Ok(Self { is_single: true, items: vec![Value::Object(members)] });
        };
        let Value::Array(items) = list else {
            return Err(Problem::shape(format!("found `{name}` that is no list; expected a list of items")));
        };
        if !members.is_empty() {
            return Err(Problem::shape(format!("found members beside `{name}`; expected it alone")));
        }
        if items.is_empty() || items.len() > MOST_ITEMS {
            let count = items.len();
            return Err(Problem::shape(format!(
                "found {count} items; expected 1 to {MOST_ITEMS}; send several requests"
            )));
        }
        Ok(Self { is_single: false, items })
    }

    /// Reads every item: the good ones with their places, and a result for each of the others.
    fn sort_out<I: DeserializeOwned, R>(
        &self,
        check: impl Fn(I) -> Result<R, String>,
    ) -> (Vec<R>, Vec<usize>, Vec<Option<ItemResult>>) {
        let (mut good, mut places, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for (place, item) in self.items.iter().enumerate() {
            let read = I::deserialize(item).map_err(|error| error.to_string());
            results.push(match read.and_then(&check) {
                Ok(item) => {
                    good.push(item);
                    places.push(place);
                    None
                }
                Err(detail) => Some(ItemResult::refused(format!("{detail}; see /openapi.json"))),
            });
        }
        (good, places, results)
    }
}

fn answer(
    service: &Service,
    is_single: bool,
    mut results: Vec<Option<ItemResult>>,
    places: &[usize],
    recorded: &[Recorded],
) -> Result<Response, Problem> {
    for (&place, &recorded) in places.iter().zip(recorded) {
        results[place] = Some(ItemResult::of(recorded));
    }
    let new = recorded.iter().filter(|recorded| matches!(recorded, Recorded::New(_))).count();
    service.metrics.taken.fetch_add(new as u64, Ordering::Relaxed);
    let results: Vec<ItemResult> = results.into_iter().flatten().collect();
    if is_single && let [ItemResult { result, detail: Some(detail) }] = results.as_slice() {
        return Err(match result {
            Verdict::Conflict => Problem::conflict(detail.clone()),
            Verdict::UnknownDecision => Problem::unknown_decision(),
            _ => Problem::shape(detail.clone()),
        });
    }
    json_answer(&Results { results })
}
