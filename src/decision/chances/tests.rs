//! What chance decides: probabilities that add up, draws that follow them, and no rule broken for the sake of learning.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::decision::experience::Tally;
use crate::decision::fixtures::{Customer, action, with_actions};
use crate::decision::{Choice, CompiledPolicy, Decision, LEAVE_ALONE, Weighing};

const REDUCTION: &str = "effect = { source = \"assumed\", relative_reduction = 0.15 }";

/// Gains of 22, 29 and 18 money units, as .4 x 500 x effect - cost.
fn three_actions() -> String {
    [
        action("call", "retain", 8.0, REDUCTION),
        action("mail", "retain", 1.0, REDUCTION),
        action("visit", "retain", 22.0, "effect = { source = \"experiment\", relative_reduction = 0.2 }"),
        action("cruise", "retain", 900.0, REDUCTION),
    ]
    .concat()
}

fn customer() -> Customer {
    Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0)
}

/// Decisions with ids that look like those of the service.
fn drawn(policy: &CompiledPolicy, customer: &Customer, decisions: usize) -> Vec<(String, Decision)> {
    let subject = customer.subject(&Vec::new);
    let weighing = Weighing::of(policy, &subject);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let id = |rng: &mut Xoshiro256PlusPlus| format!("0197{:028x}", rng.random::<u128>() >> 16);
    (0..decisions)
        .map(|_| {
            let id = id(&mut rng);
            let decision = weighing.decide(Choice::Drawn(&id));
            (id, decision)
        })
        .collect()
}

fn probability(decision: &Decision, action: &str) -> f64 {
    decision.considered.iter().find(|one| one.action == action).unwrap().probability
}

#[test]
fn a_hundred_thousand_draws_follow_the_probabilities_that_are_logged() {
    const DRAWS: usize = 100_000;
    for exploration in ["method = \"epsilon\"\nepsilon = 0.2", "method = \"thompson\"\nfloor = 0.1"] {
        let text = format!("[exploration]\n{exploration}\nramp_up = false\n{}", three_actions());
        let (policy, customer) = (with_actions(&text), customer());
        let decisions = drawn(&policy, &customer, DRAWS);
        let first = &decisions[0].1;
        let options: Vec<(&str, f64)> = (first.considered.iter())
            .filter(|one| one.probability > 0.0)
            .map(|one| (one.action.as_str(), one.probability))
            .collect();
        assert_eq!(options.len(), 4, "{exploration}: leaving alone and what pays, {options:?}");
        assert!((options.iter().map(|(_, probability)| probability).sum::<f64>() - 1.0).abs() < 1e-12, "{options:?}");
        let mut chi_squared = 0.0;
        for (action, probability) in &options {
            let count = decisions.iter().filter(|(_, decision)| decision.action == *action).count() as f64;
            let expected = probability * DRAWS as f64;
            chi_squared += (count - expected).powi(2) / expected;
        }
        // 3 degrees of freedom: above 16.27 with probability .001.
        assert!(chi_squared < 16.27, "{exploration}: {chi_squared} for {options:?}");
        for (id, decision) in decisions.iter().step_by(997) {
            assert_eq!(decision.probability, probability(decision, &decision.action), "{decision:?}");
            let subject = customer.subject(&Vec::new);
            assert_eq!(&Weighing::of(&policy, &subject).decide(Choice::Drawn(id)), decision, "the id tells the draw");
        }
    }
}

#[test]
fn a_control_group_is_as_likely_as_its_share_beside_exploration() {
    let text = format!(
        "[control]\nshare = 0.25\nsalt = \"s\"\n[exploration]\nepsilon = 0.4\nramp_up = false\n{}",
        three_actions()
    );
    let policy = with_actions(&text);
    let mut counts = (0, 0);
    for place in 0..400 {
        let mut customer = customer();
        customer.scorecard.customer_id = format!("c{place}");
        let (_, decision) = drawn(&policy, &customer, 1).pop().unwrap();
        // Outside the group .1 for each of the four options and .6 more for the best.
        for (action, outside) in [(LEAVE_ALONE, 0.1), ("mail", 0.7), ("call", 0.1), ("visit", 0.1)] {
            let expected = 0.75 * outside + if action == LEAVE_ALONE { 0.25 } else { 0.0 };
            assert!((probability(&decision, action) - expected).abs() < 1e-12, "{action}: {decision:?}");
        }
        if decision.control_group {
            counts.0 += 1;
            assert_eq!(decision.action, LEAVE_ALONE);
        } else {
            counts.1 += usize::from(decision.action == LEAVE_ALONE);
        }
    }
    assert!(counts.0 > 60, "{counts:?}: about a quarter");
    assert!(counts.1 > 0 || counts.0 > 0, "{counts:?}");
}

