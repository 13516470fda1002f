//! Learners on experiments whose effects are known, and the refusal of what is none.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::predict::{FeatureKind, Predict};

use super::*;

/// Two features uniform on -1..1; the effect is 1 + x; the outcome without is 2 y + noise.
struct Drawn {
    rows: Vec<f64>,
    treated: Vec<bool>,
    outcomes: Vec<f64>,
    chances: Vec<f64>,
}

const KINDS: [FeatureKind; 2] = [FeatureKind::Number, FeatureKind::Number];

fn names() -> [String; 2] {
    ["x".to_owned(), "y".to_owned()]
}

fn drawn(count: usize, chance: impl Fn(f64, f64) -> f64) -> Drawn {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut made = Drawn { rows: Vec::new(), treated: Vec::new(), outcomes: Vec::new(), chances: Vec::new() };
    for _ in 0..count {
        let mut uniform = || 2.0 * random.random::<f64>() - 1.0;
        let (x, y, noise) = (uniform(), uniform(), uniform());
        let own = chance(x, y);
        let treated = random.random::<f64>() < own;
        made.rows.extend([x, y]);
        made.treated.push(treated);
        made.outcomes.push(2.0 * y + noise + if treated { 1.0 + x } else { 0.0 });
        made.chances.push(own);
    }
    made
}

fn table<'a>(drawn: &'a Drawn, names: &'a [String; 2]) -> TrainingRows<'a> {
    TrainingRows { rows: &drawn.rows, kinds: &KINDS, labels: &[], names }
}

#[test]
fn every_learner_finds_a_known_effect_where_chances_differ() {
    let (drawn, names) = (drawn(4_000, |x, y| 0.5 + 0.2 * x - 0.2 * y), names());
    let experiment = ExperimentRows {
        rows: table(&drawn, &names),
        treated: &drawn.treated,
        outcomes: &drawn.outcomes,
        propensities: &drawn.chances,
    };
    let expected = Outcomes::fit(Base::Linear, &experiment, 1).unwrap();
    for learner in [Learner::TwoModels, Learner::TwoGroups, Learner::DoublyRobust, Learner::Transformed] {
        let learned = learner.fit(Base::Linear, &experiment, &expected, 1).unwrap();
        // The transformed outcome keeps the noise of who was treated.
        let allowed = if learner == Learner::Transformed { 0.4 } else { 0.12 };
        for x in [-0.8, 0.0, 0.8] {
            let found = learned.predict(&[x, 0.3]);
            assert!((found - (1.0 + x)).abs() < allowed, "{}: at {x} found {found}", learner.name());
        }
    }
}

#[test]
fn treatment_by_lot_has_one_chance_and_treatment_by_choice_an_estimated_one() {
    let names = names();
    let by_lot = drawn(3_000, |_, _| 0.3);
    let found = Overlap::of(&table(&by_lot, &names), &by_lot.treated, Chances::Unknown, 1).unwrap();
    assert_eq!(found.propensity, Propensity::Constant, "{:?}", found.treatment_auc);
    let chosen = drawn(3_000, |x, _| 0.5 + 0.3 * x);
    let found = Overlap::of(&table(&chosen, &names), &chosen.treated, Chances::Unknown, 1).unwrap();
    assert_eq!(found.propensity, Propensity::Estimated, "{:?}", found.treatment_auc);
    let gap = found.chances.iter().zip(&chosen.chances).map(|(found, truth)| (found - truth).abs()).sum::<f64>();
    assert!(gap / 3_000.0 < 0.05, "mean gap {}", gap / 3_000.0);
}

#[test]
fn treatment_by_a_rule_is_refused() {
    let (drawn, names) = (drawn(3_000, |x, _| f64::from(x > 0.1)), names());
    let refused = Overlap::of(&table(&drawn, &names), &drawn.treated, Chances::Unknown, 1).unwrap_err();
    assert!(matches!(refused, NoOverlap::TooFew { .. }), "{refused}");
    assert!(refused.to_string().contains("control group"), "{refused}");
}

#[test]
fn logged_chances_that_are_not_those_of_the_draw_are_refused() {
    let (drawn, names) = (drawn(3_000, |_, _| 0.7), names());
    let of = |chances: &[f64]| Overlap::of(&table(&drawn, &names), &drawn.treated, Chances::Logged(chances), 1);
    assert_eq!(of(&drawn.chances).unwrap().propensity, Propensity::Logged);
    assert!(matches!(of(&[0.5; 3_000]).unwrap_err(), NoOverlap::Miscounted { .. }));
    assert!(matches!(of(&[1.0; 3_000]).unwrap_err(), NoOverlap::NoChance { row: 0, .. }));
}
