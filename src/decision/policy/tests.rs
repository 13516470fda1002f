//! Policies: the two that come with the product, and what is refused.

use super::*;
use crate::decision::fixtures::{Customer, compiled, products};

const SOUND: &str = r#"
[money]
currency = "EUR"

[[stage]]
name = "at_risk"
when = "risk_band == \"high\""

[[stage]]
name = "other"
when = "true"

[[action]]
id = "call"
label = "Call"
stages = ["at_risk"]
goal = "retain"
channel = "phone"
cost = 8
deadline_days = 14
effect = { source = "assumed", relative_reduction = 0.15 }
"#;

fn refusal(text: &str) -> String {
    let plan = Customer::unknown();
    Policy::parse(text)
        .and_then(|policy| policy.compile(&plan.names, &plan.kinds, &products()))
        .err()
        .unwrap_or_else(|| panic!("accepted:\n{text}"))
        .to_string()
}

#[test]
fn the_policies_that_come_with_the_product_compile_and_name_the_seven_stages() {
    for kind in PolicyKind::ALL {
        let policy = compiled(Policy::default_toml(kind));
        let mut stages: Vec<&str> = policy.stages().map(|(name, _)| name).collect();
        stages.sort_unstable();
        assert_eq!(stages, ["at_risk", "growing", "lapsed", "lost", "loyal", "new", "onboarding"]);
        assert!(policy.actions.len() >= 5, "{kind:?}");
    }
}

#[test]
fn policies_show_a_currency_only_if_they_are_told_one() {
    for kind in PolicyKind::ALL {
        assert_eq!(compiled(Policy::default_toml(kind)).currency, None, "{kind:?}");
        let in_francs = Policy::default_toml_in(kind, "CHF");
        assert_eq!(compiled(&in_francs).currency.as_deref(), Some("CHF"), "{kind:?}");
    }
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let policy = compiled(SOUND);
    assert_eq!(policy.margin, 0.3);
    let band = |churn| policy.risk_band(tend_models::quantities::Probability::new(churn).unwrap());
    assert_eq!(band(0.329).name(), "low");
    assert_eq!(band(0.33).name(), "medium");
    assert_eq!(band(0.66).name(), "high");
}

