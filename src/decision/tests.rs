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

fn verdict<'a>(decision: &'a Decision, action: &str) -> &'a str {
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
            ("b", "lower expected gain"),
            ("c", "lower expected gain"),
            (LEAVE_ALONE, "lower expected gain"),
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
    assert_eq!(verdict(&decision, "discount_mail"), "lower expected gain");
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
