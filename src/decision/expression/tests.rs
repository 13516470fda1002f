//! Conditions: what holds, what is unknown, what is refused and where.

use proptest::prelude::*;

use super::{Expression, ExpressionError, Kind, Vocabulary};
use crate::decision::fixtures::{Customer, compiled, products};

/// Whether a condition holds for a customer, by way of a policy whose first stage it is.
fn holds(condition: &str, customer: &Customer) -> bool {
    let policy = compiled(&format!(
        "[money]\ncurrency = \"EUR\"\n[[stage]]\nname = \"yes\"\nwhen = '''{condition}'''\n\
         [[stage]]\nname = \"no\"\nwhen = \"true\"\n"
    ));
    customer.decide(&policy).stage == "yes"
}

fn refusal(condition: &str) -> ExpressionError {
    compile(condition).expect_err(condition)
}

fn compile(condition: &str) -> Result<Expression, ExpressionError> {
    let plan = Customer::unknown();
    let products = products();
    let mut vocabulary = Vocabulary {
        names: &plan.names,
        kinds: &plan.kinds,
        products: &products,
        channels: &["email"],
        variables: Vec::new(),
    };
    Expression::compile(condition, Kind::Truth, &mut vocabulary)
}

fn known() -> Customer {
    let mut customer = Customer::unknown()
        .feature("days_since_last_purchase", 95.0)
        .feature("purchases_365d", 4.0)
        .feature("segment", 3.0)
        .feature("odd name, 100 %", 1.5)
        .feature("country", 1.0)
        .churn(0.7)
        .worth(420.0, 0.8, 40.0)
        .propensity("Books", 0.2)
        .propensity("Music", 0.3);
    customer.scorecard.segment = Some("regulars".to_owned());
    customer
}

#[test]
fn known_values_are_compared_as_what_they_are() {
    let customer = known();
    for (condition, expected) in [
        ("days_since_last_purchase > 90", true),
        ("days_since_last_purchase > 90.5 && days_since_last_purchase < 100u", true),
        ("days_since_last_purchase == 95", true),
        ("days_since_last_purchase / 2 + 1 > 48", true),
        ("-purchases_365d * 2 == -8", true),
        ("purchases_365d in [3, 4]", true),
        ("purchases_365d in [3.0, 5.0]", false),
        ("country == \"DE\"", true),
        ("country in [\"AT\", \"CH\"]", false),
        ("country.startsWith(\"D\") || false", true),
        ("feature[\"odd name, 100 %\"] == 1.5", true),
        ("feature.purchases_365d >= 4", true),
        ("segment == \"regulars\" && feature[\"segment\"] == 3", true),
        ("churn_probability >= 0.7 && risk_band == \"high\"", true),
        ("score.predicted_clv == 420 && probability_alive == 0.8", true),
        ("expected_purchases == 4 && expected_average_spend == 40", true),
        ("propensity[\"Books\"] == 0.2 && propensity.Music == 0.3", true),
        ("top_product == \"Music\" && top_propensity == 0.3", true),
        ("(purchases_365d > 3 ? 1 : 0) == 1", true),
    ] {
        assert_eq!(holds(condition, &customer), expected, "{condition}");
    }
}

#[test]
fn an_unknown_value_makes_every_comparison_false_and_its_opposite_too() {
    let customer = Customer::unknown().churn(0.7);
    for condition in [
        "days_since_last_purchase > 90",
        "days_since_last_purchase <= 90",
        "days_since_last_purchase == 90",
        "days_since_last_purchase != 90",
        "!(days_since_last_purchase > 90)",
        "days_since_last_purchase + 1 != 3",
        "country == \"DE\"",
        "country != \"DE\"",
        "!(country in [\"DE\"])",
        "predicted_clv < 100",
        "segment != \"x\"",
        "top_product != \"x\"",
        "propensity[\"Books\"] < 1",
        "risk_band == \"high\" && days_since_last_purchase > 90",
        "days_since_last_purchase > 90 ? true : true",
        "has(feature.days_since_last_purchase)",
        "\"Books\" in propensity",
        "has(score.predicted_clv)",
    ] {
        assert!(!holds(condition, &customer), "{condition}");
    }
}

#[test]
fn an_unknown_value_does_not_hide_what_is_known_beside_it() {
    let customer = Customer::unknown().churn(0.7);
    for condition in [
        "days_since_last_purchase > 90 || risk_band == \"high\"",
        "risk_band == \"high\" || days_since_last_purchase > 90",
        "!(days_since_last_purchase > 90 && risk_band == \"low\")",
        "!has(feature.days_since_last_purchase)",
        "!(\"odd name, 100 %\" in feature)",
        "has(score.churn_probability)",
    ] {
        assert!(holds(condition, &customer), "{condition}");
    }
}

