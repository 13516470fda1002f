//! The service answers what the batch writes, byte for byte.

#[path = "front_door/folder.rs"]
mod folder;

#[path = "front_door/server.rs"]
mod server;

use folder::Folder;
use serde_json::{Value, json};
use server::Server;

const CUSTOMERS: usize = 10_000;
const CUSTOMERS_PER_REQUEST: usize = 500;

/// The ids of decisions, which are lines of JSON.
fn ids(decisions: &[&str]) -> Vec<String> {
    let id = |decision: &&str| {
        let decision: Value = serde_json::from_str(decision).expect("JSON");
        decision["customer_id"].as_str().expect("an id").to_owned()
    };
    decisions.iter().map(id).collect()
}

/// Asks the service for the decisions and compares them byte for byte; their ids stand beside them.
fn assert_serves(server: &Server, decisions: &[&str]) {
    for decisions in decisions.chunks(CUSTOMERS_PER_REQUEST) {
        let (status, body) = server.post("/v1/decisions", &json!({"customer_ids": ids(decisions)}).to_string());
        assert_eq!(status, 200, "{body}");
        let expected = format!("{{\"decisions\":[{}],\"decision_ids\":[", decisions.join(","));
        if !body.starts_with(&expected) {
            let at = body.bytes().zip(expected.bytes()).take_while(|(one, other)| one == other).count();
            let part = |text: &str| text.get(at.saturating_sub(80)..(at + 80).min(text.len())).map(str::to_owned);
            panic!("at byte {at}: the service says {:?}, the batch {:?}", part(&body), part(&expected));
        }
    }
}

#[test]
fn batch_decisions_equal_http_decisions_byte_for_byte() {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", &CUSTOMERS.to_string(), "--seed", "3", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    // Two moments are enough of a model for this.
    let recipe = folder.read("tend.toml");
    folder.write("tend.toml", format!("{recipe}\n[training]\nmoments = 2\n"));
    folder.succeed(&["train"]);
    folder.succeed(&["decide", "--all", "--out", "decisions.jsonl"]);
    let decisions = folder.read("decisions.jsonl");
    let decisions: Vec<&str> = decisions.lines().collect();
    assert_eq!(decisions.len(), CUSTOMERS);

    assert_serves(&Server::start(&folder.path("")), &decisions);
}

/// A shop of which the rows until a day are in the tables, and those from it on are streamed.
struct Shop {
    customers: Vec<(String, i64)>,
    /// Customer, day, second of the day, amount, product.
    lines: Vec<(usize, i64, i64, f64, usize)>,
    logins: Vec<(usize, i64, i64)>,
}

const DAYS: i64 = 500;
/// The first day that is streamed.
const STREAMED_FROM: i64 = 497;

fn date(day: i64) -> String {
    tend_models::quantities::Moment::from_day(20_000 + day).to_string()
}

fn time(day: i64, second: i64) -> String {
    format!("{}T{:02}:{:02}:{:02}Z", date(day), second / 3_600, second / 60 % 60, second % 60)
}

