//! What decisions cost: one under a large policy with its trace, and a plan for a million customers.
//!
//! `decisions [CUSTOMERS]` prints one line of JSON for each; times are of the whole process's processors.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::json;
use tend::decision::budget::{Offer, Problem};
use tend::decision::experience::Experience;
use tend::decision::{Choice, Dealings, FeatureView, PastContact, Policy, Subject, Weighing, decide};
use tend_models::predict::FeatureKind;
use tend_models::quantities::{Moment, Money, Probability};
use tend_models::scorecard::{LifetimeValue, Propensity, Scorecard};

const ACTIONS: usize = 50;

fn main() {
    let customers = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    one_decision();
    plan(customers);
}

/// One decision: three models' scores, fifty actions with conditions, limits and a trace.
fn one_decision() {
    let names: Vec<String> = ["days_since_last_purchase", "purchases_365d", "spend_365d"].map(str::to_owned).to_vec();
    let kinds = vec![FeatureKind::Number; names.len()];
    let products = ["Books".to_owned(), "Music".to_owned()];
    let compiled = |learning: &str| {
        let policy = Policy::parse(&format!("{learning}{}", policy_text())).expect("the policy is sound");
        policy.compile(&names, &kinds, &products).expect("every name exists")
    };
    let policy = compiled("");
    let probability = |value| Probability::new(value).expect("a probability");
    let money = |value| Money::new(value).expect("an amount");
    let moment: Moment = "2026-03-31".parse().expect("a date");
    let scorecard = Scorecard {
        customer_id: "C0001234".to_owned(),
        moment,
        churn_probability: Some(probability(0.45)),
        propensities: products
            .iter()
            .map(|product| Propensity { product: product.clone(), probability: probability(0.12) })
            .collect(),
        value: Some(LifetimeValue {
            expected_purchases: 4.2,
            probability_alive: probability(0.8),
            expected_average_spend: money(45.0),
            predicted_clv: money(310.0),
        }),
        segment: None,
        uplift: Vec::new(),
        reasons: vec!["no purchase for 95 days".to_owned()],
        model_versions: BTreeMap::new(),
    };
    let contacts = (1..=8).rev().map(|week| PastContact {
        at: moment.plus_days(-7 * week),
        action: "action_3",
        taken: week % 3 == 0,
    });
    let dealings = Dealings { contacts: contacts.collect(), consents: vec![("email", true), ("phone", false)] };
    let features = FeatureView { names: &names, kinds: &kinds, values: &[95.0, 4.0, 380.0] };
    let reasons = || scorecard.reasons.clone();
    let experience = Experience::default();
    let subject =
        Subject { scorecard: &scorecard, features, dealings: &dealings, reasons: &reasons, experience: &experience };

    const TIMES: u32 = 20_000;
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(decide(black_box(&policy), black_box(&subject)));
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(TIMES);
    let mut exploring = Vec::new();
    for method in ["epsilon", "thompson"] {
        let policy = compiled(&format!("[adaptation]\n[exploration]\nmethod = \"{method}\"\nramp_up = false\n"));
        let begun = Instant::now();
        for place in 0..TIMES {
            let id = format!("{place:032x}");
            black_box(Weighing::of(black_box(&policy), black_box(&subject)).decide(Choice::Drawn(&id)));
        }
        exploring.push(begun.elapsed().as_secs_f64() / f64::from(TIMES) * 1e6);
    }
    let decision = decide(&policy, &subject);
    let valued = decision.considered.iter().filter(|considered| considered.terms.is_some()).count();
    println!(
        "{}",
        json!({"decision_us": each * 1e6, "epsilon_us": exploring[0], "thompson_us": exploring[1], "actions": ACTIONS, "valued": valued, "chosen": decision.action})
    );
}

fn policy_text() -> String {
    let mut text = "[money]\ncurrency = \"EUR\"\n[consent]\nemail = \"required\"\n[[limit]]\ncontacts = 3\ndays = 14\n\
        [[limit]]\nper = \"channel\"\ncontacts = 2\ndays = 7\n\
        [[suppression]]\nrefusals = 3\nwithin_days = 30\nfor_days = 60\n\
        [[context]]\nwhen = \"risk_band == 'high'\"\nper = \"goal\"\nonly = [\"retain\"]\npercent = 20\n\
        [[stage]]\nname = \"quiet\"\nwhen = \"days_since_last_purchase > 60\"\n\
        [[stage]]\nname = \"all\"\nwhen = \"true\"\n"
        .to_owned();
    for place in 0..ACTIONS {
        let (goal, effect) = match place % 3 {
            0 => ("retain", "relative_reduction"),
            1 => ("cross_sell", "relative_increase"),
            _ => ("win_back", "relative_increase"),
        };
        let channel = ["email", "phone", "in_app"][place % 5 % 3];
        text += &format!(
            "[[action]]\nid = \"action_{place}\"\nlabel = \"Action {place}\"\nstages = [\"quiet\"]\ngoal = \"{goal}\"\n\
             channel = \"{channel}\"\ncost = 0.{place:02}\ndeadline_days = 14\ncool_down_days = 5\n\
             eligible = \"purchases_365d >= 1 && spend_365d > {place}\"\n\
             suitable = \"churn_probability < 0.9 || predicted_clv > 100\"\n\
             effect = {{ source = \"assumed\", {effect} = 0.1 }}\n"
        );
    }
    text
}

/// A plan with ten actions a customer, a budget and four capacities.
fn plan(customers: usize) {
    const OFFERS: usize = 10;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut consumption = Vec::new();
    for action in 0..OFFERS {
        let capacity = |number: usize| f64::from(u8::from(action % 4 == number));
        let cost = 0.05 * 1.9_f64.powi(action as i32);
        consumption.extend([cost, capacity(0), capacity(1), capacity(2), capacity(3)]);
    }
    let share = |share: f64| (customers as f64 * share).floor();
    let mut problem = Problem::new(consumption, vec![share(0.4), share(0.1), share(0.08), share(0.12), share(0.05)]);
    for _ in 0..customers {
        let worth: f64 = rng.random_range(0.0..1.0_f64).powi(3) * 400.0;
        let offer = |action: usize| Offer {
            action: action as u16,
            gain: worth * rng.random_range(0.0..0.02) * (1.0 + action as f64 / 3.0),
            excludes: 0,
        };
        problem.push((0..OFFERS).map(offer));
    }
    let begun = Instant::now();
    let plan = problem.solve();
    let seconds = begun.elapsed().as_secs_f64();
    let chosen = plan.chosen.iter().filter(|chosen| **chosen).count();
    println!(
        "{}",
        json!({
            "customers": customers, "actions": OFFERS, "seconds": seconds, "chosen": chosen, "gain": plan.gain,
            "bound": plan.bound, "gap": plan.gap(), "used": plan.used, "shadow_prices": plan.shadow_prices,
            "peak_mib": peak_mib(),
        })
    );
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
