//! The sentences that tell a person why this customer and why this action.

use std::fmt::Write;

use super::action::{Action, Goal};
use super::arbitration::Candidate;
use super::policy::CompiledPolicy;
use super::terms::{Basis, ProbabilitySource, Terms, ValueSource};
use super::weighing::{Choice, Weighing};

/// Why the decision is what it is, with units and currency.
pub(super) fn reason(weighing: &Weighing<'_>, choice: Choice<'_>, chosen: Option<&Candidate<'_>>) -> String {
    let policy = weighing.policy;
    let mut text = format!("{}: ", weighing.stage.label);
    match (chosen, weighing.ranking.best(), weighing.ranking.candidates.first()) {
        (Some(candidate), ..) => {
            explain_customer(&mut text, weighing, candidate);
            explain_action(&mut text, policy, candidate);
            if matches!(choice, Choice::Drawn(_)) {
                explain_exploration(&mut text, weighing, candidate);
            }
        }
        (None, Some(best), _) if weighing.is_control => {
            append(&mut text, format_args!("in the control group. Otherwise {} would be taken.", best.action.label));
        }
        (None, Some(best), _) if matches!(choice, Choice::Drawn(_)) => {
            append(&mut text, format_args!("left alone to explore. Otherwise {} would be taken.", best.action.label));
        }
        (None, Some(best), _) => {
            debug_assert!(matches!(choice, Choice::Assigned(..)), "the best is chosen unless somebody else chooses");
            let label = &best.action.label;
            append(&mut text, format_args!("{label} pays, but budget or capacity earns more elsewhere."));
        }
        (None, None, Some(best)) => explain_loss(&mut text, policy, best.action, &best.terms),
        (None, None, None) => text.push_str("no action suits this customer now."),
    }
    text
}

fn explain_exploration(text: &mut String, weighing: &Weighing<'_>, candidate: &Candidate<'_>) {
    match weighing.ranking.best() {
        Some(best) if best.place == candidate.place => {}
        Some(best) => append(text, format_args!(" Chosen to explore; otherwise it would be {}.", best.action.label)),
        None => text.push_str(" Chosen to explore; otherwise the customer would be left alone."),
    }
}

fn explain_loss(text: &mut String, policy: &CompiledPolicy, action: &Action, terms: &Terms) {
    let Some(effect) = terms.effect else {
        return append(text, format_args!("no action pays. The best, {}, has no priority.", action.label));
    };
    let (worth, cost) = (money(policy, effect * terms.value), money(policy, action.cost));
    append(text, format_args!("no action pays. The best, {}, is worth {worth} and costs {cost}.", action.label));
}

fn explain_customer(text: &mut String, weighing: &Weighing<'_>, candidate: &Candidate<'_>) {
    let (action, terms) = (candidate.action, &candidate.terms);
    let about_churn = action.goal != Goal::CrossSell;
    let reasons = if about_churn { (weighing.facts.subject.reasons)() } else { Vec::new() };
    if let Some(first) = reasons.first() {
        let sentence = first.trim().trim_end_matches('.');
        append(text, format_args!("{sentence}. "));
    }
    if let Some(probability) = terms.probability {
        let what = match (action.goal, candidate.product) {
            _ if terms.probability_source == ProbabilitySource::Outcomes => "Probability of a success".to_owned(),
            (Goal::CrossSell, Some(product)) => format!("Probability of buying {product}"),
            (Goal::WinBack, _) => "Probability of still being a customer".to_owned(),
            _ => "Churn probability".to_owned(),
        };
        let moved = terms.outcomes.filter(|outcomes| outcomes.sent > 0).map_or_else(String::new, |outcomes| {
            format!(", after {} outcomes of {} sent", outcomes.positives, outcomes.sent)
        });
        append(text, format_args!("{what} {}{moved}. ", percent(probability)));
    }
    if terms.value_source == ValueSource::Margin {
        return append(text, format_args!("{} of spend is margin. ", percent(terms.value)));
    }
    let worth = money(weighing.policy, terms.value);
    match action.goal {
        Goal::CrossSell => append(text, format_args!("A purchase is worth {worth}. ")),
        Goal::WinBack => append(text, format_args!("Coming back is worth {worth}. ")),
        _ => append(text, format_args!("At stake: {worth}. ")),
    }
}

fn explain_action(text: &mut String, policy: &CompiledPolicy, candidate: &Candidate<'_>) {
    let (action, terms) = (candidate.action, &candidate.terms);
    let probability_of = match action.goal {
        Goal::Retain | Goal::Onboard | Goal::Service => "staying",
        Goal::CrossSell => "buying",
        Goal::WinBack => "coming back",
    };
    match (terms.effect, terms.expected_gain()) {
        (Some(effect), Some(gain)) => {
            let source = terms.effect_source.name();
            let adds = if terms.value_source == ValueSource::Margin {
                format!("{} ({source}) to what the customer spends", money(policy, effect))
            } else {
                format!("{} percentage points ({source}) to the probability of {probability_of}", hundredths(effect))
            };
            let (worth, cost) = (money(policy, effect * terms.value), money(policy, action.cost));
            append(
                text,
                format_args!(
                    "{} adds {adds}: worth {worth}, less {cost} for the contact, leaves {}.",
                    action.label,
                    money(policy, gain)
                ),
            );
        }
        _ => append(
            text,
            format_args!("{} is ranked by how likely that is: nothing is known of what it changes.", action.label),
        ),
    }
    if terms.context != 1.0 || terms.levers != 1.0 {
        let formula = match terms.basis {
            Basis::Incremental => "effect x value x context x levers - cost",
            Basis::Propensity => "probability x value x context x levers",
        };
        append(
            text,
            format_args!(
                " Priority {:.2} = {formula}, with context {:.2} and levers {:.2}.",
                terms.priority, terms.context, terms.levers
            ),
        );
    }
}

fn append(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a String takes any text");
}

fn money(policy: &CompiledPolicy, amount: f64) -> String {
    match &policy.currency {
        Some(currency) => format!("{currency} {amount:.2}"),
        None => format!("{amount:.2}"),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", hundredths(share))
}

/// A share in hundredths; below one hundredth with a second decimal.
fn hundredths(share: f64) -> String {
    let hundredths = share * 100.0;
    if hundredths.abs() < 1.0 { format!("{hundredths:.2}") } else { format!("{hundredths:.1}") }
}
