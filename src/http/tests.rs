//! The service as its clients see it, and clients on real sockets.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::fixtures::{got, moment, post, posted, problem, service, service_without_models};
use super::*;
use crate::decision::Decision;

mod console;
mod feedback;
mod guard;
mod learning;
mod life;
mod person;
mod promotion;

#[tokio::test]
async fn health_says_whether_there_are_models() {
    let full = service(3);
    assert_eq!(got(&full, "/health/live").await, (StatusCode::OK, json!({"live": true})));
    let ready = json!({"ready": true, "models": {"churn": "7", "clv": "7"}});
    assert_eq!(got(&full, "/health/ready").await, (StatusCode::OK, ready));
    let models = json!({"models": [{"task": "churn", "version": "7"}, {"task": "clv", "version": "7"}]});
    assert_eq!(got(&full, "/v1/models").await, (StatusCode::OK, models));
}

#[tokio::test]
async fn decisions_are_the_bytes_of_the_batch() {
    // 200 customers take the way over the threads for blocking work, 3 do not.
    for customers in [3, 200] {
        let service = service(customers);
        let book = &service.answering.load_full().book;
        let ids: Vec<String> = (0..customers).map(|number| format!("c{number}")).collect();
        let places: Vec<usize> = ids.iter().map(|id| book.timelines.position(id).unwrap()).collect();
        let scored = book.score_all(moment("2026-03-15"), &places);
        let scores: Vec<_> = scored.into_iter().map(|scored| scored.scorecard).collect();
        let decided = book.decide_all(moment("2026-03-15"), &places);
        let decisions: Vec<Decision> = decided.into_iter().map(|(_, decision)| decision).collect();
        let mut bound = book.scorer.bind(&book.timelines);
        for ((&place, score), decision) in places.iter().zip(&scores).zip(&decisions) {
            let judged = book.judge(&mut bound, place, moment("2026-03-15"));
            assert_eq!((&judged.0, &judged.1), (score, decision), "reasons on demand change nothing");
        }
        assert!(scores.iter().all(answer::scores_are_finite));
        assert!(decisions.iter().all(answer::decision_is_finite));
        let body = json!({"customer_ids": ids, "moment": "2026-03-15"});
        for (path, member, expected) in [
            ("/v1/decisions", "decisions", serde_json::to_string(&decisions).unwrap()),
            ("/v1/scores", "scores", serde_json::to_string(&scores).unwrap()),
        ] {
            let (status, answer) = posted(&service, path, &body).await;
            assert_eq!(status, StatusCode::OK);
            let answer = String::from_utf8(answer).unwrap();
            let rest = answer.strip_prefix(&format!("{{\"{member}\":{expected}"));
            let rest = rest.unwrap_or_else(|| panic!("{path}: {answer}"));
            assert!(rest == "}" || (path == "/v1/decisions" && rest.starts_with(",\"decision_ids\":[")), "{rest}");
        }
    }
}

#[tokio::test]
async fn a_number_that_is_not_finite_is_noticed_before_it_is_written() {
    let service = service(1);
    let book = &service.answering.load_full().book;
    let mut bound = book.scorer.bind(&book.timelines);
    let (mut scorecard, mut decision) = book.judge(&mut bound, 0, service.moment());
    assert!(answer::scores_are_finite(&scorecard) && answer::decision_is_finite(&decision));
    scorecard.value.as_mut().unwrap().expected_purchases = f64::NAN;
    decision.at_stake = Some(f64::INFINITY);
    assert!(!answer::scores_are_finite(&scorecard) && !answer::decision_is_finite(&decision));
}

