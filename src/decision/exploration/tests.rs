//! Exploration: probabilities that add up, draws that follow them, and new actions that are shown to few.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

fn mature(priority: f64, standard_error: f64) -> Arm {
    Arm { priority, standard_error, positives: 200 }
}

#[test]
fn a_new_action_is_shown_to_two_percent_and_a_proven_one_to_all() {
    for (positives, expected) in [(0, 0.02), (100, 0.51), (200, 1.0), (5_000, 1.0)] {
        assert!((ramp(positives) - expected).abs() < 1e-12, "{positives}: {}", ramp(positives));
    }
    let arms = [Arm { positives: 0, ..mature(9.0, 0.0) }, mature(1.0, 0.0)];
    let found = probabilities(Exploration::Epsilon { epsilon: 0.1 }, &arms);
    // The new action wins, .95 x .02 = .019 against .05 for the other.
    assert!((found[0] - 0.019 / 0.069).abs() < 1e-12, "{found:?}");
}

#[test]
fn epsilon_is_shared_evenly_and_the_rest_is_the_best_actions() {
    let arms = [mature(1.0, 0.0), mature(3.0, 0.0), mature(2.0, 0.0), mature(3.0, 0.0)];
    let found = probabilities(Exploration::Epsilon { epsilon: 0.2 }, &arms);
    for (found, expected) in found.iter().zip([0.05, 0.85, 0.05, 0.05]) {
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }
}

#[test]
fn thompson_gives_each_action_its_chance_of_being_the_best() {
    // Two normal variables with means 1 apart and errors .6 and .8: the difference has error 1, so .8413447 win.
    let found = probabilities(Exploration::Thompson { floor: 1e-9 }, &[mature(2.0, 0.6), mature(1.0, 0.8)]);
    assert!((found[0] - 0.841_344_746).abs() < 1e-6, "{found:?}");
    let equal = probabilities(Exploration::Thompson { floor: 0.1 }, &[mature(2.0, 0.6); 3]);
    assert!(equal.iter().all(|probability| (probability - 1.0 / 3.0).abs() < 1e-9), "{equal:?}");
    let certain = probabilities(Exploration::Thompson { floor: 0.1 }, &[mature(2.0, 0.0), mature(1.0, 0.0)]);
    assert!((certain[0] - 0.95).abs() < 1e-12, "{certain:?}");
}

#[test]
fn draws_follow_the_probabilities_that_are_logged() {
    let arms = [mature(2.0, 0.6), mature(1.5, 0.9), Arm { positives: 10, ..mature(3.0, 1.0) }, mature(0.5, 0.2)];
    let exploration = Exploration::Thompson { floor: 0.1 };
    let expected = probabilities(exploration, &arms);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    const DRAWS: usize = 100_000;
    let mut counts = [0.0; 4];
    for _ in 0..DRAWS {
        let (place, probability) = select(exploration, &arms, rng.random()).unwrap();
        assert_eq!(probability, expected[place]);
        counts[place] += 1.0;
    }
    let chi_squared: f64 = (counts.iter().zip(&expected))
        .map(|(count, probability)| (count - probability * DRAWS as f64).powi(2) / (probability * DRAWS as f64))
        .sum();
    // 3 degrees of freedom: above 16.27 with probability .001.
    assert!(chi_squared < 16.27, "{chi_squared}: {counts:?} for {expected:?}");
}

#[test]
fn without_candidates_nothing_is_selected() {
    assert_eq!(select(Exploration::Epsilon { epsilon: 0.1 }, &[], 0.5), None);
}

fn arm() -> impl Strategy<Value = Arm> {
    (-100.0..100.0, 0.0..50.0, 0_u32..300).prop_map(|(priority, standard_error, positives)| Arm {
        priority,
        standard_error,
        positives,
    })
}

proptest! {
    #[test]
    fn probabilities_add_up_to_one_and_every_candidate_has_one(
        arms in prop::collection::vec(arm(), 1..8),
        share in 0.01..1.0_f64,
        draw in 0.0..1.0_f64,
    ) {
        for exploration in [Exploration::Epsilon { epsilon: share }, Exploration::Thompson { floor: share }] {
            let found = probabilities(exploration, &arms);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", found);
            prop_assert!(found.iter().all(|probability| *probability > 0.0), "{:?}", found);
            let (place, probability) = select(exploration, &arms, draw).expect("there are candidates");
            prop_assert_eq!(probability, found[place]);
        }
    }
}
