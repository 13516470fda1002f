//! Contacts that decisions have promised and nobody has reported yet, so that requests at the same time keep every limit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tend_models::quantities::Moment;

use crate::decision::{CompiledPolicy, Decision, LEAVE_ALONE, PastContact};
use crate::store::{Store, StoreError};

const DAY_MS: i64 = 86_400_000;

/// The promises to all customers.
#[derive(Debug, Default)]
pub(super) struct Promises(Mutex<HashMap<String, Vec<Promise>>>);

/// The promises while nobody else decides.
pub(super) struct Alone<'p>(MutexGuard<'p, HashMap<String, Vec<Promise>>>);

#[derive(Debug)]
struct Promise {
    at: Moment,
    action: String,
}

impl Promises {
    /// Those of the decisions that a store has kept, if they count by the policy.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub(super) fn of_store(store: &Store, policy: &CompiledPolicy, now_ms: i64) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Decided {
            moment: Moment,
        }
        let Some(days) = policy.decisions_count_days() else { return Ok(Self::default()) };
        let mut customers = HashMap::<String, Vec<Promise>>::new();
        store.decided_from(now_ms - i64::from(days) * DAY_MS, |customer_id, action, decision| {
            let decided: Option<Decided> = serde_json::from_str(decision).ok();
            if let Some(Decided { moment: at }) = decided
                && action != LEAVE_ALONE
            {
                let promise = Promise { at, action: action.to_owned() };
                customers.entry(customer_id.to_owned()).or_default().push(promise);
            }
        })?;
        Ok(Self(Mutex::new(customers)))
    }

    /// Lets nobody else decide meanwhile.
    pub(super) fn alone(&self) -> Alone<'_> {
        // A panic leaves at most a promise too many.
        Alone(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets a customer.
    pub(super) fn erase(&self, customer_id: &str) {
        self.alone().0.remove(customer_id);
    }
}

impl Alone<'_> {
    /// What a customer is promised at a moment: nobody has refused it yet, so it counts as taken.
    pub(super) fn of(&mut self, customer_id: &str, moment: Moment, days: u32) -> Vec<PastContact<'_>> {
        let Some(promises) = self.0.get_mut(customer_id) else { return Vec::new() };
        promises.retain(|promise| promise.at.plus_days(i64::from(days)) > moment);
        promises.iter().map(|promise| PastContact { at: promise.at, action: &promise.action, taken: true }).collect()
    }

    /// Adds what a decision promises.
    pub(super) fn add(&mut self, decision: &Decision) {
        if decision.action != LEAVE_ALONE {
            let promise = Promise { at: decision.moment, action: decision.action.clone() };
            self.0.entry(decision.customer_id.clone()).or_default().push(promise);
        }
    }
}
