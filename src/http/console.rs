//! The console's addresses: from requests to pages, for people who have logged in.

mod models;
mod session;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::Value;
use tend_models::quantities::Moment;

use super::answer::{self, Known};
use super::life::Answering;
use super::problem::Problem;
use super::{Service, now_ms};
use crate::console::{
    CustomerPage, Figures, Frame, Happening, OverviewPage, PolicyPage, SCRIPT, STYLE, Selection, Status, WorklistPage,
    csv, message_page, selection_line,
};
use crate::decision::{Decision, Policy};
use crate::store::{OutcomeRecord, Scope, StoreError};

pub(super) use session::Sessions;
use session::Visitor;

/// Nothing but what this service sends, and no script within a page.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Rows of one export; the whole list is written by `tend decide`.
const MOST_EXPORTED: usize = 20_000;
/// A model whose history ends so many days before the data does is called old.
const OLD_MODEL_DAYS: f64 = 45.0;

/// The console's routes.
pub(super) fn routes(service: &Arc<Service>) -> Router<Arc<Service>> {
    let pages = Router::new()
        .route("/", get(overview))
        .route("/worklist", get(worklist))
        .route("/worklist/selection", get(selection))
        .route("/worklist.csv", get(export))
        .route("/customers", get(find))
        .route("/customers/{id}", get(customer))
        .route("/customers/{id}/outcome", post(report_outcome))
        .route("/models", get(models::models))
        .route("/models/{task}/{version}/report", get(models::report))
        .route("/models/{task}/promote", post(models::promote))
        .route("/models/{task}/rollback", post(models::rollback))
        .route("/policy", get(policy).post(check_policy))
        .route("/logout", post(session::log_out))
        .route_layer(from_fn_with_state(Arc::clone(service), session::require_visitor));
    let open = Router::new()
        .route("/login", get(session::ask_key).post(session::log_in))
        .route("/console.css", get(|| async { text("text/css; charset=utf-8", STYLE) }))
        .route("/console.js", get(|| async { text("text/javascript; charset=utf-8", SCRIPT) }));
    pages.merge(open).layer(from_fn(protect))
}

