//! Decisions that explore and learn, through HTTP: logged probabilities, outcomes that count once, also after a restart.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::super::fixtures::{Served, got, restarted_with_policy, results, send, service_with_policy, told};
use super::*;

/// An offer that is ranked by how likely its success is, and moved by what comes of it.
const LEARNS: &str = r#"
[exploration]
epsilon = 0.5
ramp_up = false

[adaptation]
weight = 50

[outcomes]
positive = ["taken", "bought"]

[[limit]]
contacts = 1
days = 30

[[stage]]
name = "all"
when = "true"

[[action]]
id = "offer"
label = "Offer"
stages = ["all"]
goal = "win_back"
channel = "email"
cost = 0.1
deadline_days = 14
value = 40
effect = { source = "propensity" }

[[action]]
id = "letter"
label = "Letter"
stages = ["all"]
goal = "win_back"
channel = "post"
cost = 0.5
deadline_days = 14
value = 30
effect = { source = "propensity" }
"#;

const CUSTOMERS: usize = 20;

fn everybody() -> Value {
    json!({"customer_ids": (0..CUSTOMERS).map(|number| format!("c{number}")).collect::<Vec<_>>()})
}

/// The terms of an action in the answer about a customer.
async fn terms(service: &Arc<Service>, customer: &str, action: &str) -> Value {
    let (_, answer) = got(service, &format!("/v1/customers/{customer}")).await;
    let considered = answer["decision"]["considered"].as_array().unwrap();
    considered.iter().find(|one| one["action"] == action).unwrap()["terms"].clone()
}

/// The probability of the offer for each of three customers, and what it is said to come from.
async fn figures(service: &Arc<Service>) -> Vec<Value> {
    let mut found = Vec::new();
    for customer in ["c0", "c3", "c7"] {
        let terms = terms(service, customer, "offer").await;
        found.push(json!([terms["probability"], terms["foreseen"], terms["outcomes"]]));
    }
    found
}

/// Decides for everybody several times and reports an outcome of every third offer; returns the ids of the offers.
async fn campaign(service: &Arc<Service>) -> Vec<String> {
    let mut offers = Vec::new();
    for _ in 0..6 {
        let (status, answer) = told(service, "/v1/decisions", &everybody()).await;
        assert_eq!(status, 200, "{answer}");
        for (decision, id) in
            answer["decisions"].as_array().unwrap().iter().zip(answer["decision_ids"].as_array().unwrap())
        {
            let considered = decision["considered"].as_array().unwrap();
            let sum: f64 = considered.iter().map(|one| one["probability"].as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-9 && decision["probability"].as_f64().unwrap() > 0.0, "{decision}");
            if decision["action"] == "offer" {
                offers.push(id.as_str().unwrap().to_owned());
            }
        }
    }
    let outcome = |id: &String, outcome: &str| json!({"decision_id": id, "outcome": outcome});
    let taken: Vec<Value> = offers.iter().step_by(3).map(|id| outcome(id, "taken")).collect();
    let sent_again = taken.clone().into_iter().chain(offers.iter().step_by(3).map(|id| outcome(id, "bought")));
    let seen = offers.iter().map(|id| outcome(id, "seen"));
    let body = json!({"outcomes": taken.iter().cloned().chain(sent_again).chain(seen).collect::<Vec<_>>()});
    let (status, answer) = told(service, "/v1/outcomes", &body).await;
    assert_eq!(status, 200, "{answer}");
    assert!(results(&answer).contains(&"duplicate"), "{answer}");
    offers
}

#[tokio::test]
async fn outcomes_move_probabilities_once_however_often_sent_and_a_restart_finds_the_same() {
    let mut service: Served = service_with_policy(CUSTOMERS, LEARNS);
    let before = figures(&service).await;
    let offers = campaign(&service).await;
    assert!(offers.len() > 30, "{} offers", offers.len());
    let after = figures(&service).await;
    for (before, after) in before.iter().zip(&after) {
        let successes = offers.len().div_ceil(3);
        assert_eq!(after[2], json!({"sent": offers.len(), "positives": successes}), "{after}");
        assert_eq!(before[1], after[1], "the model's word stays");
        assert_ne!(before[0], after[0], "and is moved");
    }
    // An outcome that arrives late moves it again.
    let late = json!({"decision_id": offers[1], "outcome": "Bought", "outcome_at": "2026-04-01"});
    told(&service, "/v1/outcomes", &late).await;
    let later = figures(&service).await;
    assert_eq!(later[0][2]["positives"], after[0][2]["positives"].as_u64().unwrap() + 1);
    service = restarted_with_policy(service, LEARNS);
    assert_eq!(figures(&service).await, later);

    // A batch on the same store says the same.
    let policy = crate::decision::Policy::parse(LEARNS).unwrap();
    let (scorer, timelines) = {
        let answering = service.answering.load();
        (answering.book.scorer.clone(), answering.book.timelines.clone())
    };
    let batch = crate::book::Book::new(scorer, timelines, &policy).unwrap();
    let path = service.folder.path().join("store.db");
    let experience = crate::learning::Learning::of_store_at(&path, batch.policy()).unwrap();
    let batch = batch.with_experience(experience);
    let place = batch.timelines.position("c3").unwrap();
    let (_, decision) = batch.judge(&mut batch.scorer.bind(&batch.timelines), place, service.moment());
    let (_, answer) = got(&service, "/v1/customers/c3").await;
    assert_eq!(serde_json::to_value(decision).unwrap(), answer["decision"]);

    // What an erased customer did counts no longer, now and after a restart.
    let erase = Request::delete("/v1/customers/c5").body(Body::empty()).unwrap();
    assert_eq!(send(&service, erase).await.0, 200);
    let without = figures(&service).await;
    assert!(without[0][2]["sent"].as_u64() < later[0][2]["sent"].as_u64(), "{without:?} of {later:?}");
    service = restarted_with_policy(service, LEARNS);
    assert_eq!(figures(&service).await, without);

    // With other names of positive outcomes the same log is counted anew.
    service = restarted_with_policy(service, &LEARNS.replace("\"taken\", \"bought\"", "\"seen\""));
    let seen = figures(&service).await;
    assert_eq!(seen[0][2]["sent"], seen[0][2]["positives"]);
}

