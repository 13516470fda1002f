//! Shapley values against their definition.

use super::*;

/// What a tree says of a row of which only a coalition's features are known; the others follow the training weight.
fn worth(place: u32, step: &impl Fn(u32) -> Step, coalition: u32) -> f64 {
    match step(place) {
        Step::Leaf { value } => value,
        Step::Split { feature, left, right, goes_left, share } => {
            let to_the_left = if coalition >> feature & 1 == 0 { share } else { f64::from(u8::from(goes_left)) };
            to_the_left * worth(left, step, coalition) + (1.0 - to_the_left) * worth(right, step, coalition)
        }
    }
}

/// Shapley values by their definition, over all coalitions of at most some 20 features, and the worth of the empty one.
pub(in crate::families) fn by_definition(
    roots: &[u32],
    step: impl Fn(u32) -> Step,
    features: usize,
) -> (Vec<f64>, f64) {
    let worths: Vec<f64> =
        (0..1 << features).map(|coalition| roots.iter().map(|&root| worth(root, &step, coalition)).sum()).collect();
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
    for blocks in [1, 2, 5, 16] {
        let points: Vec<(f64, f64)> =
            rule(blocks).into_iter().flat_map(|points| points.at.into_iter().zip(points.weight)).collect();
        let least = points.iter().map(|&(at, _)| at).fold(1.0, f64::min);
        assert!(least > 0.0, "{least}");
        for degree in 0..2 * blocks * LANES {
            let found: f64 = points.iter().map(|(at, weight)| weight * at.powi(degree as i32)).sum();
            let expected = 1.0 / (degree as f64 + 1.0);
            assert!((found - expected).abs() < 1e-14, "{found} for {expected}, degree {degree}, {blocks} blocks");
        }
    }
}

/// A chain: split *i* is on feature *i*, a quarter goes on, and the leaf beside it says *i* + 1.
fn chain(depth: u32, goes_on: impl Fn(u32) -> bool) -> impl Fn(u32) -> Step {
    move |place| match place {
        place if place < depth => Step::Split {
            feature: place,
            left: place + 1,
            right: depth + 1 + place,
            goes_left: goes_on(place),
            share: 0.25,
        },
        place if place == depth => Step::Leaf { value: -1.0 },
        place => Step::Leaf { value: f64::from(place - depth) },
    }
}

#[test]
fn twelve_features_on_one_path_are_exact() {
    for pattern in 0..200_u32 {
        let step = chain(12, |place| (pattern * 37) >> place & 1 == 1 || place % 3 == pattern % 5);
        let mut found = [0.0; 12];
        add_tree(0..25, &step, &mut found);
        let (expected, _) = by_definition(&[0], &step, 12);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-13, "{found} for {expected}, pattern {pattern}");
        }
    }
}

#[test]
fn a_path_of_any_length_adds_up() {
    for depth in [1, 8, 9, 63, 64, 65, 500, 20_000] {
        // More features than bits, and each of them twice where the path is long.
        let width = if depth > 500 { 300 } else { depth };
        let plain = chain(depth, |place| place % 3 != 1);
        let step = |place| match plain(place) {
            Step::Split { feature, left, right, goes_left, share } => {
                Step::Split { feature: feature % width, left, right, goes_left, share }
            }
            leaf => leaf,
        };
        let mut contributions = vec![0.0; width as usize];
        add_tree(0..2 * depth + 1, step, &mut contributions);
        let predicted = if depth == 1 { -1.0 } else { 2.0 };
        let difference = predicted - worth(0, &plain, 0);
        let sum: f64 = contributions.iter().sum();
        assert!((sum - difference).abs() < 1e-9, "{sum} for {difference}, depth {depth}");
    }
}
