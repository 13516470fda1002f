//! Trains one classifier for each product that customers do not have yet.

use tend_models::artifact::{Model, Offer, UpsellModel};
use tend_models::features::FeaturePlan;
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_models::scorer::{can_be_offered, offer_names, owned_offers};

use super::{ProjectRun, Role, compete, nothing_happened};
use crate::labels::{taken_offers, upgraded};
use crate::leaks::leaks;
use crate::recipe::UpsellBy;
use crate::run::{Figures, ProductFigures, TrainError, Trained};
use crate::samples::{Samples, Split};

/// What a customer has and takes, as codes of the offers, rising.
pub(in crate::run) struct OfferState {
    owned: Vec<u32>,
    taken: Vec<u32>,
    upgraded: bool,
}

/// What can be taken: a product or category by its code, or a dearer plan.
type Code = Option<u32>;

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
}

/// Customers at all moments, with what each has and takes.
struct Customers {
    plan: FeaturePlan,
    states: Vec<(Role, OfferState)>,
    /// (customers, features), row-major.
    rows: Vec<f64>,
}

impl Customers {
    fn of(run: &ProjectRun<'_>, offer: Offer) -> Result<Self, TrainError> {
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

    /// The offers with enough first-time buyers in the training windows, those with the most first.
    fn sold(&self, offers: Vec<(String, Code)>, min_positives: usize, most: usize) -> Vec<(String, Code)> {
        let buyers = |code: Code| {
            let training = self.states.iter().filter(|(role, _)| matches!(role, Role::Train(_)));
            training.filter(|(_, state)| state.is_open(code) && state.takes(code)).count()
        };
        let mut counted: Vec<(usize, (String, Code))> = offers
            .into_iter()
            .map(|offer| (buyers(offer.1), offer))
            .filter(|(count, _)| *count >= min_positives)
            .collect();
        counted.sort_by(|(one, (a, _)), (other, (b, _))| other.cmp(one).then(a.cmp(b)));
        counted.truncate(most);
        counted.into_iter().map(|(_, offer)| offer).collect()
    }

    /// Leaves out features that tell alone who takes one of the offers; says which and why.
    fn leave_out_leaks(&mut self, offers: &[(String, Code)], keep: &[String]) -> Vec<String> {
        let mut left_out = Vec::new();
        for (name, code) in offers {
            let (samples, split) = self.samples(*code);
            let found = leaks(&samples, &split.train, keep);
            left_out.extend(found.iter().map(|leak| format!("{leak} (offer {name})")));
            if !found.is_empty() {
                let mut own = Samples::new(self.plan.clone());
                own.rows = std::mem::take(&mut self.rows);
                own.leave_out(&found.iter().map(|leak| leak.place).collect::<Vec<_>>());
                (self.plan, self.rows) = (own.plan, own.rows);
            }
        }
        left_out
    }

    /// The customers to whom an offer can be made, and who takes it.
    fn samples(&self, code: Code) -> (Samples, Split) {
        let mut samples = Samples::new(self.plan.clone());
        let mut split = Split::default();
        let rows = self.rows.chunks_exact(self.plan.width());
        for ((role, state), row) in self.states.iter().zip(rows).filter(|((_, state), _)| state.is_open(code)) {
            role.put(samples.len()..samples.len() + 1, &mut split);
            samples.labels.push(state.takes(code));
            samples.rows.extend(row);
        }
        (samples, split)
    }
}

fn offer(run: &ProjectRun<'_>) -> Offer {
    let purchases = &run.timelines.purchases;
    let by = run.recipe.upsell.by.unwrap_or(if !purchases.category.is_empty() {
        UpsellBy::Category
    } else if !purchases.product.is_empty() {
        UpsellBy::Product
    } else {
        UpsellBy::PlanUpgrade
    });
    match by {
        UpsellBy::Category => Offer::Category,
        UpsellBy::Product => Offer::Product,
        UpsellBy::PlanUpgrade => Offer::PlanUpgrade,
    }
}

pub(super) fn train_upsell(run: &ProjectRun<'_>) -> Result<Trained, TrainError> {
    let upsell = &run.recipe.upsell;
    let (offer, seed) = (offer(run), run.recipe.training.seed);
    if offer == Offer::PlanUpgrade && run.timelines.subscriptions.is_empty() {
        return Err(TrainError::Data(
            "found no category, no product and no subscription; expected one of them; name the column with the `category` or `product_id` of the transactions in tend.toml".to_owned(),
        ));
    }
    let mut customers = Customers::of(run, offer)?;
    let offers = match offer {
        Offer::PlanUpgrade => vec![("plan upgrade".to_owned(), None)],
        _ => offer_names(offer, run.timelines).iter().cloned().zip((0..).map(Some)).collect(),
    };
    let sold = customers.sold(offers, upsell.min_positives, upsell.most_offers);
    if sold.is_empty() {
        return Err(TrainError::Data(format!(
            "no product has {} first-time buyers in the training windows; lower `min_positives` under [upsell] in tend.toml or widen `horizon_days`",
            upsell.min_positives
        )));
    }
    let mut products = Vec::new();
    let mut figures = Figures::new(Task::Upsell, "per product");
    figures.left_out = customers.leave_out_leaks(&sold, &run.recipe.training.keep);
    for (name, code) in sold {
        let (samples, split) = customers.samples(code);
        let judging = run.judging(Task::Upsell);
        let effort = run.recipe.training.effort.for_one_of_many();
        let (champion, own, _) = compete(Task::Upsell, &samples, &split, effort, judging)?;
        let (held_out, detail) = own.held_out.zip(own.detail).ok_or_else(nothing_happened)?;
        figures.products.push(ProductFigures { product: name.clone(), family: own.family, held_out, detail });
        products.push((name, champion));
    }
    products.sort_by(|one, other| one.0.cmp(&other.0));
    let rows = customers.states.len();
    let model = UpsellModel { plan: customers.plan, offer, products, horizon_days: upsell.horizon_days };
    Ok(Trained::new(Model::Upsell(model), figures, Some(run.as_of), rows, seed))
}