/// What to replace in the sound policy, with what, and what the error must say.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        r#"stages = ["at_risk"]"#,
        r#"stages = ["at_rsk"]"#,
        "policy.toml line 16, action `call` `stages`: there is no stage `at_rsk`; did you mean `at_risk`?",
    ),
    (r#"stages = ["at_risk"]"#, "stages = []", "expected at least one"),
    ("cost = 8", "cost = -1", "action `call` `cost`: found -1, expected"),
    ("cost = 8", "cost = nan", "action `call` `cost`: found NaN"),
    ("cost = 8", "cost = \"8\"", "invalid type: string \"8\", expected f64"),
    ("deadline_days = 14", "deadline_days = -1", "expected whole days from 0 to 3650"),
    ("name = \"other\"", "name = \"at_risk\"", "stage 2 `name`: `at_risk` is there twice"),
    ("name = \"other\"", "name = \"all others\"", "without blanks"),
    ("when = \"true\"", "when = \"purchases_365d > 1\"", "expected the last stage to have when = \"true\""),
    ("id = \"call\"", "id = \"leave_alone\"", "always a candidate"),
    ("id = \"call\"", "id = \"\"", "action 1 `id`: found \"\""),
    ("label = \"Call\"", "label = \" \"", "action `call` `label`: found nothing"),
    ("label = \"Call\"", "lable = \"Call\"", "did you mean `label`?"),
    ("goal = \"retain\"", "goal = \"retian\"", "did you mean `retain`?"),
    ("goal = \"retain\"", "goal = \"cross_sell\"", "found relative_reduction, expected relative_increase"),
    ("goal = \"retain\"", "goal = \"retain\"\nproduct = \"Books\"", "belongs to goal = \"cross_sell\""),
    ("goal = \"retain\"", "goal = \"retain\"\nvalue = inf", "`value`: expected what one success is worth"),
    ("relative_reduction = 0.15", "relative_reduction = 15", "found relative_reduction = 15, expected a share"),
    (", relative_reduction = 0.15", "", "found no size, expected one"),
    ("relative_reduction", "added_probability = 0.1, relative_reduction", "found more than one size"),
    ("source = \"assumed\", ", "", "missing field `source`"),
    ("currency = \"EUR\"", "currency = \"\"", "[money] `currency`: found nothing"),
    ("currency = \"EUR\"", "currency = \"EUR\"\nmargin = 30", "write 0.3 for 30 %"),
    ("currency = \"EUR\"", "currency = \"EUR\"\n[bands]\nlow = 0.9", "found low = 0.9 and high = 0.66"),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[product_margin]\nBoks = 1.0",
        "[product_margin] `Boks`: there is no propensity for `Boks`; did you mean `Books`?",
    ),
    ("currency = \"EUR\"", "currency = \"EUR\"\nyearly_spend = \"country\"", "expected a number as the result"),
    (
        "risk_band == \\\"high\\\"",
        "risk_bnd == \\\"high\\\"",
        "policy.toml line 7, stage `at_risk` `when`, in its line 1, column 1: `risk_bnd` is neither a feature nor a score; did you mean `risk_band`?",
    ),
    ("cost = 8", "cost = 8\neligible = \"purchases_365d >> 1\"", "action `call` `eligible`, in its line 1, column 17"),
    ("[[stage]]", "[[stag]]", "did you mean `stage`?"),
    (
        "cost = 8",
        "cost = 8\nvalid_from = \"1.11.2026\"",
        "line 20, action `call` `valid_from`: found \"1.11.2026\", expected a date",
    ),
    (
        "cost = 8",
        "cost = 8\nvalid_from = \"2026-11-02\"\nvalid_until = \"2026-11-01\"",
        "expected a day from valid_from",
    ),
    ("cost = 8", "cost = 8\nlever = -200", "`lever`: found -200, expected percent"),
    ("cost = 8", "cost = 8\ncool_down_days = 99999", "`cool_down_days`: found 99999, expected whole days"),
    ("cost = 8", "cost = 8\ngroup = \" \"", "`group`: found nothing"),
    ("cost = 8", "cost = 8\nsuitable = \"consent.sms\"", "no action has the channel `sms`; use one of `phone`"),
    ("source = \"assumed\"", "source = \"model\"", "found relative_reduction beside source = \"model\""),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[consent]\nphon = \"required\"",
        "line 5, [consent] `phon`: no action has the channel `phon`; did you mean `phone`?",
    ),
    ("currency = \"EUR\"", "currency = \"EUR\"\n[consent]\nphone = \"requird\"", "did you mean `required`?"),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[control]\nshare = 5\nsalt = \"a\"",
        "line 5, [control] `share`: found 5, expected the share",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[hours.phone]\nfrom = \"9\"\nto = \"20:00\"\ntime_zone = \"UTC\"",
        "`phone.from`: found \"9\", expected a time of day",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[hours.phone]\nfrom = \"21:00\"\nto = \"20:00\"\ntime_zone = \"UTC\"",
        "line 6, [hours] `phone.to`: found 20:00, expected a time after",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[hours.phone]\nfrom = \"09:00\"\nto = \"20:00\"\ntime_zone = \"Wien\"",
        "write \"Europe/Vienna\"",
    ),
    ("currency = \"EUR\"", "currency = \"EUR\"\n[[limit]]\ncontacts = 2\ndays = 0", "limit 1 `days`: found 0"),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[[limit]]\ncontacts = 2\ndays = 7\nper = \"channel\"\nonly = [\"phoen\"]",
        "line 8, limit 1 `only`: no action has the channel `phoen`; did you mean `phone`?",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[[limit]]\ncontacts = 2\ndays = 7\nonly = [\"phone\"]",
        "found names for per = \"customer\"",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[[suppression]]\nrefusals = 0\nwithin_days = 7\nfor_days = 7",
        "suppression 1 `refusals`: found 0",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[[context]]\nwhen = \"tru\"\npercent = 5",
        "context 1 `when`, in its line 1",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[exploration]\nepsilon = 20",
        "line 5, [exploration] `epsilon`: found 20, expected the share of decisions",
    ),
    ("currency = \"EUR\"", "currency = \"EUR\"\n[exploration]\nmethod = \"tompson\"", "did you mean `thompson`?"),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[exploration]\nmethod = \"thompson\"\nepsilon = 0.1",
        "line 6, [exploration] `epsilon`: belongs to method = \"epsilon\" only",
    ),
    ("currency = \"EUR\"", "currency = \"EUR\"\n[exploration]\nepsilonn = 0.1", "did you mean `epsilon`?"),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[exploration.stage.at_rsk]\nepsilon = 0.1",
        "line 4, [exploration] `stage.at_rsk`: there is no stage `at_rsk`; did you mean `at_risk`?",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[exploration]\n[exploration.stage.at_risk]\nmethod = \"thompson\"\nfloor = 0",
        "line 7, [exploration] `stage.at_risk.floor`: found 0, expected the share of decisions",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[adaptation]\nweight = 0",
        "line 5, [adaptation] `weight`: found 0, expected how many decisions",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[adaptation]\nbase_rate = 2",
        "line 5, [adaptation] `base_rate`: found 2, expected the share",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[online]\ndecisions_count_days = 0",
        "line 5, [online] `decisions_count_days`: found 0, expected whole days from 1",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[outcomes]\npositive = []",
        "line 5, [outcomes] `positive`: found none",
    ),
    (
        "relative_reduction = 0.15",
        "relative_reduction = 0.15, standard_error = -1",
        "line 21, action `call` `effect`: found standard_error = -1, expected",
    ),
    (
        "currency = \"EUR\"",
        "currency = \"EUR\"\n[levers]\ngroup = { offers = 10 }",
        "`group.offers`: no action has the group `offers`; there are none",
    ),
];