#[test]
fn a_level_that_training_did_not_see_is_known_and_is_none_of_the_others() {
    let elsewhere = Customer::unknown().feature("country", 2.0);
    assert!(holds("country != \"DE\" && country != \"AT\"", &elsewhere));
    assert!(holds("has(feature.country)", &elsewhere));
    for strange in [-1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        let customer = Customer::unknown().feature("country", strange);
        assert!(!holds("country == \"DE\"", &customer), "{strange}");
    }
}

#[test]
fn names_that_do_not_exist_are_refused_with_the_closest_one_and_the_place() {
    let error = refusal("purchases_365d > 1 && days_since_last_purchse > 90");
    assert_eq!((error.line, error.column), (1, 23));
    assert_eq!(
        error.problem,
        "`days_since_last_purchse` is neither a feature nor a score; did you mean `days_since_last_purchase`?"
    );
    let error = refusal("true &&\n  churn_probabilty > 0.5");
    assert_eq!((error.line, error.column), (2, 3));
    assert!(error.problem.ends_with("`churn_probability`?"), "{error}");
    assert!(refusal("propensity[\"Book\"] > 0").problem.contains("`Books`?"));
    assert!(refusal("feature[\"contry\"] == \"\"").problem.contains("`country`?"));
    assert!(refusal("has(score.predictd_clv)").problem.contains("`predicted_clv`?"));
}

#[test]
fn positions_count_characters_not_bytes() {
    let error = refusal("country == \"Österreich\" && nothing > 1");
    assert_eq!((error.line, error.column), (1, 28));
    let error = refusal("country == \"Österreich\" && ) 1");
    assert_eq!((error.line, error.column), (1, 28), "{error}");
}

#[test]
fn a_text_that_is_not_a_condition_is_refused_with_its_position() {
    let error = refusal("purchases_365d > ");
    assert_eq!(error.line, 1);
    assert!(error.column >= 16, "{error}");
    assert!(error.problem.contains("a condition looks like"), "{error}");
    assert!(refusal("  ").problem.contains("found nothing"));
    assert!(refusal("has(purchases_365d)").problem.contains("has(feature.name)"));
}

#[test]
fn kinds_that_do_not_go_together_are_refused() {
    for (condition, expected) in [
        ("purchases_365d > \"3\"", "found a text, expected a number"),
        ("country == 3", "found a number, expected a text"),
        ("country > \"DE\"", "found a text, expected a number"),
        ("purchases_365d", "found a number, expected a truth (true or false) as the result"),
        ("purchases_365d && true", "found a number, expected a truth (true or false)"),
        ("purchases_365d in [\"a\"]", "found a text, expected a number"),
        ("country in purchases_365d", "`in` takes a list"),
        ("[1, 2].exists(x, x > 1)", "loops are not taken"),
        ("size(country) > 3", "`size` is not taken"),
        ("purchases_365d % 2 == 0", "`%` is not taken"),
        ("feature == 3", "`feature` is all of them"),
        ("country.length == 3", "have names in them"),
        ("feature[country] == 3", "brackets take a map and a name"),
        ("country == null", "null is not taken"),
        ("{\"a\": 1} == 3", "maps in braces are not taken"),
    ] {
        let error = refusal(condition);
        assert!(error.problem.contains(expected), "{condition}: {error}");
    }
}

#[test]
fn deep_or_long_conditions_are_refused_instead_of_overflowing() {
    for condition in [
        format!("{}true{}", "(".repeat(400), ")".repeat(400)),
        format!("{}true", "!".repeat(900)),
        format!("{}1 > 0", "- ".repeat(400)),
        "(".repeat(900),
        "[".repeat(900),
        format!("0{} > 1", "+0".repeat(490)),
        format!("true{}", " ? true : true".repeat(70)),
        format!("purchases_365d{}", ".a".repeat(400)),
        format!("true || {}", "true || ".repeat(2_000)),
    ] {
        assert!(compile(&condition).is_err(), "{}", &condition[..40]);
    }
    let alternatives = format!("purchases_365d == 0{}", " || purchases_365d == 1".repeat(40));
    assert!(compile(&alternatives).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_the_compiler_panic(text in "\\PC{0,60}") {
        let _ = compile(&text);
    }

    #[test]
    fn no_shuffled_condition_makes_compiler_or_evaluation_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "purchases_365d", "country", "\"DE\"", "1", "0.5", "==", "<", "&&", "||", "!", "-", "(", ")", "[", "]",
            "in", "?", ":", "true", "null", "feature", ".", "has(", "risk_band", "/", "*", "'", "\"", "{", "}", ",",
            "\\", "b'a'", "1e999", "9223372036854775808", "0x", "?.", "[?", "`", "//", "\n", "x", "optional.of(",
        ]), 0..14),
        value in any::<f64>(),
    ) {
        if let Ok(expression) = compile(&parts.join(" ")) {
            let customer = Customer::unknown().feature("purchases_365d", value);
            if !expression.source().contains("'''") {
                holds(expression.source(), &customer);
            }
        }
    }
}
