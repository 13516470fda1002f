//! `tend explain --decision`: one customer's decision as sentences, with every number that ranked every action.

use anyhow::{Context, ensure};
use tend::decision::{Basis, Considered, Decision, LEAVE_ALONE, Outcomes, Terms};
use tend_models::quantities::Moment;

use super::unknown_customer;
use crate::cli::project::{Project, currency};

/// Decides for the customer as the worklist would, and says why.
pub fn explain(project: &Project, customer_id: &str, as_of: Option<Moment>) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let moment = as_of.or_else(|| timelines.known_until()).context("found no rows to decide on")?;
    let customer = timelines.position(customer_id).with_context(|| unknown_customer(customer_id, "the tables"))?;
    ensure!(
        timelines.timeline(customer).before(moment).exists(),
        "customer {customer_id} was not there before {moment}; expected a later --as-of"
    );
    let book = project.book(timelines)?;
    let mut bound = book.scorer.bind(&book.timelines);
    let decision = book.judge(&mut bound, customer, moment).1;
    if project.json {
        return project.print_json(&decision);
    }
    describe(&decision, currency(&recipe));
    Ok(())
}

fn describe(decision: &Decision, currency: &str) {
    println!("{}: {}, as known before {}", decision.customer_id, decision.action_label, decision.moment);
    println!("{}", decision.reason);
    if let Some(channel) = &decision.channel {
        let from = decision.contact_from.map_or_else(String::new, |from| format!(", not before {from}"));
        let until = decision.deadline.map_or_else(String::new, |last| format!(", until {last}"));
        println!("by {channel}{from}{until}; selected with probability {}", decision.probability);
    }
    println!("what was considered, in {currency}:");
    for considered in &decision.considered {
        println!("  {}", sentences(considered, decision));
    }
    if !decision.without.is_empty() {
        println!("the policy switches off: {:?}", decision.without);
    }
    println!("policy version {}", decision.policy_version);
}

/// What became of one candidate, why, and by which numbers.
fn sentences(considered: &Considered, decision: &Decision) -> String {
    let Considered { action, verdict, probability, terms, .. } = considered;
    let outcome = match (terms, action == &decision.action) {
        (None, true) => "Leaving alone was chosen: nothing else is to be done.".to_owned(),
        (None, false) if action == LEAVE_ALONE => "Leaving alone is worth 0 and lost to what pays.".to_owned(),
        (None, false) => format!("{action} may not be taken: {verdict}."),
        (Some(terms), true) if verdict == "chosen" => format!("{action} was chosen: {}.", formula(terms)),
        (Some(terms), true) => format!("{action} was {verdict}: {}.", formula(terms)),
        (Some(terms), false) => format!("{action} lost: {verdict}; {}.", formula(terms)),
    };
    let by_chance = if *probability > 0.0 && *probability < 1.0 {
        format!(" It is selected with probability {probability:.4}.")
    } else {
        String::new()
    };
    format!("{outcome}{by_chance}")
}

/// The priority with its terms, each with its source.
fn formula(terms: &Terms) -> String {
    let Terms { effect_source, value, value_source, cost, context, levers, priority, standard_error, .. } = terms;
    let value = format!("{value:.4} ({})", words(value_source));
    let error = if *standard_error > 0.0 { format!(", give or take {standard_error:.4}") } else { String::new() };
    let rest = format!("x value {value} x context {context} x levers {levers}");
    match (terms.basis, terms.effect) {
        (Basis::Incremental, Some(effect)) => {
            let of = terms.outcomes.map_or_else(String::new, |_| format!("; of {}", probability(terms)));
            let effect = format!("effect {effect:.6} ({}{of})", effect_source.name());
            format!("its priority of {priority:.4}{error} is {effect} {rest} - cost {cost}")
        }
        _ => format!("its priority of {priority:.4}{error} is {} {rest}", probability(terms)),
    }
}

/// The probability with its source, and the outcomes that have moved it.
fn probability(terms: &Terms) -> String {
    let source = words(&terms.probability_source);
    let told = |outcomes: Outcomes| format!("{} outcomes of {} sent", outcomes.positives, outcomes.sent);
    let source = match (terms.outcomes, terms.foreseen) {
        (Some(outcomes), Some(foreseen)) => format!("{source} {foreseen:.6}, moved by {}", told(outcomes)),
        (Some(outcomes), None) => told(outcomes),
        (None, _) => source,
    };
    format!("probability {:.6} ({source})", terms.probability.unwrap_or(f64::NAN))
}

/// The name of a source in answers, as words.
fn words(source: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(source).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}
