//! What contacts change, through the command line: on a public experiment and on a company whose true effects are known.

#[path = "front_door/folder.rs"]
mod folder;

use std::collections::HashMap;

use folder::{Folder, public_data};
use serde_json::Value;
use tend::simulate::{SimColumn, SimulateParams, simulate};

const HILLSTROM: [&str; 12] = [
    "--treatment",
    "segment",
    "--control",
    "No E-Mail",
    "--outcome",
    "visit",
    "--exclude",
    "conversion,spend",
    "--folds",
    "5",
    "--seed",
    "42",
];

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no number `{key}` in {value}"))
}

fn action<'a>(json: &'a Value, name: &str) -> &'a Value {
    let actions = json["actions"].as_array().expect("actions");
    actions.iter().find(|action| action["action"] == name).unwrap_or_else(|| panic!("no action {name} in {json}"))
}

// Means and the Qini as published for the e-mail challenge of Hillstrom (2008).
#[test]
fn hillstroms_mails_have_their_published_effects_and_only_one_is_worth_aiming() {
    let Some(file) = public_data("hillstrom/hillstrom.csv.gz") else { return };
    let file = file.to_str().expect("UTF-8");
    let folder = Folder::new();
    let table = ["--task", "uplift", "--table", file];
    let json = folder.tend(&[&["train"], &table[..], &HILLSTROM[..], &["--json"]].concat()).json();
    for key in ["task", "version", "family", "rows", "qini_convention", "folds"] {
        assert!(!json[key].is_null(), "no {key} in {json}");
    }
    let (womens, mens) = (action(&json, "Womens E-Mail"), action(&json, "Mens E-Mail"));
    for (found, expected) in [(womens, 0.0452), (mens, 0.0766)] {
        let effect = number(found, "average_effect");
        assert!((effect - expected).abs() < 5e-5, "average effect {effect}, published {expected}");
        assert_eq!(found["overlap"]["propensity"], "constant", "{}", found["overlap"]);
    }
    let qini = number(womens, "qini");
    assert!(qini >= 0.0060, "womens Qini {qini} by {}", womens["learner"]);
    assert_eq!(womens["has_usable_heterogeneity"], true, "{womens}");
    assert_eq!(mens["has_usable_heterogeneity"], false, "{mens}");

    folder.succeed(&[&["score"], &table[..], &["--out", "effects.csv"]].concat());
    let scores = folder.table("effects.csv");
    let columns = [
        "customer_id",
        "uplift_Mens E-Mail",
        "uplift_Womens E-Mail",
        "reason_1",
        "reason_2",
        "reason_3",
        "model_version",
    ];
    assert_eq!(scores.columns, columns);
    let mens = scores.numbers("uplift_Mens E-Mail");
    assert!(mens.iter().all(|effect| *effect == mens[0]), "the mens e-mail has one effect for all");
    let womens = scores.numbers("uplift_Womens E-Mail");
    let (least, most) = (womens.iter().copied().fold(1.0, f64::min), womens.iter().copied().fold(-1.0, f64::max));
    assert!(most - least > 0.02, "womens effects from {least} to {most}");
}

#[test]
fn columns_of_after_the_mail_are_left_out_and_said_so() {
    let Some(file) = public_data("hillstrom/hillstrom.csv.gz") else { return };
    let folder = Folder::new();
    let answer = folder.succeed(&[
        "train",
        "--task",
        "uplift",
        "--table",
        file.to_str().expect("UTF-8"),
        "--treatment",
        "segment",
        "--control",
        "No E-Mail",
        "--outcome",
        "visit",
        "--folds",
        "2",
    ]);
    answer.assert_says(&["left out conversion", "left out spend", "no usable heterogeneity"]);
}

#[test]
fn an_experiment_without_controls_or_overlap_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let rows = |treated: fn(u32) -> bool| -> String {
        let line = |row: u32| format!("{},{},{}\n", row % 100, u8::from(treated(row)), u8::from(row.is_multiple_of(7)));
        format!("age,mailed,bought\n{}", (0..2_000).map(line).collect::<String>())
    };
    let train = ["train", "--task", "uplift", "--table", "t.csv", "--treatment", "mailed", "--outcome", "bought"];
    folder.write("t.csv", rows(|_| true));
    let answer = folder.tend(&train);
    assert_eq!(answer.code, 1, "{answer}");
    answer.assert_says(&["has one value only", "expected treated customers and controls"]);
    folder.write("t.csv", rows(|row| row % 100 >= 50));
    let answer = folder.tend(&train);
    assert_eq!(answer.code, 1, "{answer}");
    answer.assert_says(&["features foretell the treatment", "hold back a random control group"]);
    let answer = folder.tend(&[&train[..], &["--control", "nobody"]].concat());
    answer.assert_says(&["never is \"nobody\""]);
    assert!(!folder.has("registry/uplift"), "a failed run publishes nothing");
    let answer = folder.tend(&["train", "--task", "uplift", "--table", "t.csv"]);
    assert_eq!(answer.code, 2, "{answer}");
}

