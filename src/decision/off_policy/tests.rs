//! Estimates against worked numbers, and how often their intervals hold the truth.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

fn row(numbers: [f64; 5]) -> LoggedDecision {
    let [reward, logged_probability, target_probability, expected_reward, expected_target_reward] = numbers;
    LoggedDecision {
        reward,
        logged_probability,
        target_probability,
        expected_reward,
        expected_target_reward,
        present: None,
    }
}

/// Four rows with reward, logged and target probability, and what a model expects of each.
fn worked() -> [LoggedDecision; 4] {
    [
        row([1.0, 0.5, 0.8, 0.5, 0.55]),
        row([0.0, 0.25, 0.1, 0.4, 0.35]),
        row([1.0, 0.25, 0.6, 0.6, 0.5]),
        row([0.0, 0.5, 0.3, 0.2, 0.3]),
    ]
}

#[test]
fn estimates_are_those_worked_out_by_hand() {
    let found = evaluate(&worked()).unwrap();
    // Weights 1.6 .4 2.4 .6: IPS 4/4; SNIPS 4/5; direct 1.7/4; doubly robust (1.7 + .8 - .16 + .96 - .12)/4;
    // effective rows 25/8.84.
    for (what, found, expected) in [
        ("ips", found.ips.mean, 1.0),
        ("snips", found.snips.mean, 0.8),
        ("direct", found.direct.mean, 0.425),
        ("doubly robust", found.doubly_robust.mean, 0.795),
        ("logged", found.logged.mean, 0.5),
        ("improvement", found.improvement.mean, 0.295),
        ("effective rows", found.effective_rows, 25.0 / 8.84),
    ] {
        assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
    }
}

#[test]
fn a_log_that_says_nothing_is_refused_with_the_row() {
    assert_eq!(evaluate(&[]), Err(OffPolicyError::Empty));
    let mut log = worked();
    log[2].logged_probability = 0.0;
    let error = evaluate(&log).unwrap_err().to_string();
    assert!(error.starts_with("row 3: found probability 0, expected one above 0"), "{error}");
    log = worked();
    log[1].reward = f64::NAN;
    assert!(evaluate(&log).unwrap_err().to_string().starts_with("row 2: found reward NaN"));
    log = worked();
    log.iter_mut().for_each(|row| row.target_probability = 0.0);
    assert_eq!(evaluate(&log), Err(OffPolicyError::NoOverlap));
}

#[test]
fn the_logging_policy_is_worth_what_it_earned() {
    let mut log = worked();
    log.iter_mut().for_each(|row| row.target_probability = row.logged_probability);
    let found = evaluate(&log).unwrap();
    assert_eq!((found.ips, found.snips.mean), (found.logged, found.logged.mean));
    assert_eq!(found.effective_rows, 4.0);
}

#[test]
fn promotion_asks_for_rows_and_for_a_sure_improvement() {
    let found = evaluate(&worked()).unwrap();
    assert!(matches!(found.promotion(100.0), Promotion::TooFewRows { needed, .. } if needed == 100.0));
    let mut log = worked();
    log.iter_mut().for_each(|row| row.target_probability = row.logged_probability);
    let same = evaluate(&log).unwrap().promotion(1.0);
    assert!(matches!(same, Promotion::NotBetter { low } if low < 0.0), "{same:?}");
    let message = same.to_string();
    assert!(message.starts_with("refused: what is new may earn less"), "{message}");
    let sure: Vec<LoggedDecision> =
        (0..1_000).map(|place| row([f64::from(place % 2), 0.5, f64::from(place % 2), 0.5, 1.0])).collect();
    assert_eq!(evaluate(&sure).unwrap().promotion(100.0), Promotion::Promote);
}

#[test]
fn a_policy_that_does_what_the_present_one_does_improves_nothing_at_all() {
    let same = worked().map(|row| {
        let (probability, expected_reward) = (row.target_probability, row.expected_target_reward);
        LoggedDecision { present: Some(Present { probability, expected_reward }), ..row }
    });
    let found = evaluate(&same).unwrap();
    assert_eq!((found.improvement.low, found.improvement.high), (0.0, 0.0), "{found:?}");
    assert_eq!(found.promotion(2.0), Promotion::Promote);
    // Against one that would have made every decision with probability .5, of which .4 is expected, by hand:
    // .55 + 1.6 x .5 - (.4 + .5) = .45, .35 - .16 - (.4 - .8) = .59, .5 + .96 - (.4 + .8) = .26, .3 - .12 - (.4 - .2) = -.02.
    let other = worked().map(|row| {
        let present = Some(Present { probability: 0.5, expected_reward: 0.4 });
        LoggedDecision { present, ..row }
    });
    let found = evaluate(&other).unwrap();
    assert!((found.improvement.mean - (0.45 + 0.59 + 0.26 - 0.02) / 4.0).abs() < 1e-12, "{found:?}");
}

/// What the action is expected to earn for a customer with this trait: action 1 suits those above a half.
fn chance(customer: f64, action: usize) -> f64 {
    [0.3, 0.1 + 0.6 * customer][action]
}

/// A log of a policy that tries action 1 with a probability that depends on the customer; the model under test is
/// biased, and the policy under test takes action 1 for traits above .4, nine times in ten.
fn simulated(rng: &mut Xoshiro256PlusPlus, rows: usize) -> Vec<LoggedDecision> {
    let one = |_| {
        let customer: f64 = rng.random();
        let logged = [0.7 - 0.4 * customer, 0.3 + 0.4 * customer];
        let action = usize::from(rng.random_bool(logged[1]));
        let target = if customer > 0.4 { [0.1, 0.9] } else { [0.9, 0.1] };
        let model = |action: usize| 0.8 * chance(customer, action) + 0.1;
        LoggedDecision {
            reward: f64::from(u8::from(rng.random_bool(chance(customer, action)))),
            logged_probability: logged[action],
            target_probability: target[action],
            expected_reward: model(action),
            expected_target_reward: target[0] * model(0) + target[1] * model(1),
            present: None,
        }
    };
    (0..rows).map(one).collect()
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    // The value of the policy under test: the integral over the trait, from 0 to .4 and from .4 to 1.
    let mean_of_one = |from: f64, to: f64| 0.1 * (to - from) + 0.3 * (to * to - from * from);
    let truth = 0.9 * 0.3 * 0.4 + 0.1 * mean_of_one(0.0, 0.4) + 0.1 * 0.3 * 0.6 + 0.9 * mean_of_one(0.4, 1.0);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(20);
    let (mut robust, mut ips, mut snips) = (0, 0, 0);
    for _ in 0..1_000 {
        let found = evaluate(&simulated(&mut rng, 500)).unwrap();
        let holds = |estimate: Estimate| i32::from(estimate.low <= truth && truth <= estimate.high);
        robust += holds(found.doubly_robust);
        ips += holds(found.ips);
        snips += holds(found.snips);
    }
    for (what, held) in [("doubly robust", robust), ("ips", ips), ("snips", snips)] {
        assert!((930..=970).contains(&held), "{what}: {held} of 1000");
    }
}
