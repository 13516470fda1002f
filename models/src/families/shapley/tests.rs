//! Shapley values against their definition.

use super::*;

/// What a tree says of a row of which only a coalition's features are known; the others follow the training weight.
fn worth(place: u32, trees: &impl Grown, seen: &[[f64; 1]], coalition: u32) -> f64 {
    match trees.step(place) {
        Step::Leaf { value } => value,
        Step::Split { feature, left, right, share } => {
            let to_the_left = if coalition >> feature & 1 == 0 { share } else { trees.goes_left(place, seen)[0] };
            let [left, right] = [left, right].map(|side| worth(side, trees, seen, coalition));
            to_the_left * left + (1.0 - to_the_left) * right
        }
    }
}

/// Shapley values by their definition, over all coalitions of at most some 20 features, and the worth of the empty one.
pub(in crate::families) fn by_definition(trees: &impl Grown, row: &[f64]) -> (Vec<f64>, f64) {
    let features = row.len();
    let seen: Vec<[f64; 1]> = (0..features).map(|feature| [trees.seen(feature, row[feature])]).collect();
    let worth = |coalition| trees.trees().map(|places| worth(places.start, trees, &seen, coalition)).sum();
    let worths: Vec<f64> = (0..1 << features).map(worth).collect();
    let factorial = |number: usize| (1..=number).map(|factor| factor as f64).product::<f64>();
    let value = |feature: usize| {
        let without = (0..1_usize << features).filter(|coalition| coalition >> feature & 1 == 0);
        let gain = |coalition: usize| {
            let others = coalition.count_ones() as usize;
            let orders = factorial(others) * factorial(features - others - 1) / factorial(features);
            orders * (worths[coalition | 1 << feature] - worths[coalition])
        };
        without.map(gain).sum()
    };
    ((0..features).map(value).collect(), worths[0])
}

#[test]
fn quadrature_is_exact_up_to_its_degree() {
    for order in [1, 2, 3, 5, 8, 64] {
        let points = rule(order);
        let least = points.iter().map(|point| point.at).fold(1.0, f64::min);
        assert!(least > 0.0, "{least}");
        for degree in 0..2 * order {
            let found: f64 = points.iter().map(|Point { at, weight }| weight * at.powi(degree as i32)).sum();
            let expected = 1.0 / (degree as f64 + 1.0);
            assert!((found - expected).abs() < 1e-14, "{found} for {expected}, degree {degree}, {order} points");
        }
    }
}

/// A tree that is a chain: split *i* is on feature *i* modulo `width`, a quarter goes on where that feature is above 0,
/// and the leaf beside it says *i* + 1.
struct Chain {
    depth: u32,
    width: u32,
}

impl Grown for Chain {
    fn trees(&self) -> impl Iterator<Item = Range<u32>> {
        std::iter::once(0..2 * self.depth + 1)
    }

    fn step(&self, place: u32) -> Step {
        match place {
            place if place < self.depth => {
                let (left, right) = (place + 1, self.depth + 1 + place);
                Step::Split { feature: place % self.width, left, right, share: 0.25 }
            }
            place if place == self.depth => Step::Leaf { value: -1.0 },
            place => Step::Leaf { value: f64::from(place - self.depth) },
        }
    }

    fn seen(&self, _feature: usize, value: f64) -> f64 {
        value
    }

    fn goes_left<const N: usize>(&self, place: u32, seen: &[[f64; N]]) -> [f64; N] {
        seen[(place % self.width) as usize].map(|value| f64::from(u8::from(value > 0.0)))
    }
}

#[test]
fn twelve_features_on_one_path_are_exact() {
    let chain = Chain { depth: 12, width: 12 };
    for pattern in 0..200_u32 {
        let goes_on = |place: u32| (pattern * 37) >> place & 1 == 1 || place % 3 == pattern % 5;
        let row: Vec<f64> = (0..12).map(|place| f64::from(u8::from(goes_on(place)))).collect();
        let mut found = [9.0; 12];
        explain(&chain, &row, 12, &mut found);
        let (expected, _) = by_definition(&chain, &row);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-13, "{found} for {expected}, pattern {pattern}");
        }
    }
}

#[test]
fn a_path_of_any_length_adds_up() {
    for depth in [1, 8, 9, 63, 64, 65, 500, 20_000] {
        // More features than bits, and each of them many times where the path is long.
        let width = if depth > 500 { 300 } else { depth };
        let chain = Chain { depth, width };
        let row: Vec<f64> = (0..width).map(|place| f64::from(u8::from(place % 3 != 1))).collect();
        let mut contributions = vec![9.0; width as usize];
        explain(&chain, &row, row.len(), &mut contributions);
        let predicted = if depth == 1 { -1.0 } else { 2.0 };
        let mean = (0..depth).rev().fold(-1.0, |below, place| 0.25 * below + 0.75 * f64::from(place + 1));
        let sum: f64 = contributions.iter().sum();
        assert!((sum - (predicted - mean)).abs() < 1e-9, "{sum} for {}, depth {depth}", predicted - mean);
    }
}
