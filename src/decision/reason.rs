//! The sentences that tell a person why this customer and why this action.

use std::fmt::Write;

use super::action::{Action, Goal, Valuation};
use super::arbitration::Ranking;
use super::expression::Facts;
use super::policy::CompiledPolicy;
use super::stage::Stage;

/// Why the decision is what it is, with units and currency.
pub(super) fn reason(policy: &CompiledPolicy, stage: &Stage, ranking: &Ranking<'_>, facts: &Facts<'_>) -> String {
    let mut text = format!("{}: ", stage.label);
    match (ranking.chosen(), &ranking.best) {
        (Some((action, valuation)), _) => {
            explain_customer(&mut text, policy, action, &valuation, facts);
            explain_action(&mut text, policy, action, &valuation);
        }
        (None, Some((action, valuation))) => {
            let worth = money(policy, valuation.effect * valuation.at_stake);
            let cost = money(policy, action.cost);
            append(
                &mut text,
                format_args!("no action pays. The best, {}, is worth {worth} and costs {cost}.", action.label),
            );
        }
        (None, None) => text.push_str("no action suits this customer now."),
    }
    text
}

fn explain_customer(
    text: &mut String,
    policy: &CompiledPolicy,
    action: &Action,
    valuation: &Valuation<'_>,
    facts: &Facts<'_>,
) {
    let scorecard = facts.subject.scorecard;
    let about_churn = action.goal != Goal::CrossSell;
    let reasons = if about_churn { (facts.subject.reasons)() } else { Vec::new() };
    if let Some(first) = reasons.first() {
        let sentence = first.trim().trim_end_matches('.');
        append(text, format_args!("{sentence}. "));
    }
    let worth = money(policy, valuation.at_stake);
    let probability = match action.goal {
        Goal::Retain | Goal::Onboard | Goal::Service => scorecard.churn_probability,
        Goal::CrossSell => {
            valuation.product.and_then(|product| facts.propensity(product)).map(|propensity| propensity.probability)
        }
        Goal::WinBack => scorecard.value.map(|value| value.probability_alive),
    };
    if let Some(probability) = probability {
        let what = match (action.goal, valuation.product) {
            (Goal::CrossSell, Some(product)) => format!("Probability of buying {product}"),
            (Goal::WinBack, _) => "Probability of still being a customer".to_owned(),
            _ => "Churn probability".to_owned(),
        };
        append(text, format_args!("{what} {}. ", percent(probability.get())));
    }
    match action.goal {
        Goal::CrossSell => append(text, format_args!("A purchase is worth {worth}. ")),
        Goal::WinBack => append(text, format_args!("Coming back is worth {worth}. ")),
        _ => append(text, format_args!("At stake: {worth}. ")),
    }
}

fn explain_action(text: &mut String, policy: &CompiledPolicy, action: &Action, valuation: &Valuation<'_>) {
    let probability_of = match action.goal {
        Goal::Retain | Goal::Onboard | Goal::Service => "staying",
        Goal::CrossSell => "buying",
        Goal::WinBack => "coming back",
    };
    append(
        text,
        format_args!(
            "{} adds {} percentage points ({}) to the probability of {probability_of}: worth {}, less {} for the \
             contact, leaves {}.",
            action.label,
            hundredths(valuation.effect),
            action.effect_source.name(),
            money(policy, valuation.effect * valuation.at_stake),
            money(policy, action.cost),
            money(policy, valuation.gain),
        ),
    );
}

fn append(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a String takes any text");
}

fn money(policy: &CompiledPolicy, amount: f64) -> String {
    format!("{} {amount:.2}", policy.currency)
}

fn percent(share: f64) -> String {
    format!("{} %", hundredths(share))
}

/// A share in hundredths; below one hundredth with a second decimal.
fn hundredths(share: f64) -> String {
    let hundredths = share * 100.0;
    if hundredths.abs() < 1.0 { format!("{hundredths:.2}") } else { format!("{hundredths:.1}") }
}
