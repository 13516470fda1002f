//! What the store's decisions and outcomes add up to, kept in memory: the same figures live and after a start.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use crate::decision::CompiledPolicy;
use crate::decision::experience::{Experience, Sent, Tally};
use crate::store::{Counted, SentDecision, Store, StoreError};

/// The counts that decisions read, and what is needed to count every decision's success once.
#[derive(Debug, Default)]
pub struct Learning {
    experience: Arc<RwLock<Experience>>,
    /// Decisions with a positive outcome, by the number in their id.
    successes: Mutex<HashSet<u128>>,
    /// Names of positive outcomes that it was counted with.
    positive: Mutex<Vec<String>>,
}

impl Learning {
    /// The counts, as a book reads them.
    #[must_use]
    pub fn experience(&self) -> Arc<RwLock<Experience>> {
        Arc::clone(&self.experience)
    }

    /// The counts of a store that a service may have open, for a batch.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn of_store_at(path: &Path, policy: &CompiledPolicy) -> Result<Arc<RwLock<Experience>>, StoreError> {
        let (mut experience, mut successes) = (Experience::default(), HashSet::new());
        let mut outcomes = Vec::new();
        Store::counts_at(
            path,
            |counted| add_counted(&mut experience, &counted),
            |sent, outcome| outcomes.extend(policy.is_positive(outcome).then_some(sent)),
        )?;
        outcomes.iter().for_each(|sent| add_success(&mut experience, &mut successes, sent));
        Ok(Arc::new(RwLock::new(experience)))
    }

    /// Whether it was counted with the names of positive outcomes that a policy has.
    #[must_use]
    pub fn suits(&self, policy: &CompiledPolicy) -> bool {
        *lock(&self.positive) == policy.positive_outcomes()
    }

    /// Counts everything anew. Nothing may be written to the store meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read; the counts are as they were then.
    pub fn count(&self, store: &Store, policy: &CompiledPolicy) -> Result<(), StoreError> {
        let (mut experience, mut successes) = (Experience::default(), HashSet::new());
        let mut answered = Vec::new();
        store.counts(
            |counted| add_counted(&mut experience, &counted),
            |sent, outcome| answered.extend(policy.is_positive(outcome).then_some(sent)),
        )?;
        answered.iter().for_each(|sent| add_success(&mut experience, &mut successes, sent));
        *self.write() = experience;
        *lock(&self.successes) = successes;
        *lock(&self.positive) = policy.positive_outcomes().to_vec();
        Ok(())
    }

    /// Counts decisions that the store has kept: action, stage, and the model's probability in billionths.
    pub fn decided<'r>(&self, decisions: impl Iterator<Item = (&'r str, &'r str, Option<i64>)>) {
        let mut experience = self.write();
        for (action, stage, expected) in decisions {
            experience.add(action, stage, sent(action, stage, expected).tally());
        }
    }

    /// Counts positive outcomes that the store has kept, one a decision.
    pub fn succeeded<'s>(&self, decisions: impl Iterator<Item = &'s SentDecision>) {
        let mut successes = lock(&self.successes);
        let mut experience = self.write();
        decisions.for_each(|decision| add_success(&mut experience, &mut successes, decision));
    }

    /// Takes back what an erased customer's decisions had counted.
    pub fn forget(&self, decisions: &[SentDecision]) {
        let mut successes = lock(&self.successes);
        let mut experience = self.write();
        for decision in decisions {
            let sent = sent(&decision.action, &decision.stage, decision.expected);
            experience.remove(sent.action, sent.stage, sent.tally());
            if successes.remove(&number(&decision.decision_id)) {
                experience.remove(sent.action, sent.stage, sent.positive());
            }
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Experience> {
        // Counts are whole whenever the lock is free, so a panic leaves nothing half done.
        self.experience.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add_counted(experience: &mut Experience, counted: &Counted) {
    let Counted { action, stage, sent, foreseen, expected } = counted;
    let [sent, foreseen, expected_parts] = [sent, foreseen, expected].map(|count| u64::try_from(*count).unwrap_or(0));
    experience.add(action, stage, Tally { sent, foreseen, expected_parts, ..Tally::default() });
}

fn add_success(experience: &mut Experience, successes: &mut HashSet<u128>, decision: &SentDecision) {
    if successes.insert(number(&decision.decision_id)) {
        let sent = sent(&decision.action, &decision.stage, decision.expected);
        experience.add(sent.action, sent.stage, sent.positive());
    }
}

fn sent<'a>(action: &'a str, stage: &'a str, expected: Option<i64>) -> Sent<'a> {
    Sent { action, stage, expected_parts: expected.and_then(|parts| u64::try_from(parts).ok()) }
}

/// The number that an id of a decision writes in hexadecimal digits.
fn number(decision_id: &str) -> u128 {
    decision_id
        .chars()
        .filter_map(|letter| letter.to_digit(16))
        .fold(0, |number, digit| (number << 4) | u128::from(digit))
}
