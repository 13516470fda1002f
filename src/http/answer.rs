//! The answers: what each route says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

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

use super::life::Answering;
use super::problem::{Fault, Problem};
use super::request::{CustomerQuery, InlineCustomer, Request, Subjects, check_media_type, parse};
use super::{Service, inline, now_ms};
use crate::book::Book;
use crate::contract::{Text, When};
use crate::decision::Decision;
use crate::live::Place;
use crate::store::{DecisionRecord, Recorded};

/// Customers above this many are computed on a thread of their own, so that other requests need not wait.
pub(super) const MOST_INLINE: usize = 64;
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
    let answering = service.answering.load();
    if service.is_stopping.load(Ordering::Relaxed)
        || (answering.table_models.is_empty() && answering.book.scorer.is_empty())
    {
        return Err(Problem::not_ready());
    }
    Ok(Json(serde_json::json!({"ready": true, "models": answering.versions()})).into_response())
}

/// The models that answer.
pub(super) async fn models(State(service): State<Arc<Service>>) -> Response {
    let answering = service.answering.load();
    let versions = answering.versions();
    let models: Vec<_> =
        versions.iter().map(|(task, version)| serde_json::json!({"task": task, "version": version})).collect();
    Json(serde_json::json!({"models": models})).into_response()
}

/// Scores of many customers.
pub(super) async fn scores(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Answered { body, .. } = answer(service, &headers, body, Question::Scores).await?;
    Ok(json_response(body))
}

/// Decisions on many customers, kept before they are told.
pub(super) async fn decisions(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Answered { body, records } = answer(Arc::clone(&service), &headers, body, Question::Decisions).await?;
    let actions: Vec<String> = records.iter().map(|record| record.action.clone()).collect();
    let recorded = service.store.record_decisions(records).await.map_err(|error| Problem::store(&error))?;
    let erased = |place: usize| (recorded[place] == Recorded::Erased).then(|| unknown_at(&format!("/{place}")));
    let erased: Vec<Fault> = (0..recorded.len()).filter_map(erased).collect();
    if !erased.is_empty() {
        return Err(Problem::unknown(recorded.len(), erased));
    }
    service.metrics.decided(actions.iter().map(String::as_str));
    Ok(json_response(body))
}

/// Scores of one customer and the decision on them, which is not kept.
pub(super) async fn customer(
    State(service): State<Arc<Service>>,
    id: Result<Path<String>, PathRejection>,
    query: Result<Query<CustomerQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let answering = service.answering.load_full();
    check_ready(&answering)?;
    let Path(id) = id.map_err(|found| Problem::shape(found.body_text()))?;
    let Query(query) = query.map_err(|found| Problem::shape(found.body_text()))?;
    let moment = query.moment.map_or_else(|| service.moment_of(&answering), |When(moment)| moment);
    let known = Known::find(&service, &answering, std::iter::once(id.as_str()));
    let missing = |unknown: Vec<usize>| Problem::unknown(1, unknown.iter().map(|_| unknown_at("")).collect());
    known.check(&answering.book, moment).map_err(missing)?;
    let mut judged = known.judge(&answering.book, moment);
    let (scorecard, decision) = judged.pop().ok_or_else(Problem::defect)?;
    check_finite(scores_are_finite(&scorecard) && decision_is_finite(&decision))?;
    json(&Customer { scorecard, decision }).map(json_response)
}

/// An answer, and what of it is to be kept.
struct Answered {
    body: Vec<u8>,
    records: Vec<DecisionRecord>,
}

async fn answer(
    service: Arc<Service>,
    headers: &HeaderMap,
    body: Bytes,
    question: Question,
) -> Result<Answered, Problem> {
    let answering = service.answering.load_full();
    check_ready(&answering)?;
    check_media_type(headers)?;
    let is_long = body.len() > MOST_INLINE_BYTES;
    let request = apart(is_long, move || parse(&body)).await?;
    let is_much = request.len() > MOST_INLINE;
    apart(is_much, move || compute(&service, &answering, &request, question)).await
}

/// Runs work here, or on a thread for blocking work if it is long.
pub(super) async fn apart<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if !is_long {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::defect()))
}

fn compute(
    service: &Service,
    answering: &Answering,
    request: &Request,
    question: Question,
) -> Result<Answered, Problem> {
    let moment = request.moment.unwrap_or_else(|| service.moment_of(answering));
    let book = &answering.book;
    let known = match &request.subjects {
        Subjects::Known(ids) => {
            let known = Known::find(service, answering, ids.iter().map(Text::as_str));
            known.check(book, moment).map_err(|unknown| missing("/customer_ids", &unknown, ids.len()))?;
            known
        }
        Subjects::Inline(customers) => {
            let merged = inline::timelines(customers, &book.timelines.attributes)?;
            let place = |customer: &InlineCustomer| merged.position(customer.customer_id.as_str());
            let places = customers.iter().map(|customer| place(customer).map_or(Place::Unknown, Place::Merged));
            let known = Known { places: places.collect(), merged };
            known.check(book, moment).map_err(|unknown| missing("/customers", &unknown, customers.len()))?;
            known
        }
    };
    match question {
        Question::Scores => {
            let scores = known.score(book, moment);
            check_finite(scores.iter().all(scores_are_finite))?;
            Ok(Answered { body: json(&Scores { scores })?, records: Vec::new() })
        }
        Question::Decisions => {
            let decisions = known.decide(book, moment);
            check_finite(decisions.iter().all(decision_is_finite))?;
            decided(service, &decisions)
        }
    }
}

