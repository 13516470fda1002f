//! Models change without a restart, and a bad one never answers.

use std::fs;

use serde_json::{Value, json};
use tend_models::artifact::Model;
use tend_models::families::classifier::Family;
use tend_models::quantities::Probability;
use tend_models::registry::Registry;
use tend_models::scorecard::Task;
use tend_models::timeline::save_timelines;

use super::super::fixtures::{churn_model, got, header, served_from, timelines, told};
use super::*;

/// A registry with churn versions 1 to 3; each says its own probability to everybody.
fn project() -> tempfile::TempDir {
    project_with_policy(crate::decision::Policy::default_toml(crate::decision::PolicyKind::Shop))
}

pub(super) fn project_with_policy(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let timelines = timelines(20);
    save_timelines(&timelines, &folder.path().join("timelines.tend")).unwrap();
    fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let registry = Registry::new(folder.path().join("registry"));
    for version in 1..=3 {
        let mut model = churn_model(&timelines);
        let Family::RecencyBins(bins) = &mut model.classifier.family else { panic!("bins") };
        let rate = Probability::new(f64::from(version) / 10.0).unwrap();
        bins.rates = vec![rate; 3];
        bins.unknown = rate;
        bins.overall = rate;
        registry.publish(&header(Task::Churn), &Model::Churn(model), &[]).unwrap();
    }
    registry.promote(Task::Churn, "1").unwrap();
    folder
}

/// What answers: the version that it names and the probability that it gives.
async fn answers(service: &Arc<Service>) -> (String, f64) {
    let (status, answer) = told(service, "/v1/scores", &json!({"customer_ids": ["c3"]})).await;
    assert_eq!(status, 200, "{answer}");
    let score = &answer["scores"][0];
    (score["model_versions"]["churn"].as_str().unwrap().to_owned(), score["churn_probability"].as_f64().unwrap())
}

fn is(version: u32) -> (String, f64) {
    (version.to_string(), f64::from(version) / 10.0)
}

#[tokio::test]
async fn promotion_and_rollback_answer_at_once_and_a_bad_version_never_does() {
    let service = served_from(project());
    assert_eq!(answers(&service).await, is(1));
    let promote = async |version: &str| told(&service, "/v1/models/churn/promote", &json!({"version": version})).await;
    let (status, promoted) = promote("3").await;
    assert_eq!((status, &promoted["task"], &promoted["champion"]), (200, &json!("churn"), &json!("3")));
    assert_eq!(promoted["evidence"], json!({"no_log": "no decision with an outcome is kept"}));
    assert_eq!(answers(&service).await, is(3));
    let path = service.folder.path().join("registry/churn/2/model.tend");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (status, refused) = promote("2").await;
    assert_eq!((status, &refused["error_code"]), (422, &json!("unusable_model")));
    assert_eq!(promote("9").await.0, 404);
    assert_eq!(answers(&service).await, is(3));
    assert_eq!(told(&service, "/v1/models/churn/rollback", &json!({})).await.1["champion"], "1");
    assert_eq!(answers(&service).await, is(1));
    assert_eq!(told(&service, "/v1/models/churn/rollback", &json!({})).await.0, 409);
    assert_eq!(told(&service, "/v1/models/horoscope/rollback", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_pointer_that_moves_is_followed_and_a_bad_policy_is_not() {
    let service = served_from(project());
    service.sources.registry.promote(Task::Churn, "2").unwrap();
    service.refresh();
    assert_eq!(answers(&service).await, is(2));
    let policy = service.folder.path().join("policy.toml");
    let good = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, "[[stage]]\nname = \"all\"\nwhen = \"no_such_feature > 1\"\n").unwrap();
    service.sources.registry.promote(Task::Churn, "3").unwrap();
    service.refresh();
    assert_eq!(answers(&service).await, is(2));
    assert_eq!(service.metrics.failed_swaps.load(Ordering::Relaxed), 1);
    fs::write(&policy, good).unwrap();
    service.refresh();
    assert_eq!(answers(&service).await, is(3));
}

#[tokio::test]
async fn newer_tables_take_the_place_of_streamed_rows() {
    let service = served_from(project());
    let event = json!({"event_id": "e", "customer_id": "c3",
        "transaction": {"event_time": "2026-04-02", "amount": 5}});
    assert_eq!(told(&service, "/v1/events", &event).await.0, 200);
    let moment = service.moment();
    let row: crate::contract::Transaction = serde_json::from_value(event["transaction"].clone()).unwrap();
    let mut builder = super::super::fixtures::builder(20);
    let customer = builder.customer("c3");
    builder.add_purchase(customer, &row.row());
    let ask = async || got(&service, "/v1/customers/c3").await.1;
    let with_stream = ask().await;
    save_timelines(&builder.finish(), &service.folder.path().join("timelines.tend")).unwrap();
    service.refresh();
    assert_eq!((service.live.rows(), service.moment()), (0, moment));
    assert_eq!(ask().await, with_stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_swaps_under_load_mix_no_versions_and_fail_no_request() {
    let service = Arc::new(served_from(project()));
    let ids: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (service, ids) = (Arc::clone(&service), ids.clone());
            tokio::spawn(async move {
                let mut seen = BTreeSet::new();
                for _ in 0..150 {
                    let (status, answer) = told(&service, "/v1/scores", &json!({"customer_ids": ids})).await;
                    assert_eq!(status, 200, "{answer}");
                    let scores = answer["scores"].as_array().unwrap();
                    let version = |score: &Value| score["model_versions"]["churn"].as_str().unwrap().to_owned();
                    let first = version(&scores[0]);
                    let expected = first.parse::<f64>().unwrap() / 10.0;
                    for score in scores {
                        assert_eq!(version(score), first);
                        assert!(score["churn_probability"].as_f64().is_none_or(|found| found == expected), "{score}");
                    }
                    seen.insert(first);
                }
                seen
            })
        })
        .collect();
    for swap in 0..100 {
        let body = json!({"version": (swap % 3 + 1).to_string()});
        assert_eq!(told(&service, "/v1/models/churn/promote", &body).await.0, 200);
    }
    let mut seen = BTreeSet::new();
    for client in clients {
        seen.extend(client.await.unwrap());
    }
    assert!(seen.len() > 1, "the load saw one version alone");
}
