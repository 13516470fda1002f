//! What outcomes make of probabilities, by hand-computed numbers, and that few outcomes change little.

use proptest::prelude::*;

use super::*;

const ADAPTATION: Adaptation = Adaptation { weight: 100.0, base_rate: 0.02 };

fn tally(sent: u64, positives: u64, foreseen: f64) -> Tally {
    let expected_parts = sent * Sent::parts(foreseen);
    Tally { sent, positives, foreseen: sent, foreseen_positives: positives, expected_parts }
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
}

#[test]
fn without_outcomes_the_models_word_stands() {
    let learned = Experience::default().propensity(("mail", "new"), Some(0.13), ADAPTATION);
    assert_near(learned.probability, 0.13);
    assert_near(learned.standard_error, (0.13 * 0.87 / 101.0_f64).sqrt());
    assert_near(Experience::default().propensity(("mail", "new"), None, ADAPTATION).probability, 0.02);
}

#[test]
fn outcomes_move_every_customers_probability_by_the_same_factor() {
    let mut experience = Experience::default();
    // 300 decisions with .1 foreseen on average and 60 positive outcomes: (60 + 100 x .1) / 400 = .175.
    experience.add("mail", "loyal", tally(300, 60, 0.1));
    for foreseen in [0.05, 0.1, 0.4] {
        let learned = experience.propensity(("mail", "loyal"), Some(foreseen), ADAPTATION);
        assert_near(learned.probability, foreseen * 1.75);
        assert_eq!((learned.tally.sent, learned.tally.positives), (300, 60));
    }
    assert_near(experience.propensity(("mail", "loyal"), Some(0.9), ADAPTATION).probability, 1.0);
    // In another stage that is the prior: (60 + 100 x .1) / (.1 x 400) = 1.75.
    assert_near(experience.propensity(("mail", "new"), Some(0.2), ADAPTATION).probability, 0.35);
    assert_near(experience.propensity(("call", "loyal"), Some(0.2), ADAPTATION).probability, 0.2);
}

#[test]
fn without_a_model_a_new_action_begins_at_its_stages_share() {
    let mut experience = Experience::default();
    experience.add("mail", "new", Tally { sent: 900, positives: 90, ..Tally::default() });
    experience.add("mail", "lost", Tally { sent: 100, positives: 0, ..Tally::default() });
    // Elsewhere (0 + 100 x .02) / 200 = .01; the stage's other action (90 + 100 x .01) / 1000 = .091.
    assert_near(experience.propensity(("call", "new"), None, ADAPTATION).probability, 0.091);
    experience.add("call", "new", Tally { sent: 100, positives: 2, ..Tally::default() });
    assert_near(experience.propensity(("call", "new"), None, ADAPTATION).probability, (2.0 + 9.1) / 200.0);
}

#[test]
fn leaving_alone_sends_nothing() {
    let mut experience = Experience::default();
    experience.add(LEAVE_ALONE, "new", tally(5, 1, 0.5));
    assert_eq!(experience, Experience::default());
}

proptest! {
    #[test]
    fn counts_are_the_same_in_any_order_and_what_is_removed_was_never_there(
        decisions in prop::collection::vec((0..3_usize, 0..3_usize, prop::option::of(0.0..1.0_f64), any::<bool>()), 1..60),
        removed in 0..60_usize,
    ) {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let tallies: Vec<(&str, &str, Tally)> = decisions.iter().map(|&(action, stage, foreseen, positive)| {
            let sent = Sent { action: NAMES[action], stage: NAMES[stage], expected_parts: foreseen.map(Sent::parts) };
            let mut tally = sent.tally();
            if positive {
                tally.change(sent.positive(), u64::wrapping_add);
            }
            (sent.action, sent.stage, tally)
        }).collect();
        let count = |tallies: &mut dyn Iterator<Item = &(&'static str, &'static str, Tally)>| {
            let mut experience = Experience::default();
            tallies.for_each(|(action, stage, tally)| experience.add(action, stage, *tally));
            experience
        };
        let tallies: Vec<(&'static str, &'static str, Tally)> = tallies;
        let mut all = count(&mut tallies.iter());
        prop_assert_eq!(&all, &count(&mut tallies.iter().rev()));
        let removed = removed.min(tallies.len());
        tallies[..removed].iter().for_each(|(action, stage, tally)| all.remove(action, stage, *tally));
        let kept = count(&mut tallies[removed..].iter());
        for action in NAMES {
            prop_assert_eq!(all.of_action(action), kept.of_action(action));
            for stage in NAMES {
                for foreseen in [None, Some(0.3)] {
                    let [one, other] = [&all, &kept].map(|it| it.propensity((action, stage), foreseen, ADAPTATION));
                    prop_assert_eq!(one, other);
                }
            }
        }
    }

    #[test]
    fn few_outcomes_change_little_and_probabilities_stay_probabilities(
        sent in 1_u64..2_000,
        share in 0.0..1.0_f64,
        foreseen in 0.001..0.999_f64,
        own in 0.001..0.999_f64,
    ) {
        let mut experience = Experience::default();
        let positives = (sent as f64 * share) as u64;
        experience.add("mail", "new", tally(sent, positives, foreseen));
        let learned = experience.propensity(("mail", "new"), Some(own), ADAPTATION);
        prop_assert!((0.0..=1.0).contains(&learned.probability) && learned.standard_error.is_finite(), "{:?}", learned);
        // The share of the group is between what was foreseen and what was seen, and moves by at most n / (n + w).
        let moved = (learned.probability - own).abs() * foreseen / own;
        let most = sent as f64 / (sent as f64 + 100.0) * (positives as f64 / sent as f64 - foreseen).abs();
        prop_assert!(moved <= most + 1e-8, "moved {} of at most {}", moved, most);
    }
}
