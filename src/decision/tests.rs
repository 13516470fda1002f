//! Decisions: gains by hand-computed numbers, the verdicts, and what a person is told.

use tend_models::quantities::Moment;

use super::fixtures::{Customer, action, compiled, shop, shopper, with_actions};
use super::*;

const TOLERANCE: f64 = 1e-12;

/// The decision under a policy with one action for everybody.
fn only(goal: &str, cost: f64, rest: &str, customer: &Customer) -> Decision {
    customer.decide(&with_actions(&action("it", goal, cost, rest)))
}

fn assert_gain(decision: &Decision, effect: f64, at_stake: f64, gain: f64) {
    assert_eq!(decision.action, "it", "{decision:?}");
    for (found, expected) in
        [(decision.effect, effect), (decision.at_stake.unwrap(), at_stake), (decision.expected_gain, gain)]
    {
        assert!((found - expected).abs() < TOLERANCE, "{expected} in {decision:?}");
    }
}

pub(super) fn verdict<'a>(decision: &'a Decision, action: &str) -> &'a str {
    let found = decision.considered.iter().find(|considered| considered.action == action);
    &found.unwrap().verdict
}

#[test]
fn retaining_is_worth_the_churn_avoided_times_the_lifetime_value() {
    let customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0);
    let relative = "effect = { source = \"assumed\", relative_reduction = 0.15 }";
    for goal in ["retain", "onboard", "service"] {
        // .15 x .4 = .06; .06 x 500 - 8 = 22.
        assert_gain(&only(goal, 8.0, relative, &customer), 0.06, 500.0, 22.0);
    }
    // No more churn can be avoided than there is: min(.5, .4) x 500 - 8 = 192.
    let added = "effect = { source = \"assumed\", added_probability = 0.5 }";
    assert_gain(&only("retain", 8.0, added, &customer), 0.4, 500.0, 192.0);
    // The policy's own value: .06 x 1000 - 8 = 52.
    let own = format!("value = 1000\n{relative}");
    assert_gain(&only("retain", 8.0, &own, &customer), 0.06, 1000.0, 52.0);
}

#[test]
fn without_a_lifetime_value_a_years_margin_is_at_stake() {
    let customer = Customer::unknown().churn(0.4).feature("spend_365d", 800.0);
    let effect = "effect = { source = \"assumed\", relative_reduction = 0.15 }";
    // 800 x .25 = 200; .06 x 200 - 8 = 4.
    assert_gain(&only("retain", 8.0, effect, &customer), 0.06, 200.0, 4.0);
    let unknown = only("retain", 8.0, effect, &Customer::unknown().churn(0.4));
    assert_eq!(verdict(&unknown, "it"), "cannot be valued: no lifetime value or yearly spend");
    assert_eq!(unknown.at_stake, None);
}

#[test]
fn cross_selling_is_worth_the_purchases_added_times_the_margin() {
    let customer = Customer::unknown().propensity("Music", 0.2).propensity("Books", 0.5).worth(500.0, 0.8, 40.0);
    let effect = "effect = { source = \"experiment\", relative_increase = 0.1 }";
    // Books is likeliest: .1 x .5 = .05; 40 x .25 = 10; .05 x 10 - .1 = .4.
    let decision = only("cross_sell", 0.1, effect, &customer);
    assert_gain(&decision, 0.05, 10.0, 0.4);
    assert_eq!(decision.product.as_deref(), Some("Books"));
    assert_eq!(decision.effect_source, Some(EffectSource::Experiment));
    // Music has its own margin of 7: .1 x .2 x 7 - .1 = .04.
    let decision = only("cross_sell", 0.1, &format!("product = \"Music\"\n{effect}"), &customer);
    assert_gain(&decision, 0.02, 7.0, 0.04);
    // A probability cannot exceed 1: min(3 x .5, 1 - .5) x 10 - .1 = 4.9.
    let large = "effect = { source = \"assumed\", relative_increase = 3.0 }";
    assert_gain(&only("cross_sell", 0.1, large, &customer), 0.5, 10.0, 4.9);
    let owner = Customer::unknown().worth(500.0, 0.8, 40.0);
    assert_eq!(
        verdict(&only("cross_sell", 0.1, effect, &owner), "it"),
        "cannot be valued: no propensity of a product not owned yet"
    );
}

