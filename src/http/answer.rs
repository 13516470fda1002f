//! The answers: what each route says.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tend_models::quantities::Moment;
use tend_models::scorecard::Scorecard;
use tend_models::scorer::BoundScorer;
use tend_models::timeline::Timelines;

use super::problem::{Fault, Problem};
use super::request::{CustomerQuery, Request, Subjects, When, parse};
use super::{Service, inline};
use crate::decision::Decision;

/// Customers above this many are computed on a thread of their own, so that other requests need not wait.
const MOST_INLINE: usize = 64;
/// Bodies above this many bytes are read on a thread of their own.
const MOST_INLINE_BYTES: usize = 32 << 10;

/// What is asked about each customer.
#[derive(Clone, Copy)]
enum Question {
    Scores,
    Decisions,
}

#[derive(Serialize)]
struct Scores {
    scores: Vec<Scorecard>,
}

#[derive(Serialize)]
struct Decisions {
    decisions: Vec<Decision>,
}

#[derive(Serialize)]
struct Customer {
    scorecard: Scorecard,
    decision: Decision,
}

/// The process answers.
pub(super) async fn live() -> Response {
    Json(serde_json::json!({"live": true})).into_response()
}

/// Whether there are models to score with, and which.
pub(super) async fn ready(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    check_ready(&service)?;
    let models = service.book.scorer.versions();
    Ok(Json(serde_json::json!({"ready": true, "models": models})).into_response())
}

/// The models that answer.
pub(super) async fn models(State(service): State<Arc<Service>>) -> Response {
    let versions = service.book.scorer.versions().iter();
    let models: Vec<_> =
        versions.map(|(task, version)| serde_json::json!({"task": task, "version": version})).collect();
    Json(serde_json::json!({"models": models})).into_response()
}

/// Scores of many customers.
pub(super) async fn scores(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    answer(service, &headers, body, Question::Scores).await
}

/// Decisions on many customers.
pub(super) async fn decisions(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    answer(service, &headers, body, Question::Decisions).await
}

/// Scores of one customer and the decision on them.
pub(super) async fn customer(
    State(service): State<Arc<Service>>,
    id: Result<Path<String>, PathRejection>,
    query: Result<Query<CustomerQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    check_ready(&service)?;
    let Path(id) = id.map_err(|found| Problem::shape(found.body_text()))?;
    let Query(query) = query.map_err(|found| Problem::shape(found.body_text()))?;
    let moment = query.moment.map_or(service.moment, |When(moment)| moment);
    let book = &service.book;
    let place = place_of(&book.timelines, &id, moment).ok_or_else(|| Problem::unknown(1, vec![unknown_at("")]))?;
    let mut bound = book.scorer.bind(&book.timelines);
    let (scorecard, decision) = book.judge(&mut bound, place, moment);
    check_finite(scores_are_finite(&scorecard) && decision_is_finite(&decision))?;
    json(&Customer { scorecard, decision }).map(json_response)
}

async fn answer(
    service: Arc<Service>,
    headers: &HeaderMap,
    body: Bytes,
    question: Question,
) -> Result<Response, Problem> {
    check_ready(&service)?;
    check_media_type(headers)?;
    let is_long = body.len() > MOST_INLINE_BYTES;
    let request = apart(is_long, move || parse(&body)).await?;
    let is_much = request.len() > MOST_INLINE;
    apart(is_much, move || compute(&service, &request, question)).await.map(json_response)
}

/// Runs work here, or on a thread for blocking work if it is long.
async fn apart<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if !is_long {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::defect()))
}

fn compute(service: &Service, request: &Request, question: Question) -> Result<Vec<u8>, Problem> {
    let moment = request.moment.unwrap_or(service.moment);
    match &request.subjects {
        Subjects::Known(ids) => {
            let timelines = &service.book.timelines;
            let ids = ids.iter().map(|id| id.as_str());
            let places = places_of(timelines, ids, "/customer_ids", moment)?;
            write(service, timelines, &places, moment, question)
        }
        Subjects::Inline(customers) => {
            let timelines = inline::timelines(customers, &service.book.timelines.attributes)?;
            let ids = customers.iter().map(|customer| customer.customer_id.as_str());
            let places = places_of(&timelines, ids, "/customers", moment)?;
            write(service, &timelines, &places, moment, question)
        }
    }
}

fn write(
    service: &Service,
    timelines: &Timelines,
    places: &[usize],
    moment: Moment,
    question: Question,
) -> Result<Vec<u8>, Problem> {
    let mut bound: BoundScorer<'_> = service.book.scorer.bind(timelines);
    match question {
        Question::Scores => {
            let scores: Vec<Scorecard> = places.iter().map(|&place| bound.score(place, moment).0).collect();
            check_finite(scores.iter().all(scores_are_finite))?;
            json(&Scores { scores })
        }
        Question::Decisions => {
            let decisions: Vec<Decision> =
                places.iter().map(|&place| service.book.judge(&mut bound, place, moment).1).collect();
            check_finite(decisions.iter().all(decision_is_finite))?;
            json(&Decisions { decisions })
        }
    }
}

/// The places of customers who were there before the moment, in the order of the ids.
fn places_of<'a>(
    timelines: &Timelines,
    ids: impl ExactSizeIterator<Item = &'a str>,
    pointer: &str,
    moment: Moment,
) -> Result<Vec<usize>, Problem> {
    let asked = ids.len();
    let mut places = Vec::with_capacity(asked);
    let mut unknown = Vec::new();
    for (index, id) in ids.enumerate() {
        match place_of(timelines, id, moment) {
            Some(place) => places.push(place),
            None => unknown.push(unknown_at(&format!("{pointer}/{index}"))),
        }
    }
    if unknown.is_empty() { Ok(places) } else { Err(Problem::unknown(asked, unknown)) }
}

fn place_of(timelines: &Timelines, id: &str, moment: Moment) -> Option<usize> {
    let there = |place: &usize| timelines.timeline(*place).before(moment).exists();
    timelines.position(id).filter(there)
}

fn unknown_at(pointer: &str) -> Fault {
    Fault { pointer: pointer.to_owned(), detail: "no such customer before the moment".to_owned() }
}

fn check_ready(service: &Service) -> Result<(), Problem> {
    if service.book.scorer.is_empty() { Err(Problem::not_ready()) } else { Ok(()) }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|value| value.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Problem::media_type()),
    }
}

/// JSON has no infinity; the serialiser would write `null` and nobody would notice.
fn check_finite(is_finite: bool) -> Result<(), Problem> {
    if is_finite { Ok(()) } else { Err(Problem::defect()) }
}

/// Whether all numbers of a scorecard can be written; those of checked types always can.
pub(super) fn scores_are_finite(scorecard: &Scorecard) -> bool {
    scorecard.value.is_none_or(|value| value.expected_purchases.is_finite())
}

/// Whether all numbers of a decision can be written.
pub(super) fn decision_is_finite(decision: &Decision) -> bool {
    let considered = decision.considered.iter();
    let gains = considered.flat_map(|considered| {
        considered.expected_gain.into_iter().chain(considered.terms.map(|terms| terms.priority))
    });
    [decision.expected_gain, decision.priority, decision.effect, decision.cost, decision.probability]
        .into_iter()
        .chain(decision.at_stake)
        .chain(gains)
        .all(f64::is_finite)
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|_| Problem::defect())
}

fn json_response(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