/// The decisions as the batch writes them, their ids beside them, and what is to be kept of each.
fn decided(service: &Service, decisions: &[Decision]) -> Result<Answered, Problem> {
    let now = now_ms();
    let mut body = b"{\"decisions\":[".to_vec();
    let mut records = Vec::with_capacity(decisions.len());
    for (place, decision) in decisions.iter().enumerate() {
        let text = text(decision)?;
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(text.as_bytes());
        records.push(record_at(service, decision, text, now)?);
    }
    let ids: Vec<&str> = records.iter().map(|record| record.decision_id.as_str()).collect();
    body.extend_from_slice(b"],\"decision_ids\":");
    body.extend(json(&ids)?);
    body.push(b'}');
    Ok(Answered { body, records })
}

/// What is to be kept of a decision made now.
pub(super) fn record(service: &Service, decision: &Decision) -> Result<DecisionRecord, Problem> {
    record_at(service, decision, text(decision)?, now_ms())
}

fn record_at(service: &Service, decision: &Decision, text: String, now: i64) -> Result<DecisionRecord, Problem> {
    let eligible = decision.considered.iter().filter(|considered| considered.expected_gain.is_some());
    let eligible: Vec<&str> = eligible.map(|considered| considered.action.as_str()).collect();
    Ok(DecisionRecord {
        decision_id: service.ids.next(now),
        decided_at_ms: now,
        customer_id: decision.customer_id.clone(),
        stage: decision.stage.clone(),
        action: decision.action.clone(),
        eligible: self::text(&eligible)?,
        probability: decision.probability,
        model_versions: self::text(&decision.model_versions)?,
        policy_version: decision.policy_version.clone(),
        decision: text,
    })
}

/// Customers who were asked about: where their rows are, in the order of the question.
pub(super) struct Known {
    places: Vec<Place>,
    /// Those whose rows are not those of the book.
    merged: Timelines,
}

impl Known {
    /// Finds customers of the book, with what was streamed.
    pub(super) fn find<'i>(service: &Service, answering: &Answering, ids: impl Iterator<Item = &'i str>) -> Self {
        let tables = (&answering.book.timelines, &answering.tables);
        let (places, merged) = service.live.find(&service.store, tables, ids);
        Self { places, merged }
    }

    /// Whether all were there before the moment; if not, which were not.
    pub(super) fn check(&self, book: &Book, moment: Moment) -> Result<(), Vec<usize>> {
        let there = |place: Place| match place {
            Place::Book(place) => book.timelines.timeline(place).before(moment).exists(),
            Place::Merged(place) => self.merged.timeline(place).before(moment).exists(),
            Place::Unknown => false,
        };
        let unknown: Vec<usize> = (0..self.places.len()).filter(|&index| !there(self.places[index])).collect();
        if unknown.is_empty() { Ok(()) } else { Err(unknown) }
    }

    /// Where the rows of the one customer are, if one was asked about.
    pub(super) fn only<'t>(&'t self, book: &'t Book) -> Option<(&'t Timelines, usize)> {
        match self.places[..] {
            [Place::Book(place)] => Some((&book.timelines, place)),
            [Place::Merged(place)] => Some((&self.merged, place)),
            _ => None,
        }
    }

    /// Scores and decides on all that are somewhere.
    pub(super) fn judge(&self, book: &Book, moment: Moment) -> Vec<(Scorecard, Decision)> {
        self.each(book, |bound, place| book.judge(bound, place, moment))
    }

    /// Decides on all that are somewhere.
    pub(super) fn decide(&self, book: &Book, moment: Moment) -> Vec<Decision> {
        self.each(book, |bound, place| book.decide(bound, place, moment).1)
    }

    /// Scores all that are somewhere.
    pub(super) fn score(&self, book: &Book, moment: Moment) -> Vec<Scorecard> {
        self.each(book, |bound, place| bound.score(place, moment))
    }

    fn each<T>(&self, book: &Book, mut judge: impl FnMut(&mut BoundScorer<'_>, usize) -> T) -> Vec<T> {
        let mut of_book: Option<BoundScorer<'_>> = None;
        let mut of_merged: Option<BoundScorer<'_>> = None;
        let judged = self.places.iter().filter_map(|place| match *place {
            Place::Book(place) => Some(judge(of_book.get_or_insert_with(|| book.scorer.bind(&book.timelines)), place)),
            Place::Merged(place) => Some(judge(of_merged.get_or_insert_with(|| book.scorer.bind(&self.merged)), place)),
            Place::Unknown => None,
        });
        judged.collect()
    }
}

/// The problem of customers who were not there, by their places in the request.
pub(super) fn missing(pointer: &str, unknown: &[usize], asked: usize) -> Problem {
    Problem::unknown(asked, unknown.iter().map(|index| unknown_at(&format!("{pointer}/{index}"))).collect())
}

fn unknown_at(pointer: &str) -> Fault {
    Fault { pointer: pointer.to_owned(), detail: "no such customer before the moment".to_owned() }
}

/// Whether any model scores histories.
pub(super) fn check_ready(answering: &Answering) -> Result<(), Problem> {
    if answering.book.scorer.is_empty() { Err(Problem::not_ready()) } else { Ok(()) }
}

/// JSON has no infinity; the serialiser would write `null` and nobody would notice.
pub(super) fn check_finite(is_finite: bool) -> Result<(), Problem> {
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

fn text(answer: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|_| Problem::defect())
}

/// An answer of JSON.
pub(super) fn json_answer(answer: &impl Serialize) -> Result<Response, Problem> {
    json(answer).map(json_response)
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|_| Problem::defect())
}

fn json_response(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