#[test]
fn winning_back_is_worth_the_returns_added_times_the_value_of_a_customer_who_is_back() {
    let customer = Customer::unknown().worth(30.0, 0.1, 40.0);
    let added = "effect = { source = \"assumed\", added_probability = 0.02 }";
    // 30 / .1 = 300; .02 x 300 - 1 = 5.
    assert_gain(&only("win_back", 1.0, added, &customer), 0.02, 300.0, 5.0);
    // .5 x .1 = .05; .05 x 300 - 1 = 14.
    let relative = "effect = { source = \"assumed\", relative_increase = 0.5 }";
    assert_gain(&only("win_back", 1.0, relative, &customer), 0.05, 300.0, 14.0);
    // Certainly gone, so a year's margin stands in: .02 x 800 x .25 - 1 = 3.
    let gone = Customer::unknown().worth(0.0, 0.0, 40.0).feature("spend_365d", 800.0);
    assert_gain(&only("win_back", 1.0, added, &gone), 0.02, 200.0, 3.0);
    // Without any model, what the policy says: .02 x 100 - 1 = 1.
    let own = format!("value = 100\n{added}");
    assert_gain(&only("win_back", 1.0, &own, &Customer::unknown()), 0.02, 100.0, 1.0);
}

#[test]
fn nobody_is_contacted_where_nothing_pays_nor_where_it_only_breaks_even() {
    let customer = Customer::unknown().churn(0.5).worth(100.0, 0.8, 40.0);
    let effect = "effect = { source = \"assumed\", relative_reduction = 0.25 }";
    // .25 x .5 x 100 = 12.5, which is exact.
    for (cost, expected) in [(12.5, LEAVE_ALONE), (13.0, LEAVE_ALONE), (12.25, "it")] {
        let decision = only("retain", cost, effect, &customer);
        assert_eq!(decision.action, expected, "cost {cost}");
    }
    let decision = only("retain", 12.5, effect, &customer);
    assert_eq!(verdict(&decision, "it"), "does not pay");
    assert_eq!(verdict(&decision, LEAVE_ALONE), "chosen");
    assert_eq!((decision.expected_gain, decision.cost, decision.effect), (0.0, 0.0, 0.0));
    assert_eq!((decision.deadline, &decision.channel), (None, &None));
    assert_eq!(decision.at_stake, Some(100.0));
    assert_eq!(decision.reason, "All: no action pays. The best, Do it, is worth EUR 12.50 and costs EUR 12.50.");
    let alone = customer.decide(&with_actions(""));
    assert_eq!(alone.action, LEAVE_ALONE);
    assert_eq!(alone.reason, "All: no action suits this customer now.");
}

#[test]
fn candidates_are_ranked_by_gain_then_id_and_each_has_its_verdict() {
    let reduction = |share: f64| format!("effect = {{ source = \"assumed\", relative_reduction = {share} }}");
    let unsuitable = action("g", "retain", 1.0, &reduction(0.9)).replace("stages = [\"all\"]", "stages = [\"first\"]");
    let text = [
        action("d", "retain", 90.0, &reduction(0.5)),
        action("c", "retain", 1.0, &reduction(0.25)),
        action("b", "retain", 1.0, &reduction(0.5)),
        action("a", "retain", 1.0, &reduction(0.5)),
        action("f", "retain", 1.0, &format!("eligible = \"country == 'DE'\"\n{}", reduction(0.9))),
        action("e", "win_back", 1.0, "effect = { source = \"assumed\", relative_increase = 0.5 }"),
        unsuitable,
    ];
    let first = "[[stage]]\nname = \"first\"\nwhen = \"false\"\n";
    let stages = format!("[money]\ncurrency = \"EUR\"\n{first}[[stage]]\nname = \"all\"\nwhen = \"true\"\n");
    let policy = compiled(&format!("{stages}{}", text.concat()));
    let customer = Customer::unknown().churn(0.5).feature("spend_365d", 1000.0);
    let decision = customer.decide(&policy);
    let found: Vec<(&str, &str)> = decision
        .considered
        .iter()
        .map(|considered| (considered.action.as_str(), considered.verdict.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("a", "chosen"),
            ("b", "lower priority"),
            ("c", "lower priority"),
            (LEAVE_ALONE, "lower priority"),
            ("d", "does not pay"),
            ("e", "cannot be valued: no probability of being alive"),
            ("f", "not eligible: country == 'DE'"),
            ("g", "not for stage first"),
        ]
        .map(|(id, verdict)| (id, if id == "g" { "not for stage all" } else { verdict }))
    );
    assert_eq!(decision.action, "a");
}

