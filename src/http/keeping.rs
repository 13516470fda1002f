//! What is kept and counted together: decisions, their outcomes, and the erasure of both.

use std::sync::Arc;

use super::Service;
use crate::store::{DecisionRecord, Erased, OutcomeRecord, Recorded, SentDecision, StoreError};

/// Keeps decisions, and counts those that are kept.
pub(super) async fn decisions(service: &Service, records: Vec<DecisionRecord>) -> Result<Vec<Recorded>, StoreError> {
    let _shared = service.counting.read().await;
    let counted = |record: &DecisionRecord| (record.action.clone(), record.stage.clone(), record.expected);
    let counted: Vec<_> = records.iter().map(counted).collect();
    let recorded = service.store.record_decisions(records).await?;
    let kept = counted.iter().zip(&recorded).filter(|(_, recorded)| matches!(recorded, Recorded::New(_)));
    service.learning.decided(kept.map(|((action, stage, expected), _)| (action.as_str(), stage.as_str(), *expected)));
    Ok(recorded)
}

/// Keeps outcomes, and counts each decision's first positive one.
pub(super) async fn outcomes(service: &Arc<Service>, records: Vec<OutcomeRecord>) -> Result<Vec<Recorded>, StoreError> {
    let _shared = service.counting.read().await;
    let answering = service.answering.load_full();
    let policy = answering.book.policy();
    let recorded = service.store.record_outcomes(records.clone()).await?;
    let is_success = |(record, recorded): &(&OutcomeRecord, &Recorded)| {
        matches!(recorded, Recorded::New(_)) && policy.is_positive(&record.outcome)
    };
    let ids: Vec<String> =
        records.iter().zip(&recorded).filter(is_success).map(|(record, _)| record.decision_id.clone()).collect();
    if !ids.is_empty() {
        let reading = Arc::clone(service);
        let sent = tokio::task::spawn_blocking(move || reading.store.sent(&ids)).await;
        let sent = sent.map_err(|_| service.store.fault("reading decisions was broken off".to_owned()))??;
        service.learning.succeeded(sent.iter().flatten());
    }
    Ok(recorded)
}

/// Erases a customer, and takes back what the customer's decisions had counted.
pub(super) async fn erase(service: &Arc<Service>, customer_id: &str) -> Result<Erased, StoreError> {
    let _alone = service.counting.write().await;
    let (reading, id) = (Arc::clone(service), customer_id.to_owned());
    let sent: Vec<SentDecision> = tokio::task::spawn_blocking(move || reading.store.sent_to(&id))
        .await
        .map_err(|_| service.store.fault("reading decisions was broken off".to_owned()))??;
    let erased = service.store.erase(customer_id.to_owned()).await?;
    service.learning.forget(&sent);
    Ok(erased)
}
