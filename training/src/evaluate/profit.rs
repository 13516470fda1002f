//! What a retention campaign earns if the model chooses whom to contact: the expected maximum profit measure.

use serde::{Deserialize, Serialize};
use tend_models::special::regularised_incomplete_beta;

use super::ranking::Ranking;
use super::{MetricError, check_scores};

/// What a retention campaign costs and brings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Campaign {
    /// What a customer who stays is worth, in money; above 0.
    pub customer_value: f64,
    /// What the offer costs if it is taken, in money; from 0 to below the customer's value.
    pub offer_cost: f64,
    /// What a contact costs, in money; not below 0.
    pub contact_cost: f64,
    /// First parameter of the beta distribution of the share of leavers who stay for the offer.
    pub accept_alpha: f64,
    /// Its second parameter.
    pub accept_beta: f64,
}

/// The values of Verbraken, Verbeke and Baesens (2013).
impl Default for Campaign {
    fn default() -> Self {
        Self { customer_value: 200.0, offer_cost: 10.0, contact_cost: 1.0, accept_alpha: 6.0, accept_beta: 14.0 }
    }
}

/// What a campaign earns at the best share of customers to contact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CampaignProfit {
    /// Expected maximum profit a customer, contacted or not, in money.
    pub empc: f64,
    /// Share of the customers that are contacted for it, from 0 to 1.
    pub empc_fraction: f64,
    /// What was reckoned with.
    pub campaign: Campaign,
}

impl Campaign {
    /// Checks that the numbers can be those of a campaign.
    ///
    /// # Errors
    /// A sentence that names the number, what was found and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let rules = [
            ("customer_value", self.customer_value, self.customer_value > 0.0, "above 0"),
            (
                "offer_cost",
                self.offer_cost,
                (0.0..self.customer_value).contains(&self.offer_cost),
                "from 0 to below customer_value",
            ),
            ("contact_cost", self.contact_cost, self.contact_cost >= 0.0, "0 or more"),
            ("accept_alpha", self.accept_alpha, self.accept_alpha > 0.0, "above 0"),
            ("accept_beta", self.accept_beta, self.accept_beta > 0.0, "above 0"),
        ];
        match rules.iter().find(|(_, found, holds, _)| !(*holds && found.is_finite())) {
            Some((name, found, _, expected)) => Err(format!("{name} is {found}; expected a number {expected}")),
            None => Ok(()),
        }
    }
}

/// Expected maximum profit of a retention campaign: the mean, over the uncertain share of leavers who take the offer,
/// of the profit at the best number of contacts.
///
/// `scores` and `left` are (n,), on any scale. `None` if all customers left or all stayed. The integral is exact over
/// each edge of the ROC curve's convex hull. Source: Verbraken, Verbeke and Baesens (2013), equations 12 to 15.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], or [`MetricError::NotFinite`] for a score.
pub fn expected_maximum_profit(
    scores: &[f64],
    left: &[bool],
    campaign: Campaign,
) -> Result<Option<CampaignProfit>, MetricError> {
    check_scores(scores, left)?;
    Ok(campaign_profit_of(&Ranking::of_events(scores, left), campaign))
}

pub(super) fn campaign_profit_of(ranking: &Ranking, campaign: Campaign) -> Option<CampaignProfit> {
    if !ranking.has_both() {
        return None;
    }
    let Campaign { customer_value, offer_cost, contact_cost, accept_alpha: alpha, accept_beta: beta } = campaign;
    let mean_accepting = alpha / (alpha + beta);
    // Shares of all customers: leavers and stayers among those contacted.
    let hull = convex_hull(ranking);
    let (mut empc, mut fraction, mut from) = (0.0, 0.0, 0.0);
    for (place, &(leavers, stayers)) in hull.iter().enumerate() {
        // Up to this share of accepting leavers, going on to the next point of the hull loses.
        let until = hull.get(place + 1).map_or(1.0, |&(next_leavers, next_stayers)| {
            let (more_leavers, more_stayers) = (next_leavers - leavers, next_stayers - stayers);
            let cost = more_stayers * (offer_cost + contact_cost) + more_leavers * contact_cost;
            (cost / (more_leavers * (customer_value - offer_cost))).min(1.0)
        });
        let share = |alpha: f64| {
            regularised_incomplete_beta(alpha, beta, until) - regularised_incomplete_beta(alpha, beta, from)
        };
        let saved = (customer_value - offer_cost) * leavers * mean_accepting * share(alpha + 1.0);
        let spent = contact_cost * leavers + (offer_cost + contact_cost) * stayers;
        empc += saved - spent * share(alpha);
        fraction += (leavers + stayers) * share(alpha);
        if until >= 1.0 {
            break;
        }
        from = until;
    }
    Some(CampaignProfit { empc, empc_fraction: fraction, campaign })
}

