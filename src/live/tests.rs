//! Streamed rows merged with the tables are what the batch would make of all rows.

use proptest::prelude::*;
use serde_json::{Value, json};
use tend_models::timeline::TimelinesBuilder;

use super::*;
use crate::contract::AttributeValue;
use crate::store::EventRecord;

const CUT_DAY: i64 = 100;

fn row(value: Value) -> StreamedRow {
    serde_json::from_value(value).unwrap()
}

fn day(day: i64, second: i64) -> String {
    let moment = Moment::from_seconds(Moment::from_day(20_000 + day).seconds() + second);
    moment.to_string()
}

/// One row of customer `c<n>`; the last of each day before the cut makes the tables reach up to it.
fn any_row() -> impl Strategy<Value = (usize, StreamedRow)> {
    let place = (0..5_usize, 0..200_i64, 0..86_400_i64, 0..5_usize, 1..50_i64, 0..3_usize);
    place.prop_map(|(customer, on, second, kind, amount, which)| {
        let (at, name) = (day(on, second), ["books", "games", "toys"][which]);
        let row = row(match kind {
            0 => json!({"transaction": {"event_time": at, "amount": amount as f64 - 5.5, "category": name,
                "product_id": format!("p{which}")}}),
            1 => json!({"event": {"event_time": at, "event_type": name, "value": amount}}),
            2 => json!({"contact": {"sent_at": at, "action_id": name, "outcome": "taken", "outcome_at": at}}),
            3 => json!({"consent": {"changed_at": at, "channel": name, "status": "granted"}}),
            _ => json!({"subscription": {"start_date": at, "mrr": amount, "product_id": format!("{on}-{second}")}}),
        });
        (customer, row)
    })
}

fn add(builder: &mut TimelinesBuilder, customer: u32, row: &StreamedRow) {
    match row {
        StreamedRow::Customer(profile) => {
            builder.set_created_at(customer, profile.created_at.0);
            let Some(AttributeValue::Text(level)) = profile.attributes.get("country") else { panic!("a country") };
            builder.set_category(0, customer, level.as_str());
        }
        StreamedRow::Transaction(row) => builder.add_purchase(customer, &row.row()),
        StreamedRow::Event(row) => builder.add_event(customer, &row.row()),
        StreamedRow::Contact(row) => builder.add_contact(customer, &row.row()),
        StreamedRow::Consent(row) => builder.add_consent(customer, &row.row()),
        StreamedRow::Subscription(row) => builder.add_subscription(customer, &row.row()),
    }
}

fn built<'r>(rows: impl Iterator<Item = &'r (usize, StreamedRow)>) -> Timelines {
    let mut builder = TimelinesBuilder::default();
    builder.add_category_attribute("country");
    for (number, row) in rows {
        let customer = builder.customer(&format!("c{number}"));
        add(&mut builder, customer, row);
    }
    builder.finish()
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    (folder, store)
}

/// Every customer has a profile and a purchase the day before the cut, and one streamed purchase.
fn frame_rows() -> Vec<(usize, StreamedRow)> {
    let of = |customer: usize| {
        let profile =
            json!({"customer": {"created_at": day(-1, 0), "attributes": {"country": (["AT", "DE"][customer % 2])}}});
        let last = json!({"transaction": {"event_time": day(CUT_DAY - 1, 86_399), "amount": 1}});
        let new = json!({"transaction": {"event_time": day(CUT_DAY, 1), "amount": 2}});
        [profile, last, new].map(|value| (customer, row(value)))
    };
    (0..5).flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn tables_and_stream_together_are_the_tables_of_all_rows(rows in prop::collection::vec(any_row(), 0..60)) {
        let (_folder, store) = store();
        let mut all = frame_rows();
        all.extend(rows);
        let cut = Moment::from_day(20_000 + CUT_DAY);
        let is_in_tables = |(_, row): &&(usize, StreamedRow)| row.known_at() < cut;
        let base = built(all.iter().filter(is_in_tables));
        let tables = Tables::of(&base);
        prop_assert_eq!(tables.until, Some(cut));
        let live = Live::replay(&store, &tables).unwrap();
        // Rows that the tables have are streamed too, and must not count twice.
        for (sequence, (number, row)) in all.iter().enumerate() {
            live.add(&store, &format!("c{number}"), sequence as i64, row.clone());
        }
        let ids: Vec<String> = base.ids.iter().map(str::to_owned).collect();
        let (places, merged) = live.find(&store, (&base, &tables), ids.iter().map(String::as_str));
        let expected = built(all.iter());
        prop_assert_eq!(&places, &(0..5).map(Place::Merged).collect::<Vec<_>>());
        prop_assert_eq!(live.known_until(&tables), expected.known_until());
        prop_assert_eq!(merged, expected);
    }
}