fn text(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

/// Headers that keep other sites out of the pages.
async fn protect(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = HeaderName::from_static("content-security-policy");
    headers.entry(policy).or_insert(HeaderValue::from_static(CONTENT_SECURITY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page that cannot be shown, and why.
pub(super) struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    fn not_found(what: String) -> Self {
        Self(StatusCode::NOT_FOUND, "Not found", what)
    }

    fn defect() -> Self {
        let text = "The service failed to make this page; its log has the request.".to_owned();
        Self(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", text)
    }

    fn store(error: &StoreError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "The store does not answer", error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Html(message_page(self.1, &self.2))).into_response()
    }
}

type Page = Result<Response, Refusal>;

/// Runs work on a thread for blocking work.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Refusal::defect()))
}

/// What answers, the newest figures, and the frame of a page.
struct Scene {
    answering: Arc<Answering>,
    figures: Option<Arc<Figures>>,
    frame: Frame,
}

impl Scene {
    /// Looks at what answers, and for the newest figures.
    fn of(service: &Arc<Service>, visitor: &Visitor, section: &'static str) -> Self {
        let answering = service.answering.load_full();
        let (figures, is_current) = service.figures(&answering);
        let moment = figures.as_ref().map_or_else(|| service.moment_of(&answering), |figures| figures.moment);
        let frame = Frame {
            section,
            moment: Some(moment),
            currency: answering.book.policy().currency().unwrap_or_default().to_owned(),
            is_stale: !is_current && figures.is_some(),
            has_session: visitor.has_session,
        };
        Self { answering, figures, frame }
    }
}

async fn overview(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>) -> Page {
    let scene = Scene::of(&service, &visitor, "/");
    let stages = scene.answering.book.policy().stages();
    let page = OverviewPage {
        figures: scene.figures.as_deref(),
        alerts: alerts(&service, &scene),
        stage_labels: stages.map(|(name, label)| (name.to_owned(), label.to_owned())).collect(),
    };
    Ok(Html(page.render(&scene.frame)).into_response())
}

fn alerts(service: &Service, scene: &Scene) -> Vec<String> {
    let mut alerts = Vec::new();
    if scene.answering.book.scorer.is_empty() {
        alerts.push(
            "No model of this project scores customers by their history; train one with `tend train`.".to_owned(),
        );
    }
    let moment = service.moment_of(&scene.answering);
    for (task, as_of) in &scene.answering.as_of {
        let days = moment.days_since(*as_of);
        if days > OLD_MODEL_DAYS {
            alerts.push(format!(
                "The {task} model has learned from history until {as_of}, {days:.0} days before the end of the data; train it again."
            ));
        }
    }
    if service.store.gauges().is_broken.load(Ordering::Relaxed) {
        alerts.push(
            "The disk failed to keep a write: nothing is recorded until the service is started again.".to_owned(),
        );
    }
    alerts
}

async fn worklist(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>, uri: Uri) -> Page {
    let selection = selection_of(&uri)?;
    let page = apart(move || {
        let scene = Scene::of(&service, &visitor, "/worklist");
        let worked = service.worked().map_err(|error| Refusal::store(&error))?;
        let Some(figures) = &scene.figures else {
            let empty = crate::console::Worklist::default();
            let selected = empty.select(&selection, &scene.answering.book, &worked);
            return Ok(WorklistPage { list: None, selection: &selection, selected, decisions: Vec::new() }
                .render(&scene.frame));
        };
        let book = &scene.answering.book;
        let selected = figures.worklist.select(&selection, book, &worked);
        let decisions = decisions(&scene, figures.moment, selected.rows.iter().map(|row| row.customer));
        Ok(WorklistPage { list: Some(&figures.worklist), selection: &selection, selected, decisions }
            .render(&scene.frame))
    });
    Ok(Html(page.await?).into_response())
}

/// What a selection adds up to, as one sentence.
async fn selection(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>, uri: Uri) -> Page {
    let selection = selection_of(&uri)?;
    let line = apart(move || {
        let scene = Scene::of(&service, &visitor, "/worklist");
        let worked = service.worked().map_err(|error| Refusal::store(&error))?;
        let figures = scene.figures.as_ref().ok_or_else(Refusal::defect)?;
        let selected = figures.worklist.select(&selection, &scene.answering.book, &worked);
        Ok(selection_line(&scene.frame, &selected.totals))
    });
    Ok(line.await?.into_response())
}

async fn export(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>, uri: Uri) -> Page {
    let selection = selection_of(&uri)?;
    let text = apart(move || {
        let scene = Scene::of(&service, &visitor, "/worklist");
        let worked = service.worked().map_err(|error| Refusal::store(&error))?;
        let figures = scene.figures.as_ref().ok_or_else(Refusal::defect)?;
        let rows = figures.worklist.matching(&selection, &scene.answering.book, &worked);
        if rows.len() > MOST_EXPORTED {
            let found = format!(
                "The selection has {} customers and an export at most {MOST_EXPORTED}. Select fewer, or write the whole list with `tend decide --out worklist.csv`.",
                rows.len()
            );
            return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "Too many for one export", found));
        }
        Ok(csv(&decisions(&scene, figures.moment, rows.iter().map(|row| row.customer)), &scene.frame.currency))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"worklist.csv\""),
    ];
    Ok((headers, text.await?).into_response())
}

fn selection_of(uri: &Uri) -> Result<Selection, Refusal> {
    let wrong = |error: axum::extract::rejection::QueryRejection| {
        Refusal(StatusCode::BAD_REQUEST, "This address is not one of the worklist", error.body_text())
    };
    let Query(selection) = Query::<Selection>::try_from_uri(uri).map_err(wrong)?;
    Ok(Selection { page: selection.page.max(1), ..selection })
}

/// The decisions on customers of the book.
fn decisions(scene: &Scene, moment: Moment, customers: impl Iterator<Item = u32>) -> Vec<Decision> {
    let customers: Vec<usize> = customers.map(|customer| customer as usize).collect();
    scene.answering.book.decide_all(moment, &customers).into_iter().map(|(_, decision)| decision).collect()
}

#[derive(Deserialize)]
struct Find {
    id: String,
}

/// From the search field to the customer's address.
async fn find(Query(find): Query<Find>) -> Response {
    let id: String = find
        .id
        .trim()
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    Redirect::to(&format!("/customers/{id}")).into_response()
}

