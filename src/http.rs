//! The HTTP service: scores and decisions for customers of the book, or for histories sent with the request.
//!
//! Every answer comes from the [`Book`](crate::book::Book), so a score over HTTP is the score of the batch. One request
//! is answered by one set of models, whatever is promoted meanwhile. Every error is a problem document of RFC 9457 that
//! says what was found, what was expected and what to do.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::console::{Desk, Figures, Status, Worked};
use crate::live::Live;
use crate::metrics::Voice;
use crate::store::{ApiKey, IdMaker, Scope, Store, StoreError};

mod answer;
mod console;
mod dialects;
mod feedback;
mod figures;
#[cfg(test)]
mod fixtures;
mod guard;
mod inline;
mod life;
mod listen;
mod log;
mod metrics;
mod openapi;
mod patience;
mod person;
mod problem;
mod request;
#[cfg(test)]
mod tests;

pub use life::{Answering, LoadError, Sources, watch};
pub use listen::serve;

use metrics::Metrics;
use problem::Problem;

/// Bytes that a request's body may have.
const MOST_BODY_BYTES: usize = 2 << 20;
/// Customers that one request may ask about.
const MOST_CUSTOMERS: usize = 1_000;
/// Requests that are answered at a time; more are refused at once.
const MOST_IN_FLIGHT: usize = 256;
/// How long a request may take, from its head to the head of the answer.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// A row of the worklist that was worked on is open again after so many days.
const WORKED_DAYS: i64 = 30;

/// What the service answers from.
pub struct Service {
    /// Models, policy and tables, as of the last change.
    answering: ArcSwap<Answering>,
    /// Where they come from.
    sources: Sources,
    /// What was streamed.
    live: Live,
    /// What is kept.
    store: Store,
    /// The keys that open the service; `None` if it is open to all.
    keys: Option<ArcSwap<Vec<ApiKey>>>,
    /// Whether every request is logged.
    logs_requests: bool,
    ids: IdMaker,
    /// The worklist and figures of the console.
    desk: Desk,
    /// Which events tell what customers think.
    voice: Voice,
    /// Metrics that were asked for.
    kept_metrics: figures::Kept,
    /// Who has logged in to the console.
    sessions: console::Sessions,
    metrics: Arc<Metrics>,
    in_flight: AtomicUsize,
    is_stopping: AtomicBool,
}

/// How the service is run.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Whether a request needs a key.
    pub needs_keys: bool,
    /// Whether every request is logged.
    pub logs_requests: bool,
    /// Which events tell what customers think.
    pub voice: Voice,
}

impl Service {
    /// Puts a service together and merges what the store has that the tables do not.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn new(
        answering: Answering,
        sources: Sources,
        store: Store,
        conditions: Conditions,
    ) -> Result<Self, StoreError> {
        let live = Live::replay(&store, &answering.tables)?;
        let keys = conditions.needs_keys.then(|| store.keys()).transpose()?.map(ArcSwap::from_pointee);
        let ids = IdMaker::new().map_err(|error| store.fault(format!("no random bytes: {error}")))?;
        Ok(Self {
            answering: ArcSwap::from_pointee(answering),
            sources,
            live,
            store,
            keys,
            logs_requests: conditions.logs_requests,
            ids,
            desk: Desk::default(),
            voice: conditions.voice,
            kept_metrics: figures::Kept::default(),
            sessions: console::Sessions::default(),
            metrics: Arc::default(),
            in_flight: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
        })
    }

    /// The moment that answers are as of where a request names none: the end of the data, streamed rows included.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment_of(&self.answering.load())
    }

    /// The version that answers each task.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<Task, String> {
        self.answering.load().versions()
    }

    fn moment_of(&self, answering: &Answering) -> Moment {
        self.live.known_until(&answering.tables).unwrap_or(Moment::from_day(0))
    }

    /// The newest figures, if there are any yet, and whether they are those of what answers; else those are computed
    /// beside the request.
    fn figures(self: &Arc<Self>, answering: &Arc<Answering>) -> (Option<Arc<Figures>>, bool) {
        let moment = self.moment_of(answering);
        let is_current = self.desk.is_current(answering.loaded_at_ms, moment);
        if !is_current && !answering.book.scorer.is_empty() {
            let (service, answering) = (Arc::clone(self), Arc::clone(answering));
            std::thread::spawn(move || {
                let Answering { book, loaded_at_ms, .. } = &*answering;
                service.desk.compute(|previous, show| {
                    Figures::compute(book, (*loaded_at_ms, moment), &service.voice, previous, show);
                });
            });
        }
        (self.desk.newest(), is_current)
    }

    /// What was reported of rows of the worklist in the last days.
    fn worked(&self) -> Result<Worked, StoreError> {
        let since = now_ms().div_euclid(1_000) - WORKED_DAYS * 86_400;
        let mut worked = Worked::default();
        let reported = self.store.reported_since(since, &[Status::Done.name(), Status::Refused.name()])?;
        for (customer_id, action, outcome) in reported {
            let status = if outcome == Status::Done.name() { Status::Done } else { Status::Refused };
            worked.0.entry(customer_id).or_default().push((action, status));
        }
        Ok(worked)
    }
}

