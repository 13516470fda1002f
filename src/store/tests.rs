//! The store as its callers see it, before and after the end of the process.

use std::sync::Arc;

use super::*;

fn event(number: usize, amount: f64) -> EventRecord {
    EventRecord {
        event_id: format!("e{number}"),
        customer_id: format!("c{}", number % 7),
        known_at: number as i64,
        row: format!("{{\"amount\":{amount}}}"),
    }
}

fn decision(id: &str, customer: &str) -> DecisionRecord {
    DecisionRecord {
        decision_id: id.to_owned(),
        decided_at_ms: 1_000,
        customer_id: customer.to_owned(),
        stage: "active".to_owned(),
        action: "call".to_owned(),
        eligible: "[\"call\"]".to_owned(),
        probability: 0.5,
        model_versions: "{}".to_owned(),
        policy_version: "p".to_owned(),
        decision: format!("{{\"customer_id\":\"{customer}\"}}"),
        expected: None,
    }
}

fn outcome(decision_id: &str, value: f64) -> OutcomeRecord {
    OutcomeRecord {
        decision_id: decision_id.to_owned(),
        outcome: "taken".to_owned(),
        outcome_at: None,
        outcome_value: Some(value),
    }
}

fn events_of(store: &Store) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    store.events_known_from(i64::MIN, |event| events.push(event)).unwrap();
    events
}

#[tokio::test]
async fn an_event_counts_once_however_often_sent_and_its_first_form_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let first = store.record_events(vec![event(1, 5.0), event(2, 5.0), event(1, 5.0)]).await.unwrap();
    assert!(matches!(first[..], [Recorded::New(1), Recorded::New(2), Recorded::Duplicate]), "{first:?}");
    let second = store.record_events(vec![event(2, 6.0)]).await.unwrap();
    assert_eq!(second, [Recorded::Conflict]);
    assert_eq!(events_of(&store).iter().map(|event| event.row.as_str()).collect::<Vec<_>>(), ["{\"amount\":5}"; 2]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    store.record_decisions(vec![decision("d1", "c1")]).await.unwrap();
    store.record_outcomes(vec![outcome("d1", 3.0)]).await.unwrap();
    store.record_events(vec![event(1, 5.0)]).await.unwrap();
    let kept = (store.decision("d1").unwrap(), events_of(&store));
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!((store.decision("d1").unwrap(), events_of(&store)), kept);
    assert_eq!(kept.0.unwrap().outcomes[0].outcome_value, Some(3.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_outcomes_from_64_senders_ten_times_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("store.db")).unwrap());
    let ids: Vec<String> = (0..100).map(|number| format!("d{number}")).collect();
    store.record_decisions(ids.iter().map(|id| decision(id, "c")).collect()).await.unwrap();
    let senders: Vec<_> = (0..64)
        .map(|_| {
            let (store, ids) = (Arc::clone(&store), ids.clone());
            tokio::spawn(async move {
                let mut new = 0;
                for _ in 0..10 {
                    let outcomes = ids.iter().map(|id| outcome(id, 1.0)).collect();
                    let recorded = store.record_outcomes(outcomes).await.unwrap();
                    assert!(recorded.iter().all(|one| matches!(one, Recorded::New(_) | Recorded::Duplicate)));
                    new += recorded.iter().filter(|one| matches!(one, Recorded::New(_))).count();
                }
                new
            })
        })
        .collect();
    let mut new = 0;
    for sender in senders {
        new += sender.await.unwrap();
    }
    assert_eq!(new, 100);
    assert!(ids.iter().all(|id| store.decision(id).unwrap().unwrap().outcomes.len() == 1));
    let (commits, writes) = (&store.gauges().commits, &store.gauges().writes);
    assert_eq!(writes.load(Ordering::Relaxed), 641);
    assert!(commits.load(Ordering::Relaxed) < 641, "no commit was shared");
}

#[tokio::test]
async fn an_outcome_needs_its_decision_and_the_first_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    assert_eq!(store.record_outcomes(vec![outcome("d1", 1.0)]).await.unwrap(), [Recorded::UnknownDecision]);
    store.record_decisions(vec![decision("d1", "c1")]).await.unwrap();
    let recorded = store.record_outcomes(vec![outcome("d1", 1.0), outcome("d1", 2.0)]).await.unwrap();
    assert!(matches!(recorded[..], [Recorded::New(_), Recorded::Conflict]), "{recorded:?}");
}

#[tokio::test]
async fn an_erased_customer_is_in_no_file_and_comes_back_in_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let of = |customer: &str, number| EventRecord { customer_id: customer.to_owned(), ..event(number, 1.0) };
    store.record_decisions(vec![decision("d1", "zebra-42"), decision("d2", "other-77")]).await.unwrap();
    store.record_outcomes(vec![outcome("d1", 1.0)]).await.unwrap();
    store.record_events(vec![of("zebra-42", 1), of("other-77", 2), of("zebra-42", 3)]).await.unwrap();
    let holds = |text: &str| {
        let files =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())).count()
    };
    assert!(holds("zebra-42") > 0);
    let erased = store.erase("zebra-42".to_owned()).await.unwrap();
    assert_eq!((erased.decisions, erased.outcomes, erased.events, erased.log_emptied), (1, 1, 2, true));
    assert_eq!(holds("zebra-42"), 0);
    assert!(holds("other-77") > 0);
    assert_eq!(store.record_events(vec![of("zebra-42", 1)]).await.unwrap(), [Recorded::Erased]);
    assert_eq!(store.record_decisions(vec![decision("d3", "zebra-42")]).await.unwrap(), [Recorded::Erased]);
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.record_events(vec![of("zebra-42", 9)]).await.unwrap(), [Recorded::Erased]);
    assert_eq!(store.erase("zebra-42".to_owned()).await.unwrap().erased_at, erased.erased_at);
    assert_eq!(events_of(&store).len(), 1);
}

#[test]
fn a_store_is_served_by_one_process_and_one_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path).err(), Some(StoreError::Taken { .. })));
    drop(store);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(Store::open(&path).err(), Some(StoreError::Newer { found: 99, .. })));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let text = "customer_id,amount\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(Store::open(&path).err(), Some(StoreError::Database { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_key_is_told_once_kept_as_a_hash_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let key = Store::create_key(&path, "web", &[Scope::Read, Scope::Decide]).unwrap();
    let store = Store::open(&path).unwrap();
    assert!(Store::create_key(&path, "web", &[Scope::Read]).is_err(), "a name is taken once");
    let other = Store::create_key(&path, "etl", &[Scope::Ingest]).unwrap();
    let keys = store.keys().unwrap();
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["etl", "web"]);
    assert!(keys[1].is(&key) && !keys[1].is(&other) && !keys[1].is(""));
    assert_eq!(keys[1].scopes, [Scope::Read, Scope::Decide]);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()));
    }
    assert!(Store::revoke_key(&path, "web").unwrap());
    assert_eq!(store.keys().unwrap().len(), 1);
}

#[test]
fn ids_sort_by_time_and_have_the_form_of_uuid_version_7() {
    let maker = IdMaker::new().unwrap();
    let ids: Vec<String> = [5, 6, 7, 1 << 40].into_iter().map(|now| maker.next(now)).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    for id in &ids {
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        assert!(parts[2].starts_with('7') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
    }
    assert_ne!(maker.next(5), ids[0]);
}