#[test]
fn without_exploration_a_decision_does_not_depend_on_its_id() {
    for text in [three_actions(), format!("[exploration]\nmethod = \"none\"\n{}", three_actions())] {
        let policy = with_actions(&text);
        let best = customer().decide(&policy);
        assert_eq!(best.probability, 1.0);
        assert!(drawn(&policy, &customer(), 50).iter().all(|(_, decision)| *decision == best));
    }
}

#[test]
fn each_stage_explores_in_its_own_way() {
    let own = "[exploration]\nepsilon = 0.2\nramp_up = false\n[exploration.stage.all]\nmethod = \"none\"\n";
    let policy = with_actions(&format!("{own}{}", three_actions()));
    assert_eq!(drawn(&policy, &customer(), 1)[0].1.probability, 1.0);
    let own = "[exploration]\nmethod = \"none\"\nepsilon = 0.2\nramp_up = false\n[exploration.stage.all]\n\
               method = \"epsilon\"\nepsilon = 0.8\n";
    let text = own.replacen("epsilon = 0.2\n", "", 1);
    let decision = &drawn(&with_actions(&format!("{text}{}", three_actions())), &customer(), 1)[0].1;
    assert!((probability(decision, "mail") - 0.4).abs() < 1e-12, "{decision:?}");
}

#[test]
fn a_new_action_is_tried_on_two_percent_until_outcomes_prove_it() {
    let policy = with_actions(&format!("[exploration]\nepsilon = 0.1\n{}", three_actions()));
    let mut customer = customer();
    let decision = &drawn(&policy, &customer, 1)[0].1;
    // All are new: in 2 % all take part, else the customer is left alone.
    assert!((probability(decision, "mail") - 0.02 * 0.925).abs() < 1e-12, "{decision:?}");
    assert!((probability(decision, LEAVE_ALONE) - (0.98 + 0.02 * 0.025)).abs() < 1e-12, "{decision:?}");
    customer.experience.add("mail", "all", Tally { sent: 4_000, positives: 200, ..Tally::default() });
    let decision = &drawn(&policy, &customer, 1)[0].1;
    assert!((probability(decision, "mail") - (0.98 * 0.95 + 0.02 * 0.925)).abs() < 1e-12, "{decision:?}");
    assert!(probability(decision, "call") <= 0.02, "{decision:?}");
}

#[test]
fn who_is_passed_over_to_explore_is_told_so() {
    let policy = with_actions(&format!("[exploration]\nepsilon = 1\nramp_up = false\n{}", three_actions()));
    let decisions = drawn(&policy, &customer(), 200);
    let of = |action: &str| &decisions.iter().find(|(_, decision)| decision.action == action).unwrap().1;
    let verdict = |decision: &Decision, action: &str| {
        decision.considered.iter().find(|one| one.action == action).unwrap().verdict.clone()
    };
    let call = of("call");
    assert_eq!(
        (verdict(call, "mail"), verdict(call, "call")),
        ("passed over to explore".into(), "chosen to explore".into())
    );
    assert!(call.reason.ends_with("Chosen to explore; otherwise it would be Do mail."), "{}", call.reason);
    assert_eq!(verdict(of("mail"), "mail"), "chosen");
    assert_eq!(of(LEAVE_ALONE).reason, "All: left alone to explore. Otherwise Do mail would be taken.");
}

#[test]
fn thompson_tries_what_may_pay_and_epsilon_does_not() {
    // .15 x .4 x 500 = 30 with an error of 15: at a cost of 40 it may pay, at 90 it hardly does.
    let actions = [action("dear", "retain", 40.0, REDUCTION), action("dearest", "retain", 90.0, REDUCTION)].concat();
    let of = |method: &str| {
        let text = format!("[exploration]\nmethod = \"{method}\"\nramp_up = false\n{actions}");
        drawn(&with_actions(&text), &customer(), 1).pop().unwrap().1
    };
    assert_eq!(probability(&of("epsilon"), LEAVE_ALONE), 1.0);
    let thompson = of("thompson");
    // A gain of -10 with an error of 15 is above one of 0, which counts as known to 1.5, with probability .253551; the floor
    // of .05 is shared by two.
    assert!((probability(&thompson, "dear") - (0.95 * 0.253_551 + 0.025)).abs() < 1e-6, "{thompson:?}");
    assert_eq!(probability(&thompson, "dearest"), 0.0);
}

