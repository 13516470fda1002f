//! Files and recipes that cannot be read are refused with what is wrong and what to do.

#[path = "front_door/folder.rs"]
mod folder;

use folder::{HEADER, account, assert_refused, gzip, rejected, transactions, transactions_with};

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = transactions("");
    folder.remove("transactions.csv");
    assert_refused(&folder, &["transactions.csv: cannot be read", "No such file"]);
    folder.make_folder("transactions.csv");
    assert_refused(&folder, &["transactions.csv: cannot be read: it is a folder; expected a file"]);
}

#[test]
fn a_missing_column_is_named_with_those_there_and_with_what_to_write() {
    let folder = transactions("customer_id,orderdate,amount\na,2024-01-01,1\n");
    let there = "the file has `customer_id`, `orderdate`, `amount`";
    let mapping = "write `event_time = \"orderdate\"` in tend.toml under [tables.transactions.columns]";
    assert_refused(&folder, &["transactions.csv: column `event_time` of transactions is missing", there, mapping]);

    let mapped = "[tables.transactions.columns]\nevent_time = \"order_date\"\n";
    let folder = transactions_with("customer_id,orderdate,amount\na,2024-01-01,1\n", mapped);
    let missing =
        "transactions.csv: column `order_date`, which tend.toml takes for `event_time` of transactions, is missing";
    assert_refused(&folder, &[missing, there, mapping]);
}

#[test]
fn a_table_without_a_usable_row_is_an_error() {
    assert_refused(
        &transactions(""),
        &["transactions.csv: cannot be read: it is empty; expected a header line and rows"],
    );
    assert_refused(&transactions(HEADER), &["transactions.csv: found 0 rows and none that can be used"]);
    let folder = transactions(format!("{HEADER}a,2024-01-01,x\n"));
    let expected = "found 1 rows and none that can be used; expected at least one; ";
    assert_refused(&folder, &[expected, "transactions.csv row 2: `amount` is \"x\", which is not a number"]);
    assert!(folder.read("rejects.csv").ends_with(",2,amount,x,not a number\n"));
}

#[test]
fn a_key_that_tend_toml_does_not_know_is_named_with_its_line() {
    let text = format!("{HEADER}a,2024-01-01,1\n");
    let folder = transactions_with(&text, "[churn]\nhorizon = 30\n");
    assert_refused(&folder, &["tend.toml: ", "line 4", "unknown field `horizon`, expected one of `horizon_days`"]);
    let folder = transactions_with(&text, "[tables.transactions.columns]\nbuyer = \"customer_id\"\n");
    assert_refused(
        &folder,
        &["tend.toml maps `buyer` of transactions, which is no column of it; expected one of customer_id"],
    );
    let folder = transactions_with(&text, "cancelled_prefix = \"C\"\n");
    assert_refused(&folder, &["column `order_id` of transactions is missing"]);
    let folder = transactions_with(&text, "[tables.events]\nfile = \"e.csv\"\ncancelled_prefix = \"C\"\n");
    assert_refused(&folder, &["[tables.events] has a cancelled_prefix; expected it of transactions alone"]);
}

#[test]
fn a_row_that_is_longer_than_the_header_is_named() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\nb,2024-01-02,12,50\n"));
    let expected =
        "row 3 has 4 values, the header has 3: \"b,2024-01-02,12,50\"; put values that hold a ',' into double quotes";
    assert_refused(&folder, &["transactions.csv: cannot be read", expected]);
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\nb,2024-01-02\n"));
    let rejected = account(&folder, "transactions")["rejected"].clone();
    assert_eq!(rejected, serde_json::json!({"empty amount": 1}), "a shorter row lacks its last values");
}

#[test]
fn rows_are_counted_as_a_spreadsheet_does_where_a_quoted_value_has_two_lines() {
    let folder = transactions(format!("{HEADER}\"a\nb\",2024-01-01,1\nc,2024-01-01,x\n"));
    folder.tend(&["check"]);
    assert!(folder.read("rejects.csv").ends_with(",3,amount,x,not a number\n"), "{}", folder.read("rejects.csv"));
}

#[test]
fn byte_order_marks_other_line_ends_and_other_separators_change_nothing() {
    let texts = [
        "\u{feff}customer_id,event_time,amount\na,2024-01-01,1\nb,2024-01-02,2\n",
        "customer_id,event_time,amount\r\na,2024-01-01,1\r\nb,2024-01-02,2\r\n",
        "customer_id;event_time;amount\na;2024-01-01;1\nb;2024-01-02;2",
        "customer_id\tevent_time\tamount\na\t2024-01-01\t1\nb\t2024-01-02\t2\n",
    ];
    for text in texts {
        let folder = transactions(text);
        let account = account(&folder, "transactions");
        assert_eq!((&account["rows"], rejected(&account)), (&2.into(), 0), "{text:?}");
        let timelines = tend_models::timeline::open_timelines(folder.path("timelines.tend").as_ref()).expect("a file");
        assert_eq!(timelines.ids.iter().collect::<Vec<_>>(), ["a", "b"], "{text:?}");
        assert_eq!(timelines.purchases.amount[..], [1.0, 2.0], "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_named_with_their_row() {
    let folder = transactions(*b"customer_id,event_time,amount\na,2024-01-01,1\nM\xfcller,2024-01-01,1\n");
    assert_refused(&folder, &["transactions.csv: cannot be read: row 3 is not UTF-8", "save the file as UTF-8"]);
}

#[test]
fn a_column_that_is_there_twice_is_an_error() {
    let folder = transactions("customer_id,event_time,amount,amount\na,2024-01-01,1,2\n");
    assert_refused(&folder, &["column `amount` is there twice; expected each name once; rename one of them"]);
}

#[test]
fn damaged_files_and_files_of_another_kind_are_refused() {
    let folder = transactions("");
    let rows: String = (0..20_000).map(|row| format!("c{row},2024-01-01,{row}\n")).collect();
    let whole = gzip(&format!("{HEADER}{rows}"));
    folder.write("transactions.csv.gz", &whole[..whole.len() / 2]);
    folder.write("transactions.parquet", "PARQUET? no");
    folder.write("transactions.xlsx", "no");
    let cases = [
        ("csv.gz", "expected a whole CSV file; write or copy it again"),
        ("parquet", "expected a whole Parquet file; write or copy it again"),
        ("xlsx", "found a file ending that is not known; expected .csv, .csv.gz or .parquet"),
    ];
    for (ending, expected) in cases {
        folder.write("tend.toml", format!("[tables.transactions]\nfile = \"transactions.{ending}\"\n"));
        assert_refused(&folder, &[&format!("transactions.{ending}: "), expected]);
    }
}
