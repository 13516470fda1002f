//! Errors as people and programs read them: problem documents of RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tend_models::registry::RegistryError;
use tend_models::scorecard::Task;

use super::{LoadError, MOST_IN_FLIGHT};
use crate::store::{Scope, StoreError};

/// The media type of a problem document.
const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request cannot be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    faults: Vec<Fault>,
    retry_after_seconds: Option<u32>,
}

/// One place of the request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// Where, as a JSON pointer (RFC 6901).
    pub(super) pointer: String,
    /// What was found and what was expected.
    pub(super) detail: String,
}

/// `error`, `error_code` and `message` repeat the code and the detail for clients that do not know RFC 9457.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    error: &'a str,
    error_code: &'a str,
    message: &'a str,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, code, title, detail, faults: Vec::new(), retry_after_seconds: None }
    }

    /// The body is not JSON.
    pub(super) fn malformed(found: impl std::fmt::Display) -> Self {
        let detail = format!("found a body that is not JSON: {found}; expected one JSON object; see /openapi.json");
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", "Malformed JSON", detail)
    }

    /// The body or the query is readable and has the wrong shape.
    pub(super) fn shape(detail: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_shape", "Wrong shape", detail)
    }

    /// Places of the request are wrong.
    pub(super) fn faults(faults: Vec<Fault>) -> Self {
        let detail = format!(
            "found {} that cannot be used; mend what `errors` lists and send the request again",
            counted(faults.len(), "place", "places")
        );
        Self { faults, ..Self::shape(detail) }
    }

    /// Customers that are not known before the moment; `faults` names their places, not their ids.
    pub(super) fn unknown(asked: usize, faults: Vec<Fault>) -> Self {
        let detail = format!(
            "found {} of {asked} that the book does not know before the moment; expected ids of the customer table; \
             leave them out or send their histories in `customers`",
            counted(faults.len(), "customer", "customers")
        );
        let problem = Self::new(StatusCode::NOT_FOUND, "unknown_customers", "Unknown customers", detail);
        Self { faults, ..problem }
    }

    /// The media type of the body is not JSON's.
    pub(super) fn media_type() -> Self {
        Self::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    /// No model is loaded.
    pub(super) fn not_ready() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "Not ready",
            "found no model; expected at least one champion; run `tend train` and start the service again".to_owned(),
        )
    }

    /// The worklist is not there yet.
    pub(super) fn computing() -> Self {
        let detail = "every customer is being judged for the first time; ask again in a moment".to_owned();
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "computing", "Computing", detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    /// Too much is under way.
    pub(super) fn overloaded() -> Self {
        let detail =
            format!("found {MOST_IN_FLIGHT} requests under way, as many as are taken; send this one again later");
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Overloaded", detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    /// Nothing can be kept, so nothing is acknowledged.
    pub(super) fn store(error: &StoreError) -> Self {
        // The path of the file is not the client's business.
        let detail = match error {
            StoreError::Busy | StoreError::Broken => error.to_string(),
            _ => "the store cannot keep or read anything at present; send the request again later".to_owned(),
        };
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Store unavailable", detail);
        Self { retry_after_seconds: Some(5), ..problem }
    }

    /// No key, or one that is not known.
    pub(super) fn no_key() -> Self {
        let detail = "found no known API key; expected the header `Authorization: Bearer tend_...`; make a key with \
                      `tend keys create`";
        Self::new(StatusCode::UNAUTHORIZED, "no_key", "No key", detail.to_owned())
    }

    /// The key does not allow this.
    pub(super) fn scope(scope: Scope) -> Self {
        let detail = format!(
            "found a key without the scope {0}; expected one with it; make one with `tend keys create`",
            scope.name()
        );
        Self::new(StatusCode::FORBIDDEN, "wrong_scope", "Wrong scope", detail)
    }

    /// A task that there is not.
    pub(super) fn unknown_task() -> Self {
        let known: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        let detail = format!("found another task; expected one of {}", known.join(", "));
        Self::new(StatusCode::NOT_FOUND, "unknown_task", "Unknown task", detail)
    }

    /// A decision that there is not.
    pub(super) fn unknown_decision() -> Self {
        let detail = "found no decision of this id; expected one that `POST /v1/decisions` answered, of a customer who \
                      was not erased";
        Self::new(StatusCode::NOT_FOUND, "unknown_decision", "Unknown decision", detail.to_owned())
    }

    /// A model that does not answer here.
    pub(super) fn unknown_model(detail: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_model", "Unknown model", detail)
    }

    /// An id that is taken by something else.
    pub(super) fn conflict(detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail)
    }

    /// A change of the champion that was not made.
    pub(super) fn of_load(error: &LoadError) -> Self {
        let detail = format!("{error}; what answered before still does");
        match error {
            LoadError::Registry(RegistryError::UnknownVersion { .. }) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_version", "Unknown version", detail)
            }
            LoadError::Registry(RegistryError::NoPrevious { .. }) => {
                Self::new(StatusCode::CONFLICT, "no_previous", "No previous champion", detail)
            }
            _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_model", "Unusable model", detail),
        }
    }

    /// The service itself is wrong.
    pub(super) fn defect() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem that a bare status stands for.
    fn of_status(status: StatusCode) -> Self {
        let (code, title, detail) = match status {
            StatusCode::NOT_FOUND => (
                "unknown_route",
                "Unknown route",
                "found a path that the service does not have; expected one of those in /openapi.json",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "wrong_method",
                "Wrong method",
                "found a method that the path does not have; use one of those in the Allow header",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "too_large",
                "Too large",
                "found a body above 2 MiB; expected at most 2 MiB and 1,000 customers; send several requests",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "wrong_media_type",
                "Wrong media type",
                "found another or no Content-Type; expected application/json; send that header",
            ),
            StatusCode::REQUEST_TIMEOUT => (
                "too_slow",
                "Too slow",
                "the request was not complete and answered within 10 s; send fewer customers at a time",
            ),
            status if status.is_server_error() => (
                "defect",
                "Defect",
                "the service met a defect of its own and goes on; report it with the request that led to it",
            ),
            _ => (
                "bad_request",
                "Bad request",
                "found a request that cannot be read; see /openapi.json for what is expected",
            ),
        };
        Self::new(status, code, title, detail.to_owned())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:tend:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.faults,
            error: self.title,
            error_code: self.code,
            message: &self.detail,
        };
        let body = serde_json::to_vec(&document).expect("a problem is plain data");
        let mut response = (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Gives errors of the router and of the limits, which are plain text, the form of all other errors.
pub(super) async fn in_place_of_plain_errors(response: Response) -> Response {
    let status = response.status();
    let media_type = response.headers().get(header::CONTENT_TYPE);
    // A page of the console says what is wrong itself.
    let says_why = media_type.is_some_and(|found| found == MEDIA_TYPE || found == "text/html; charset=utf-8");
    if says_why || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut problem = Problem::of_status(status).into_response();
    if let Some(allow) = allow {
        problem.headers_mut().insert(header::ALLOW, allow);
    }
    problem
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
