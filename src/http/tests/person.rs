//! A customer can see what is kept about them, and can be erased.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::super::fixtures::{got, problem, restarted, results, send, service, told};

#[tokio::test]
async fn an_export_has_the_rows_of_tables_and_stream_and_every_decision() {
    let service = service(3);
    let event =
        json!({"event_id": "e1", "customer_id": "c1", "event": {"event_time": "2026-04-02", "event_type": "login"}});
    told(&service, "/v1/events", &event).await;
    let (_, decided) = told(&service, "/v1/decisions", &json!({"customer_ids": ["c1"]})).await;
    let id = &decided["decision_ids"][0];
    told(&service, "/v1/outcomes", &json!({"decision_id": id, "outcome": "taken"})).await;
    let (status, export) = got(&service, "/v1/customers/c1/export").await;
    assert_eq!(status, 200);
    assert_eq!(export["streamed"], json!([{"event_id": "e1", "row": {"event": event["event"]}}]));
    assert_eq!(export["decisions"][0]["decision_id"], *id);
    assert_eq!(export["decisions"][0]["outcomes"][0]["outcome"], "taken");
    assert_eq!(export["tables"]["attributes"], json!({"score": 1.0, "country": "DE"}));
    let lines = export["tables"]["transactions"].as_array().unwrap();
    assert_eq!(lines.len(), 15);
    assert_eq!(lines[0]["category"], "books");
    let nobody = Request::get("/v1/customers/nobody/export").body(Body::empty()).unwrap();
    assert_eq!(problem(&service, nobody).await.0, 404);
}

#[tokio::test]
async fn an_erased_customer_is_unknown_at_once_and_after_a_restart() {
    let mut service = service(3);
    let event =
        json!({"event_id": "e1", "customer_id": "c1", "event": {"event_time": "2026-04-02", "event_type": "login"}});
    told(&service, "/v1/events", &event).await;
    let (_, decided) = told(&service, "/v1/decisions", &json!({"customer_ids": ["c1", "c2"]})).await;
    let erase = Request::delete("/v1/customers/c1").body(Body::empty()).unwrap();
    let (status, _, receipt) = send(&service, erase).await;
    assert_eq!(status, 200);
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    let stores: Vec<(&str, bool)> = receipt["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|store| (store["store"].as_str().unwrap(), store["is_erased"].as_bool().unwrap()))
        .collect();
    assert_eq!(stores, [("database", true), ("database log", true), ("memory", true), ("timelines file", false)]);
    assert_eq!(receipt["stores"][0]["decisions"], 1);
    assert!(receipt["stores"][3]["until"].as_str().unwrap().contains("tend train"));
    for turn in 0..2 {
        for path in ["/v1/scores", "/v1/decisions"] {
            let (status, problem) = told(&service, path, &json!({"customer_ids": ["c1", "c2"]})).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (404, &json!("/customer_ids/0")), "turn {turn}");
        }
        for path in ["/v1/customers/c1", "/v1/customers/c1/export"] {
            assert_eq!(got(&service, path).await.0, 404, "{path}, turn {turn}");
        }
        let id = |place: usize| format!("/v1/decisions/{}", decided["decision_ids"][place].as_str().unwrap());
        assert_eq!(got(&service, &id(0)).await.0, 404);
        assert_eq!(got(&service, &id(1)).await.0, 200);
        let (_, late) = told(&service, "/v1/events", &json!({"events": [event]})).await;
        assert_eq!(results(&late), ["erased"]);
        service = restarted(service);
    }
}