#[tokio::test]
async fn a_kept_decision_can_be_drawn_again_from_its_id() {
    let service = service_with_policy(CUSTOMERS, LEARNS);
    let (_, answer) = told(&service, "/v1/decisions", &everybody()).await;
    let book = &service.answering.load_full().book;
    let mut actions = BTreeMap::new();
    for (number, id) in answer["decision_ids"].as_array().unwrap().iter().enumerate() {
        let id = id.as_str().unwrap();
        let (_, kept) = got(&service, &format!("/v1/decisions/{id}")).await;
        let place = book.timelines.position(&format!("c{number}")).unwrap();
        let mut bound = book.scorer.bind(&book.timelines);
        let choice = crate::decision::Choice::Drawn(id);
        let decision = book.choose(&mut bound, (place, service.moment()), choice, &[]).1;
        let mut again = serde_json::to_value(decision).unwrap();
        // What was learned meanwhile may move figures, not the draw.
        let action = again["action"].take();
        assert_eq!(action, kept["decision"]["action"]);
        *actions.entry(action.as_str().unwrap().to_owned()).or_insert(0) += 1;
        let eligible = kept["eligible"].as_array().unwrap();
        assert!(eligible.contains(&action), "{kept}");
    }
    assert!(actions.len() > 1, "chance chose nothing else: {actions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_same_time_never_promise_more_contacts_than_a_limit_allows() {
    let policy = format!("{LEARNS}\n[online]\ndecisions_count_days = 7\n");
    let service = service_with_policy(CUSTOMERS, &policy);
    let count = |answer: &Value, acts: &mut BTreeMap<String, usize>| {
        for decision in answer["decisions"].as_array().unwrap() {
            let acted = usize::from(decision["action"] != "leave_alone");
            *acts.entry(decision["customer_id"].as_str().unwrap().to_owned()).or_default() += acted;
        }
    };
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..5 {
                    answers.push(told(&service, "/v1/decisions", &everybody()).await.1);
                }
                answers
            })
        })
        .collect();
    let mut acts = BTreeMap::new();
    for client in clients {
        client.await.unwrap().iter().for_each(|answer| count(answer, &mut acts));
    }
    // After some thirty chances everybody has been promised the one contact that the limit allows.
    assert!(acts.values().all(|acts| *acts == 1), "{acts:?}");
    let service = restarted_with_policy(service, &policy);
    count(&told(&service, "/v1/decisions", &everybody()).await.1, &mut acts);
    assert!(acts.values().all(|acts| *acts == 1), "after a restart: {acts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_outcomes_and_contacts_at_the_same_time_break_no_limit_and_lose_no_count() {
    let service = Arc::new(service_with_policy(CUSTOMERS, LEARNS));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let (mut sent, mut taken) = (0, 0);
                for round in 0..25 {
                    // Each client has customers of its own, so that it knows what they were sent.
                    let customer = format!("c{}", client * 5 + round % 5);
                    let (_, answer) = told(&service, "/v1/decisions", &json!({"customer_ids": [customer]})).await;
                    let (decision, id) = (&answer["decisions"][0], &answer["decision_ids"][0]);
                    let has_contact = round >= 5;
                    let action = decision["action"].as_str().unwrap();
                    assert!(action == "leave_alone" || !has_contact, "a second contact: {decision}");
                    if !has_contact {
                        let contact = json!({"sent_at": "2026-04-01", "action_id": "letter"});
                        let event = json!({"event_id": format!("{client} {round}"), "customer_id": customer, "contact": contact});
                        assert_eq!(told(&service, "/v1/events", &event).await.0, 200);
                    }
                    if action == "offer" {
                        sent += 1;
                        taken += 1;
                        let outcome = json!({"decision_id": id, "outcome": "taken"});
                        assert_eq!(told(&service, "/v1/outcomes", &outcome).await.0, 200);
                    }
                }
                (sent, taken)
            })
        })
        .collect();
    let (mut sent, mut taken) = (0, 0);
    for client in clients {
        let (more_sent, more_taken) = client.await.unwrap();
        sent += more_sent;
        taken += more_taken;
    }
    let experience = service.learning.experience();
    let tally = experience.read().unwrap().of_action("offer");
    assert_eq!((tally.sent, tally.positives), (sent, taken));
}
