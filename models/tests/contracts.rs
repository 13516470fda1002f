//! Contracts built from subscriptions: what is one, which decisions were due, and what was known.

use proptest::prelude::*;
use tend_models::features::{Contract, contracts};
use tend_models::quantities::Moment;
use tend_models::timeline::{SubscriptionRow, Timelines, TimelinesBuilder};

fn day(text: &str) -> Moment {
    text.parse().unwrap()
}

/// A subscription: start, end, months between bills, revenue a month.
type Row<'a> = (&'a str, Option<&'a str>, f32, f64);

fn row(&(start, end, bill_period_months, mrr): &Row<'_>) -> SubscriptionRow<'static> {
    SubscriptionRow {
        start: day(start),
        end: end.map(day),
        known_at: None,
        product: None,
        mrr,
        bill_period_months,
        discount: f32::NAN,
    }
}

fn built(rows: impl IntoIterator<Item = SubscriptionRow<'static>>) -> Timelines {
    let mut builder = TimelinesBuilder::default();
    let customer = builder.customer("c");
    rows.into_iter().for_each(|row| builder.add_subscription(customer, &row));
    builder.finish()
}

fn contracts_before(timelines: &Timelines, moment: &str) -> Vec<Contract> {
    contracts(&timelines.timeline(0).before(day(moment)))
}

fn decisions(contract: &Contract, until: &str) -> Vec<(u32, bool)> {
    contract.decisions(Moment::BEFORE_ALL, day(until)).collect()
}

#[test]
fn a_change_of_plan_or_price_is_no_end() {
    let rows: [Row<'_>; 4] = [
        ("2025-01-15", Some("2025-03-01"), 1.0, 20.0),
        ("2025-03-01", Some("2025-05-20"), 1.0, 30.0),
        ("2025-05-21", None, 1.0, 35.0),
        ("2025-04-02", None, 1.0, 5.0),
    ];
    let found = contracts_before(&built(rows.iter().map(row)), "2025-07-01");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].start, found[0].end, found[0].monthly_revenue), (day("2025-01-15"), None, 40.0));
    // Due on the 15th of February to June.
    assert_eq!(decisions(&found[0], "2025-07-01"), (1..=5).map(|decision| (decision, false)).collect::<Vec<_>>());
    assert_eq!((found[0].next_decision(day("2025-07-01")), found[0].due(6)), (6, day("2025-07-15")));
}

#[test]
fn who_comes_back_begins_a_new_contract() {
    let rows: [Row<'_>; 2] = [("2025-01-10", Some("2025-02-10"), 1.0, 20.0), ("2025-02-14", None, 1.0, 20.0)];
    let found = contracts_before(&built(rows.iter().map(row)), "2025-04-01");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(decisions(&found[0], "2025-04-01"), [(1, true)]);
    assert_eq!(decisions(&found[1], "2025-04-01"), [(1, false)]);
}

#[test]
fn another_bill_period_is_another_contract_and_no_end_of_the_first() {
    let rows: [Row<'_>; 2] = [("2025-01-10", Some("2025-03-10"), 1.0, 20.0), ("2025-03-10", None, 12.0, 17.0)];
    let found = contracts_before(&built(rows.iter().map(row)), "2025-06-01");
    assert!(found[0].has_switched && !found[1].has_switched, "{found:?}");
    assert_eq!(decisions(&found[0], "2025-06-01"), [(1, false)]);
    assert_eq!(decisions(&found[1], "2025-06-01"), []);
    assert_eq!(found[1].due(1), day("2026-03-10"));
    let unknown: [Row<'_>; 1] = [("2025-01-10", None, f32::NAN, 20.0)];
    assert_eq!(contracts_before(&built(unknown.iter().map(row)), "2025-06-01")[0].period_months, 1.0);
}

#[test]
fn who_leaves_within_a_period_is_counted_when_it_is_over() {
    let rows: [Row<'_>; 1] = [("2025-01-31", Some("2025-03-05"), 1.0, 20.0)];
    let timelines = built(rows.iter().map(row));
    // The second period ends with the last of March: until then nobody of it is counted, whether they stay or leave.
    assert_eq!(decisions(&contracts_before(&timelines, "2025-03-31")[0], "2025-03-31"), [(1, false)]);
    assert_eq!(decisions(&contracts_before(&timelines, "2025-04-01")[0], "2025-04-01"), [(1, false), (2, true)]);
    // An end that had not passed is not known.
    assert_eq!(contracts_before(&timelines, "2025-03-05")[0].end, None);
}

#[test]
fn a_contract_that_ends_with_its_period_has_not_begun_another() {
    let rows: [Row<'_>; 1] = [("2025-01-31", Some("2025-02-28"), 1.0, 20.0)];
    let found = contracts_before(&built(rows.iter().map(row)), "2025-06-01");
    assert_eq!(decisions(&found[0], "2025-06-01"), [(1, true)]);
    let window: Vec<(u32, bool)> = found[0].decisions(day("2025-03-01"), day("2025-06-01")).collect();
    assert_eq!(window, []);
}

#[test]
fn weeks_are_counted_by_their_length() {
    // 3 / 13 of a month are a week.
    let contract = Contract {
        period_months: f64::from(3.0_f32 / 13.0),
        start: day("2025-01-01"),
        end: None,
        has_switched: false,
        monthly_revenue: 9.0,
    };
    assert_eq!(contract.decisions(Moment::BEFORE_ALL, day("2026-01-01")).count(), 51);
    assert_eq!(contract.next_decision(day("2025-01-12")), 2);
}

proptest! {
    /// Rows that begin, end or become known from the moment on change nothing.
    #[test]
    fn later_rows_never_change_contracts(
        rows in proptest::collection::vec((0_i64..400, 1_i64..300, 0_i64..60, 1_u8..3), 1..12),
    ) {
        const CUT: i64 = 300;
        let make = |&(start, length, late, period): &(i64, i64, i64, u8)| SubscriptionRow {
            start: Moment::from_day(start),
            end: Some(Moment::from_day(start + length)),
            known_at: Some(Moment::from_day(start + late)),
            product: None,
            mrr: 10.0,
            bill_period_months: f32::from(period),
            discount: f32::NAN,
        };
        let cut = Moment::from_day(CUT);
        let known: Vec<SubscriptionRow<'_>> = rows
            .iter()
            .filter(|(start, _, late, _)| *start < CUT && start + late < CUT)
            .map(|row| {
                let row = make(row);
                SubscriptionRow { end: row.end.filter(|end| *end < cut), ..row }
            })
            .collect();
        let all = built(rows.iter().map(make));
        let alone = built(known);
        let of = |timelines: &Timelines| contracts(&timelines.timeline(0).before(cut));
        prop_assert_eq!(of(&all), of(&alone));
    }
}