/// A table of 4,000 customers, half of them called by lot, who spend `effect` of x more if they are.
fn called(effect: fn(f64) -> f64) -> String {
    // The mixing of splitmix64: neighbouring rows must not have neighbouring numbers.
    let noise = |row: u64| {
        let mixed = (row ^ (row >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f64 / f64::from(1 << 24)
    };
    let line = |row: u64| {
        let (x, is_called) = (noise(3 * row), noise(3 * row + 1) < 0.5);
        let spend = 10.0 + 20.0 * noise(3 * row + 2) + if is_called { effect(x) } else { 0.0 };
        format!(
            "c{row},{x:.6},{},{},{spend:.4}\n",
            noise(row + 9_000_000),
            if is_called { "called" } else { "control" }
        )
    };
    format!("id,x,other,group,spend\n{}", (1..=4_000).map(line).collect::<String>())
}

#[test]
fn amounts_are_learned_too_and_effects_that_do_not_differ_are_told_as_their_average() {
    let folder = Folder::new();
    let table = ["--task", "uplift", "--table", "t.csv", "--id", "id"];
    let train =
        [&["train"], &table[..], &["--treatment", "group", "--outcome", "spend", "--folds", "3", "--json"]].concat();
    folder.write("t.csv", called(|x| 12.0 * x - 3.0));
    let json = folder.tend(&train).json();
    assert_eq!(json["actions"][0]["outcome"], "amount", "{json}");
    let effect = number(&json, "average_effect");
    assert!((effect - 3.0).abs() < 0.7, "average effect {effect}, true 3");
    assert_eq!(json["actions"][0]["has_usable_heterogeneity"], true, "{json}");
    folder.succeed(&[&["score"], &table[..], &["--out", "effects.csv"]].concat());
    let scores = folder.table("effects.csv");
    assert_eq!(scores.columns, ["customer_id", "uplift", "reason_1", "reason_2", "reason_3", "model_version"]);
    let input = folder.table("t.csv");
    let truth: Vec<f64> = input.numbers("x").iter().map(|x| 12.0 * x - 3.0).collect();
    let gaps: Vec<f64> =
        scores.numbers("uplift").iter().zip(&truth).map(|(found, truth)| (found - truth).abs()).collect();
    let gap = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!(gap < 1.0, "effects are {gap} from the truth on average");

    folder.write("t.csv", called(|_| 3.0));
    let json = folder.tend(&train).json();
    assert_eq!(json["actions"][0]["has_usable_heterogeneity"], false, "{json}");
    assert_eq!(json["family"], "average effect");
}

/// Rank correlation of Spearman.
fn rank_correlation(one: &[f64], other: &[f64]) -> f64 {
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0.0; values.len()];
        order.into_iter().enumerate().for_each(|(rank, row)| ranks[row] = rank as f64);
        ranks
    };
    let (one, other) = (ranks(one), ranks(other));
    let mean = (one.len() as f64 - 1.0) / 2.0;
    let covariance: f64 = one.iter().zip(&other).map(|(a, b)| (a - mean) * (b - mean)).sum();
    covariance / one.iter().map(|a| (a - mean).powi(2)).sum::<f64>()
}

#[test]
fn treating_by_learned_effects_loses_little_against_treating_everybody() {
    let folder = Folder::new();
    let company = simulate(&SimulateParams { customers: 20_000, seed: 7, ..SimulateParams::default() });
    let effects = company.table("truth/effects").expect("the true effects").clone();
    let column = |name: &str| effects.column(name).unwrap_or_else(|| panic!("truth/effects has no column {name}"));
    let (
        SimColumn::Coded { levels: ids, codes: customers },
        SimColumn::Coded { levels: actions, codes: acts },
        SimColumn::Number(effect),
    ) = (column("customer_id"), column("action_id"), column("effect"))
    else {
        panic!("truth/effects has other kinds of columns")
    };
    let rows = customers.iter().zip(acts).zip(effect);
    let truth: HashMap<(&str, &str), f64> = rows
        .map(|((customer, act), effect)| ((ids[*customer as usize].as_str(), actions[*act as usize].as_str()), *effect))
        .collect();
    company.write(std::path::Path::new(&folder.path("data"))).unwrap();
    let names = ["customers", "transactions", "subscriptions", "events", "products", "contacts"];
    let tables: String =
        names.iter().map(|name| format!("[tables.{name}]\nfile = \"data/{name}.parquet\"\n")).collect();
    folder.write("tend.toml", tables);
    folder.write_policy();
    let json = folder.tend(&["train", "--task", "uplift", "--json"]).json();
    folder.succeed(&["score", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let ids = scores.texts("customer_id");
    for name in actions.iter() {
        let learned = scores.numbers(&format!("uplift_{name}"));
        let true_effects: Vec<f64> = ids.iter().map(|id| truth[&(*id, name.as_str())]).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let best: f64 = true_effects.iter().map(|effect| effect.max(0.0)).sum::<f64>() / ids.len() as f64;
        let chosen =
            learned.iter().zip(&true_effects).map(|(learned, effect)| if *learned > 0.0 { *effect } else { 0.0 });
        let earned = chosen.sum::<f64>() / ids.len() as f64;
        let found = action(&json, name);
        println!(
            "{name}: {} contacts, learned mean {:.4}, true mean {:.4}, rank correlation {:.3}; treating those above 0 gains {earned:.4}, everybody {:.4}, the best {best:.4}; usable {}, learner {}",
            found["rows"],
            mean(&learned),
            mean(&true_effects),
            rank_correlation(&learned, &true_effects),
            mean(&true_effects).max(0.0),
            found["has_usable_heterogeneity"],
            found["learner"]
        );
        assert_eq!(found["overlap"]["propensity"], "logged", "{}", found["overlap"]);
        let interval = &found["average_effect_interval"];
        assert!(number(interval, "low") < number(interval, "high"), "{interval}");
        assert!(earned > mean(&true_effects) - 0.002, "{name}: the learned policy gains {earned}");
    }
    let answer = folder.tend(&["evaluate", "--task", "uplift", "--json"]).json();
    let readouts = answer["readouts"].as_array().expect("read-outs");
    let of_all = readouts.iter().filter(|one| one["stage"] == "all").count();
    assert_eq!(of_all, actions.len(), "{answer}");
    assert!(readouts.len() > of_all, "read-outs by stage too: {answer}");
}
