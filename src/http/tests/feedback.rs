//! What is reported counts once, and the next answer knows of it.

use serde_json::{Value, json};

use super::super::fixtures::{moment, post, problem, restarted, results, service, told};
use crate::book::Book;
use crate::decision::{Policy, PolicyKind};

fn bought(id: &str, customer: &str, at: &str, amount: f64) -> Value {
    json!({"event_id": id, "customer_id": customer,
        "transaction": {"event_time": at, "amount": amount, "category": "books"}})
}

#[tokio::test]
async fn the_next_decision_sees_the_purchase_and_is_the_batchs_over_the_same_rows() {
    let service = service(6);
    let before = told(&service, "/v1/scores", &json!({"customer_ids": ["c3"]})).await.1;
    let events = json!({"events": [
        bought("e1", "c3", "2026-04-02T10:00:00Z", 250.0),
        bought("e2", "newcomer", "2026-04-02T11:00:00Z", 19.5),
        {"event_id": "e3", "customer_id": "c5", "customer": {"created_at": "2026-01-01", "available_at": "2026-04-02",
            "attributes": {"score": 77, "country": "AT"}}},
    ]});
    let (status, answer) = told(&service, "/v1/events", &events).await;
    assert_eq!((status, results(&answer)), (200, vec!["recorded"; 3]));
    let after = told(&service, "/v1/scores", &json!({"customer_ids": ["c3"]})).await.1;
    let churn = |answer: &Value| answer["scores"][0]["churn_probability"].as_f64().unwrap();
    assert!(churn(&after) < churn(&before), "{before} {after}");

    // The batch: the same rows through the builder of the tables.
    let mut builder = super::super::fixtures::builder(6);
    for (id, at, amount) in [("c3", "2026-04-02T10:00:00Z", 250.0), ("newcomer", "2026-04-02T11:00:00Z", 19.5)] {
        let customer = builder.customer(id);
        let row: crate::contract::Transaction =
            serde_json::from_value(json!({"event_time": at, "amount": amount, "category": "books"})).unwrap();
        builder.add_purchase(customer, &row.row());
    }
    let customer = builder.customer("c5");
    builder.set_number(0, customer, 77.0);
    builder.set_category(1, customer, "AT");
    builder.set_attributes_known_at(customer, moment("2026-04-02"));
    let policy = Policy::parse(Policy::default_toml(PolicyKind::Shop)).unwrap();
    let scorer = service.answering.load().book.scorer.clone();
    let batch = Book::new(scorer, builder.finish(), &policy).unwrap();
    let until = batch.timelines.known_until().unwrap();
    assert_eq!(service.moment(), until);
    let customers = batch.customers_at(until);
    let ids: Vec<&str> = customers.iter().map(|&place| batch.timelines.ids.get(place)).collect();
    assert_eq!(ids.len(), 7);
    let decisions: Vec<_> = batch.decide_all(until, &customers).into_iter().map(|(_, decision)| decision).collect();
    let expected = format!("{{\"decisions\":{},", serde_json::to_string(&decisions).unwrap());
    let ask = json!({"customer_ids": ids});
    let answer = super::super::fixtures::posted(&service, "/v1/decisions", &ask).await.1;
    assert!(String::from_utf8(answer).unwrap().starts_with(&expected));

    // And after a restart.
    let service = restarted(service);
    let answer = super::super::fixtures::posted(&service, "/v1/decisions", &ask).await.1;
    assert!(String::from_utf8(answer).unwrap().starts_with(&expected));
}

#[tokio::test]
async fn every_item_has_its_own_result_and_counts_once() {
    let service = service(3);
    let items = json!({"events": [
        bought("e1", "c1", "2026-04-02", 5.0),
        bought("e1", "c1", "2026-04-02", 5.0),
        bought("e1", "c1", "2026-04-02", 6.0),
        {"event_id": "e2", "customer_id": "c1"},
        {"event_id": "e3", "customer_id": "c1", "transaction": {"event_time": "2026-04-02", "amount": 1, "colour": 1}},
        bought("e4", "c1", "2199-01-01", 5.0),
        bought("e5", "c1", "2025-01-01", 5.0),
        {"event_id": "e6", "customer_id": "c1", "customer": {"created_at": "2026-01-01", "attributes": {"height": 1}}},
    ]});
    let (status, answer) = told(&service, "/v1/events", &items).await;
    assert_eq!(status, 200);
    let mut expected = vec!["recorded", "duplicate", "conflict"];
    expected.extend(["refused"; 5]);
    assert_eq!(results(&answer), expected, "{answer}");
    assert!(answer["results"][4]["detail"].as_str().unwrap().contains("colour"));
    assert_eq!(service.live.rows(), 1);
    let (_, again) = told(&service, "/v1/events", &items).await;
    assert_eq!(results(&again)[..3], ["duplicate", "duplicate", "conflict"]);
    assert_eq!(service.live.rows(), 1);
}

#[tokio::test]
async fn a_single_item_that_is_not_taken_is_a_problem() {
    let service = service(3);
    let first = bought("e1", "c1", "2026-04-02", 5.0);
    assert_eq!(told(&service, "/v1/events", &first).await.0, 200);
    let other = bought("e1", "c1", "2026-04-02", 6.0);
    let outcome = json!({"decision_id": "none", "outcome": "taken"});
    let cases = [
        (409, "/v1/events", other),
        (404, "/v1/outcomes", outcome),
        (422, "/v1/events", json!({"events": [], "more": 1})),
        (422, "/v1/events", json!({"events": []})),
        (422, "/v1/events", json!({"events": vec![1; 1_001]})),
        (422, "/v1/outcomes", json!([])),
        (422, "/v1/outcomes", json!({"decision_id": "d", "outcome": "taken", "outcome_value": 1e300})),
    ];
    for (status, path, body) in cases {
        assert_eq!(problem(&service, post(path, body.to_string())).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn a_decision_is_kept_with_its_outcomes_each_once() {
    let service = service(3);
    let (_, decided) = told(&service, "/v1/decisions", &json!({"customer_ids": ["c1", "c2"]})).await;
    let id = decided["decision_ids"][1].as_str().unwrap();
    let outcome = json!({"decision_id": id, "outcome": "taken", "outcome_value": 12.5, "outcome_at": "2026-04-09"});
    let other = json!({"decision_id": id, "outcome": "taken", "outcome_value": 13});
    let seen = json!({"decision_id": id, "outcome": "seen"});
    let body = json!({"outcomes": [outcome, outcome, other, seen, {"decision_id": "x", "outcome": "taken"}]});
    let (status, answer) = told(&service, "/v1/outcomes", &body).await;
    assert_eq!(status, 200);
    assert_eq!(results(&answer), ["recorded", "duplicate", "conflict", "recorded", "unknown_decision"]);
    let (status, kept) = super::got(&service, &format!("/v1/decisions/{id}")).await;
    assert_eq!(status, 200);
    assert_eq!(kept["decision"], decided["decisions"][1]);
    assert_eq!(kept["decision"]["model_versions"], json!({"churn": "7", "clv": "7"}));
    let names: Vec<&str> =
        kept["outcomes"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(names, ["seen", "taken"]);
    assert_eq!(kept["outcomes"][1]["outcome_value"], 12.5);
    let considered = kept["decision"]["considered"].as_array().unwrap();
    let eligible = considered.iter().filter(|one| !one["expected_gain"].is_null()).map(|one| &one["action"]);
    assert_eq!(kept["eligible"].as_array().unwrap().iter().collect::<Vec<_>>(), eligible.collect::<Vec<_>>());
}
