//! What is kept about one customer: a decision as it was made, all of it for the customer, and its erasure.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::value::{Map, Value};
use serde_json::{from_str, json};
use tend_models::quantities::Moment;
use tend_models::timeline::{AttributeValues, NEVER, Timelines};

use super::answer::json_answer;
use super::problem::Problem;
use super::{Service, keeping};
use crate::store::{StoreError, StoredDecision};

/// A moment after everything: 2200-01-01.
const AFTER_ALL: Moment = Moment::from_seconds(7_258_118_400);

/// A decision with the models and the policy that made it, and what came of it.
pub(super) async fn decision(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = read(&service, move |service| service.store.decision(&id)).await?;
    json_answer(&decision_json(&found.ok_or_else(Problem::unknown_decision)?)?)
}

/// All that is known of a customer: rows of the tables, streamed rows, decisions and outcomes.
pub(super) async fn export(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let customer_id = id.clone();
    let kept = read(&service, move |service| service.store.export(&customer_id)).await?;
    let answering = service.answering.load_full();
    let timelines = &answering.book.timelines;
    let is_erased = service.live.is_erased(&service.store, &id);
    let place = timelines.position(&id).filter(|_| !is_erased);
    if place.is_none() && kept.decisions.is_empty() && kept.events.is_empty() {
        return Err(Problem::unknown(1, Vec::new()));
    }
    let decisions = kept.decisions.iter().map(decision_json).collect::<Result<Vec<_>, _>>()?;
    let event = |event: &crate::store::StoredEvent| {
        from_str(&event.row).map(|row: Value| json!({"event_id": event.event_id, "row": row}))
    };
    let events = kept.events.iter().map(event).collect::<Result<Vec<_>, _>>().map_err(|_| Problem::defect())?;
    json_answer(&json!({
        "customer_id": id, "tables": place.map(|place| table_rows(timelines, place)),
        "streamed": events, "decisions": decisions,
    }))
}

/// Erases a customer: at once here, and in the tables' file when the tables have been read again.
pub(super) async fn erase(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Result<Response, Problem> {
    // What is begun is finished, though the client may be gone by then.
    tokio::spawn(async move {
        let erased = keeping::erase(&service, &id).await.map_err(|error| Problem::store(&error))?;
        service.live.erase(&service.store, &id);
        service.promises.erase(&id);
        let is_in_tables = service.answering.load().book.timelines.position(&id).is_some();
        let until = "until `tend train`, `tend score` or `tend decide` has read the tables again without the \
                     customer; no answer uses the rows meanwhile";
        let at = Moment::from_seconds(erased.erased_at).to_string();
        json_answer(&json!({
            "erased_at": at,
            "stores": [
                {"store": "database", "is_erased": true, "decisions": erased.decisions, "outcomes": erased.outcomes,
                    "events": erased.events},
                {"store": "database log", "is_erased": erased.log_emptied,
                    "until": (!erased.log_emptied).then_some("the next erasure, or the end of the service")},
                {"store": "memory", "is_erased": true},
                {"store": "timelines file", "is_erased": !is_in_tables, "until": is_in_tables.then_some(until)},
            ],
            "kept": "a keyed hash of the id, so that rows that arrive late are refused; models hold no customer's rows",
        }))
    })
    .await
    .map_err(|_| Problem::defect())?
}

async fn read<T: Send + 'static>(
    service: &Arc<Service>,
    read: impl FnOnce(&Service) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let service = Arc::clone(service);
    let outcome = tokio::task::spawn_blocking(move || read(&service)).await.map_err(|_| Problem::defect())?;
    outcome.map_err(|error| Problem::store(&error))
}

fn decision_json(stored: &StoredDecision) -> Result<Value, Problem> {
    let parsed = |text: &str| from_str::<Value>(text).map_err(|_| Problem::defect());
    Ok(json!({
        "decision_id": stored.decision_id,
        "decided_at": Moment::from_seconds(stored.decided_at_ms.div_euclid(1_000)).to_string(),
        "eligible": parsed(&stored.eligible)?,
        "decision": parsed(&stored.decision)?,
        "outcomes": stored.outcomes,
    }))
}

/// The rows of the tables, with the contract's columns.
fn table_rows(timelines: &Timelines, place: usize) -> Value {
    let history = timelines.timeline(place).before(AFTER_ALL);
    let name = |names: &[String], code: u32| names.get(code as usize).cloned();
    let time = |seconds: i64| (seconds != NEVER).then(|| Moment::from_seconds(seconds).to_string());
    let transactions = history.purchases().map(|row| {
        json!({"event_time": time(row.at), "amount": row.amount, "margin": row.margin, "quantity": row.quantity,
            "product_id": name(&timelines.products, row.product), "category": name(&timelines.categories, row.category)})
    });
    let subscriptions = history.subscriptions().map(|row| {
        json!({"start_date": time(row.start), "end_date": time(row.end), "mrr": row.mrr,
            "product_id": name(&timelines.products, row.product), "bill_period_months": row.bill_period_months,
            "discount": row.discount})
    });
    let events = history.events().map(|row| {
        json!({"event_time": time(row.at), "event_type": name(&timelines.event_types, row.event_type),
            "value": row.value})
    });
    let contacts = history.contacts().map(
        |row| json!({"sent_at": time(row.at), "action_id": name(&timelines.actions, row.action), "taken": row.taken}),
    );
    let attributes = timelines.attributes.iter().map(|attribute| {
        let value = match &attribute.values {
            AttributeValues::Number(values) => json!(values[place]),
            AttributeValues::Category { levels, codes } => json!(name(levels, codes[place])),
        };
        (attribute.name.clone(), value)
    });
    let consents = timelines
        .channels
        .iter()
        .enumerate()
        .filter_map(|(channel, name)| Some((name.clone(), json!(history.consent(channel as u32)?))));
    json!({
        "created_at": history.created_at().to_string(),
        "attributes": attributes.collect::<Map<_, _>>(),
        "transactions": transactions.collect::<Vec<_>>(),
        "subscriptions": subscriptions.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "contacts": contacts.collect::<Vec<_>>(),
        "consents": consents.collect::<Map<_, _>>(),
    })
}
