//! The example policies decide for a company of their industry as they come, from tables to a list, with no line of code.

#[path = "front_door/folder.rs"]
mod folder;

use std::collections::BTreeSet;

use folder::Folder;
use serde_json::Value;

const CUSTOMERS: usize = 500;
const DAYS: i64 = 720;

/// Numbers that follow each other by a linear congruence, so that every run has the same company.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as i64
    }

    fn happens(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

fn date(day: i64) -> String {
    tend_models::quantities::Moment::from_day(20_000 + day).to_string()
}

/// Customers of contracts: those who complain cancel soon.
fn write_contracts(folder: &Folder, plans: [(&str, f64); 3], complaint: &str) -> BTreeSet<String> {
    let mut numbers = Numbers(11);
    let mut customers = "customer_id,created_at,region\n".to_owned();
    let mut contracts = "customer_id,product_id,start_date,end_date,mrr\n".to_owned();
    let mut events = "customer_id,event_time,event_type\n".to_owned();
    let mut consents = "customer_id,channel,status,changed_at\n".to_owned();
    let mut callable = BTreeSet::new();
    for number in 0..CUSTOMERS {
        let (id, created) = (format!("c{number:03}"), numbers.below(500));
        customers += &format!("{id},{},{}\n", date(created), ["north", "south"][number % 2]);
        // One day the complaints begin, and few stay for long then.
        let complains_from = created + 30 * numbers.below(30);
        let mut day = created;
        let (plan, mrr) = plans[numbers.below(3) as usize];
        while day < DAYS {
            day += 30;
            let is_unhappy = day > complains_from;
            let hazard = if is_unhappy { 30 } else { 1 };
            events += &format!("{id},{},login\n", date((day - 10).min(DAYS - 1)));
            if is_unhappy && numbers.happens(70) {
                events += &format!("{id},{},{complaint}\n", date((day - 5).min(DAYS - 1)));
            }
            if numbers.happens(hazard) {
                break;
            }
        }
        let end = if day < DAYS { date(day) } else { String::new() };
        contracts += &format!("{id},{plan},{},{end},{mrr}\n", date(created));
        if numbers.happens(30) && day > created + 60 {
            contracts += &format!("{id},extra,{},{end},4.5\n", date(created + 45));
        }
        if numbers.happens(60) {
            consents += &format!("{id},phone,granted,{}\n", date(created));
            callable.insert(id);
        }
    }
    folder.make_folder("data");
    let products = plans.map(|(plan, mrr)| format!("{plan},plans,{mrr},{}\n", mrr / 2.0)).concat();
    folder.write("data/products.csv", format!("product_id,category,price,margin\n{products}extra,extras,4.5,3\n"));
    for (name, text) in [("customers", customers), ("subscriptions", contracts), ("events", events)] {
        folder.write(&format!("data/{name}.csv"), text);
    }
    folder.write("data/consents.csv", consents);
    callable
}

/// Customers of a shop, who come more or less often and stay away one day.
fn write_shop(folder: &Folder) {
    let mut numbers = Numbers(7);
    let mut customers = "customer_id,created_at\n".to_owned();
    let mut lines = "customer_id,event_time,amount,product_id\n".to_owned();
    for number in 0..CUSTOMERS {
        let (id, created) = (format!("c{number:03}"), numbers.below(400));
        customers += &format!("{id},{}\n", date(created));
        let (gap, until) =
            (5 + numbers.below(40), if numbers.happens(50) { created + numbers.below(300) } else { DAYS });
        let taste = numbers.below(3);
        let mut day = created;
        while day <= until && day < DAYS {
            let product = if numbers.happens(70) { taste } else { numbers.below(3) };
            lines += &format!("{id},{},{},p{product}\n", date(day), 10 + numbers.below(50));
            day += 1 + numbers.below(2 * gap);
        }
    }
    folder.make_folder("data");
    folder.write("data/customers.csv", customers);
    folder.write("data/transactions.csv", lines);
    folder.write("data/products.csv", "product_id,category,price,margin\np0,books,20,6\np1,games,50,20\np2,toys,30,\n");
}

/// Trains, and decides for everybody by the example policy of an industry.
fn decisions(folder: &Folder, industry: &str) -> Vec<Value> {
    folder.succeed(&["init", "--data", "data"]);
    let recipe = folder.read("tend.toml");
    folder.write("tend.toml", format!("{recipe}\n[training]\nmoments = 2\neffort = \"quick\"\n"));
    folder.write("policy.toml", folder.succeed(&["policy", "example", industry]).stdout);
    folder.succeed(&["train"]);
    let checked = folder.succeed(&["policy", "check"]).stdout;
    assert!(!checked.contains("not checked"), "{checked}");
    folder.succeed(&["decide", "--all", "--out", "decisions.jsonl"]);
    let lines = folder.read("decisions.jsonl");
    let decisions: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(decisions.len(), CUSTOMERS);
    for decision in &decisions {
        let considered = decision["considered"].as_array().unwrap();
        let sum: f64 = considered.iter().map(|one| one["probability"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{decision}");
    }
    let acted = decisions.iter().filter(|one| one["action"] != "leave_alone").count();
    assert!(acted > CUSTOMERS / 50, "{industry}: {acted} of {CUSTOMERS} are acted on");
    decisions
}

/// Every learning table that the example explains works when its comment signs are taken away.
fn assert_can_learn(folder: &Folder) {
    let policy = folder.read("policy.toml");
    let learns = |line: &str| {
        let heads = ["# [exploration", "# [adaptation", "# [outcomes", "# method = ", "# epsilon = ", "# ramp_up = "];
        let more =
            ["# floor = ", "# weight = ", "# base_rate = ", "# positive = ", "# [online", "# decisions_count_days"];
        heads.iter().chain(&more).any(|head| line.starts_with(head))
    };
    let line = |line: &str| if learns(line) { line[2..].to_owned() } else { line.to_owned() };
    let learning: String = policy.lines().map(|one| line(one) + "\n").collect();
    assert_ne!(learning, policy);
    folder.write("policy.toml", &learning);
    folder.succeed(&["policy", "check"]);
    folder.succeed(&["decide", "--all", "--out", "learning.jsonl"]);
    assert_eq!(folder.read("learning.jsonl").lines().count(), CUSTOMERS);
}

#[test]
fn a_telecom_calls_only_those_who_agreed_and_nobody_of_the_control_group() {
    let folder = Folder::new();
    let plans = [("talk", 40.0), ("surf", 80.0), ("all_in", 140.0)];
    let callable = write_contracts(&folder, plans, "dropped_call");
    let decisions = decisions(&folder, "telecom");
    let called: Vec<&Value> = decisions.iter().filter(|one| one["channel"] == "phone").collect();
    assert!(!called.is_empty(), "nobody is called");
    for decision in called {
        assert!(callable.contains(decision["customer_id"].as_str().unwrap()), "{decision}");
        assert_eq!(decision["control_group"], false);
    }
    let control = decisions.iter().filter(|one| one["control_group"] == true).count();
    assert!((5..=50).contains(&control), "{control} of 500 are left alone as one in twenty should be");
    assert_can_learn(&folder);
}

#[test]
fn a_software_company_helps_within_the_product() {
    let folder = Folder::new();
    write_contracts(&folder, [("starter", 20.0), ("team", 120.0), ("business", 600.0)], "ticket");
    let decisions = decisions(&folder, "software");
    assert!(decisions.iter().any(|one| one["channel"] == "in_app"), "nothing is shown within the product");
    assert_can_learn(&folder);
}

#[test]
fn a_shop_values_a_sale_by_its_table_of_products() {
    let folder = Folder::new();
    write_shop(&folder);
    let decisions = decisions(&folder, "shop");
    let terms: Vec<&Value> = decisions
        .iter()
        .flat_map(|one| one["considered"].as_array().unwrap())
        .filter(|one| one["action"] == "cross_sell_mail" && one["terms"].is_object())
        .map(|one| &one["terms"])
        .collect();
    let valued = |source: &str| {
        let found = terms.iter().filter(|terms| terms["value_source"] == source);
        found.map(|terms| terms["value"].as_f64().unwrap()).collect::<Vec<f64>>()
    };
    let (by_margin, by_price) = (valued("listed_margin"), valued("listed_price"));
    assert!(!by_margin.is_empty() && by_margin.iter().all(|value| [6.0, 20.0].contains(value)), "{by_margin:?}");
    // Toys have no margin in the table: 30 x the policy's .3.
    assert!(by_price.iter().all(|value| (value - 9.0).abs() < 1e-9), "{by_price:?}");
    assert_eq!(by_margin.len() + by_price.len(), terms.len(), "every offer is of a product in the table");
    assert_can_learn(&folder);
}