#[test]
fn a_newer_row_of_the_same_subscription_or_contact_takes_its_place() {
    let (_folder, store) = store();
    let running = json!({"subscription": {"start_date": day(5, 0), "mrr": 9, "product_id": "pro"}});
    let sent = json!({"contact": {"sent_at": day(6, 0), "action_id": "call"}});
    let base = built([(0, row(running)), (0, row(sent))].iter());
    let tables = Tables::of(&base);
    let live = Live::replay(&store, &tables).unwrap();
    let ended =
        json!({"subscription": {"start_date": day(5, 0), "end_date": day(50, 0), "mrr": 9, "product_id": "pro"}});
    let taken =
        json!({"contact": {"sent_at": day(6, 0), "action_id": "call", "outcome": "taken", "outcome_at": day(8, 0)}});
    live.add(&store, "c0", 1, row(ended));
    live.add(&store, "c0", 2, row(taken));
    let (_, merged) = live.find(&store, (&base, &tables), ["c0"].into_iter());
    let history = merged.timeline(0).before(Moment::from_day(20_060));
    let subscriptions: Vec<_> = history.subscriptions().collect();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!(subscriptions[0].end, Moment::from_day(20_050).seconds());
    assert_eq!(history.contacts().map(|contact| contact.taken).collect::<Vec<_>>(), [true]);
    assert_eq!(live.known_until(&tables), Some(Moment::from_day(20_051)));
}

#[test]
fn a_line_without_a_category_has_its_products() {
    let (_folder, store) = store();
    let line = |product: &str, category: &str| {
        row(json!({"transaction": {"event_time": day(1, 0), "amount": 1, "product_id": product, "category": category}}))
    };
    let base = built([(0, line("p1", "books")), (0, line("p2", "books")), (0, line("p2", "toys"))].iter());
    let tables = Tables::of(&base);
    let live = Live::replay(&store, &tables).unwrap();
    for (sequence, product) in ["p1", "p2", "p3"].into_iter().enumerate() {
        let new = json!({"transaction": {"event_time": day(5, sequence as i64), "amount": 1, "product_id": product}});
        live.add(&store, "new", sequence as i64, row(new));
    }
    let (places, merged) = live.find(&store, (&base, &tables), ["new"].into_iter());
    assert_eq!(places, [Place::Merged(0)]);
    let history = merged.timeline(0).before(Moment::from_day(20_010));
    let categories = history.purchases().map(|line| merged.categories.get(line.category as usize).map(String::as_str));
    assert_eq!(categories.collect::<Vec<_>>(), [Some("books"), None, None]);
}

#[tokio::test]
async fn erased_customers_are_nowhere_and_newer_tables_let_go_of_rows() {
    let (_folder, store) = store();
    let base = built(frame_rows().iter().take(2));
    let tables = Tables::of(&base);
    let live = Live::replay(&store, &tables).unwrap();
    let bought = |on| row(json!({"transaction": {"event_time": day(on, 0), "amount": 1}}));
    live.add(&store, "c0", 1, bought(CUT_DAY));
    live.add(&store, "c1", 2, bought(CUT_DAY + 5));
    live.erase(&store, "c0");
    live.add(&store, "c0", 3, bought(CUT_DAY));
    assert_eq!(live.rows(), 1);
    let (places, _) = live.find(&store, (&base, &tables), ["c0", "c1", "c2"].into_iter());
    assert_eq!(places, [Place::Unknown, Place::Merged(0), Place::Unknown]);
    live.forget_before(&Tables { until: Some(Moment::from_day(20_000 + CUT_DAY + 6)), ..tables });
    assert_eq!(live.rows(), 0);
}

#[tokio::test]
async fn a_restart_brings_back_the_rows_that_the_tables_do_not_have() {
    let (_folder, store) = store();
    let base = built(frame_rows().iter().take(2));
    let tables = Tables::of(&base);
    let record = |number: i64, on| {
        let row = row(json!({"event": {"event_time": day(on, 0), "event_type": "login"}}));
        EventRecord {
            event_id: number.to_string(),
            customer_id: "c0".to_owned(),
            known_at: row.known_at().seconds(),
            row: serde_json::to_string(&row).unwrap(),
        }
    };
    store.record_events(vec![record(1, CUT_DAY - 1), record(2, CUT_DAY), record(3, CUT_DAY + 1)]).await.unwrap();
    store.record_events(vec![record(4, CUT_DAY)]).await.unwrap();
    assert_eq!(Live::replay(&store, &tables).unwrap().rows(), 3);
}
