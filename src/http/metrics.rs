//! Figures for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Service;

/// Upper bounds of the latency histogram, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What is counted while the service runs.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<String, Route>>,
    decisions: Mutex<BTreeMap<String, u64>>,
    /// Requests refused because too many were under way.
    pub(super) shed: AtomicU64,
    /// Defects that a request met.
    pub(super) panics: AtomicU64,
    /// Streamed rows and outcomes taken anew.
    pub(super) taken: AtomicU64,
    /// Changes of models, policy or tables that were taken.
    pub(super) swaps: AtomicU64,
    /// Changes of models, policy or tables that could not be taken.
    pub(super) failed_swaps: AtomicU64,
}

/// What is counted of one route.
#[derive(Debug, Default)]
struct Route {
    by_status: BTreeMap<u16, u64>,
    buckets: [u64; BOUNDS.len() + 1],
    seconds: f64,
}

impl Metrics {
    /// Counts a request.
    pub(super) fn observe(&self, route: &str, status: u16, seconds: f64) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let route = match requests.get_mut(route) {
            Some(route) => route,
            None => requests.entry(route.to_owned()).or_default(),
        };
        *route.by_status.entry(status).or_default() += 1;
        route.buckets[BOUNDS.partition_point(|&bound| bound < seconds)] += 1;
        route.seconds += seconds;
    }

    /// Counts decisions by what they chose.
    pub(super) fn decided<'a>(&self, actions: impl Iterator<Item = &'a str>) {
        let mut decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        for action in actions {
            match decisions.get_mut(action) {
                Some(count) => *count += 1,
                None => drop(decisions.insert(action.to_owned(), 1)),
            }
        }
    }

    fn write_requests(&self, text: &mut Page) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        text.family("tend_http_requests_total", "counter", "Requests answered.");
        for (name, route) in requests.iter() {
            for (status, count) in &route.by_status {
                let labels = format!("route=\"{}\",status=\"{status}\"", escaped(name));
                text.sample("tend_http_requests_total", &labels, *count as f64);
            }
        }
        text.family(
            "tend_http_request_duration_seconds",
            "histogram",
            "Time from the head of a request to its answer.",
        );
        for (name, route) in requests.iter() {
            let labels = format!("route=\"{}\"", escaped(name));
            let mut count = 0;
            for (place, bucket) in route.buckets.iter().enumerate() {
                count += bucket;
                let bound = BOUNDS.get(place).map_or("+Inf".to_owned(), f64::to_string);
                let labels = format!("{labels},le=\"{bound}\"");
                text.sample("tend_http_request_duration_seconds_bucket", &labels, count as f64);
            }
            text.sample("tend_http_request_duration_seconds_sum", &labels, route.seconds);
            text.sample("tend_http_request_duration_seconds_count", &labels, count as f64);
        }
    }

    fn write_decisions(&self, text: &mut Page) {
        let decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        text.family("tend_decisions_total", "counter", "Decisions kept, by action.");
        for (action, count) in decisions.iter() {
            text.sample("tend_decisions_total", &format!("action=\"{}\"", escaped(action)), *count as f64);
        }
    }
}

/// `GET /metrics`.
pub(super) async fn exposition(State(service): State<Arc<Service>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page(&service)).into_response()
}

fn page(service: &Service) -> String {
    let mut text = Page(String::new());
    let metrics = &service.metrics;
    metrics.write_requests(&mut text);
    metrics.write_decisions(&mut text);
    let answering = service.answering.load();
    text.family("tend_model_info", "gauge", "The model that answers each task.");
    for (task, version) in &answering.versions() {
        text.sample("tend_model_info", &format!("task=\"{task}\",version=\"{}\"", escaped(version)), 1.0);
    }
    text.family("tend_model_as_of_timestamp_seconds", "gauge", "Until when the model's training rows reach.");
    for (task, as_of) in &answering.as_of {
        text.sample("tend_model_as_of_timestamp_seconds", &format!("task=\"{task}\""), as_of.seconds() as f64);
    }
    let gauges = service.store.gauges();
    let load = |value: &AtomicU64| value.load(Ordering::Relaxed) as f64;
    let broken = f64::from(u8::from(gauges.is_broken.load(Ordering::Relaxed)));
    let tables = answering.tables.until.map_or(f64::NAN, |until| until.seconds() as f64);
    let plain = [
        (
            "tend_loaded_timestamp_seconds",
            "gauge",
            "When models, policy and tables were last taken.",
            answering.loaded_at_ms as f64 / 1e3,
        ),
        ("tend_tables_until_timestamp_seconds", "gauge", "Until when the tables reach.", tables),
        (
            "tend_answers_as_of_timestamp_seconds",
            "gauge",
            "The moment of answers.",
            service.moment_of(&answering).seconds() as f64,
        ),
        ("tend_streamed_rows", "gauge", "Streamed rows that the tables do not have.", service.live.rows() as f64),
        ("tend_requests_in_flight", "gauge", "Requests under way.", service.in_flight.load(Ordering::Relaxed) as f64),
        (
            "tend_requests_shed_total",
            "counter",
            "Requests refused because too many were under way.",
            load(&metrics.shed),
        ),
        ("tend_panics_total", "counter", "Defects that a request met.", load(&metrics.panics)),
        ("tend_feedback_items_total", "counter", "Events and outcomes taken anew.", load(&metrics.taken)),
        ("tend_swaps_total", "counter", "Changes of models, policy or tables that were taken.", load(&metrics.swaps)),
        ("tend_failed_swaps_total", "counter", "Changes that could not be taken.", load(&metrics.failed_swaps)),
        (
            "tend_store_queue_depth",
            "gauge",
            "Writes that wait for the disk.",
            gauges.waiting.load(Ordering::Relaxed) as f64,
        ),
        ("tend_store_commits_total", "counter", "Commits of the store.", load(&gauges.commits)),
        ("tend_store_writes_total", "counter", "Writes that the store has committed.", load(&gauges.writes)),
        ("tend_store_failures_total", "counter", "Writes that the store could not commit.", load(&gauges.failures)),
        ("tend_store_broken", "gauge", "1 if the disk failed and nothing is acknowledged any more.", broken),
    ];
    for (name, kind, help, value) in plain {
        text.family(name, kind, help);
        text.sample(name, "", value);
    }
    text.0
}

/// The text of the page.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let value = if value.is_nan() { "NaN".to_owned() } else { value.to_string() };
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
