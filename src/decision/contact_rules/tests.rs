//! Rules of contact: each by what it forbids and when it ends, and all of them against random customers.

use proptest::prelude::*;
use tend_models::quantities::Moment;

use crate::decision::fixtures::{Customer, action, with_actions};
use crate::decision::{CompiledPolicy, Decision, LEAVE_ALONE};

const EFFECT: &str = "effect = { source = \"assumed\", relative_reduction = 0.15 }";

/// `rules` first, then two actions by e-mail in the group `offers` and one by phone.
fn policy(rules: &str) -> CompiledPolicy {
    let offer = format!("group = \"offers\"\n{EFFECT}");
    let actions = [
        action("mail", "retain", 1.0, &offer),
        action("letter", "retain", 2.0, &offer),
        action("call", "retain", 3.0, EFFECT).replace("\"email\"", "\"phone\""),
    ];
    with_actions(&format!("{rules}{}", actions.concat()))
}

fn customer() -> Customer {
    Customer::unknown().churn(0.4).worth(500.0, 0.8, 40.0)
}

fn verdict(decision: &Decision, action: &str) -> String {
    decision.considered.iter().find(|considered| considered.action == action).unwrap().verdict.clone()
}

fn verdicts(rules: &str, customer: &Customer) -> [String; 3] {
    let decision = customer.decide(&policy(rules));
    ["mail", "letter", "call"].map(|action| verdict(&decision, action))
}

#[test]
fn consent_is_asked_for_as_the_channel_says() {
    for (rule, consent, expected) in [
        ("required", None, "no consent to email"),
        ("required", Some(false), "opted out of email"),
        ("required", Some(true), "chosen"),
        ("opt_out", None, "chosen"),
        ("opt_out", Some(false), "opted out of email"),
        ("not_needed", Some(false), "chosen"),
    ] {
        let customer = match consent {
            Some(granted) => customer().consent("email", granted),
            None => customer(),
        };
        let [mail, ..] = verdicts(&format!("[consent]\nemail = \"{rule}\"\n"), &customer);
        assert_eq!(mail, expected, "{rule} with {consent:?}");
    }
    let [mail, ..] = verdicts("", &customer().consent("email", false));
    assert_eq!(mail, "opted out of email", "without a rule a refusal is respected");
}

#[test]
fn limits_count_what_they_are_about_within_their_days() {
    let mailed = |days| customer().contacted(days, "mail", false);
    let limit = |per: &str| format!("[[limit]]\nper = \"{per}\"\ncontacts = 1\ndays = 7\n");
    for (per, days, mail, letter, call) in [
        ("customer", 6, "contact limit: 1 in 7 days", "contact limit: 1 in 7 days", "contact limit: 1 in 7 days"),
        ("channel", 6, "contact limit: 1 in 7 days by email", "contact limit: 1 in 7 days by email", "chosen"),
        (
            "group",
            6,
            "contact limit: 1 in 7 days in group offers",
            "contact limit: 1 in 7 days in group offers",
            "chosen",
        ),
        ("action", 6, "contact limit: 1 in 7 days with mail", "chosen", "lower priority"),
        ("customer", 7, "chosen", "lower priority", "lower priority"),
    ] {
        assert_eq!(verdicts(&limit(per), &mailed(days)), [mail, letter, call], "per {per}, {days} days ago");
    }
    let two = "[[limit]]\ncontacts = 2\ndays = 30\n";
    assert_eq!(verdicts(two, &mailed(6))[0], "chosen", "one of two");
    let unknown = customer().contacted(3, "forgotten", false).contacted(2, "mail", false);
    assert_eq!(verdicts(two, &unknown)[2], "contact limit: 2 in 30 days", "actions that are gone count as contacts");
    let only = "[[limit]]\nper = \"channel\"\nonly = [\"phone\"]\ncontacts = 1\ndays = 7\n";
    assert_eq!(verdicts(only, &mailed(6))[0], "chosen", "the limit is about the phone");
}

