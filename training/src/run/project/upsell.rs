//! Trains one classifier for each product that customers do not have yet.

use tend_models::artifact::{Model, Offer, UpsellModel};
use tend_models::families::classifier::Classifier;
use tend_models::scorecard::Task;
use tend_models::scorer::offer_names;

use self::customers::{Code, Customers};
use self::fallback::pools;
use self::lists::judge_lists;
use super::{ProjectRun, compete, nothing_happened};
use crate::champion::{LEAST_OF_EITHER, forecasts};
use crate::evaluate::HeldOut;
use crate::recipe::UpsellBy;
use crate::run::{Figures, ProductFigures, TrainError, Trained};
pub(in crate::run) use customers::OfferState;
pub use fallback::FallbackFigures;

mod customers;
mod fallback;
mod lists;

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
    let (offer, training) = (offer(run), &run.recipe.training);
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
    let counted = customers.counted(offers);
    let least = upsell.min_positives.max(LEAST_OF_EITHER) as f64;
    let own = counted.iter().take(upsell.most_offers).take_while(|offer| offer.count.happened >= least).count();
    let rare = counted[own..].iter().take(upsell.most_rare_offers).filter(|offer| offer.count.happened > 0.0);
    let pools = pools(run, offer, rare.cloned().collect());
    if own == 0 && pools.is_empty() {
        return Err(TrainError::Data(
            "nobody took a product for the first time in the training windows; widen `horizon_days` under [upsell] in tend.toml".to_owned(),
        ));
    }
    let mut figures = Figures::new(Task::Upsell, "per product");
    let mut groups: Vec<(String, Vec<Code>)> =
        counted[..own].iter().map(|offer| (offer.name.clone(), vec![offer.code])).collect();
    groups.extend(pools.iter().map(|pool| (pool.name(), pool.codes())));
    for (name, codes) in &groups {
        figures.left_out.extend(customers.leave_out_leaks(name, codes, &training.keep));
    }

    let mut products = Vec::new();
    for product in &counted[..own] {
        let (samples, split) = customers.samples(&[product.code]);
        let effort = training.effort.for_one_of_many();
        let (champion, own, _) = compete(Task::Upsell, &samples, &split, effort, run.judging(Task::Upsell))?;
        let (held_out, detail) = own.held_out.zip(own.detail).ok_or_else(nothing_happened)?;
        figures.products.push(ProductFigures { product: product.name.clone(), family: own.family, held_out, detail });
        products.push((product.name.clone(), product.code, champion));
    }
    for pool in &pools {
        figures.fallbacks.extend(pool.figures());
        for (name, code, classifier) in pool.classifiers(run, &customers)? {
            figures.products.push(judged(run, &customers, &name, code, &classifier)?);
            products.push((name, code, classifier));
        }
    }
    products.sort_by(|one, other| one.0.cmp(&other.0));
    figures.ranking = judge_lists(&customers, &products, &counted);
    let rows = customers.states.len();
    let products = products.into_iter().map(|(name, _, classifier)| (name, classifier)).collect();
    let model = UpsellModel { plan: customers.plan, offer, products, horizon_days: upsell.horizon_days };
    Ok(Trained::new(Model::Upsell(model), figures, Some(run.as_of), rows, training.seed))
}

/// The figures of a product's classifier on the test moment.
fn judged(
    run: &ProjectRun<'_>,
    customers: &Customers,
    name: &str,
    code: Code,
    classifier: &Classifier,
) -> Result<ProductFigures, TrainError> {
    let (samples, split) = customers.samples(&[code]);
    let happened: Vec<bool> = split.test.iter().map(|&place| samples.labels[place]).collect();
    let forecasts = forecasts(classifier, &samples, &split.test);
    let held_out = HeldOut::of(&forecasts, &happened, run.judging(Task::Upsell))?;
    Ok(ProductFigures {
        product: name.to_owned(),
        family: classifier.family_name().to_owned(),
        held_out: held_out.figures,
        detail: held_out.detail,
    })
}
