//! Every customer, whatever is known of them, is in one stage and gets one sound decision.

use proptest::prelude::*;

use crate::decision::fixtures::{Customer, compiled, products, shop, shopper};
use crate::decision::{Policy, PolicyKind};

#[test]
fn customers_of_a_shop_are_in_the_stage_that_their_purchases_say() {
    let policy = shop();
    for (customer, expected) in [
        (Customer::unknown(), "new"),
        (shopper(10.0, 1.0), "new"),
        (shopper(40.0, 1.0), "onboarding"),
        (shopper(10.0, 3.0), "onboarding"),
        (shopper(10.0, 4.0), "growing"),
        (shopper(10.0, 10.0), "loyal"),
        (shopper(91.0, 10.0), "at_risk"),
        (shopper(91.0, 10.0).churn(0.1), "loyal"),
        (shopper(10.0, 10.0).churn(0.66), "at_risk"),
        (shopper(181.0, 4.0).churn(0.9), "lapsed"),
        (shopper(366.0, 0.0), "lost"),
        (shopper(10.0, f64::NAN), "growing"),
    ] {
        assert_eq!(customer.decide(&policy).stage, expected, "{:?}", customer.values);
    }
}

#[test]
fn subscribers_are_in_the_stage_that_their_subscription_says() {
    let policy = compiled(Policy::default_toml(PolicyKind::Subscription));
    let subscriber = |active: f64, age: f64, ended: f64| {
        Customer::unknown()
            .feature("active_subscriptions", active)
            .feature("subscribed_days", age)
            .feature("days_since_subscription_end", ended)
    };
    for (customer, expected) in [
        (subscriber(0.0, f64::NAN, f64::NAN), "new"),
        (subscriber(1.0, 20.0, f64::NAN), "new"),
        (subscriber(1.0, 60.0, f64::NAN), "onboarding"),
        (subscriber(1.0, 400.0, f64::NAN), "growing"),
        (subscriber(2.0, 800.0, f64::NAN), "loyal"),
        (subscriber(2.0, 800.0, f64::NAN).churn(0.8), "at_risk"),
        (subscriber(0.0, 400.0, 20.0), "lapsed"),
        (subscriber(0.0, 400.0, 200.0), "lost"),
        (Customer::unknown(), "growing"),
    ] {
        assert_eq!(customer.decide(&policy).stage, expected, "{:?}", customer.values);
    }
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(0.0), 0.0..800.0_f64, any::<f64>(), (0..20_u8).prop_map(f64::from),]
}

fn any_customer() -> impl Strategy<Value = Customer> {
    let scores = (0.0..=1.0_f64, any::<bool>(), -1e6..1e6_f64, 0.0..=1.0_f64, any::<bool>());
    let propensities = prop::collection::vec((0..2_usize, 0.0..=1.0_f64), 0..3);
    let width = Customer::unknown().values.len();
    let values = prop::collection::vec(any_value(), width);
    (values, scores, propensities).prop_map(|(values, scores, propensities)| {
        let (churn, has_churn, clv, alive, has_value) = scores;
        let mut customer = Customer::unknown();
        customer.values = values;
        if has_churn {
            customer = customer.churn(churn);
        }
        if has_value {
            customer = customer.worth(clv, alive, 40.0);
        }
        for (product, probability) in propensities {
            customer = customer.propensity(&products()[product], probability);
        }
        customer
    })
}

proptest! {
    #[test]
    fn every_customer_is_in_exactly_one_stage_and_the_decision_is_finite_and_repeatable(
        customer in any_customer(),
        kind in prop::sample::select(vec![PolicyKind::Shop, PolicyKind::Subscription]),
    ) {
        let policy = compiled(Policy::default_toml(kind));
        let decision = customer.decide(&policy);
        prop_assert_eq!(policy.stages().filter(|(name, _)| *name == decision.stage).count(), 1);
        prop_assert!(decision.expected_gain.is_finite() && decision.expected_gain >= 0.0);
        prop_assert!(decision.at_stake.is_none_or(f64::is_finite));
        prop_assert!((0.0..=1.0).contains(&decision.effect));
        prop_assert_eq!(decision.considered.len(), policy.actions.len() + 1);
        let chosen = decision.considered.iter().filter(|considered| considered.verdict == "chosen");
        let chosen: Vec<&str> = chosen.map(|considered| considered.action.as_str()).collect();
        prop_assert_eq!(chosen, vec![decision.action.as_str()]);
        let again = serde_json::to_string(&customer.decide(&policy)).unwrap();
        prop_assert_eq!(serde_json::to_string(&decision).unwrap(), again);
    }
}
