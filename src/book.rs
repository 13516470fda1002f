//! A company's customers with the models and the policy: judges any of them, the same way in batch and over HTTP.

use std::sync::{Arc, PoisonError, RwLock};

use rayon::prelude::*;
use tend_models::predict::FeatureKind;
use tend_models::quantities::Moment;
use tend_models::scorecard::Scorecard;
use tend_models::scorer::{BoundScorer, Scorer, reasons_of_rows};
use tend_models::timeline::Timelines;

use crate::decision::experience::Experience;
use crate::decision::{
    Choice, CompiledPolicy, Dealings, Decision, FeatureView, PastContact, Policy, PolicyError, RiskBand, Subject,
    Weighing, stage_name, stage_place,
};

/// Customers that one thread looks at, one after the other.
const CUSTOMERS_AT_ONCE: usize = 256;

/// Customers, models and policy.
pub struct Book {
    /// The models.
    pub scorer: Scorer,
    /// The customers.
    pub timelines: Timelines,
    policy: CompiledPolicy,
    names: Vec<String>,
    kinds: Vec<FeatureKind>,
    experience: Arc<RwLock<Experience>>,
}

/// What the models estimate about a customer, and where that puts them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// What the models estimate, with reasons.
    pub scorecard: Scorecard,
    /// The name of the customer's stage.
    pub stage: String,
    /// The policy's band for the churn probability.
    pub risk_band: Option<RiskBand>,
}

/// Where a customer is: places among the policy's stages and the model's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The place of the stage in the policy.
    pub stage: usize,
    /// The place of the segment; `None` without a model of segments.
    pub segment: Option<usize>,
}

impl Book {
    /// Compiles the policy for the models' features.
    ///
    /// # Errors
    /// [`PolicyError`] if a condition names what the models do not have.
    pub fn new(scorer: Scorer, timelines: Timelines, policy: &Policy) -> Result<Self, PolicyError> {
        let profile = scorer.profile();
        let (names, kinds) = (profile.names(), profile.kinds());
        let policy = policy.compile(&names, &kinds, &scorer.products())?.with_catalogue(&timelines.catalogue);
        Ok(Self { scorer, timelines, policy, names, kinds, experience: Arc::default() })
    }

    /// The same book, which decides by what came of earlier decisions, as far as the policy asks for it; without this
    /// it knows of none.
    #[must_use]
    pub fn with_experience(self, experience: Arc<RwLock<Experience>>) -> Self {
        Self { experience, ..self }
    }

    /// What decides.
    #[must_use]
    pub fn policy(&self) -> &CompiledPolicy {
        &self.policy
    }

    /// The customers who were there before a moment.
    #[must_use]
    pub fn customers_at(&self, moment: Moment) -> Vec<usize> {
        let there = |customer: &usize| self.timelines.timeline(*customer).before(moment).exists();
        (0..self.timelines.len()).filter(there).collect()
    }

    /// Scores a customer of `bound` as known before a moment, with reasons, and decides.
    pub fn judge(&self, bound: &mut BoundScorer<'_>, customer: usize, moment: Moment) -> (Scorecard, Decision) {
        let (scorecard, decision) = self.decide(bound, customer, moment);
        (Scorecard { reasons: bound.reasons(&scorecard), ..scorecard }, decision)
    }

    /// Decides as [`judge`](Self::judge) does; the scorecard has no reasons, which are worked out only where the
    /// decision tells one.
    pub fn decide(&self, bound: &mut BoundScorer<'_>, customer: usize, moment: Moment) -> (Scorecard, Decision) {
        self.choose(bound, (customer, moment), Choice::Best, &[])
    }

