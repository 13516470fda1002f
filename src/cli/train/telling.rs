//! What a training run found, as lines for a person.

use tend_training::evaluate::{ClassifierFigures, HeldOutDetail};
use tend_training::run::{ActionFigures, FamilyFigures, Figures, HoldOut, ProductFigures};

use crate::cli::contracts::describe_contracts;
use crate::cli::project::Project;

/// Says what a training run found.
pub(super) fn describe(project: &Project, figures: &Figures) {
    let folder = project.registry().folder(figures.task, &figures.version);
    println!("{} version {}: {} is the champion", figures.task, figures.version, figures.family);
    if let Some(held_out) = &figures.held_out {
        describe_held_out(held_out, figures.detail.as_ref());
    }
    if let Some(rate) = figures.base_rate {
        println!("  probabilities and figures are those of a rate of {} %", 100.0 * rate);
    }
    figures.products.iter().for_each(describe_product);
    for list in figures.ranking.iter().flat_map(|ranking| &ranking.lists) {
        let (model, popular) = (list.model, list.popularity);
        println!(
            "  lists of {}: hit rate {:.3}, NDCG {:.3}; most popular first {:.3}, {:.3}",
            list.k, model.hit_rate, model.ndcg, popular.hit_rate, popular.ndcg
        );
    }
    for trial in figures.tried.iter().filter(|trial| trial.is_chosen) {
        let settings: Vec<String> = trial.settings.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        println!(
            "  {}: {}",
            trial.family,
            if trial.is_usual { "usual settings".to_owned() } else { settings.join(", ") }
        );
    }
    if let Some(value) = &figures.value {
        let found: Vec<String> = value.parameters.0.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        println!("  {}, log likelihood {:.3}", found.join(", "), value.log_likelihood);
        for family in &value.families {
            println!("  {}", describe_family(family));
        }
        value.hold_out.iter().for_each(|hold_out| describe_hold_out(hold_out, "purchase days"));
        value.notes.iter().for_each(|note| println!("  note: {note}"));
    }
    if let Some(contracts) = &figures.contracts {
        describe_contracts(contracts);
    }
    for action in figures.uplift.iter().flat_map(|uplift| &uplift.actions) {
        describe_action(action);
    }
    for segment in &figures.segments {
        println!("  segment: {segment}");
    }
    for left_out in &figures.left_out {
        println!("  left out {left_out}");
    }
    for suspect in &figures.suspects {
        println!("  look at {suspect}");
    }
    println!("  see {}", folder.join("report.html").display());
}

/// The figures of one forecast on rows that its model had not seen.
pub fn describe_held_out(held_out: &ClassifierFigures, detail: Option<&HeldOutDetail>) {
    let interval = detail.and_then(|detail| detail.intervals.auc);
    let interval = interval.map_or_else(String::new, |ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
    let auc = held_out.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.3}{interval}"));
    println!(
        "  held-out customers {}, of these positive {}{auc}, log loss {:.4}, calibration error {:.4}",
        held_out.rows, held_out.positives, held_out.log_loss, held_out.expected_calibration_error
    );
    if let Some(profit) = detail.and_then(|detail| detail.profit) {
        println!(
            "  a campaign to the best {:.1} % of customers would earn {:.2} a customer, if one who stays is worth {}, an offer costs {} and a contact {}",
            100.0 * profit.empc_fraction,
            profit.empc,
            profit.campaign.customer_value,
            profit.campaign.offer_cost,
            profit.campaign.contact_cost
        );
    }
}

/// What one action changes, and whether customers differ in that.
fn describe_action(action: &ActionFigures) {
    let (scale, unit) = if action.outcome.is_probability() { (100.0, " points") } else { (1.0, "") };
    let interval = action.average_effect_interval;
    println!(
        "  {}: {} treated, {} controls, average effect {:+.2}{unit} ({:+.2} to {:+.2})",
        action.action,
        action.treated,
        action.rows - action.treated,
        scale * action.average_effect,
        scale * interval.low,
        scale * interval.high
    );
    let qini = action.qini_interval;
    println!(
        "    Qini {:.4} ({:.4} to {:.4}; Radcliffe, per treated customer), best learner {}",
        action.qini, qini.low, qini.high, action.learner
    );
    if action.has_usable_heterogeneity {
        println!("    customers differ: {:.0} % of the learned differences are believed", 100.0 * action.believed);
    } else {
        println!("    no usable heterogeneity: everybody is given the average effect");
    }
}

/// The figures of one product.
pub fn describe_product(product: &ProductFigures) {
    let auc = product.held_out.auc.map_or_else(|| "unknown".to_owned(), |auc| format!("{auc:.3}"));
    println!("  {}: AUC {auc} ({}), {} buyers", product.product, product.family, product.held_out.positives);
}

fn describe_family(family: &FamilyFigures) -> String {
    let held_out = family.hold_out_log_likelihood.map_or_else(String::new, |found| format!(", held out {found:.3}"));
    let bias = family.total_bias.map_or_else(String::new, |bias| format!(", bias of the total {:+.1} %", 100.0 * bias));
    let mae = family.mae.map_or_else(String::new, |mae| format!(", mean absolute error {mae:.4}"));
    format!("{}: log likelihood {:.3}{held_out}{bias}{mae}", family.family, family.log_likelihood)
}

/// The figures of a lifetime value model on a window that it had not seen; `what` it counts.
pub fn describe_hold_out(hold_out: &HoldOut, what: &str) {
    let purchases = &hold_out.purchases;
    println!(
        "  {:.0} days from {}: expected {:.0} {what}, actual {:.0}",
        hold_out.days, hold_out.from, purchases.predicted_total, purchases.actual_total
    );
}
