//! `tend explain --decision`: one customer's decision as sentences, with every number that ranked every action.

use anyhow::{Context, ensure};
use tend::decision::{Basis, Considered, Decision, Terms};
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
    println!("considered, in {currency}:");
    for considered in &decision.considered {
        println!("  {}: {}", considered.action, sentence(considered));
    }
    if !decision.without.is_empty() {
        println!("the policy switches off: {:?}", decision.without);
    }
    println!("policy version {}", decision.policy_version);
}

fn sentence(considered: &Considered) -> String {
    let numbers = considered.terms.as_ref().map_or_else(String::new, |terms| format!("; {}", formula(terms)));
    format!("{}{numbers}", considered.verdict)
}

/// The priority with its terms, each with its source.
fn formula(terms: &Terms) -> String {
    let Terms { probability_source, effect_source, value, value_source, cost, context, levers, priority, .. } = terms;
    let value = format!("{value:.4} ({})", words(value_source));
    match (terms.basis, terms.effect, terms.probability) {
        (Basis::Incremental, Some(effect), _) => format!(
            "priority {priority:.4} = effect {effect:.6} ({}) x value {value} x context {context} x levers {levers} - cost \
             {cost}",
            effect_source.name()
        ),
        (_, _, probability) => format!(
            "priority {priority:.4} = probability {:.6} ({}) x value {value} x context {context} x levers {levers}",
            probability.unwrap_or(f64::NAN),
            words(probability_source)
        ),
    }
}

/// The name of a source in answers, as words.
fn words(source: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(source).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}
