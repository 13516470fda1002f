//! The HTTP service: scores and decisions for customers of the book, or for histories sent with the request.
//!
//! Every answer comes from the [`Book`], so a score over HTTP is the score of the batch. Every error is a problem
//! document of RFC 9457 that says what was found, what was expected and what to do.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, StatusCode};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tend_models::quantities::Moment;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::book::Book;

mod answer;
#[cfg(test)]
mod fixtures;
mod inline;
mod listen;
mod openapi;
mod patience;
mod problem;
mod request;
#[cfg(test)]
mod tests;

pub use listen::serve;

use problem::Problem;

/// Bytes that a request's body may have.
const MOST_BODY_BYTES: usize = 2 << 20;
/// Customers that one request may ask about.
const MOST_CUSTOMERS: usize = 1_000;
/// How long a request may take, from its head to the head of the answer.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// What the service answers from.
pub struct Service {
    /// Customers, models and policy.
    pub book: Book,
    /// The moment that answers are as of where a request names none: the end of the data.
    pub moment: Moment,
}

/// The routes, with the limits on size and time and with all errors as problem documents.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/health/live", get(answer::live))
        .route("/health/ready", get(answer::ready))
        .route("/v1/scores", post(answer::scores))
        .route("/v1/decisions", post(answer::decisions))
        .route("/v1/customers/{id}", get(answer::customer))
        .route("/v1/models", get(answer::models))
        .route("/openapi.json", get(openapi::document))
        .with_state(service)
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MOST_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_DEADLINE))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(map_response(problem::in_place_of_plain_errors))
}

/// The answer after a defect; what the panic said goes to stderr alone.
fn after_panic(_: Box<dyn Any + Send + 'static>) -> Response<axum::body::Body> {
    Problem::defect().into_response()
}
