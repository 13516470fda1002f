//! What was acknowledged survives, counts once, and nothing is invented, however often the service is killed.

#[path = "front_door/server.rs"]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use server::Server;
use tend::decision::{Policy, PolicyKind};
use tend_models::artifact::{ChurnDefinition, ChurnModel, Header, Model};
use tend_models::families::baseline::RecencyBins;
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};
use tend_models::features::FeaturePlan;
use tend_models::quantities::{Moment, Probability};
use tend_models::registry::Registry;
use tend_models::scorecard::Task;
use tend_models::timeline::{PurchaseRow, TimelinesBuilder, save_timelines};

const CUSTOMERS: usize = 10;
const CLIENTS: usize = 6;
/// Kills of the short form; `TEND_KILLS=200` is the long one.
const KILLS: usize = 20;

/// A project that answers, made without training.
fn project(folder: &Path) {
    let day = |day: i64| Moment::from_day(20_000 + day);
    let mut builder = TimelinesBuilder::default();
    for number in 0..CUSTOMERS {
        let customer = builder.customer(&format!("c{number}"));
        builder.set_created_at(customer, day(0));
        let line = PurchaseRow {
            at: day(80 + number as i64),
            known_at: None,
            amount: 20.0,
            margin: f64::NAN,
            quantity: f32::NAN,
            product: None,
            category: None,
        };
        builder.add_purchase(customer, &line);
    }
    let timelines = builder.finish();
    let plan = FeaturePlan::for_timelines(&timelines, day(100));
    let rate = Probability::new(0.3).unwrap();
    let bins = RecencyBins { feature: 0, edges: vec![10.0], rates: vec![rate; 2], unknown: rate, overall: rate };
    let classifier =
        Classifier { family: Family::RecencyBins(bins), calibration: Calibration::None, width: plan.width() };
    let definition = ChurnDefinition::NoPurchase { active_within_days: 180 };
    let header = Header {
        task: Task::Churn,
        version: String::new(),
        family: "test".to_owned(),
        as_of: None,
        rows: 1,
        seed: 1,
        made_by: "test".to_owned(),
        payload_bytes: 0,
        payload_blake3: String::new(),
    };
    let registry = Registry::new(folder.join("registry"));
    let model = Model::Churn(ChurnModel { plan, classifier, definition, horizon_days: 90 });
    let version = registry.publish(&header, &model, &[]).unwrap();
    registry.promote(Task::Churn, &version).unwrap();
    save_timelines(&timelines, &folder.join("timelines.tend")).unwrap();
    fs::write(folder.join("policy.toml"), Policy::default_toml(PolicyKind::Shop)).unwrap();
}

/// What one client sent and what was acknowledged.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    /// Decision, and whether its outcome was acknowledged.
    decisions: BTreeMap<String, bool>,
}

impl Ledger {
    /// Sends until the server is gone.
    fn send(&mut self, addr: &str, next: &AtomicUsize, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let first = next.fetch_add(3, Ordering::Relaxed);
            let events: Vec<Value> = (first..first + 3).map(event).collect();
            self.sent.extend((first..first + 3).map(|number| format!("e{number}")));
            let body = json!({"events": events}).to_string();
            let Ok((200, answer)) = Server::try_request(addr, "POST", "/v1/events", &body) else { continue };
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert!(answer["results"].as_array().unwrap().iter().all(|item| item["result"] == "recorded"), "{answer}");
            self.acknowledged.extend((first..first + 3).map(|number| format!("e{number}")));
            let ask = json!({"customer_ids": [format!("c{}", first % CUSTOMERS)]}).to_string();
            let Ok((200, answer)) = Server::try_request(addr, "POST", "/v1/decisions", &ask) else { continue };
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let id = answer["decision_ids"][0].as_str().unwrap().to_owned();
            let outcome = json!({"decision_id": id, "outcome": "taken", "outcome_value": 1}).to_string();
            let told = Server::try_request(addr, "POST", "/v1/outcomes", &outcome);
            self.decisions.insert(id, matches!(told, Ok((200, _))));
        }
    }
}

fn event(number: usize) -> Value {
    let row = json!({"event_time": "2025-03-01T10:00:00Z", "event_type": "login", "value": number});
    json!({"event_id": format!("e{number}"), "customer_id": format!("c{}", number % CUSTOMERS), "event": row})
}