impl Shop {
    /// Numbers follow each other by a linear congruence, so that every run has the same shop.
    fn new() -> Self {
        let mut state = 7_u64;
        let mut below = |most: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % most as u64) as i64
        };
        let mut shop = Self { customers: Vec::new(), lines: Vec::new(), logins: Vec::new() };
        for customer in 0..600 {
            // The last customers come on the days that are streamed.
            let created = if customer < 590 { below(300) } else { STREAMED_FROM + below(3) };
            shop.customers.push((format!("c{customer:03}"), created));
            let (gap, until) = (4 + below(40), if below(3) == 0 { 150 + below(350) } else { DAYS });
            let mut day = created;
            while day < until.max(created + 1) && day < DAYS {
                let amount = (100 + below(9_900)) as f64 / 100.0;
                shop.lines.push((customer, day, below(86_400), amount, below(9) as usize));
                if below(2) == 0 {
                    shop.logins.push((customer, day, below(86_400)));
                }
                day += 1 + below(2 * gap);
            }
            if until == DAYS && customer % 3 == 0 {
                shop.lines.push((customer, STREAMED_FROM + below(3), below(86_400), 25.5, below(9) as usize));
            }
        }
        // Something happens in the last second before the cut, so that the tables reach up to it.
        shop.logins.push((0, STREAMED_FROM - 1, 86_399));
        shop
    }

    /// Writes the tables with the rows of days before `until`.
    fn write(&self, folder: &Folder, until: i64) {
        let mut customers = "customer_id,created_at,country\n".to_owned();
        for (number, (id, created)) in self.customers.iter().enumerate().filter(|(_, (_, day))| *day < until) {
            customers += &format!("{id},{},{}\n", date(*created), ["AT", "DE", "CH"][number % 3]);
        }
        let mut lines = "customer_id,event_time,amount,product_id,category\n".to_owned();
        for (customer, day, second, amount, product) in self.lines.iter().filter(|line| line.1 < until) {
            let (id, at) = (&self.customers[*customer].0, time(*day, *second));
            lines += &format!("{id},{at},{amount},p{product},{}\n", ["books", "games", "toys"][product % 3]);
        }
        let mut logins = "customer_id,event_time,event_type\n".to_owned();
        for (customer, day, second) in self.logins.iter().filter(|login| login.1 < until) {
            logins += &format!("{},{},login\n", self.customers[*customer].0, time(*day, *second));
        }
        folder.make_folder("data");
        folder.write("data/customers.csv", customers);
        folder.write("data/transactions.csv", lines);
        folder.write("data/events.csv", logins);
    }

    /// The rows of days from the cut on, as events; a line's category is left to be told by its product.
    fn streamed(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for (number, (id, created)) in self.customers.iter().enumerate().filter(|(_, (_, day))| *day >= STREAMED_FROM) {
            let country = ["AT", "DE", "CH"][number % 3];
            let profile = json!({"created_at": date(*created), "attributes": {"country": country}});
            rows.push(json!({"event_id": format!("customer {number}"), "customer_id": id, "customer": profile}));
        }
        for (place, (customer, day, second, amount, product)) in self.lines.iter().enumerate() {
            if *day >= STREAMED_FROM {
                let row =
                    json!({"event_time": time(*day, *second), "amount": amount, "product_id": format!("p{product}")});
                let id = &self.customers[*customer].0;
                rows.push(json!({"event_id": format!("line {place}"), "customer_id": id, "transaction": row}));
            }
        }
        for (place, (customer, day, second)) in self.logins.iter().enumerate() {
            if *day >= STREAMED_FROM {
                let row = json!({"event_time": time(*day, *second), "event_type": "login"});
                let id = &self.customers[*customer].0;
                rows.push(json!({"event_id": format!("login {place}"), "customer_id": id, "event": row}));
            }
        }
        rows
    }
}

#[test]
fn decisions_on_streamed_rows_equal_those_of_the_batch_over_the_same_rows_also_after_a_restart() {
    let shop = Shop::new();
    let folder = Folder::new();
    shop.write(&folder, STREAMED_FROM);
    folder.succeed(&["init", "--data", "data"]);
    let recipe = folder.read("tend.toml");
    folder.write("tend.toml", format!("{recipe}\n[training]\nmoments = 1\n\n[store]\npath = \"kept.db\"\n"));
    folder.succeed(&["train"]);

    let mut server = Server::start(&folder.path(""));
    let rows = shop.streamed();
    assert!(rows.len() > 100, "{} streamed rows", rows.len());
    for rows in rows.chunks(100) {
        let (status, body) = server.post("/v1/events", &json!({"events": rows}).to_string());
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let results = answer["results"].as_array().expect("results");
        assert!(status == 200 && results.iter().all(|item| item["result"] == "recorded"), "{body}");
    }
    // The batch reads all rows from the tables, in a folder of its own but with the same models.
    let batch = Folder::new();
    shop.write(&batch, DAYS);
    for name in ["tend.toml", "policy.toml"] {
        batch.write(name, folder.read(name));
    }
    for name in folder.files().iter().filter(|name| name.starts_with("registry/")) {
        let to = std::path::PathBuf::from(batch.path(name));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a writable folder");
        std::fs::copy(folder.path(name), to).expect("a copy");
    }
    batch.succeed(&["decide", "--all", "--out", "decisions.jsonl"]);
    let decisions = batch.read("decisions.jsonl");
    let decisions: Vec<&str> = decisions.lines().collect();
    assert_eq!(decisions.len(), 600);
    assert_serves(&server, &decisions);
    server.kill();
    assert!(folder.has("kept.db"));
    let server = Server::start(&folder.path(""));
    assert_serves(&server, &decisions);
    assert!(server.stop(), "a stop is a success");
}