#[test]
fn an_action_cools_down_by_itself() {
    let cooling = format!("cool_down_days = 30\n{EFFECT}");
    let policy =
        with_actions(&[action("mail", "retain", 1.0, &cooling), action("letter", "retain", 2.0, EFFECT)].concat());
    let decision = customer().contacted(29, "mail", true).decide(&policy);
    assert_eq!(verdict(&decision, "mail"), "cools down until 2026-04-01");
    assert_eq!(decision.action, "letter");
    assert_eq!(customer().contacted(30, "mail", true).decide(&policy).action, "mail");
}

#[test]
fn refusals_silence_an_action_until_their_time_is_over() {
    let rules = "[[suppression]]\nrefusals = 2\nwithin_days = 30\nfor_days = 60\nanswer_days = 7\n";
    let refused = |first, second| customer().contacted(first, "mail", false).contacted(second, "mail", false);
    // The second refusal is 10 - 7 = 3 days old, so 57 days are left.
    let [mail, letter, _] = verdicts(rules, &refused(20, 10));
    assert_eq!(mail, "suppressed until 2026-05-27: 2 refusals within 30 days with mail");
    assert_eq!(letter, "chosen");
    assert_eq!(verdicts(rules, &refused(20, 6))[0], "chosen", "the second may still be answered");
    assert_eq!(verdicts(rules, &refused(50, 10))[0], "chosen", "more than 30 days apart");
    assert_eq!(verdicts(rules, &refused(80, 67))[0], "chosen", "60 days are over");
    let taken = customer().contacted(20, "mail", true).contacted(10, "mail", false);
    assert_eq!(verdicts(rules, &taken)[0], "chosen", "one was taken");
    let per_group = rules.replace("[[suppression]]", "[[suppression]]\nper = \"group\"");
    assert!(verdicts(&per_group, &refused(20, 10))[1].starts_with("suppressed until 2026-05-27"));
}

#[test]
fn dates_bound_an_action_on_both_sides() {
    for (dates, expected) in [
        ("valid_from = \"2026-04-01\"", "not valid before 2026-04-01"),
        ("valid_from = \"2026-03-31\"", "chosen"),
        ("valid_until = \"2026-03-31\"", "chosen"),
        ("valid_until = \"2026-03-30\"", "not valid after 2026-03-30"),
    ] {
        let policy = with_actions(&action("mail", "retain", 1.0, &format!("{dates}\n{EFFECT}")));
        let decision = customer().decide(&policy);
        assert_eq!(verdict(&decision, "mail"), expected, "{dates}");
        if dates == "valid_until = \"2026-03-31\"" {
            assert_eq!(decision.deadline.unwrap().to_string(), "2026-03-31", "no deadline after the last day");
        }
    }
}

#[test]
fn outside_its_hours_a_contact_waits_or_is_refused() {
    let at = |time: &str| {
        let mut customer = customer();
        customer.scorecard.moment = time.parse::<Moment>().unwrap();
        customer
    };
    let hours = "[hours.email]\nfrom = \"09:00\"\nto = \"20:00\"\ntime_zone = \"Europe/Vienna\"\n";
    let policy_of = |hours: &str| with_actions(&format!("{hours}{}", action("mail", "retain", 1.0, EFFECT)));
    // Vienna is two hours ahead of UTC from the last Sunday in March on, and one before.
    for (time, expected) in [
        ("2026-03-31T07:00:00Z", None),
        ("2026-03-31T06:59:00Z", Some("2026-03-31T07:00:00Z")),
        ("2026-03-31T18:00:00Z", Some("2026-04-01T07:00:00Z")),
        ("2026-03-31T17:59:00Z", None),
        ("2026-02-28T19:00:00Z", Some("2026-03-01T08:00:00Z")),
        ("2026-03-31", Some("2026-03-31T07:00:00Z")),
    ] {
        let decision = at(time).decide(&policy_of(hours));
        assert_eq!(decision.contact_from.map(|from| from.to_string()).as_deref(), expected, "{time}");
        assert_eq!(decision.action, "mail");
    }
    let strict = format!("{hours}outside = \"refuse\"\n");
    let decision = at("2026-03-31T06:00:00Z").decide(&policy_of(&strict));
    assert_eq!(verdict(&decision, "mail"), "outside the hours 09:00 to 20:00 Europe/Vienna");
    let brief = action("mail", "retain", 1.0, EFFECT).replace("deadline_days = 14", "deadline_days = 0");
    let decision = at("2026-03-31T18:30:00Z").decide(&with_actions(&format!("{hours}{brief}")));
    assert_eq!(decision.action, LEAVE_ALONE, "tomorrow is after the deadline");
}

