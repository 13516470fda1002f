//! What a task asks of an outcome.

use tend_models::artifact::{ChurnDefinition, Offer};
use tend_models::features::{active_products, monthly_revenue_at};
use tend_models::timeline::{History, Outcome};

/// Whether the customer left: the definition's question, asked of the window.
#[must_use]
pub fn churned(definition: ChurnDefinition, outcome: &Outcome<'_>) -> bool {
    match definition {
        ChurnDefinition::SubscriptionEnds => active_products(outcome.subscriptions(), outcome.until()).next().is_none(),
        ChurnDefinition::NoPurchase { .. } | ChurnDefinition::TargetColumn => {
            !outcome.purchases().any(|line| line.amount >= 0.0)
        }
    }
}

/// The codes of the offers taken in the window, of a kind that has codes.
#[must_use]
pub fn taken_offers(offer: Offer, outcome: &Outcome<'_>) -> Vec<u32> {
    let bought = outcome.purchases().filter(|line| line.amount >= 0.0);
    let mut taken: Vec<u32> = match offer {
        Offer::Category => bought.map(|line| line.category).collect(),
        Offer::Product => {
            let began = outcome.subscriptions().filter(|subscription| subscription.start >= outcome.from().seconds());
            bought.map(|line| line.product).chain(began.map(|subscription| subscription.product)).collect()
        }
        Offer::PlanUpgrade | Offer::TargetColumn => Vec::new(),
    };
    taken.sort_unstable();
    taken.dedup();
    taken
}

/// Whether the customer pays more a month at the end of the window than before it.
#[must_use]
pub fn upgraded(history: &History<'_>, outcome: &Outcome<'_>) -> bool {
    let before = monthly_revenue_at(history.subscriptions(), history.moment());
    monthly_revenue_at(outcome.subscriptions(), outcome.until()) > before
}

/// Net spend and purchase days in the window.
#[must_use]
pub fn purchases_in(outcome: &Outcome<'_>) -> (f64, u32) {
    let (mut spend, mut days, mut last) = (0.0, 0, None);
    for line in outcome.purchases() {
        spend += line.amount;
        let day = line.at.div_euclid(tend_models::quantities::DAY_SECONDS);
        if line.amount >= 0.0 && last != Some(day) {
            days += 1;
            last = Some(day);
        }
    }
    (spend, days)
}