/// The ids of all streamed rows that the service has.
fn kept(server: &Server) -> Vec<String> {
    let of = |customer: usize| {
        let (status, body) = server.get(&format!("/v1/customers/c{customer}/export"));
        assert_eq!(status, 200, "{body}");
        let export: Value = serde_json::from_str(&body).unwrap();
        let rows = export["streamed"].as_array().unwrap().iter();
        rows.map(|row| row["event_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    (0..CUSTOMERS).flat_map(of).collect()
}

#[test]
fn whatever_was_acknowledged_survives_kills_at_random_times_and_counts_once() {
    let kills = std::env::var("TEND_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    let path = folder.path().to_str().unwrap();
    let next = AtomicUsize::new(0);
    let mut ledgers: Vec<Ledger> = (0..CLIENTS).map(|_| Ledger::default()).collect();
    for kill in 0..kills {
        let mut server = Server::start(path);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for ledger in &mut ledgers {
                let (addr, next, is_over) = (server.addr.clone(), &next, &is_over);
                scope.spawn(move || ledger.send(&addr, next, is_over));
            }
            // Times that follow no rhythm of the commits.
            std::thread::sleep(Duration::from_micros(30_000 + (kill as u64 * 7_919_777) % 150_000));
            server.kill();
            is_over.store(true, Ordering::Relaxed);
        });
    }
    let server = Server::start(path);
    let kept = kept(&server);
    let once: BTreeSet<String> = kept.iter().cloned().collect();
    assert_eq!(once.len(), kept.len(), "a row is there twice");
    let all = |of: fn(&Ledger) -> &BTreeSet<String>| ledgers.iter().flat_map(of).cloned().collect::<BTreeSet<_>>();
    let (sent, acknowledged) = (all(|ledger| &ledger.sent), all(|ledger| &ledger.acknowledged));
    assert!(acknowledged.len() > 10 * kills, "{} rows were acknowledged in {kills} runs", acknowledged.len());
    assert_eq!(acknowledged.difference(&once).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(once.difference(&sent).collect::<Vec<_>>(), Vec::<&String>::new(), "invented");
    for (id, is_told) in ledgers.iter().flat_map(|ledger| &ledger.decisions) {
        let (status, body) = server.get(&format!("/v1/decisions/{id}"));
        assert_eq!(status, 200, "decision {id} is lost: {body}");
        let decision: Value = serde_json::from_str(&body).unwrap();
        let outcomes = decision["outcomes"].as_array().unwrap().len();
        assert!(outcomes == 1 || (outcomes == 0 && !is_told), "{outcomes} outcomes of {id}, told: {is_told}");
    }
    // Sent once more, everything is there once: what was lost before it was acknowledged is taken now.
    let numbers: Vec<usize> = (0..next.load(Ordering::Relaxed)).collect();
    for numbers in numbers.chunks(500) {
        let events: Vec<Value> = numbers.iter().map(|&number| event(number)).collect();
        let (status, body) = server.post("/v1/events", &json!({"events": events}).to_string());
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(self::kept(&server).len(), numbers.len());
    eprintln!("{kills} kills, {} rows acknowledged, none lost, none twice", acknowledged.len());
}

#[test]
fn a_stop_under_load_loses_no_accepted_request() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    let server = Server::start(folder.path().to_str().unwrap());
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut ledgers: Vec<Ledger> = (0..CLIENTS).map(|_| Ledger::default()).collect();
    let succeeded = std::thread::scope(|scope| {
        for ledger in &mut ledgers {
            let (addr, next, is_over) = (server.addr.clone(), &next, &is_over);
            scope.spawn(move || ledger.send(&addr, next, is_over));
        }
        std::thread::sleep(Duration::from_millis(200));
        let succeeded = server.stop();
        is_over.store(true, Ordering::Relaxed);
        succeeded
    });
    assert!(succeeded);
    let server = Server::start(folder.path().to_str().unwrap());
    let kept: BTreeSet<String> = kept(&server).into_iter().collect();
    let acknowledged: BTreeSet<String> = ledgers.iter().flat_map(|ledger| &ledger.acknowledged).cloned().collect();
    assert!(!acknowledged.is_empty());
    // A row that was kept was also acknowledged: its request was answered although the service was stopping.
    assert_eq!(kept, acknowledged);
}