/// The corners of the upper hull of the ROC curve from nobody to everybody, as shares of all rows: positives,
/// negatives.
fn convex_hull(ranking: &Ranking) -> Vec<(f64, f64)> {
    let rows = ranking.rows();
    let mut hull: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for step in &ranking.steps {
        let point = (step.outcome / rows, (step.rows - step.outcome) / rows);
        while let [.., before, last] = hull[..] {
            // The last corner stays only if the hull turns down there.
            if (last.0 - before.0) * (point.1 - last.1) > (point.0 - last.0) * (last.1 - before.1) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 8] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9];
    const LEFT: [bool; 8] = [false, true, false, true, false, true, false, true];

    fn profit(scores: &[f64], left: &[bool], campaign: Campaign) -> CampaignProfit {
        expected_maximum_profit(scores, left, campaign).unwrap().unwrap()
    }

    // Source: the reference implementation of the paper's authors on the same eight customers.
    #[test]
    fn eight_customers_earn_as_published() {
        let found = profit(&SCORES, &LEFT, Campaign::default());
        assert!((found.empc - 23.875_593_418_348_124).abs() < 1e-12, "{found:?}");
        assert!((found.empc_fraction - 0.874_370_076_348_714_1).abs() < 1e-13, "{found:?}");
    }

    #[test]
    fn the_integral_is_the_mean_of_the_best_profit_over_many_shares() {
        let campaign = Campaign { customer_value: 60.0, offer_cost: 14.0, contact_cost: 3.0, ..Campaign::default() };
        let found = profit(&SCORES, &LEFT, campaign);
        // The definition itself, on a fine grid of the share of leavers who accept.
        let points: Vec<(f64, f64)> = (0..=8)
            .map(|contacted| {
                let leavers = LEFT.iter().rev().take(contacted).filter(|&&left| left).count() as f64 / 8.0;
                (leavers, contacted as f64 / 8.0 - leavers)
            })
            .collect();
        let (mut total, mut weights) = (0.0, 0.0);
        for step in 0..200_000 {
            let accepting = (f64::from(step) + 0.5) / 200_000.0;
            let weight = accepting.powi(5) * (1.0 - accepting).powi(13);
            let best = points
                .iter()
                .map(|(leavers, stayers)| leavers * (accepting * 46.0 - 3.0) - stayers * 17.0)
                .fold(f64::NEG_INFINITY, f64::max);
            (total, weights) = (total + weight * best, weights + weight);
        }
        assert!((found.empc - total / weights).abs() < 1e-8, "found {found:?}, expected {}", total / weights);
    }

    #[test]
    fn an_offer_that_never_pays_is_made_to_nobody() {
        let campaign = Campaign { customer_value: 10.0, offer_cost: 9.9, contact_cost: 1.0, ..Campaign::default() };
        let found = profit(&SCORES, &LEFT, campaign);
        assert_eq!((found.empc, found.empc_fraction), (0.0, 0.0));
    }

    #[test]
    fn a_perfect_order_earns_more_than_a_random_one() {
        let perfect: Vec<f64> = LEFT.iter().map(|&left| f64::from(u8::from(left))).collect();
        let best = profit(&perfect, &LEFT, Campaign::default());
        let found = profit(&SCORES, &LEFT, Campaign::default());
        let random = profit(&[0.5; 8], &LEFT, Campaign::default());
        assert!(best.empc > found.empc && found.empc > random.empc, "{best:?} {found:?} {random:?}");
        assert_eq!(expected_maximum_profit(&SCORES, &[true; 8], Campaign::default()), Ok(None));
    }

    #[test]
    fn numbers_that_are_no_campaign_are_refused() {
        assert_eq!(Campaign::default().check(), Ok(()));
        let wrong = Campaign { offer_cost: 200.0, ..Campaign::default() };
        let sentence = wrong.check().unwrap_err();
        assert_eq!(sentence, "offer_cost is 200; expected a number from 0 to below customer_value");
        assert!(Campaign { accept_alpha: f64::NAN, ..Campaign::default() }.check().is_err());
    }
}
