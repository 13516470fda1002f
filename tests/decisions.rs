//! Decisions from the command line: lists within a budget, their explanation, and policies.

#[path = "front_door/folder.rs"]
mod folder;

#[path = "front_door/server.rs"]
mod server;

use folder::Folder;
use serde_json::{Value, json};
use server::Server;

/// A simulated shop with published models.
fn shop() -> Folder {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", "1500", "--seed", "11", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    let recipe = folder.read("tend.toml");
    folder.write("tend.toml", format!("{recipe}\n[training]\nmoments = 2\n"));
    folder.succeed(&["train"]);
    folder
}

fn decisions(folder: &Folder, arguments: &[&str]) -> (Value, Vec<Value>) {
    let out = ["decide", "--all", "--json", "--out", "decisions.jsonl"];
    let answer = folder.tend(&[&out[..], arguments].concat()).json();
    let lines = folder.read("decisions.jsonl");
    (answer, lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

#[test]
fn a_list_stays_within_its_budget_and_capacities_and_says_what_they_cost() {
    let folder = shop();
    let (free, all) = decisions(&folder, &[]);
    let spent = |decisions: &[Value]| decisions.iter().map(|one| one["cost"].as_f64().unwrap()).sum::<f64>();
    let by = |decisions: &[Value], channel: &str| decisions.iter().filter(|one| one["channel"] == channel).count();
    let (budget, mails) = (spent(&all) / 2.0, by(&all, "email") / 3);
    assert!(mails > 3, "found {mails} mails to do without; expected some");
    let (budget_text, mails_text) = (budget.to_string(), format!("email={mails}"));
    let limits = ["--budget", &budget_text, "--capacity", &mails_text];
    let (answer, within) = decisions(&folder, &limits);
    assert_eq!(within.len(), 1500, "a line a customer");
    assert!(spent(&within) <= budget * (1.0 + 1e-9), "{} of {budget}", spent(&within));
    assert!(by(&within, "email") <= mails);
    let plan = &answer["plan"];
    assert!(plan["gap"].as_f64().unwrap() < 0.01, "{plan}");
    assert!(plan["priority"].as_f64().unwrap() < free["expected_gain"].as_f64().unwrap());
    let prices: Vec<f64> =
        plan["constraints"].as_array().unwrap().iter().map(|one| one["shadow_price"].as_f64().unwrap()).collect();
    assert!(prices.len() == 2 && prices.iter().any(|price| *price > 0.0), "{plan}");
    let lost = |one: &Value| {
        one["considered"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["verdict"] == "budget or capacity earns more elsewhere")
    };
    assert!(within.iter().any(lost), "nobody is told that the budget earns more elsewhere");

    let threads = folder.tend(&[&["decide", "--all", "--out", "other.jsonl", "--threads", "1"], &limits[..]].concat());
    assert_eq!(threads.code, 0, "{threads}");
    assert!(threads.stderr.contains("one more contact is worth"), "{threads}");
    assert_eq!(folder.read("other.jsonl"), folder.read("decisions.jsonl"));

    let (_, two) = decisions(&folder, &["--per-customer", "2", "--capacity", &mails_text]);
    assert!(two.len() >= 1500 && by(&two, "email") <= mails);
    let answer = folder.tend(&["decide", "--capacity", "fone=3"]);
    assert!(answer.code == 2 && answer.stderr.contains("did you mean `phone`?"), "{answer}");
    assert_eq!(folder.tend(&["decide", "--capacity", "phone"]).code, 2);

    explained_decisions_are_those_of_the_list(&folder, &all);
}

fn explained_decisions_are_those_of_the_list(folder: &Folder, all: &[Value]) {
    let is_act = |one: &&Value| one["action"] != "leave_alone" && one["action"] != "welcome_mail";
    let one = all.iter().find(is_act).expect("somebody is worth an action");
    let chosen = format!("{} was chosen: its priority of ", one["action"].as_str().unwrap());
    let id = one["customer_id"].as_str().unwrap();
    assert_eq!(&folder.tend(&["explain", "--customer", id, "--decision", "--json"]).json(), one);
    let told = folder.succeed(&["explain", "--customer", id, "--decision"]).stdout;
    for expected in [one["reason"].as_str().unwrap(), &chosen, "welcome_mail may not be taken: not for stage"] {
        assert!(told.contains(expected), "expected {expected:?} in {told}");
    }
}

#[test]
fn a_new_policy_is_compared_with_what_was_done() {
    let folder = shop();
    let log = |value: &str| {
        let row = |place: usize| {
            let called = place % 4 < 2;
            let (action, paid) = if called { ("save_call", value) } else { ("leave_alone", "2") };
            format!("C{:07},{action},2025-06-01,0.5,{paid}\n", place + 1)
        };
        let rows: String = (0..1400).map(row).collect();
        format!("customer_id,action_id,sent_at,probability,outcome_value\n{rows}nobody,save_call,2025-06-01,0.5,1\n")
    };
    let everybody = "[money]\nmargin = 0.3\n[[stage]]\nname = \"all\"\nwhen = \"true\"\n[[action]]\nid = \"save_call\"\n\
        label = \"Call\"\nstages = [\"all\"]\ngoal = \"retain\"\nchannel = \"phone\"\ncost = 0.01\ndeadline_days = 14\n\
        value = 1000\neffect = { source = \"experiment\", added_probability = 0.1 }\n[consent]\nphone = \"not_needed\"\n";
    folder.write("new.toml", everybody);
    let compare = ["policy", "compare", "new.toml", "--log", "log.csv", "--json", "--least-rows"];
    folder.write("log.csv", log("9"));
    let answer = folder.tend(&[&compare[..], &["100"]].concat()).json();
    assert_eq!(answer["promote"], true, "{answer}");
    let value = answer["evaluation"]["doubly_robust"]["mean"].as_f64().unwrap();
    assert!((value - 9.0).abs() < 0.5, "calling everybody earns 9, found {value}");
    assert_eq!(answer["rejected"].as_object().unwrap().len(), 1, "{answer}");
    folder.write("log.csv", log("1"));
    let answer = folder.tend(&[&compare[..], &["100"]].concat()).json();
    assert_eq!((&answer["promote"], &answer["promotion"]["verdict"]), (&false.into(), &"not_better".into()));
    let answer = folder.tend(&[&compare[..], &["100000"]].concat()).json();
    assert_eq!(answer["promotion"]["verdict"], "too_few_rows");
    policies_take_over_on_the_evidence_of_the_service(&folder, everybody);
}

/// Calls bring 9 and leaving alone 2, so a policy that calls nobody is kept out.
fn policies_take_over_on_the_evidence_of_the_service(folder: &Folder, everybody: &str) {
    let before = folder.read("policy.toml");
    folder.write("new.toml", format!("{everybody}[exploration]\nepsilon = 0.5\nramp_up = false\n"));
    let answer = folder.tend(&["policy", "promote", "new.toml", "--json"]).json();
    assert_eq!(answer["evidence"]["no_log"], "no decision with an outcome is kept", "{answer}");
    assert_eq!(folder.read("policy.before.toml"), before);
    let server = Server::start(&folder.path(""));
    let ids: Vec<String> = (1..=500).map(|number| format!("C{number:07}")).collect();
    for _ in 0..3 {
        let (status, body) = server.post("/v1/decisions", &json!({"customer_ids": ids}).to_string());
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let decided = answer["decisions"].as_array().unwrap().iter().zip(answer["decision_ids"].as_array().unwrap());
        let outcome = |(decision, id): (&Value, &Value)| {
            let value = if decision["action"] == "save_call" { 9 } else { 2 };
            json!({"decision_id": id, "outcome": "bought", "outcome_value": value})
        };
        let outcomes: Vec<Value> = decided.map(outcome).collect();
        assert_eq!(server.post("/v1/outcomes", &json!({"outcomes": outcomes}).to_string()).0, 200);
    }
    let nobody = everybody.split("[[action]]").next().unwrap();
    folder.write("nobody.toml", nobody);
    let promote = ["policy", "promote", "nobody.toml", "--least-rows", "100"];
    let answer = folder.tend(&promote);
    assert_eq!(answer.code, 1, "{answer}");
    assert!(answer.stderr.contains("1500 decisions") && answer.stderr.contains("improvement -5."), "{answer}");
    assert!(folder.read("policy.toml").contains("save_call"), "what is there stays");
    folder.succeed(&[&promote[..], &["--force"]].concat());
    assert_eq!(folder.read("policy.toml"), nobody);
    let answer = folder.tend(&["models", "promote", "churn", "1", "--json"]).json();
    assert_eq!(answer["evidence"]["no_log"], "it is the champion already", "{answer}");
    assert!(server.stop());
}

#[test]
fn policies_are_checked_and_shown() {
    let folder = Folder::new();
    for kind in ["shop", "telecom", "software", "subscription"] {
        folder.write("policy.toml", folder.succeed(&["policy", "example", kind]).stdout);
        let answer = folder.succeed(&["policy", "check"]);
        assert!(answer.stdout.contains("sound, version"), "{answer}");
    }
    assert_eq!(folder.tend(&["policy", "example", "bakery"]).code, 2);
    let text = folder.read("policy.toml").replacen("goal = \"onboard\"", "goal = \"onbord\"", 1);
    folder.write("policy.toml", text);
    let answer = folder.tend(&["policy", "check"]);
    assert!(answer.code == 1 && answer.stderr.contains("did you mean `onboard`?"), "{answer}");
}