#[test]
fn outcomes_move_the_probability_and_the_trace_says_by_what() {
    let offer = "effect = { source = \"propensity\" }";
    let text = format!("[adaptation]\nweight = 100\n{}", action("offer", "cross_sell", 0.1, offer));
    let policy = with_actions(&text);
    let mut customer = Customer::unknown().propensity("Music", 0.2).worth(500.0, 0.8, 40.0);
    let terms = |customer: &Customer| customer.decide(&policy).considered[0].terms.unwrap();
    assert_eq!(terms(&customer).probability, Some(0.2));
    let parts = super::super::experience::Sent::parts(0.1) * 310;
    let tally = Tally { sent: 310, positives: 42, foreseen: 310, foreseen_positives: 42, expected_parts: parts };
    customer.experience.add("offer", "all", tally);
    let moved = terms(&customer);
    // (42 + 100 x .1) / 410 is the share, .1 was foreseen, .2 is foreseen of this customer.
    assert!((moved.probability.unwrap() - 0.2 * (52.0 / 410.0) / 0.1).abs() < 1e-12, "{moved:?}");
    assert_eq!(moved.foreseen, Some(0.2));
    assert_eq!(moved.outcomes.map(|outcomes| (outcomes.positives, outcomes.sent)), Some((42, 310)));
    assert!((moved.priority - moved.probability.unwrap() * 7.0).abs() < 1e-12, "{moved:?}");
    let reason = customer.decide(&policy).reason;
    assert!(reason.contains("Probability of buying Music 25.4 %, after 42 outcomes of 310 sent."), "{reason}");
    // Who answers a call does not tell who would have left.
    let policy = with_actions(&format!("[adaptation]\n{}", action("call", "retain", 1.0, REDUCTION)));
    let mut customer = self::customer();
    customer.experience.add("call", "all", tally);
    let terms = customer.decide(&policy).considered[0].terms.unwrap();
    assert_eq!((terms.probability, terms.outcomes), (Some(0.4), None));
    // Without any model, outcomes alone tell.
    let policy =
        with_actions(&format!("[adaptation]\n{}", action("offer", "retain", 0.1, &format!("value = 9\n{offer}"))));
    let mut stranger = Customer::unknown();
    stranger.experience.add("offer", "all", Tally { sent: 100, positives: 40, ..Tally::default() });
    let decision = stranger.decide(&policy);
    assert_eq!(decision.action, "offer", "{decision:?}");
    assert!((decision.priority - 9.0 * (40.0 + 100.0 * 0.02) / 200.0).abs() < 1e-12, "{decision:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn exploration_never_breaks_a_rule_and_its_probabilities_add_up(
        contacts in prop::collection::vec((0..40_i64, 0..3_usize), 0..6),
        consent in prop::option::of(any::<bool>()),
        churn in 0.05..0.95_f64,
        is_thompson in any::<bool>(),
        positives in 0..300_u64,
        seed in any::<u64>(),
    ) {
        const IDS: [&str; 3] = ["call", "mail", "visit"];
        let method = if is_thompson { "thompson" } else { "epsilon" };
        let rules = "[consent]\nemail = \"required\"\nphone = \"opt_out\"\n[[limit]]\ncontacts = 2\ndays = 14\n\
                     [[limit]]\nper = \"action\"\ncontacts = 1\ndays = 30\n";
        let actions = three_actions().replacen("channel = \"email\"", "channel = \"phone\"\neligible = \"churn_probability > 0.3\"", 1);
        let policy = with_actions(&format!("[exploration]\nmethod = \"{method}\"\n{rules}{actions}"));
        let mut customer = Customer::unknown().churn(churn).worth(500.0, 0.8, 40.0);
        customer.experience.add("mail", "all", Tally { sent: 1_000, positives, ..Tally::default() });
        let mut contacts = contacts;
        contacts.sort_unstable_by(|one, other| other.cmp(one));
        for (days, action) in &contacts {
            customer = customer.contacted(*days + 1, IDS[*action], false);
        }
        if let Some(granted) = consent {
            customer = customer.consent("email", granted);
        }
        let subject = customer.subject(&Vec::new);
        let weighing = Weighing::of(&policy, &subject);
        for number in 0..40_u64 {
            let decision = weighing.decide(Choice::Drawn(&format!("{:032x}", seed.wrapping_add(number))));
            let sum: f64 = decision.considered.iter().map(|one| one.probability).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "{:?}", decision);
            prop_assert!(decision.probability > 0.0);
            for one in &decision.considered {
                let is_eligible = one.terms.is_some() || one.action == LEAVE_ALONE;
                prop_assert!(is_eligible || one.probability == 0.0, "{:?}", one);
            }
            if decision.action == LEAVE_ALONE {
                continue;
            }
            // The rules written a second time.
            let within = |days: i64, id: Option<&str>| {
                contacts.iter().filter(|(ago, action)| ago + 1 < days && id.is_none_or(|id| IDS[*action] == id)).count()
            };
            prop_assert!(within(14, None) < 2, "{:?}: {:?}", contacts, decision.action);
            prop_assert!(within(30, Some(&decision.action)) < 1, "{:?}: {:?}", contacts, decision.action);
            prop_assert!(decision.channel.as_deref() != Some("email") || consent == Some(true), "{:?}", decision);
            prop_assert!(decision.action != "call" || churn > 0.3, "{:?}", decision);
        }
    }
}
