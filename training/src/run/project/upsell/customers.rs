//! Customers at all moments with what each has and takes: the rows of every product's classifier, computed once.

use tend_models::artifact::Offer;
use tend_models::features::FeaturePlan;
use tend_models::quantities::Moment;
use tend_models::scorer::{can_be_offered, owned_offers};

use super::super::{ProjectRun, Role};
use crate::fit::shrinkage::Count;
use crate::labels::{taken_offers, upgraded};
use crate::leaks::leaks;
use crate::run::TrainError;
use crate::samples::{Samples, Split};

/// What a customer has and takes, as codes of the offers, rising.
pub(in crate::run) struct OfferState {
    owned: Vec<u32>,
    taken: Vec<u32>,
    upgraded: bool,
}

/// What can be taken: a product or category by its code, or a dearer plan.
pub(super) type Code = Option<u32>;

impl OfferState {
    /// What a customer has before `moment` and takes in a window of days from `from` on; `None` if no offer can be made.
    pub(in crate::run) fn of(
        run: &ProjectRun<'_>,
        offer: Offer,
        customer: usize,
        moment: Moment,
        [from, until]: [Moment; 2],
    ) -> Option<Self> {
        let timeline = run.timelines.timeline(customer);
        let history = timeline.before(moment);
        let outcome = timeline.between(from, until, run.as_of);
        can_be_offered(offer, &history).then(|| {
            let mut owned = Vec::new();
            owned_offers(offer, &history, &mut owned);
            Self { owned, taken: taken_offers(offer, &outcome), upgraded: upgraded(&history, &outcome) }
        })
    }

    /// Whether the offer is still to be made to this customer.
    pub(in crate::run) fn is_open(&self, code: Code) -> bool {
        code.is_none_or(|code| self.owned.binary_search(&code).is_err())
    }

    pub(in crate::run) fn takes(&self, code: Code) -> bool {
        match code {
            Some(code) => self.taken.binary_search(&code).is_ok(),
            None => self.upgraded,
        }
    }

    /// How many of the offers with codes below `codes` the customer takes that were open.
    pub(super) fn taken_new(&self, codes: u32) -> usize {
        self.taken.iter().filter(|&&code| code < codes && self.is_open(Some(code))).count()
    }
}

/// An offer with how often customers took it in the training windows, of those to whom it was open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) code: Code,
    pub(super) count: Count,
}

/// Customers at all moments, with what each has and takes.
pub(super) struct Customers {
    pub(super) plan: FeaturePlan,
    pub(super) states: Vec<(Role, OfferState)>,
    /// (customers, features), row-major.
    rows: Vec<f64>,
}

impl Customers {
    pub(super) fn of(run: &ProjectRun<'_>, offer: Offer) -> Result<Self, TrainError> {
        let horizon_days = run.recipe.upsell.horizon_days;
        let moments = run.moments(horizon_days)?;
        let plan = FeaturePlan::for_timelines(run.timelines, moments.tune);
        let mut customers = Self { plan, states: Vec::new(), rows: Vec::new() };
        for (moment, role, places) in run.roles(&moments) {
            let from = moment.plus_days(run.recipe.training.gap_days.into());
            let window = [from, from.plus_days(horizon_days.into())];
            let made = run.snapshots(&customers.plan, moment, &places, |customer| {
                OfferState::of(run, offer, customer, moment, window)
            });
            customers.states.extend(made.answers.into_iter().map(|state| (role, state)));
            customers.rows.extend(made.rows);
        }
        Ok(customers)
    }

    /// The offers with those customers in the training windows who could take it and who did, most takers first.
    pub(super) fn counted(&self, offers: Vec<(String, Code)>) -> Vec<Counted> {
        let training = || self.states.iter().filter(|(role, _)| matches!(role, Role::Train(_))).map(|(_, state)| state);
        let (mut owned, mut taken) = (vec![0.0; offers.len()], vec![0.0; offers.len()]);
        for state in training() {
            for &code in &state.owned {
                owned.get_mut(code as usize).into_iter().for_each(|count| *count += 1.0);
            }
            for &code in state.taken.iter().filter(|&&code| state.is_open(Some(code))) {
                taken.get_mut(code as usize).into_iter().for_each(|count| *count += 1.0);
            }
        }
        let all = training().count() as f64;
        let mut counted: Vec<Counted> = offers
            .into_iter()
            .map(|(name, code)| {
                let count = match code {
                    Some(code) => Count { happened: taken[code as usize], rows: all - owned[code as usize] },
                    None => Count { happened: training().filter(|state| state.upgraded).count() as f64, rows: all },
                };
                Counted { name, code, count }
            })
            .collect();
        counted.sort_by(|one, other| {
            other.count.happened.total_cmp(&one.count.happened).then_with(|| one.name.cmp(&other.name))
        });
        counted
    }

    /// Leaves out features that tell alone who takes one of the offers; says which and why.
    pub(super) fn leave_out_leaks(&mut self, name: &str, codes: &[Code], keep: &[String]) -> Vec<String> {
        let (samples, split) = self.samples(codes);
        let found = leaks(&samples, &split.train, keep);
        if !found.is_empty() {
            let mut own = Samples::new(self.plan.clone());
            own.rows = std::mem::take(&mut self.rows);
            own.leave_out(&found.iter().map(|leak| leak.place).collect::<Vec<_>>());
            (self.plan, self.rows) = (own.plan, own.rows);
        }
        found.iter().map(|leak| format!("{leak} (offer {name})")).collect()
    }

    /// The customers to whom one of the offers can be made, and who takes one that can.
    pub(super) fn samples(&self, codes: &[Code]) -> (Samples, Split) {
        let mut samples = Samples::new(self.plan.clone());
        let mut split = Split::default();
        for ((role, state), row) in self.states.iter().zip(self.rows()) {
            let mut open = codes.iter().copied().filter(|&code| state.is_open(code)).peekable();
            if open.peek().is_some() {
                role.put(samples.len()..samples.len() + 1, &mut split);
                samples.labels.push(open.any(|code| state.takes(code)));
                samples.rows.extend(row);
            }
        }
        (samples, split)
    }

    /// The rows of features, one a state.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.rows.chunks_exact(self.plan.width())
    }
}