#[test]
fn a_person_is_told_why_this_customer_and_why_this_action() {
    let mut customer = shopper(120.0, 4.0).churn(0.7).worth(420.0, 0.5, 40.0);
    customer.scorecard.reasons = vec!["The last purchase was 120 days ago.".to_owned()];
    let decision = customer.decide(&shop());
    // .15 x .7 x 420 = 44.10, less 8, leaves 36.10; the discount mail: .08 x .7 x 420 - 3 = 20.52.
    assert_eq!(
        decision.reason,
        "At risk: The last purchase was 120 days ago. Churn probability 70.0 %. At stake: EUR 420.00. Save call adds \
         10.5 percentage points (assumed) to the probability of staying: worth EUR 44.10, less EUR 8.00 for the \
         contact, leaves EUR 36.10."
    );
    let written = serde_json::to_value(&decision).unwrap();
    assert_eq!(written["moment"], "2026-03-31");
    assert_eq!(written["deadline"], "2026-04-14");
    assert_eq!(written["channel"], "phone");
    assert_eq!(written["probability"], 1.0);
    assert_eq!(written["effect_source"], "assumed");
    assert_eq!(written["scores"]["risk_band"], "high");
    assert_eq!(written["scores"]["predicted_clv"], 420.0);
    assert_eq!(written["model_versions"]["churn"], "3");
    assert_eq!(verdict(&decision, "discount_mail"), "lower priority");
}

#[test]
fn a_product_offer_and_a_return_are_explained_in_their_own_words() {
    let customer = Customer::unknown().propensity("Books", 0.5).worth(500.0, 0.8, 40.0);
    let effect = "effect = { source = \"experiment\", relative_increase = 0.1 }";
    assert_eq!(
        only("cross_sell", 0.1, effect, &customer).reason,
        "All: Probability of buying Books 50.0 %. A purchase is worth EUR 10.00. Do it adds 5.0 percentage points \
         (experiment) to the probability of buying: worth EUR 0.50, less EUR 0.10 for the contact, leaves EUR 0.40."
    );
    let effect = "effect = { source = \"assumed\", added_probability = 0.002 }";
    assert_eq!(
        only("win_back", 0.1, effect, &Customer::unknown().worth(30.0, 0.1, 40.0)).reason,
        "All: Probability of still being a customer 10.0 %. Coming back is worth EUR 300.00. Do it adds 0.20 \
         percentage points (assumed) to the probability of coming back: worth EUR 0.60, less EUR 0.10 for the \
         contact, leaves EUR 0.50."
    );
}

#[test]
fn a_moment_at_the_end_of_time_still_has_a_deadline() {
    let mut customer = shopper(120.0, 4.0).churn(0.7).worth(420.0, 0.5, 40.0);
    for seconds in [i64::MAX, i64::MIN] {
        customer.scorecard.moment = Moment::from_seconds(seconds);
        assert!(customer.decide(&shop()).deadline.is_some());
    }
}

#[test]
fn a_compiled_policy_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let policy = shared(shop());
    let customer = shopper(120.0, 4.0).churn(0.7).worth(420.0, 0.5, 40.0);
    let expected = customer.decide(&policy);
    std::thread::scope(|scope| {
        let others = [(); 2].map(|()| scope.spawn(|| customer.decide(&policy)));
        for other in others {
            assert_eq!(other.join().unwrap(), expected);
        }
    });
}