#[tokio::test]
async fn histories_in_the_request_score_like_those_of_the_book() {
    let service = service(12);
    let timelines = &service.answering.load_full().book.timelines;
    let sent: Vec<Value> = [7_usize, 2]
        .iter()
        .map(|number| {
            let place = timelines.position(&format!("c{number}")).unwrap();
            let lines = timelines.timeline(place).before(moment("2026-04-01")).purchases();
            let lines: Vec<Value> = lines
                .map(|line| {
                    let at = Moment::from_seconds(line.at).to_string();
                    json!({"event_time": at, "amount": line.amount, "category": "books"})
                })
                .collect();
            json!({
                "customer_id": format!("c{number}"), "created_at": "2026-01-01", "transactions": lines,
                "attributes": {"score": number, "country": (["AT", "DE"][number % 2])},
            })
        })
        .collect();
    for (path, member) in [("/v1/scores", "scores"), ("/v1/decisions", "decisions")] {
        let moment = "2026-04-01";
        let (status, by_id) = posted(&service, path, &json!({"customer_ids": ["c7", "c2"], "moment": moment})).await;
        assert_eq!(status, StatusCode::OK);
        let (_, by_history) = posted(&service, path, &json!({"customers": sent, "moment": moment})).await;
        let [by_id, by_history] = [by_id, by_history].map(|answer| serde_json::from_slice::<Value>(&answer).unwrap());
        assert!(by_id[member][0].is_object());
        assert_eq!(by_id[member], by_history[member]);
    }
}

#[tokio::test]
async fn one_customer_has_a_scorecard_and_a_decision() {
    let service = service(3);
    let (status, answer) = got(&service, "/v1/customers/c1?moment=2026-03-01").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["scorecard"]["customer_id"], "c1");
    assert_eq!(answer["decision"]["moment"], "2026-03-01");
    for path in ["/v1/customers/nobody", "/v1/customers/c1?moment=2025-01-01"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(problem(&service, request).await.0, 404);
    }
    let request = Request::get("/v1/customers/c1?moment=soon").body(Body::empty()).unwrap();
    assert_eq!(problem(&service, request).await.0, 422);
}