async fn customer(
    State(service): State<Arc<Service>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Page {
    let page = apart(move || {
        let scene = Scene::of(&service, &visitor, "/worklist");
        let moment = service.moment_of(&scene.answering);
        let known = Known::find(&service, &scene.answering, std::iter::once(id.as_str()));
        let book = &scene.answering.book;
        let unknown = || Refusal::not_found(format!("There is no customer {id} as known before {moment}."));
        known.check(book, moment).map_err(|_| unknown())?;
        let (scorecard, decision) = known.judge(book, moment).pop().ok_or_else(unknown)?;
        let (timelines, place) = known.only(book).ok_or_else(unknown)?;
        let happenings = Happening::all_of(timelines, &timelines.timeline(place).before(moment));
        let kept = service.store.export(&id).map_err(|error| Refusal::store(&error))?;
        let past = kept.decisions.iter().rev().map(|stored| {
            let action = serde_json::from_str::<Value>(&stored.decision).ok();
            let action = action.and_then(|decision| Some(decision["action_label"].as_str()?.to_owned()));
            let outcomes: Vec<&str> = stored.outcomes.iter().map(|outcome| outcome.outcome.as_str()).collect();
            let when = Moment::from_seconds(stored.decided_at_ms.div_euclid(1_000)).to_string();
            (when, action.unwrap_or_default(), outcomes.join(", "))
        });
        let frame = Frame { moment: Some(moment), is_stale: false, ..scene.frame.clone() };
        let page = CustomerPage {
            scorecard: &scorecard,
            decision: &decision,
            happenings,
            past: past.collect(),
            may_report: visitor.may(Scope::Ingest),
        };
        Ok(page.render(&frame))
    });
    Ok(Html(page.await?).into_response())
}

#[derive(Deserialize)]
struct Reported {
    outcome: Status,
    action: String,
}

/// Keeps the decision that was carried out or refused, and that it was.
async fn report_outcome(
    State(service): State<Arc<Service>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(reported): Form<Reported>,
) -> Page {
    visitor.must(Scope::Ingest)?;
    let (service_then, id_then) = (Arc::clone(&service), id.clone());
    let decision = apart(move || {
        let answering = service_then.answering.load_full();
        let moment = service_then.moment_of(&answering);
        let known = Known::find(&service_then, &answering, std::iter::once(id_then.as_str()));
        let unknown = || Refusal::not_found(format!("There is no customer {id_then}."));
        known.check(&answering.book, moment).map_err(|_| unknown())?;
        Ok(known.judge(&answering.book, moment).pop().ok_or_else(unknown)?.1)
    });
    let decision = decision.await?;
    if decision.action != reported.action || reported.outcome == Status::Open {
        let found = format!("What to do for {id} has changed meanwhile; open the customer again.");
        return Err(Refusal(StatusCode::CONFLICT, "Not recorded", found));
    }
    let record = answer::record(&service, &decision).map_err(|_: Problem| Refusal::defect())?;
    let outcome = OutcomeRecord {
        decision_id: record.decision_id.clone(),
        outcome: reported.outcome.name().to_owned(),
        outcome_at: Some(now_ms().div_euclid(1_000)),
        outcome_value: None,
    };
    service.store.record_decisions(vec![record]).await.map_err(|error| Refusal::store(&error))?;
    service.store.record_outcomes(vec![outcome]).await.map_err(|error| Refusal::store(&error))?;
    Ok(Redirect::to("/worklist").into_response())
}

async fn policy(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>) -> Page {
    let scene = Scene::of(&service, &visitor, "/policy");
    let path = service.sources.policy.clone();
    let text = apart(move || Ok(std::fs::read_to_string(path).unwrap_or_default())).await?;
    let version = scene.answering.book.policy().version();
    Ok(Html(PolicyPage { text: &text, found: None, version }.render(&scene.frame)).into_response())
}

#[derive(Deserialize)]
struct PolicyText {
    text: String,
}

/// Checks a text as the service would before it takes it.
async fn check_policy(
    State(service): State<Arc<Service>>,
    Extension(visitor): Extension<Visitor>,
    Form(sent): Form<PolicyText>,
) -> Page {
    let scene = Scene::of(&service, &visitor, "/policy");
    // A browser ends lines as the rules of forms have it.
    let text = sent.text.replace("\r\n", "\n");
    let scorer = &scene.answering.book.scorer;
    let profile = scorer.profile();
    let checked = Policy::parse(&text).and_then(|policy| {
        policy.compile(&profile.names(), &profile.kinds(), &scorer.products()).map(|compiled| compiled.stages().count())
    });
    let found = checked
        .map(|stages| format!("This policy is sound: {stages} stages, and every condition names what the models have."))
        .map_err(|error| error.to_string());
    let version = scene.answering.book.policy().version();
    Ok(Html(PolicyPage { text: &text, found: Some(found), version }.render(&scene.frame)).into_response())
}

/// Whether a request comes from a page of this service.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
        (None, _) => text(HeaderName::from_static("sec-fetch-site")) == Some("same-origin"),
    }
}
