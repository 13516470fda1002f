//! What must not reach a model, planted in the tables and trained through the whole pipeline.

#[path = "front_door/folder.rs"]
mod folder;

use folder::Folder;
use tend_models::quantities::Moment;

const AS_OF: &str = "2024-07-01";
const RECIPE: &str = "[tables.transactions]\nfile = \"transactions.csv\"\n[tables.events]\nfile = \"events.csv\"\n\
                      [churn]\nhorizon_days = 60\n[training]\nmoments = 3\n";

/// Rows of purchases and events before [`AS_OF`]: each customer buys every so many days, until some stop.
struct Shop {
    transactions: Vec<String>,
    events: Vec<String>,
}

impl Shop {
    fn new() -> Self {
        let start: Moment = "2023-01-01".parse().unwrap();
        let end: Moment = AS_OF.parse().unwrap();
        let mut shop = Self { transactions: Vec::new(), events: Vec::new() };
        for customer in 0..500_i64 {
            let gap = 5 + customer * 7 % 41;
            let stops = start.plus_days(120 + customer * 53 % 900);
            let mut day = start.plus_days(customer % 90);
            while day < end.min(stops) {
                let amount = 10 + (customer * 31 + day.day() * 17) % 90;
                shop.buy(customer, day, amount, "");
                if day.day() % 3 == 0 {
                    shop.events.push(format!("c{customer},{},login,", day.plus_days(1).date()));
                }
                day = day.plus_days(gap + (customer * day.day()) % 5);
            }
        }
        shop.events.retain(|row| row.split(',').nth(1).unwrap() < AS_OF);
        shop
    }

    fn buy(&mut self, customer: i64, day: Moment, amount: i64, known_at: &str) {
        let category = ["books", "toys", "coffee"][(customer + day.day()) as usize % 3];
        self.transactions.push(format!("c{customer},{},{amount},{category},{known_at}", day.date()));
    }

    fn write(&self, folder: &Folder) {
        let table = |header: &str, rows: &[String]| format!("{header}\n{}\n", rows.join("\n"));
        folder.write(
            "transactions.csv",
            table("customer_id,event_time,amount,category,available_at", &self.transactions),
        );
        folder.write("events.csv", table("customer_id,event_time,event_type,available_at", &self.events));
    }

    /// The bytes of the models trained and of the scores written as of [`AS_OF`].
    fn trained(&self) -> Vec<(String, Vec<u8>)> {
        let folder = Folder::new();
        folder.write("tend.toml", RECIPE);
        folder.write_policy();
        self.write(&folder);
        for task in ["churn", "clv"] {
            folder.succeed(&["train", "--task", task, "--as-of", AS_OF]);
        }
        folder.succeed(&["score", "--as-of", AS_OF, "--out", "scores.csv"]);
        ["registry/churn/1/model.tend", "registry/clv/1/model.tend", "scores.csv"]
            .map(|name| (name.to_owned(), std::fs::read(folder.path(name)).unwrap()))
            .into()
    }
}

#[track_caller]
fn assert_same(clean: &[(String, Vec<u8>)], planted: &[(String, Vec<u8>)]) {
    for ((name, clean), (_, planted)) in clean.iter().zip(planted) {
        assert!(clean == planted, "{name} differs: {} bytes and {}", clean.len(), planted.len());
    }
}

#[test]
fn rows_of_the_future_change_neither_models_nor_scores() {
    let clean = Shop::new().trained();
    let mut shop = Shop::new();
    let moment: Moment = AS_OF.parse().unwrap();
    for customer in 0..500 {
        shop.buy(customer, moment.plus_days(customer % 40), 5_000, "");
        shop.events.push(format!("c{customer},{},win,", moment.date()));
    }
    assert_same(&clean, &shop.trained());
}

#[test]
fn rows_that_arrived_late_change_neither_models_nor_scores() {
    let clean = Shop::new().trained();
    let mut shop = Shop::new();
    let moment: Moment = AS_OF.parse().unwrap();
    for customer in 0..500 {
        let day = moment.plus_days(-1 - customer % 300);
        shop.buy(customer, day, 5_000, AS_OF);
        shop.events.push(format!("c{customer},{},win,{AS_OF}", day.date()));
    }
    assert_same(&clean, &shop.trained());
}

#[test]
fn a_row_that_arrived_in_time_does_change_them() {
    let clean = Shop::new().trained();
    let mut shop = Shop::new();
    let moment: Moment = AS_OF.parse().unwrap();
    for customer in 0..500 {
        shop.buy(customer, moment.plus_days(-1 - customer % 300), 5_000, "2024-06-30");
    }
    for ((name, clean), (_, changed)) in clean.iter().zip(&shop.trained()) {
        assert!(clean != changed, "{name} is the same");
    }
}

#[test]
fn a_copy_of_the_target_is_left_out_and_named() {
    let table = |copy: bool| {
        let row = |place: u64| {
            let tickets = place * 7 % 10;
            let left = (tickets * 13 + place * 29 % 50) > 90;
            let closed = if left { format!("2024-{:02}-01", 1 + place % 12) } else { String::new() };
            let copy = if copy { format!(",{closed},{}", if left { 0 } else { 1 }) } else { String::new() };
            format!("c{place},{tickets},{}{copy},{}\n", ["web", "shop"][place as usize % 2], u8::from(left))
        };
        let columns = if copy { ",closed_on,is_active" } else { "" };
        format!("id,tickets,channel{columns},left\n{}", (0..600).map(row).collect::<String>())
    };
    let train = |copy: bool, more: &[&str]| {
        let folder = Folder::new();
        folder.write("table.csv", table(copy));
        let arguments =
            ["train", "--task", "churn", "--table", "table.csv", "--id", "id", "--target", "left", "--json"];
        folder.succeed(&[&arguments[..], more].concat()).json()
    };
    let (clean, planted) = (train(false, &[]), train(true, &[]));
    let left_out: Vec<&str> =
        planted["left_out"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[0].starts_with("closed_on: tells the target alone (AUC "), "{left_out:?}");
    assert!(left_out[1].starts_with("is_active: tells the target alone (AUC "), "{left_out:?}");
    assert_eq!(clean["auc"], planted["auc"]);
    let kept = train(true, &["--keep", "is_active"]);
    assert_eq!(kept["left_out"].as_array().unwrap().len(), 1, "{kept}");
    assert!(kept["auc"].as_f64().unwrap() > 0.999, "{kept}");
}
