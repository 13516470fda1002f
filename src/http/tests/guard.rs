//! Keys, ids of requests, figures, and the limit on work under way.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use super::super::fixtures::{got, post, problem, send, service, service_with_keys, told};
use super::super::router;
use super::*;
use crate::store::Scope;
use tower::ServiceExt;

fn with_key(mut request: Request<Body>, key: &str) -> Request<Body> {
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    request
}

#[tokio::test]
async fn every_route_needs_a_key_with_its_scope_and_health_needs_none() {
    let scopes: [(&str, &[Scope]); 4] = [
        ("reader", &[Scope::Read]),
        ("decider", &[Scope::Decide]),
        ("reporter", &[Scope::Ingest]),
        ("keeper", &[Scope::Admin]),
    ];
    let (service, keys) = service_with_keys(&scopes);
    let ask = json!({"customer_ids": ["c0"]}).to_string();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let requests: [(usize, &dyn Fn() -> Request<Body>); 9] = [
        (0, &|| post("/v1/scores", ask.clone())),
        (0, &|| get("/v1/customers/c0")),
        (0, &|| get("/metrics")),
        (0, &|| get("/v1/decisions/none")),
        (1, &|| post("/v1/decisions", ask.clone())),
        (2, &|| post("/v1/events", "{}")),
        (2, &|| post("/v1/outcomes", "{}")),
        (3, &|| get("/v1/customers/c0/export")),
        (3, &|| post("/v1/models/churn/promote", "{\"version\":\"1\"}")),
    ];
    for (owner, request) in requests {
        let path = request().uri().path().to_owned();
        assert_eq!(problem(&service, request()).await.0, 401, "{path} without a key");
        let wrong = with_key(request(), &format!("{}0", keys[owner]));
        assert_eq!(problem(&service, wrong).await.0, 401, "{path} with a wrong key");
        for (place, key) in keys.iter().enumerate() {
            let (status, _, _) = send(&service, with_key(request(), key)).await;
            assert_eq!(status == StatusCode::FORBIDDEN, place != owner, "{path} with key {place}: {status}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{path} with key {place}");
        }
    }
    for path in ["/health/live", "/health/ready", "/v2/health/live", "/ping", "/openapi.json"] {
        assert_eq!(got(&service, path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_and_trace_or_is_given_an_id() {
    let service = service(1);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = async |id: &str, trace: &str| {
        let request = Request::get("/health/live").header("x-request-id", id).header("traceparent", trace);
        let response = router(Arc::clone(&service)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("x-request-id"), header("traceparent"))
    };
    assert_eq!(answer("abc-1", trace).await, (Some("abc-1".to_owned()), Some(trace.to_owned())));
    for (id, wrong) in [("a b", "00-1-2-3"), ("", "00-00000000000000000000000000000000-00f067aa0ba902b7-01")] {
        let (given, traced) = answer(id, wrong).await;
        assert_eq!(given.unwrap().len(), 36);
        assert_eq!(traced, None);
    }
}

#[tokio::test]
async fn figures_count_requests_and_decisions_and_name_no_customer() {
    let service = service(3);
    told(&service, "/v1/decisions", &json!({"customer_ids": ["c0", "c1"]})).await;
    told(&service, "/v1/decisions", &json!({"customer_ids": ["secret-customer"]})).await;
    got(&service, "/v1/customers/c2").await;
    let (_, media_type, page) = send(&service, Request::get("/metrics").body(Body::empty()).unwrap()).await;
    let page = String::from_utf8(page).unwrap();
    assert!(media_type.starts_with("text/plain; version=0.0.4"));
    for line in [
        "tend_http_requests_total{route=\"/v1/decisions\",status=\"200\"} 1",
        "tend_http_requests_total{route=\"/v1/decisions\",status=\"404\"} 1",
        "tend_http_requests_total{route=\"/v1/customers/{id}\",status=\"200\"} 1",
        "tend_http_request_duration_seconds_bucket{route=\"/v1/decisions\",le=\"+Inf\"} 2",
        "tend_http_request_duration_seconds_count{route=\"/v1/decisions\"} 2",
        "tend_model_info{task=\"churn\",version=\"7\"} 1",
        "tend_store_writes_total 1",
        "tend_requests_in_flight 0",
    ] {
        assert!(page.lines().any(|one| one == line), "{line} is not in\n{page}");
    }
    let decided = page.lines().filter(|line| line.starts_with("tend_decisions_total{"));
    let decided: f64 = decided.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(decided, 2.0);
    assert!(!page.contains("secret-customer") && !page.contains("\"c2\""));
}

#[tokio::test]
async fn work_beyond_the_limit_is_refused_at_once_while_health_answers() {
    let service = service(1);
    service.in_flight.store(MOST_IN_FLIGHT, Ordering::Relaxed);
    let ask = json!({"customer_ids": ["c0"]}).to_string();
    let refused = router(Arc::clone(&service)).oneshot(post("/v1/scores", ask.clone())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert_eq!(got(&service, "/health/live").await.0, StatusCode::OK);
    service.in_flight.store(0, Ordering::Relaxed);
    assert_eq!(send(&service, post("/v1/scores", ask)).await.0, StatusCode::OK);
    assert_eq!(service.in_flight.load(Ordering::Relaxed), 0);
}
