//! A model that takes over is judged by the decisions that are kept.

use serde_json::{Value, json};
use tend_models::scorecard::Task;

use super::super::fixtures::{Served, served_from, told};
use super::life::project_with_policy;

/// A call pays for those who leave with probability .3, which version 3 says of everybody, and for nobody else.
const CALLS: &str = r#"
[exploration]
epsilon = 0.5
ramp_up = false

[[stage]]
name = "all"
when = "true"

[[action]]
id = "call"
label = "Call"
stages = ["all"]
goal = "retain"
channel = "phone"
cost = 3
deadline_days = 14
value = 30
effect = { source = "experiment", relative_reduction = 0.5 }
"#;

/// A service in which version 3 decided 1,000 times; a call brought `call`, leaving alone 2.
async fn decided(call: f64) -> Served {
    let folder = project_with_policy(CALLS);
    tend_models::registry::Registry::new(folder.path().join("registry")).promote(Task::Churn, "3").unwrap();
    let service = served_from(folder);
    let ids: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    for _ in 0..50 {
        let (_, answer) = told(&service, "/v1/decisions", &json!({"customer_ids": ids})).await;
        let decided = answer["decisions"].as_array().unwrap().iter().zip(answer["decision_ids"].as_array().unwrap());
        let outcomes: Vec<Value> = decided
            .map(|(decision, id)| {
                let value = if decision["action"] == "call" { call } else { 2.0 };
                json!({"decision_id": id, "outcome": "bought", "outcome_value": value})
            })
            .collect();
        assert_eq!(told(&service, "/v1/outcomes", &json!({"outcomes": outcomes})).await.0, 200);
    }
    service
}

async fn promoted(service: &Served, body: Value) -> (u16, Value) {
    told(service, "/v1/models/churn/promote", &body).await
}

#[tokio::test]
async fn a_model_that_would_have_earned_less_is_refused_in_numbers_unless_it_is_forced() {
    // Version 3 calls three in four, which earns 10 - 3; version 1 would call nobody, which earns 2: 3.75 less.
    let service = decided(10.0).await;
    let (status, refused) = promoted(&service, json!({"version": "1", "least_rows": 100})).await;
    assert_eq!((status, &refused["error_code"]), (409, &json!("evidence_against")), "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    let improvement = detail.split("improvement ").last().unwrap().split(' ').next().unwrap();
    let improvement: f64 = improvement.parse().unwrap_or_else(|_| panic!("{detail}"));
    assert!((improvement + 3.75).abs() < 0.3, "{detail}");
    assert!(detail.contains("1000 decisions") && detail.contains("promote with `force`"), "{detail}");
    assert_eq!(service.versions()[&Task::Churn], "3");

    let (status, refused) = promoted(&service, json!({"version": "1", "least_rows": 5_000})).await;
    assert_eq!(status, 409);
    assert!(refused["detail"].as_str().unwrap().contains("expected at least 5000"), "{refused}");

    // Version 3 itself decides as it does: nothing is lost.
    let (status, same) = promoted(&service, json!({"version": "3", "least_rows": 100})).await;
    assert_eq!((status, &same["evidence"]["verdict"]), (200, &json!("promote")), "{same}");
    assert_eq!(same["evidence"]["evaluation"]["improvement"]["mean"], 0.0);

    let (status, forced) = promoted(&service, json!({"version": "1", "force": true})).await;
    assert_eq!((status, &forced["champion"]), (200, &json!("1")), "{forced}");
    assert_eq!(service.versions()[&Task::Churn], "1");
}

#[tokio::test]
async fn a_model_that_would_have_earned_more_takes_over() {
    let service = decided(1.0).await;
    let (status, promoted) = promoted(&service, json!({"version": "1", "least_rows": 100})).await;
    assert_eq!((status, &promoted["evidence"]["verdict"]), (200, &json!("promote")), "{promoted}");
    let improvement = promoted["evidence"]["evaluation"]["improvement"]["mean"].as_f64().unwrap();
    // 2 against .75 x (1 - 3) + .25 x 2 = -1.
    assert!((improvement - 3.0).abs() < 0.3, "{promoted}");
}