#[tokio::test]
async fn unknown_customers_are_counted_and_pointed_at_but_not_named() {
    let body = json!({"customer_ids": ["c0", "secret-1", "c1", "secret-2"]}).to_string();
    let (status, problem) = problem(&service(3), post("/v1/scores", body)).await;
    assert_eq!(status, 404);
    assert_eq!(problem["error_code"], "unknown_customers");
    assert!(problem["detail"].as_str().unwrap().starts_with("found 2 customers of 4"));
    assert_eq!(problem["errors"][0]["pointer"], "/customer_ids/1");
    assert_eq!(problem["errors"][1]["pointer"], "/customer_ids/3");
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_of_the_right_status() {
    let service = service(1);
    let many: Vec<&str> = vec!["c0"; 1_001];
    let bodies = [
        (400, "{".to_owned()),
        (400, "\u{feff}[]".to_owned()),
        (400, r#"{"customer_ids": [NaN]}"#.to_owned()),
        (422, "[1]".to_owned()),
        (422, "{}".to_owned()),
        (422, r#"{"customer_ids": []}"#.to_owned()),
        (422, r#"{"customer_ids": ["c0"], "more": 1}"#.to_owned()),
        (422, r#"{"customer_ids": ["c0"], "customers": []}"#.to_owned()),
        (422, r#"{"customer_ids": ["a\u0000b"]}"#.to_owned()),
        (422, r#"{"customer_ids": ["c0"], "moment": "soon"}"#.to_owned()),
        (422, json!({"customer_ids": ["x".repeat(257)]}).to_string()),
        (422, json!({ "customer_ids": many }).to_string()),
        (422, r#"{"customers": [{"customer_id": "n"}]}"#.to_owned()),
        (
            422,
            r#"{"customers": [{"customer_id": "n", "created_at": "2026-01-01", "attributes": {"score": "x"}}]}"#
                .to_owned(),
        ),
        (
            422,
            r#"{"customers": [{"customer_id": "n", "transactions": [{"event_time": "2026-01-01", "amount": 1e13}]}]}"#
                .to_owned(),
        ),
    ];
    for (expected, body) in bodies {
        let shown: String = body.chars().take(80).collect();
        let (status, _) = problem(&service, post("/v1/scores", body)).await;
        assert_eq!(status, expected, "{shown}");
    }
    let plain = Request::post("/v1/scores").body(Body::from("{}")).unwrap();
    assert_eq!(problem(&service, plain).await.0, 415);
    let elsewhere = Request::get("/nowhere").body(Body::empty()).unwrap();
    assert_eq!(problem(&service, elsewhere).await.0, 404);
    let wrong = Request::get("/v1/scores").body(Body::empty()).unwrap();
    assert_eq!(problem(&service, wrong).await.0, 405);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_declared_or_not() {
    let service = service(1);
    let big = vec![b' '; MOST_BODY_BYTES + 1];
    let mut declared = post("/v1/scores", "{}");
    declared.headers_mut().insert(header::CONTENT_LENGTH, big.len().into());
    assert_eq!(problem(&service, declared).await.0, 413);
    assert_eq!(problem(&service, post("/v1/scores", big)).await.0, 413);
}

#[tokio::test]
async fn without_a_model_the_service_is_not_ready() {
    let service = service_without_models();
    for request in
        [Request::get("/health/ready").body(Body::empty()).unwrap(), post("/v1/scores", r#"{"customer_ids": ["c0"]}"#)]
    {
        let (status, problem) = problem(&service, request).await;
        assert_eq!(status, 503);
        assert_eq!(problem["error_code"], "not_ready");
    }
}

#[test]
fn a_panic_is_a_problem_that_does_not_say_what_the_panic_said() {
    let metrics = Metrics::default();
    let response = after_panic(&metrics, Box::new("secret"));
    assert_eq!(metrics.panics.load(Ordering::Relaxed), 1);
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn the_description_has_every_route_and_only_schemas_that_exist() {
    let service = service(1);
    let (status, document) = got(&service, "/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document, openapi::description());
    let paths = document["paths"].as_object().unwrap();
    let source = include_str!("../http.rs");
    let routes: BTreeSet<(&str, &str)> = source
        .split(".route(\"")
        .skip(1)
        .map(|rest| {
            let (path, rest) = rest.split_once("\", ").unwrap();
            (path, rest.split('(').next().unwrap())
        })
        .collect();
    assert_eq!(routes.len(), 28);
    let described = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (path.as_str(), method.as_str())));
    assert_eq!(described.collect::<BTreeSet<_>>(), routes);
    let text = document.to_string();
    for rest in text.split("#/components/schemas/").skip(1) {
        let name = rest.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    let scorecard = serde_json::from_slice::<Value>(&posted_one(&service, "/v1/scores").await).unwrap();
    let decision = serde_json::from_slice::<Value>(&posted_one(&service, "/v1/decisions").await).unwrap();
    for (schema, answer) in [("Scorecard", &scorecard["scores"][0]), ("Decision", &decision["decisions"][0])] {
        let required = document["components"]["schemas"][schema]["required"].as_array().unwrap();
        let members = answer.as_object().unwrap();
        assert_eq!(required.len(), members.len(), "{schema}");
        assert!(required.iter().all(|name| members.contains_key(name.as_str().unwrap())));
    }
}

async fn posted_one(service: &Arc<Service>, path: &str) -> Vec<u8> {
    posted(service, path, &json!({"customer_ids": ["c0"]})).await.1
}

/// Serves on a port of its own; the sender stops it.
async fn listening(
    service: Arc<Service>,
) -> (std::net::SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(serve(listener, service, stopped));
    (address, stop, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_slow_with_the_head_is_gone_within_six_seconds() {
    let served = service(1);
    let (address, stop, server) = listening(Arc::clone(&served)).await;
    let waits: Vec<_> = [&b""[..], b"GET /health/live HTTP/1.1\r\nHost:"]
        .into_iter()
        .map(|head| {
            std::thread::spawn(move || {
                let mut socket = std::net::TcpStream::connect(address).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                socket.write_all(head).unwrap();
                let start = Instant::now();
                let mut answer = Vec::new();
                let ended = socket.read_to_end(&mut answer);
                (ended.is_ok(), start.elapsed())
            })
        })
        .collect();
    for wait in waits {
        let (is_closed, waited) = tokio::task::spawn_blocking(move || wait.join().unwrap()).await.unwrap();
        assert!(is_closed);
        assert!(waited < Duration::from_secs(6), "{waited:?}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_the_request_under_way_and_closes_the_port() {
    let served = service(1);
    let (address, stop, server) = listening(Arc::clone(&served)).await;
    let (told, first_half_sent) = tokio::sync::oneshot::channel();
    let client = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let body = r#"{"customer_ids": ["c0"]}"#;
        let head = format!(
            "POST /v1/scores HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        told.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        socket.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    });
    first_half_sent.await.unwrap();
    stop.send(()).unwrap();
    let answer = client.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(r#""customer_id":"c0""#));
    server.await.unwrap().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}