#[test]
fn priorities_follow_from_the_written_trace() {
    let rest = "group = \"offers\"\nlever = 20\neffect = { source = \"assumed\", relative_reduction = 0.15 }";
    let propensity = "group = \"offers\"\nlever = 20\neffect = { source = \"propensity\" }";
    let text = [action("it", "retain", 8.0, rest), action("offer", "cross_sell", 0.1, propensity)].concat();
    let weights = "[levers]\ngoal = { retain = 25 }\ngroup = { offers = 10 }\n\
        [[context]]\nwhen = \"churn_probability > 0.3\"\npercent = 50\nper = \"goal\"\nonly = [\"retain\"]\n";
    let policy = with_actions(&format!("{weights}{text}"));
    let customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0).propensity("Music", 0.2);
    let decision = customer.decide(&policy);
    let written: serde_json::Value =
        serde_json::from_str(&serde_json::to_string(&decision).unwrap()).expect("what was written can be read");
    let terms = |action: &str| {
        let all = written["considered"].as_array().unwrap();
        all.iter().find(|considered| considered["action"] == action).unwrap()["terms"].clone()
    };
    let number = |terms: &serde_json::Value, name: &str| terms[name].as_f64().unwrap();
    // 20 + 25 + 10 percent are a factor of 1.55: .06 x 500 x 1.5 x 1.55 - 8 = 61.75.
    let it = terms("it");
    assert_eq!(number(&it, "levers"), 1.55);
    let recomputed = number(&it, "effect") * number(&it, "value") * number(&it, "context") * number(&it, "levers")
        - number(&it, "cost");
    assert!((recomputed - 61.75).abs() < 1e-12 && (number(&it, "priority") - recomputed).abs() < 1e-12, "{it}");
    // The propensity of .2, a margin of 7, no context, levers of 20 and 10 percent: 1.82.
    let offer = terms("offer");
    let recomputed =
        number(&offer, "probability") * number(&offer, "value") * number(&offer, "context") * number(&offer, "levers");
    assert!((recomputed - 1.82).abs() < 1e-12 && (number(&offer, "priority") - recomputed).abs() < 1e-12, "{offer}");
    assert_eq!(verdict(&decision, "offer"), "no effect of it is known");
    assert_eq!(decision.action, "it");
    assert!((decision.expected_gain - 22.0).abs() < 1e-12, "gains are money without levers: {decision:?}");
}

#[test]
fn a_factor_that_is_switched_off_is_1() {
    let rest = "lever = 55\neffect = { source = \"assumed\", relative_reduction = 0.15 }";
    let propensity = "lever = 55\neffect = { source = \"propensity\" }";
    let text = [action("it", "retain", 8.0, rest), action("offer", "cross_sell", 0.1, propensity)].concat();
    let context = "[[context]]\nwhen = \"true\"\npercent = 50\n";
    let customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0).propensity("Music", 0.2);
    let priorities = |without: &str| {
        let policy = with_actions(&format!("[priority]\nwithout = [{without}]\n{context}{text}"));
        let decision = customer.decide(&policy);
        let of = |id: &str| decision.considered.iter().find(|one| one.action == id).unwrap().terms.unwrap().priority;
        [of("it"), of("offer")]
    };
    for (without, expected) in [
        ("", [0.06 * 500.0 * 1.5 * 1.55 - 8.0, 0.2 * 7.0 * 1.5 * 1.55]),
        ("\"levers\"", [0.06 * 500.0 * 1.5 - 8.0, 0.2 * 7.0 * 1.5]),
        ("\"context\"", [0.06 * 500.0 * 1.55 - 8.0, 0.2 * 7.0 * 1.55]),
        ("\"value\"", [0.06 * 500.0 * 1.5 * 1.55 - 8.0, 0.2 * 1.5 * 1.55]),
        ("\"probability\"", [0.06 * 500.0 * 1.5 * 1.55 - 8.0, 7.0 * 1.5 * 1.55]),
    ] {
        let found = priorities(without);
        let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12);
        assert!(is_near, "without {without}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn a_lever_never_makes_a_loss_worth_taking() {
    let rest = "lever = 1000\neffect = { source = \"assumed\", relative_reduction = 0.15 }";
    let customer = Customer::unknown().churn(0.4).worth(100.0, 0.8, 40.0);
    let decision = only("retain", 8.0, rest, &customer);
    assert_eq!((decision.action.as_str(), verdict(&decision, "it")), (LEAVE_ALONE, "does not pay"));
    let heavy = "lever = -90\neffect = { source = \"assumed\", relative_reduction = 0.15 }";
    let decision = only("retain", 5.0, heavy, &customer);
    assert_eq!(verdict(&decision, "it"), "weighed down by context or levers");
}