#[test]
fn each_mistake_is_refused_with_its_place_and_what_to_do() {
    for (found, instead, expected) in MISTAKES {
        assert!(SOUND.contains(*found), "{found}");
        let error = refusal(&SOUND.replacen(*found, instead, 1));
        assert!(error.contains(expected), "{instead}:\n{error}");
    }
}

#[test]
fn an_action_id_that_is_there_twice_is_refused() {
    let again = SOUND.split_once("[[action]]").unwrap().1;
    let error = refusal(&format!("{SOUND}[[action]]{again}"));
    assert_eq!(error, "policy.toml line 23, action 2 `id`: `call` is there twice; rename one of them");
}

#[test]
fn a_policy_without_stages_is_refused() {
    assert!(refusal("[money]\ncurrency = \"EUR\"").contains("found no stage"));
}

#[test]
fn a_product_that_does_not_exist_is_refused_in_an_action() {
    let text = SOUND
        .replace("goal = \"retain\"", "goal = \"cross_sell\"\nproduct = \"Musc\"")
        .replace("relative_reduction", "relative_increase");
    assert!(refusal(&text).contains("`product`: there is no propensity for `Musc`; did you mean `Music`?"));
}

#[test]
fn the_version_changes_with_the_text_and_only_with_it() {
    let version = |text: &str| Policy::parse(text).unwrap().version().to_owned();
    assert_eq!(version(SOUND), version(SOUND));
    assert_ne!(version(SOUND), version(&SOUND.replace("cost = 8", "cost = 9")));
    // Reference value of FNV-1a, 64 bits, for the text "a".
    assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
}