/// The routes, with the limits on size, time and number, and with all errors as problem documents.
pub fn router(service: Arc<Service>) -> Router {
    let open = Router::new()
        .route("/health/live", get(answer::live))
        .route("/health/ready", get(answer::ready))
        .route("/ping", get(dialects::ping))
        .route("/v2/health/live", get(dialects::live))
        .route("/v2/health/ready", get(dialects::ready))
        .route("/openapi.json", get(openapi::document));
    let read = Router::new()
        .route("/metrics", get(metrics::exposition))
        .route("/v1/scores", post(answer::scores))
        .route("/v1/customers/{id}", get(answer::customer))
        .route("/v1/decisions/{id}", get(person::decision))
        .route("/v1/models", get(answer::models))
        .route("/v1/metrics", get(figures::metrics))
        .route("/v1/worklist", get(figures::worklist))
        .route("/invocations", post(dialects::invocations))
        .route("/v2", get(dialects::server))
        .route("/v2/models/{model}", get(dialects::model))
        .route("/v2/models/{model}/ready", get(dialects::model_ready))
        .route("/v2/models/{model}/infer", post(dialects::infer))
        .route("/v2/models/{model}/versions/{version}", get(dialects::model))
        .route("/v2/models/{model}/versions/{version}/ready", get(dialects::model_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(dialects::infer));
    let decide = Router::new().route("/v1/decisions", post(answer::decisions));
    let ingest =
        Router::new().route("/v1/outcomes", post(feedback::outcomes)).route("/v1/events", post(feedback::events));
    let admin = Router::new()
        .route("/v1/customers/{id}", delete(person::erase))
        .route("/v1/customers/{id}/export", get(person::export))
        .route("/v1/models/{task}/promote", post(life::promote))
        .route("/v1/models/{task}/rollback", post(life::rollback));
    let for_scope = |routes: Router<Arc<Service>>, scope: Scope| {
        routes.route_layer(from_fn_with_state((Arc::clone(&service), scope), guard::require_key))
    };
    let metrics = Arc::clone(&service.metrics);
    open.merge(console::routes(&service))
        .merge(for_scope(read, Scope::Read))
        .merge(for_scope(decide, Scope::Decide))
        .merge(for_scope(ingest, Scope::Ingest))
        .merge(for_scope(admin, Scope::Admin))
        .with_state(Arc::clone(&service))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MOST_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_DEADLINE))
        .layer(CatchPanicLayer::custom(move |panic| after_panic(&metrics, panic)))
        .layer(from_fn_with_state(Arc::clone(&service), guard::shed))
        .layer(map_response(problem::in_place_of_plain_errors))
        .layer(from_fn_with_state(service, guard::observe))
}

/// The answer after a defect; what the panic said goes to stderr alone.
fn after_panic(metrics: &Metrics, _: Box<dyn Any + Send + 'static>) -> Response<axum::body::Body> {
    metrics.panics.fetch_add(1, Ordering::Relaxed);
    Problem::defect().into_response()
}

/// Milliseconds since 1970, for what is told and logged; answers never depend on it.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