    /// Decides as [`decide`](Self::decide) does, or as somebody else chooses; contacts that are promised count as made
    /// until they are among the customer's.
    pub fn choose(
        &self,
        bound: &mut BoundScorer<'_>,
        (customer, moment): (usize, Moment),
        choice: Choice<'_>,
        promised: &[PastContact<'_>],
    ) -> (Scorecard, Decision) {
        self.weigh_with(bound, (customer, moment), promised, |weighing| weighing.decide(choice))
    }

    /// Scores a customer of `bound` as known before a moment, and weighs the actions for whoever chooses.
    pub fn weigh<T>(
        &self,
        bound: &mut BoundScorer<'_>,
        customer: usize,
        moment: Moment,
        choose: impl FnOnce(&Weighing<'_>) -> T,
    ) -> (Scorecard, T) {
        self.weigh_with(bound, (customer, moment), &[], choose)
    }

    fn weigh_with<T>(
        &self,
        bound: &mut BoundScorer<'_>,
        (customer, moment): (usize, Moment),
        promised: &[PastContact<'_>],
        choose: impl FnOnce(&Weighing<'_>) -> T,
    ) -> (Scorecard, T) {
        let scorecard = bound.estimate(customer, moment);
        let mut dealings = Dealings::of(bound.timelines(), customer, moment);
        dealings.expect(promised);
        let reasons = || bound.reasons(&scorecard);
        let none = Experience::default();
        // Counts are whole whenever the lock is free, so a panic leaves nothing half done.
        let shared = self.policy.learns().then(|| self.experience.read().unwrap_or_else(PoisonError::into_inner));
        let experience = shared.as_deref().unwrap_or(&none);
        let subject = self.subject(bound, &scorecard, &dealings, &reasons, experience);
        let chosen = choose(&Weighing::of(&self.policy, &subject));
        drop(shared);
        (scorecard, chosen)
    }

    fn subject<'a>(
        &'a self,
        bound: &'a BoundScorer<'_>,
        scorecard: &'a Scorecard,
        dealings: &'a Dealings<'a>,
        reasons: &'a (dyn Fn() -> Vec<String> + Sync),
        experience: &'a Experience,
    ) -> Subject<'a> {
        let features = FeatureView { names: &self.names, kinds: &self.kinds, values: bound.profile_row() };
        Subject { scorecard, features, dealings, reasons, experience }
    }

    /// Scores customers of the book with the name of their stage and their risk band, in their order, whatever the
    /// number of threads. Nothing is decided.
    #[must_use]
    pub fn score_all(&self, moment: Moment, customers: &[usize]) -> Vec<Scored> {
        let bound = self.scorer.bind(&self.timelines);
        customers
            .par_chunks(CUSTOMERS_AT_ONCE)
            .map_init(|| bound.clone(), |bound, customers| self.score_some(bound, moment, customers))
            .collect::<Vec<_>>()
            .concat()
    }

    /// Reasons are worked out for all of them together, which takes less time.
    fn score_some(&self, bound: &mut BoundScorer<'_>, moment: Moment, customers: &[usize]) -> Vec<Scored> {
        let (mut scored, mut rows) = (Vec::with_capacity(customers.len()), Vec::new());
        for &customer in customers {
            let scorecard = bound.estimate(customer, moment);
            let dealings = Dealings::of(bound.timelines(), customer, moment);
            let none = Experience::default();
            let subject = self.subject(bound, &scorecard, &dealings, &Vec::new, &none);
            let stage = stage_name(&self.policy, &subject).to_owned();
            let risk_band = scorecard.churn_probability.map(|churn| self.policy.risk_band(churn));
            rows.extend(bound.churn_row(&scorecard).unwrap_or(&[]));
            scored.push(Scored { scorecard, stage, risk_band });
        }
        if let Some(model) = self.scorer.churn() {
            let leavers = scored.iter_mut().filter(|scored| scored.scorecard.churn_probability.is_some());
            for (scored, reasons) in leavers.zip(reasons_of_rows(&model.classifier, &model.plan, &rows)) {
                scored.scorecard.reasons = reasons;
            }
        }
        scored
    }

    /// Where every customer of the timelines was before a moment; `None` for those who had not come yet.
    #[must_use]
    pub fn places_at(&self, moment: Moment) -> Vec<Option<Placed>> {
        let everybody: Vec<usize> = (0..self.timelines.len()).collect();
        let segments = self.scorer.segment_names();
        self.for_all(&everybody, |bound, customer| {
            self.timelines.timeline(customer).before(moment).exists().then(|| {
                let scorecard = bound.estimate(customer, moment);
                let dealings = Dealings::of(bound.timelines(), customer, moment);
                let none = Experience::default();
                let subject = self.subject(bound, &scorecard, &dealings, &Vec::new, &none);
                let stage = stage_place(&self.policy, &subject);
                let segment = scorecard.segment.and_then(|name| segments.iter().position(|known| *known == name));
                Placed { stage, segment }
            })
        })
    }

    /// Decides for customers of the book as [`decide`](Self::decide) does, in their order, whatever the number of
    /// threads.
    #[must_use]
    pub fn decide_all(&self, moment: Moment, customers: &[usize]) -> Vec<(Scorecard, Decision)> {
        self.for_all(customers, |bound, customer| self.decide(bound, customer, moment))
    }

    /// Asks something of customers of the book, in their order, whatever the number of threads.
    pub fn for_all<T: Send>(
        &self,
        customers: &[usize],
        each: impl Fn(&mut BoundScorer<'_>, usize) -> T + Sync + Send,
    ) -> Vec<T> {
        let bound = self.scorer.bind(&self.timelines);
        customers
            .par_iter()
            .with_min_len(CUSTOMERS_AT_ONCE)
            .map_init(|| bound.clone(), |bound, &customer| each(bound, customer))
            .collect()
    }

    /// Judges every customer of other timelines, such as histories sent with a request.
    #[must_use]
    pub fn judge_others(&self, timelines: &Timelines, moment: Moment) -> Vec<(Scorecard, Decision)> {
        let mut bound = self.scorer.bind(timelines);
        (0..timelines.len()).map(|customer| self.judge(&mut bound, customer, moment)).collect()
    }
}
