//! Ranks each test customer's open offers by the model and by popularity, and judges both lists.

use tend_models::families::classifier::Classifier;

use super::customers::{Code, Counted, Customers, OfferState};
use crate::evaluate::{LIST_LENGTHS, OfferRanking, RankedOffers};

/// How well the products' probabilities rank what customers of the test moment took anew, against the popularity of
/// all offers in the training windows. `None` if there is no choice of offers, or nobody took one.
pub(super) fn judge_lists(
    customers: &Customers,
    products: &[(String, Code, Classifier)],
    by_popularity: &[Counted],
) -> Option<OfferRanking> {
    if products.len() < 2 {
        return None;
    }
    let mut popular: Vec<&Counted> = by_popularity.iter().filter(|offer| offer.count.happened > 0.0).collect();
    let rate = |offer: &Counted| offer.count.happened / offer.count.rows;
    popular.sort_by(|one, other| rate(other).total_cmp(&rate(one)));
    let (mut model, mut popularity) = (Vec::new(), Vec::new());
    for ((_, state), row) in customers.states.iter().zip(customers.rows()).filter(|((role, _), _)| role.is_test()) {
        let taken_in_all = state.taken_new(by_popularity.len() as u32);
        if taken_in_all == 0 {
            continue;
        }
        let open = products.iter().filter(|(_, code, _)| state.is_open(*code));
        let mut scored: Vec<(f64, Code)> =
            open.map(|(_, code, classifier)| (classifier.probability(row).get(), *code)).collect();
        scored.sort_by(|one, other| other.0.total_cmp(&one.0));
        let list = |codes: &mut dyn Iterator<Item = Code>| list(state, codes, taken_in_all);
        model.push(list(&mut scored.into_iter().map(|(_, code)| code)));
        popularity.push(list(&mut popular.iter().map(|offer| offer.code).filter(|&code| state.is_open(code))));
    }
    OfferRanking::of(&model, &popularity, products.len())
}

fn list(state: &OfferState, codes: &mut dyn Iterator<Item = Code>, taken_in_all: usize) -> RankedOffers {
    let longest = LIST_LENGTHS[LIST_LENGTHS.len() - 1];
    RankedOffers { taken: codes.take(longest).map(|code| state.takes(code)).collect(), taken_in_all }
}
