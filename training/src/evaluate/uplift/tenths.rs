//! Effects by tenth of the customers, and what it earns to treat the best share of them.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval, Point};

/// Points of a profit curve after its first.
const POINTS: usize = 50;

/// A tenth of the customers, the largest expected effects first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EffectTenth {
    /// Customers in it.
    pub customers: usize,
    /// Their mean expected effect.
    pub expected: f64,
    /// Their effect in the experiment: the mean of their doubly robust scores.
    pub effect: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
}

/// What it earns to treat the customers of largest expected effect, by their share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfitCurve {
    /// Money that one unit of the outcome is worth.
    pub worth: f64,
    /// Money that one treatment costs.
    pub cost: f64,
    /// Share of the customers treated, from 0 to 1, and the profit a customer, treated or not, in money.
    pub points: Vec<Point>,
    /// The share of the highest point.
    pub best_share: f64,
    /// Its profit a customer.
    pub best_profit: f64,
    /// The profit a customer of treating everybody, with its interval.
    pub everybody: f64,
    /// Lower end of its 95 % interval.
    pub everybody_low: f64,
    /// Upper end of its 95 % interval.
    pub everybody_high: f64,
}

/// The tenths of (n,) expected effects with their doubly robust scores; fewer than ten of fewer customers.
#[must_use]
pub fn effects_by_tenth(effects: &[f64], scores: &[f64]) -> Vec<EffectTenth> {
    let order = largest_first(effects);
    let bounds: Vec<usize> = (0..=10).map(|tenth| tenth * order.len() / 10).collect();
    let tenth = |bounds: &[usize]| {
        let rows = &order[bounds[0]..bounds[1]];
        let own: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
        let found = Estimate::of_mean(&own);
        let Interval { low, high } = found.interval();
        let expected = rows.iter().map(|&row| effects[row]).sum::<f64>() / rows.len() as f64;
        EffectTenth { customers: rows.len(), expected, effect: found.value, low, high }
    };
    bounds.windows(2).filter(|bounds| bounds[0] < bounds[1]).map(tenth).collect()
}

/// The curve of (n,) expected effects with their doubly robust scores.
#[must_use]
pub fn profit_curve(effects: &[f64], scores: &[f64], worth: f64, cost: f64) -> ProfitCurve {
    let order = largest_first(effects);
    let count = order.len() as f64;
    let mut earned = vec![0.0];
    for &row in &order {
        earned.push(earned[earned.len() - 1] + (worth * scores[row] - cost) / count);
    }
    let points: Vec<Point> = (0..=POINTS)
        .map(|point| Point { x: point as f64 / POINTS as f64, y: earned[point * order.len() / POINTS] })
        .collect();
    let best = points.iter().copied().max_by(|one, other| one.y.total_cmp(&other.y)).expect("there is a first point");
    let everybody = Estimate::of_mean(&scores.iter().map(|score| worth * score - cost).collect::<Vec<_>>());
    let Interval { low: everybody_low, high: everybody_high } = everybody.interval();
    ProfitCurve {
        worth,
        cost,
        points,
        best_share: best.x,
        best_profit: best.y,
        everybody: everybody.value,
        everybody_low,
        everybody_high,
    }
}

fn largest_first(effects: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&one, &other| effects[other].total_cmp(&effects[one]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_hold_all_customers_and_their_own_effects() {
        let effects: Vec<f64> = (0..95).map(f64::from).collect();
        let scores: Vec<f64> = effects.iter().map(|effect| 2.0 * effect).collect();
        let tenths = effects_by_tenth(&effects, &scores);
        assert_eq!((tenths.len(), tenths.iter().map(|tenth| tenth.customers).sum::<usize>()), (10, 95));
        assert!(tenths.windows(2).all(|pair| pair[0].effect > pair[1].effect));
        assert!(tenths.iter().all(|tenth| (tenth.effect - 2.0 * tenth.expected).abs() < 1e-12));
        assert!(tenths.iter().all(|tenth| tenth.low < tenth.effect && tenth.effect < tenth.high));
    }

    #[test]
    fn the_profit_peaks_where_the_effect_no_longer_pays() {
        let effects: Vec<f64> = (0..100).map(|place| f64::from(100 - place) / 100.0).collect();
        // Worth 10, cost 4: all above .4 pay.
        let curve = profit_curve(&effects, &effects, 10.0, 4.0);
        assert!((curve.best_share - 0.6).abs() < 0.021, "{curve:?}");
        assert_eq!(curve.points[0], Point { x: 0.0, y: 0.0 });
        assert!((curve.points[50].y - curve.everybody).abs() < 1e-9, "{curve:?}");
        assert!((curve.everybody - (10.0 * 0.505 - 4.0)).abs() < 1e-9, "{curve:?}");
    }
}