#[test]
fn an_uplift_model_takes_the_place_of_what_is_assumed_but_not_of_an_experiment() {
    use tend_models::scorecard::{ActionEffect, EffectBasis, EffectOutcome};
    let mut customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0);
    let effect = |outcome, effect| ActionEffect {
        action: "it".to_owned(),
        outcome,
        horizon_days: 90,
        effect,
        low: effect - 0.01,
        high: effect + 0.01,
        basis: EffectBasis::Model,
    };
    let stated = |source: &str| format!("effect = {{ source = \"{source}\", relative_reduction = 0.15 }}");
    customer.scorecard.uplift = vec![effect(EffectOutcome::Retention, 0.1)];
    // .1 x 500 - 8 = 42.
    let decision = only("retain", 8.0, &stated("assumed"), &customer);
    assert_gain(&decision, 0.1, 500.0, 42.0);
    assert_eq!(decision.effect_source, Some(EffectSource::Model));
    assert_gain(&only("retain", 8.0, &stated("experiment"), &customer), 0.06, 500.0, 22.0);
    // A spend of 60 more is worth its margin of a quarter: 15 - 8 = 7.
    customer.scorecard.uplift = vec![effect(EffectOutcome::Spend, 60.0)];
    let decision = only("retain", 8.0, "effect = { source = \"model\" }", &customer);
    assert_gain(&decision, 60.0, 500.0, 7.0);
    assert!(decision.reason.contains("adds EUR 60.00 (model) to what the customer spends"), "{}", decision.reason);
    customer.scorecard.uplift.clear();
    let decision = only("retain", 8.0, "effect = { source = \"model\" }", &customer);
    assert_eq!(verdict(&decision, "it"), "cannot be valued: no uplift of this action");
}

#[test]
fn the_control_group_is_left_alone_and_told_what_it_misses() {
    let text = action("it", "retain", 8.0, "effect = { source = \"assumed\", relative_reduction = 0.15 }");
    let policy = with_actions(&format!("[control]\nshare = 0.25\nsalt = \"spring\"\n{text}"));
    let mut control = 0;
    for place in 0..2_000 {
        let mut customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0);
        customer.scorecard.customer_id = format!("c{place}");
        let decision = customer.decide(&policy);
        assert_eq!(decision.control_group, decision.action == LEAVE_ALONE);
        if decision.control_group {
            control += 1;
            assert_eq!((decision.probability, verdict(&decision, "it")), (0.25, "control group"));
            assert_eq!(decision.reason, "All: in the control group. Otherwise Do it would be taken.");
        } else {
            assert_eq!(decision.probability, 0.75);
        }
    }
    // 500 +- 4 standard deviations of 19.4.
    assert!((422..=578).contains(&control), "{control}");
    let decision = Customer::unknown().decide(&policy);
    assert_eq!(decision.probability, 1.0, "nothing pays, whatever the draw");
}

#[test]
fn an_assigned_action_is_decided_and_the_others_told_why_not() {
    let reduction = |share: f64| format!("effect = {{ source = \"assumed\", relative_reduction = {share} }}");
    let text = [action("call", "retain", 8.0, &reduction(0.3)), action("mail", "retain", 0.1, &reduction(0.1))];
    let policy = with_actions(&text.concat());
    let customer = Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0);
    let subject = customer.subject(&Vec::new);
    let weighing = Weighing::of(&policy, &subject);
    assert_eq!(weighing.open().map(|(place, _)| place).collect::<Vec<_>>(), [0, 1]);
    let mail = weighing.decide(Choice::Assigned(Some(1), &[1]));
    assert_eq!((mail.action.as_str(), verdict(&mail, "call")), ("mail", "budget or capacity earns more elsewhere"));
    let none = weighing.decide(Choice::Assigned(None, &[]));
    assert_eq!((none.action.as_str(), verdict(&none, LEAVE_ALONE)), (LEAVE_ALONE, "chosen"));
    assert_eq!(none.reason, "All: Do call pays, but budget or capacity earns more elsewhere.");
    assert_eq!(weighing.decide(Choice::Best), customer.decide(&policy));
}