#[test]
fn conditions_are_told_apart_by_what_they_are_about() {
    for (field, expected) in [
        ("eligible", "not eligible: country == 'DE'"),
        ("applicable", "not applicable: country == 'DE'"),
        ("suitable", "not suitable: country == 'DE'"),
    ] {
        let rest = format!("{field} = \"country == 'DE'\"\n{EFFECT}");
        let decision = customer().decide(&with_actions(&action("mail", "retain", 1.0, &rest)));
        assert_eq!(verdict(&decision, "mail"), expected);
    }
    let rest = format!("eligible = \"consent.email && !(has(consent.email) && false)\"\n{EFFECT}");
    let policy = with_actions(&action("mail", "retain", 1.0, &rest));
    assert_eq!(customer().consent("email", true).decide(&policy).action, "mail");
    assert_eq!(customer().decide(&policy).action, LEAVE_ALONE, "an unknown consent does not hold");
}

const ACTIONS: [&str; 3] = ["mail", "letter", "call"];

proptest! {
    #[test]
    fn no_rule_is_ever_broken(
        contacts in prop::collection::vec((0_i64..90, 0_usize..3, any::<bool>()), 0..12),
        consents in prop::collection::vec((prop::sample::select(vec!["email", "phone"]), any::<bool>()), 0..2),
        (most, days) in (0_u32..4, 1_u32..60),
        (refusals, within, silent) in (1_u32..4, 1_u32..60, 1_u32..90),
        cooling in 0_u32..60,
    ) {
        let rules = format!(
            "[consent]\nemail = \"required\"\n[[limit]]\ncontacts = {most}\ndays = {days}\n\
             [[limit]]\nper = \"channel\"\ncontacts = 1\ndays = {days}\n\
             [[suppression]]\nrefusals = {refusals}\nwithin_days = {within}\nfor_days = {silent}\nanswer_days = 0\n"
        );
        let rest = format!("cool_down_days = {cooling}\n{EFFECT}");
        let actions = ["mail", "letter", "call"].map(|id| action(id, "retain", 1.0, &rest));
        let policy = with_actions(&format!("{rules}{}", actions.concat()));
        let mut sorted = contacts;
        sorted.sort_by_key(|contact| std::cmp::Reverse(contact.0));
        let mut customer = customer();
        for (days_before, action, taken) in &sorted {
            customer = customer.contacted(*days_before, ACTIONS[*action], *taken);
        }
        for (channel, granted) in &consents {
            if customer.dealings.consent(channel).is_none() {
                customer = customer.consent(channel, *granted);
            }
        }
        let decision = customer.decide(&policy);
        if decision.action == LEAVE_ALONE {
            return Ok(());
        }
        // All three actions go by e-mail here.
        prop_assert_eq!(customer.dealings.consent("email"), Some(true));
        let recent = sorted.iter().filter(|contact| contact.0 < i64::from(days)).count();
        prop_assert!(recent < most.min(1) as usize, "{} contacts within {} days", recent, days);
        let own: Vec<_> = sorted.iter().filter(|contact| ACTIONS[contact.1] == decision.action).collect();
        prop_assert!(own.iter().all(|contact| contact.0 >= i64::from(cooling)));
        let refused: Vec<i64> = own.iter().filter(|contact| !contact.2).map(|contact| contact.0).collect();
        for run in refused.windows(refusals as usize) {
            let (first, last) = (run[0], run[run.len() - 1]);
            prop_assert!(first - last > i64::from(within) || last >= i64::from(silent), "{:?}", run);
        }
    }
}
