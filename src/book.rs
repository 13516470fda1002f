//! A company's customers with the models and the policy: judges any of them, the same way in batch and over HTTP.

use rayon::prelude::*;
use tend_models::predict::FeatureKind;
use tend_models::quantities::Moment;
use tend_models::scorecard::Scorecard;
use tend_models::scorer::{BoundScorer, Scorer};
use tend_models::timeline::Timelines;

use crate::decision::{
    Choice, CompiledPolicy, Dealings, Decision, FeatureView, Policy, PolicyError, Subject, Weighing,
};

/// Customers, models and policy.
pub struct Book {
    /// The models.
    pub scorer: Scorer,
    /// The customers.
    pub timelines: Timelines,
    policy: CompiledPolicy,
    names: Vec<String>,
    kinds: Vec<FeatureKind>,
}

impl Book {
    /// Compiles the policy for the models' features.
    ///
    /// # Errors
    /// [`PolicyError`] if a condition names what the models do not have.
    pub fn new(scorer: Scorer, timelines: Timelines, policy: &Policy) -> Result<Self, PolicyError> {
        let profile = scorer.profile();
        let (names, kinds) = (profile.names(), profile.kinds());
        let policy = policy.compile(&names, &kinds, &scorer.products())?;
        Ok(Self { scorer, timelines, policy, names, kinds })
    }

    /// The customers who were there before a moment.
    #[must_use]
    pub fn customers_at(&self, moment: Moment) -> Vec<usize> {
        let there = |customer: &usize| self.timelines.timeline(*customer).before(moment).exists();
        (0..self.timelines.len()).filter(there).collect()
    }

    /// Scores a customer of `bound` as known before a moment, and decides.
    pub fn judge(&self, bound: &mut BoundScorer<'_>, customer: usize, moment: Moment) -> (Scorecard, Decision) {
        self.weigh(bound, customer, moment, |weighing| weighing.decide(Choice::Best))
    }

    /// Scores a customer of `bound` as known before a moment, and weighs the actions for whoever chooses.
    pub fn weigh<T>(
        &self,
        bound: &mut BoundScorer<'_>,
        customer: usize,
        moment: Moment,
        choose: impl FnOnce(&Weighing<'_>) -> T,
    ) -> (Scorecard, T) {
        let dealings = Dealings::of(bound.timelines(), customer, moment);
        let (scorecard, values) = bound.score(customer, moment);
        let features = FeatureView { names: &self.names, kinds: &self.kinds, values };
        let subject = Subject { scorecard: &scorecard, features, dealings: &dealings };
        let chosen = choose(&Weighing::of(&self.policy, &subject));
        (scorecard, chosen)
    }

    /// The policy, with its names resolved.
    #[must_use]
    pub fn policy(&self) -> &CompiledPolicy {
        &self.policy
    }

    /// Judges customers of the book, in their order, whatever the number of threads.
    #[must_use]
    pub fn judge_all(&self, moment: Moment, customers: &[usize]) -> Vec<(Scorecard, Decision)> {
        let bound = self.scorer.bind(&self.timelines);
        customers
            .par_iter()
            .with_min_len(256)
            .map_init(|| bound.clone(), |bound, &customer| self.judge(bound, customer, moment))
            .collect()
    }

    /// Judges every customer of other timelines, such as histories sent with a request.
    #[must_use]
    pub fn judge_others(&self, timelines: &Timelines, moment: Moment) -> Vec<(Scorecard, Decision)> {
        let mut bound = self.scorer.bind(timelines);
        (0..timelines.len()).map(|customer| self.judge(&mut bound, customer, moment)).collect()
    }
}
