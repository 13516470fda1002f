//! Exploration: probabilities that add up, draws that follow them, and new actions that are shown to few.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

fn mature(priority: f64, standard_error: f64) -> Arm {
    Arm { priority, standard_error, share: 1.0 }
}

fn new(priority: f64, positives: u64) -> Arm {
    Arm { priority, standard_error: 0.0, share: ramp(positives) }
}

fn assert_near(found: &[f64], expected: &[f64]) {
    for (one, other) in found.iter().zip(expected) {
        assert!((one - other).abs() < 1e-12, "{found:?}, expected {expected:?}");
    }
}

#[test]
fn a_new_action_is_shown_to_two_percent_and_a_proven_one_to_all() {
    for (positives, expected) in [(0, 0.02), (100, 0.51), (200, 1.0), (5_000, 1.0)] {
        assert!((ramp(positives) - expected).abs() < 1e-12, "{positives}: {}", ramp(positives));
    }
    // The new action takes part in 2 % and wins .95 of them; else the other is alone.
    let found = probabilities(Exploration::Epsilon { epsilon: 0.1 }, &[new(9.0, 0), mature(1.0, 0.0)]);
    assert_near(&found, &[0.02 * 0.95, 0.02 * 0.05 + 0.98]);
    // Of two new ones the more proven takes part in 51 %, and in 2 % both do.
    let arms = [new(9.0, 0), new(8.0, 100), mature(0.0, 0.0)];
    let found = probabilities(Exploration::Epsilon { epsilon: 0.3 }, &arms);
    assert_near(&found, &[0.02 * 0.8, 0.02 * 0.1 + 0.49 * 0.85, 0.02 * 0.1 + 0.49 * 0.15 + 0.49]);
    assert_near(&probabilities(Exploration::Epsilon { epsilon: 0.3 }, &[new(1.0, 0)]), &[1.0]);
}

#[test]
fn epsilon_is_shared_evenly_and_the_rest_is_the_best_actions() {
    let arms = [mature(1.0, 0.0), mature(3.0, 0.0), mature(2.0, 0.0), mature(3.0, 0.0)];
    let found = probabilities(Exploration::Epsilon { epsilon: 0.2 }, &arms);
    assert_near(&found, &[0.05, 0.85, 0.05, 0.05]);
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
    // One that is far behind changes nothing but the floor.
    let far = [mature(2.0, 0.6), mature(1.0, 0.8), mature(-50.0, 0.5)];
    let found = probabilities(Exploration::Thompson { floor: 0.03 }, &far);
    assert!((found[0] - (0.97 * 0.841_344_746 + 0.01)).abs() < 1e-6, "{found:?}");
    assert!((found[2] - 0.01).abs() < 1e-12, "{found:?}");
}

#[test]
fn draws_follow_the_probabilities_that_are_logged() {
    let arms = [mature(2.0, 0.6), mature(1.5, 0.9), new(3.0, 10), mature(0.5, 0.2)];
    let expected = probabilities(Exploration::Thompson { floor: 0.1 }, &arms);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    const DRAWS: usize = 100_000;
    let mut counts = [0.0; 4];
    for _ in 0..DRAWS {
        counts[select(&expected, rng.random()).unwrap()] += 1.0;
    }
    let chi_squared: f64 = (counts.iter().zip(&expected))
        .map(|(count, probability)| (count - probability * DRAWS as f64).powi(2) / (probability * DRAWS as f64))
        .sum();
    // 3 degrees of freedom: above 16.27 with probability .001.
    assert!(chi_squared < 16.27, "{chi_squared}: {counts:?} for {expected:?}");
}

#[test]
fn without_candidates_nothing_is_selected() {
    assert_eq!(select(&probabilities(Exploration::Epsilon { epsilon: 0.1 }, &[]), 0.5), None);
}

fn arm() -> impl Strategy<Value = Arm> {
    (-100.0..100.0, 0.0..50.0, 0_u64..300).prop_map(|(priority, standard_error, positives)| Arm {
        priority,
        standard_error,
        share: ramp(positives),
    })
}

proptest! {
    #[test]
    fn probabilities_add_up_to_one_and_none_is_impossible_or_above_its_share(
        arms in prop::collection::vec(arm(), 0..7),
        share in 0.01..1.0_f64,
        draw in 0.0..1.0_f64,
    ) {
        let alone = mature(0.0, 0.0);
        let arms: Vec<Arm> = arms.into_iter().chain([alone]).collect();
        for exploration in [Exploration::Epsilon { epsilon: share }, Exploration::Thompson { floor: share }] {
            let found = probabilities(exploration, &arms);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", found);
            for (arm, probability) in arms.iter().zip(&found) {
                prop_assert!(*probability > 0.0 && *probability <= arm.share + 1e-12, "{:?}: {:?}", arm, found);
            }
            prop_assert!(found[select(&found, draw).expect("there are candidates")] > 0.0);
        }
    }
}
