//! What every request passes: its ids and its measure, the limit on work under way, and the key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::problem::Problem;
use super::{MOST_IN_FLIGHT, Service, log, now_ms};
use crate::store::Scope;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// Gives the request an id or keeps its own, returns it with the answer, and measures.
pub(super) async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let id = request_id(request.headers())
        .unwrap_or_else(|| HeaderValue::from_str(&service.ids.next(now_ms())).expect("an id is ASCII"));
    let trace = request.headers().get(TRACE).filter(|trace| is_trace(trace)).cloned();
    let mut response = next.run(request).await;
    let seconds = start.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    service.metrics.observe(&route, status, seconds);
    if service.logs_requests || status >= 500 {
        let id = id.to_str().unwrap_or_default();
        let trace = trace.as_ref().and_then(|trace| trace.to_str().ok());
        log::line(
            "request",
            json!({"request_id": id, "traceparent": trace, "method": method.as_str(), "route": route,
                "status": status, "seconds": seconds}),
        );
    }
    response.headers_mut().insert(REQUEST_ID, id);
    if let Some(trace) = trace {
        response.headers_mut().insert(TRACE, trace);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Refuses work beyond the limit at once, so that what was taken stays fast; health and metrics always answer.
pub(super) async fn shed(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/health/") || path.starts_with("/v2/health/") || path == "/metrics" || path == "/ping" {
        return next.run(request).await;
    }
    let place = InFlight::enter(&service);
    if place.others >= MOST_IN_FLIGHT {
        service.metrics.shed.fetch_add(1, Ordering::Relaxed);
        return Problem::overloaded().into_response();
    }
    next.run(request).await
}

/// Counts a request under way until it ends, however it ends.
struct InFlight<'s> {
    service: &'s Service,
    others: usize,
}

impl<'s> InFlight<'s> {
    fn enter(service: &'s Service) -> Self {
        Self { service, others: service.in_flight.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.service.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a request pass that brings a key with the scope, or any if the service needs none.
pub(super) async fn require_key(
    State((service, scope)): State<(Arc<Service>, Scope)>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(keys) = &service.keys {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        // All keys are tried, so that the time tells nothing of which one matched.
        let keys = keys.load();
        let matching = keys.iter().fold(None, |found, key| if key.is(given) { Some(key) } else { found });
        match matching {
            None => return Problem::no_key().into_response(),
            Some(key) if !key.scopes.contains(&scope) => return Problem::scope(scope).into_response(),
            Some(_) => {}
        }
    }
    next.run(request).await
}

/// The client's id, if it is short and plain.
fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    ((1..=128).contains(&id.len()) && id.as_bytes().iter().all(is_plain)).then(|| id.clone())
}

/// Whether a header is a trace context of version 00 (W3C Trace Context, section 3.2).
fn is_trace(trace: &HeaderValue) -> bool {
    let Ok(text) = trace.to_str() else { return false };
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2]
        && parts[0] == "00"
        && parts.iter().all(|part| hex(part))
        && is_set(parts[1])
        && is_set(parts[2])
}
