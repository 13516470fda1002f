//! How well offers are ranked for each customer: hit rate and NDCG of the first few.

use serde::Serialize;

use super::Interval;

/// The lengths of list that are judged.
pub const LIST_LENGTHS: [usize; 3] = [1, 3, 5];

/// One customer's offers in the order of a ranking, with which of them were taken later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedOffers {
    /// Whether each was taken, the best first; offers past the longest list need not be there.
    pub taken: Vec<bool>,
    /// How many offers the customer took in all, ranked or not; at least 1.
    pub taken_in_all: usize,
}

/// The figures of a list of one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ListFigures {
    /// Share of the customers who took at least one offer of the list.
    pub hit_rate: f64,
    /// Normalised discounted cumulative gain: 1 where what was taken stands first.
    pub ndcg: f64,
}

/// Lists of one length by the model and by popularity alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ListComparison {
    /// Offers in the list.
    pub k: usize,
    /// By the model's probabilities.
    pub model: ListFigures,
    /// The offers that most customers took in the training windows.
    pub popularity: ListFigures,
    /// 95 % interval of the model's hit rate less that of popularity, over customers.
    pub hit_rate_gain: Interval,
    /// The same for NDCG.
    pub ndcg_gain: Interval,
}

/// How well offers are ranked for customers who took something new.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfferRanking {
    /// Customers who took at least one offer that was open to them.
    pub customers: usize,
    /// Offers that the model ranks.
    pub offers: usize,
    /// By length of list.
    pub lists: Vec<ListComparison>,
}

impl OfferRanking {
    /// Compares two rankings of the same customers; `None` if nobody took anything.
    ///
    /// A taken offer that a ranking does not know counts as missed.
    ///
    /// # Panics
    /// If the two are not of the same number of customers.
    #[must_use]
    pub fn of(model: &[RankedOffers], popularity: &[RankedOffers], offers: usize) -> Option<Self> {
        assert_eq!(model.len(), popularity.len(), "rankings of the same customers");
        let compare = |k: usize| {
            let hits = |ranked: &[RankedOffers]| ranked.iter().map(|one| one.is_hit(k)).collect::<Vec<f64>>();
            let gains = |ranked: &[RankedOffers]| ranked.iter().map(|one| one.ndcg(k)).collect::<Vec<f64>>();
            let [hit, popular_hit] = [hits(model), hits(popularity)];
            let [gain, popular_gain] = [gains(model), gains(popularity)];
            ListComparison {
                k,
                model: ListFigures { hit_rate: mean(&hit), ndcg: mean(&gain) },
                popularity: ListFigures { hit_rate: mean(&popular_hit), ndcg: mean(&popular_gain) },
                hit_rate_gain: difference(&hit, &popular_hit),
                ndcg_gain: difference(&gain, &popular_gain),
            }
        };
        let lists = || LIST_LENGTHS.map(compare).to_vec();
        (!model.is_empty()).then(|| Self { customers: model.len(), offers, lists: lists() })
    }
}

impl RankedOffers {
    fn is_hit(&self, k: usize) -> f64 {
        f64::from(u8::from(self.taken.iter().take(k).any(|&taken| taken)))
    }

    /// Source: Järvelin and Kekäläinen (2002), *Cumulated gain-based evaluation of IR techniques*, with base 2, a gain
    /// of 1 for what was taken, over that of the best order of so many taken offers.
    fn ndcg(&self, k: usize) -> f64 {
        let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let taken = self.taken.iter().take(k).enumerate().filter(|(_, taken)| **taken);
        let best: f64 = (0..k.min(self.taken_in_all)).map(discount).sum();
        taken.map(|(place, _)| discount(place)).sum::<f64>() / best
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// 95 % interval of the mean difference, customers being independent.
fn difference(values: &[f64], others: &[f64]) -> Interval {
    let differences: Vec<f64> = values.iter().zip(others).map(|(value, other)| value - other).collect();
    let (mean, count) = (mean(&differences), differences.len() as f64);
    let variance = differences.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let reach = 1.96 * (variance / count).sqrt();
    Interval { low: mean - reach, high: mean + reach }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(taken: &[u8], taken_in_all: usize) -> RankedOffers {
        RankedOffers { taken: taken.iter().map(|&taken| taken == 1).collect(), taken_in_all }
    }

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
    }

    #[test]
    fn three_customers_are_judged_as_worked_out_by_hand() {
        // The first took the offers in places 2 and 3, the second that in place 1 and one that is not ranked, the
        // third only one that is not ranked.
        let model = [ranked(&[0, 1, 1, 0], 2), ranked(&[1, 0], 2), ranked(&[0, 0], 1)];
        let popular = [ranked(&[1, 0, 0, 1], 2), ranked(&[0, 0], 2), ranked(&[1, 0], 1)];
        let ranking = OfferRanking::of(&model, &popular, 4).unwrap();
        let [first, three, five] = ranking.lists[..] else { panic!("{ranking:?}") };
        assert_near(first.model.hit_rate, 1.0 / 3.0);
        assert_near(first.model.ndcg, 1.0 / 3.0);
        assert_near(three.model.hit_rate, 2.0 / 3.0);
        // Gains are 1, 1 / log2(3), 1 / 2 in the first three places.
        let second = 1.0 / 3.0_f64.log2();
        let best_of_two = 1.0 + second;
        assert_near(three.model.ndcg, ((second + 0.5) / best_of_two + 1.0 / best_of_two) / 3.0);
        assert_eq!(three.model, five.model);
        let fourth = 1.0 / 5.0_f64.log2();
        assert_near(five.popularity.ndcg, ((1.0 + fourth) / best_of_two + 0.0 + 1.0) / 3.0);
        // Hits in the first place: 0 against 1, 1 against 0, 0 against 1; variance (4 / 9 x 2 + 16 / 9) / 2 = 4 / 3.
        let reach = 1.96 * (4.0_f64 / 9.0).sqrt();
        assert_near(first.hit_rate_gain.low, -1.0 / 3.0 - reach);
        assert_near(first.hit_rate_gain.high, -1.0 / 3.0 + reach);
    }

    #[test]
    fn nobody_who_took_anything_leaves_nothing_to_judge() {
        assert_eq!(OfferRanking::of(&[], &[], 3), None);
    }
}
