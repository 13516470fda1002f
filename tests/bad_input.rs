//! Bad input gets a clear error or a counted reject: every line of the data contract's list, through the program.

#[path = "front_door/folder.rs"]
mod folder;

use folder::{Answer, Folder};
use serde_json::Value;

const HEADER: &str = "customer_id,event_time,amount\n";

/// A project whose transactions are this CSV file.
fn transactions(text: impl AsRef<[u8]>) -> Folder {
    transactions_with(text, "")
}

/// The same, with more lines in its recipe.
fn transactions_with(text: impl AsRef<[u8]>, more: &str) -> Folder {
    let folder = Folder::new();
    folder.write("transactions.csv", text);
    folder.write("tend.toml", format!("[tables.transactions]\nfile = \"transactions.csv\"\n{more}"));
    folder.write_policy();
    folder
}

/// The account of a table by `check --json`, where rows read are always rows kept and rows rejected.
fn account(folder: &Folder, table: &str) -> Value {
    let json = folder.tend(&["check", "--json"]).json();
    let tables = json["tables"].as_array().expect("tables");
    tables.iter().find(|one| one["table"] == table).unwrap_or_else(|| panic!("no {table} in {json}")).clone()
}

fn rejected(account: &Value) -> u64 {
    account["rejected"].as_object().expect("reasons").values().map(|rows| rows.as_u64().expect("a count")).sum()
}

/// Checks that the check refuses the whole input, with every one of these in its message.
fn assert_refused(folder: &Folder, expected: &[&str]) {
    let answer = folder.tend(&["check"]);
    assert_eq!(answer.code, 1, "{answer}");
    assert_says(&answer, expected);
    assert_eq!(answer.stdout, "", "a failed command answers nothing");
}

fn assert_says(answer: &Answer, expected: &[&str]) {
    for text in expected {
        assert!(answer.all().contains(text), "expected {text:?} in {answer}");
    }
}

/// Checks that the check rejects one row, the one of `bad` after a good one, for this reason and with this sentence.
fn assert_one_reject(folder: &Folder, table: &str, reason: &str, sentence: &str, reject: &str) {
    let answer = folder.tend(&["check"]);
    assert_eq!(answer.code, 0, "{answer}");
    assert_says(
        &answer,
        &[&format!("rejected: 1 rows, {reason}"), sentence, "1 rows rejected; each is in rejects.csv"],
    );
    let account = account(folder, table);
    assert_eq!(account["rejected"][reason], 1, "{account}");
    assert_eq!(rejected(&account), 1, "{account}");
    assert_eq!(folder.read("rejects.csv"), format!("table,file,row,column,value,reason\n{reject}\n"));
}

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
fn a_date_that_is_none_is_rejected_with_how_to_write_one() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\nb,31.01.2024,2\n"));
    assert_one_reject(
        &folder,
        "transactions",
        "date not understood",
        "transactions.csv row 3: `event_time` is \"31.01.2024\", which is not a date; write one such as 2024-01-31 or 2024-01-31T18:05:00, or set `date_format` (as in \"%d.%m.%Y\") in tend.toml under [format]",
        &format!("transactions,{},3,event_time,31.01.2024,date not understood", folder.path("transactions.csv")),
    );
    let folder = transactions_with(
        format!("{HEADER}a,01.01.2024,1\nb,31.01.2024,2\n"),
        "[format]\ndate_format = \"%d.%m.%Y\"\n",
    );
    assert_eq!(rejected(&account(&folder, "transactions")), 0, "the advice works");
}

#[test]
fn an_amount_with_a_decimal_comma_is_rejected_with_how_to_write_or_read_it() {
    let text = format!("{HEADER}a,2024-01-01,1\nb,2024-01-31,\"12,50\"\n");
    let folder = transactions(&text);
    assert_one_reject(
        &folder,
        "transactions",
        "not a number",
        "transactions.csv row 3: `amount` is \"12,50\", which is not a number; write 12.50 or set `decimal = \",\"` in tend.toml",
        &format!("transactions,{},3,amount,\"12,50\",not a number", folder.path("transactions.csv")),
    );
    let folder = transactions_with(&text, "[format]\ndecimal = \",\"\n");
    assert_eq!(rejected(&account(&folder, "transactions")), 0, "the advice works");
}

#[test]
fn a_point_is_not_taken_for_a_thousands_mark_where_it_cannot_be_one() {
    let text = format!("{HEADER}a,2024-01-01,\"1.234,50\"\nb,2024-01-01,12.50\n");
    let folder = transactions_with(text, "[format]\ndecimal = \",\"\n");
    assert_one_reject(
        &folder,
        "transactions",
        "not a number",
        "`amount` is \"12.50\", which is not a number; write 12,50 or set `decimal = \".\"` in tend.toml",
        &format!("transactions,{},3,amount,12.50,not a number", folder.path("transactions.csv")),
    );
}

#[test]
fn amounts_without_a_finite_value_or_beyond_all_reason_are_rejected() {
    let rows = ["1", "NaN", "inf", "-inf", "1e400", "1_000", "free", "1e300", ""];
    let rows: String = rows.iter().enumerate().map(|(row, amount)| format!("c{row},2024-01-01,{amount}\n")).collect();
    let account = account(&transactions(format!("{HEADER}{rows}")), "transactions");
    assert_eq!(account["rows"], 9);
    let expected = serde_json::json!({"not a number": 6, "number too large": 1, "empty amount": 1});
    assert_eq!(account["rejected"], expected);
    let first = account["first_rejected"]["number too large"].as_str().expect("a sentence");
    assert!(
        first.ends_with("row 9: `amount` is \"1e300\", which is beyond 1e13, where cents are lost; correct it"),
        "{first}"
    );
}

#[test]
fn a_customer_of_whom_no_row_is_used_is_no_customer() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\nb,2024-01-01,free\n"));
    assert_eq!(folder.tend(&["check", "--json"]).json()["customers"], 1);
}

#[test]
fn duplicate_ids_of_customers_and_products_are_rejected() {
    let folder = transactions_with(
        format!("{HEADER}a,2024-01-01,1\n"),
        "[tables.customers]\nfile = \"customers.csv\"\n[tables.products]\nfile = \"products.csv\"\n",
    );
    folder.write("customers.csv", "customer_id,created_at\na,2023-01-01\nb,2023-01-01\na,2023-02-01\n");
    folder.write("products.csv", "product_id,category\nx,toys\nx,books\n");
    let customers = account(&folder, "customers");
    assert_eq!(customers["rejected"], serde_json::json!({"duplicate customer id": 1}));
    let first = customers["first_rejected"]["duplicate customer id"].as_str().expect("a sentence");
    let sentence = "customers.csv row 4: `customer_id` is \"a\", which an earlier row has too; expected each once; leave one of the rows out";
    assert!(first.ends_with(sentence), "{first}");
    assert_eq!(account(&folder, "products")["rejected"], serde_json::json!({"duplicate product id": 1}));
    let rejects = folder.read("rejects.csv");
    assert!(rejects.contains("customers.csv,4,customer_id,a,duplicate customer id\n"), "{rejects}");
    assert!(rejects.contains("products.csv,3,product_id,x,duplicate product id\n"), "{rejects}");
}

#[test]
fn rows_from_before_the_customer_existed_are_rejected() {
    let folder = transactions_with(
        format!("{HEADER}a,2024-01-01,1\na,2022-12-31,2\na,2023-01-01,3\n"),
        "[tables.customers]\nfile = \"customers.csv\"\n",
    );
    folder.write("customers.csv", "customer_id,created_at\na,2023-01-01\n");
    assert_one_reject(
        &folder,
        "transactions",
        "before the customer existed",
        "transactions.csv row 3: `event_time` is \"2022-12-31\", which is before the customer's `created_at`; expected a time from that day on; correct one of the two",
        &format!(
            "transactions,{},3,event_time,2022-12-31,before the customer existed",
            folder.path("transactions.csv")
        ),
    );
}

#[test]
fn returns_are_netted_and_noted_never_dropped() {
    let folder = transactions(
        "customer_id,event_time,amount,quantity,is_return\n\
         a,2024-01-01,30,3,no\na,2024-01-02,10,-1,\nb,2024-01-02,20,2,\nb,2024-01-03,20,2,yes\nc,2024-01-03,-5,,\n",
    );
    let account = account(&folder, "transactions");
    assert_eq!((&account["rows"], rejected(&account)), (&5.into(), 0));
    assert_eq!(account["notes"], serde_json::json!({"returns, netted": {"rows": 3, "kept": 3}}));
    let timelines = tend_models::timeline::open_timelines(folder.path("timelines.tend").as_ref()).expect("timelines");
    assert_eq!(timelines.purchases.amount[..], [30.0, -10.0, 20.0, -20.0, -5.0]);
    assert_eq!(timelines.purchases.quantity[..2], [3.0, -1.0]);
}

#[test]
fn a_return_flag_that_is_neither_yes_nor_no_is_rejected() {
    let folder = transactions("customer_id,event_time,amount,is_return\na,2024-01-01,1,no\na,2024-01-02,2,maybe\n");
    assert_one_reject(
        &folder,
        "transactions",
        "neither yes nor no",
        "transactions.csv row 3: `is_return` is \"maybe\", which is neither yes nor no; write true or false",
        &format!("transactions,{},3,is_return,maybe,neither yes nor no", folder.path("transactions.csv")),
    );
}

#[test]
fn empty_ids_are_rejected() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\n  ,2024-01-01,2\n"));
    assert_one_reject(
        &folder,
        "transactions",
        "empty customer id",
        "transactions.csv row 3: `customer_id` is empty, which no row may be; fill it in or leave the row out",
        &format!("transactions,{},3,customer_id,,empty customer id", folder.path("transactions.csv")),
    );
}

#[test]
fn mixed_currencies_are_an_error_until_one_is_chosen() {
    let text = "customer_id,event_time,amount,currency\na,2024-01-01,1,EUR\na,2024-01-02,1,EUR\nb,2024-01-01,2,USD\n";
    let folder = transactions(text);
    let found = "transactions hold several currencies: EUR (2 rows), USD (1 rows)";
    assert_refused(&folder, &[found, "expected one", "set `[company] currency` in tend.toml to keep only that one"]);
    let folder = transactions_with(text, "[company]\ncurrency = \"EUR\"\n");
    assert_one_reject(
        &folder,
        "transactions",
        "another currency",
        "transactions.csv row 4: `currency` is \"USD\", which is not the `currency` in tend.toml under [company]",
        &format!("transactions,{},4,currency,USD,another currency", folder.path("transactions.csv")),
    );
}

#[test]
fn dates_in_the_future_are_rejected() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\na,2199-01-01,2\n"));
    assert_one_reject(
        &folder,
        "transactions",
        "date in the future",
        "transactions.csv row 3: `event_time` is \"2199-01-01\", which is in the future; expected what has happened; correct it or wait for it",
        &format!("transactions,{},3,event_time,2199-01-01,date in the future", folder.path("transactions.csv")),
    );
}

#[test]
fn a_row_whose_time_of_knowing_is_not_understood_might_leak_and_is_rejected() {
    let folder =
        transactions("customer_id,event_time,amount,available_at\na,2024-01-01,1,2024-01-03\na,2024-01-02,2,later\n");
    assert_one_reject(
        &folder,
        "transactions",
        "date not understood",
        "transactions.csv row 3: `available_at` is \"later\", which is not a date",
        &format!("transactions,{},3,available_at,later,date not understood", folder.path("transactions.csv")),
    );
}

#[test]
fn an_optional_number_that_is_not_understood_is_noted_and_the_row_used() {
    let folder = transactions("customer_id,event_time,amount,quantity\na,2024-01-01,1,two\na,2024-01-02,2,2\n");
    let account = account(&folder, "transactions");
    assert_eq!(rejected(&account), 0);
    let expected = serde_json::json!({"`quantity` not understood, left empty": {"rows": 1, "kept": 1}});
    assert_eq!(account["notes"], expected);
}

#[test]
fn every_row_of_every_table_is_kept_or_rejected() {
    let folder = transactions_with(
        format!("{HEADER}a,2024-01-01,1\n,2024-01-01,1\nb,2024-01-01,x\n"),
        "[tables.subscriptions]\nfile = \"subscriptions.csv\"\n[tables.events]\nfile = \"events.csv\"\n[tables.contacts]\nfile = \"contacts.csv\"\n",
    );
    folder.write(
        "subscriptions.csv",
        "customer_id,product_id,start_date,mrr,end_date\na,p,2024-01-01,10,\na,p,2024-01-02,ten,\na,p,2024-03-01,10,2024-02-01\na,p,2024-01-02,,\na,p,2024-03-01,10,soon\n",
    );
    folder.write(
        "events.csv",
        "customer_id,event_time,event_type\na,2024-01-01,login\na,2024-01-01,\n,2024-01-01,login\n",
    );
    folder.write(
        "contacts.csv",
        "customer_id,action_id,sent_at,is_control\na,mail,2024-01-01,0\na,,2024-01-01,0\na,mail,2024-01-01,perhaps\na,mail,,1\n",
    );
    let expected = [
        ("transactions", 1, serde_json::json!({"empty customer id": 1, "not a number": 1})),
        (
            "subscriptions",
            1,
            serde_json::json!({"not a number": 1, "empty mrr": 1, "ends before it starts": 1, "date not understood": 1}),
        ),
        ("events", 1, serde_json::json!({"empty event type": 1, "empty customer id": 1})),
        ("contacts", 1, serde_json::json!({"empty action id": 1, "neither yes nor no": 1, "empty date": 1})),
    ];
    let mut lines = 1;
    for (table, kept, reasons) in expected {
        let account = account(&folder, table);
        assert_eq!(account["rejected"], reasons, "{table}");
        assert_eq!(account["rows"].as_u64(), Some(kept + rejected(&account)), "{table}");
        lines += rejected(&account) as usize;
    }
    assert_eq!(folder.read("rejects.csv").lines().count(), lines, "a line for every rejected row");
}

#[test]
fn rejects_of_an_earlier_run_do_not_stay() {
    let folder = transactions(format!("{HEADER}a,2024-01-01,1\nb,2024-01-01,x\n"));
    folder.tend(&["check"]);
    assert!(folder.has("rejects.csv"));
    folder.write("transactions.csv", format!("{HEADER}a,2024-01-01,1\n"));
    let answer = folder.tend(&["check"]);
    assert_says(&answer, &["0 rows rejected"]);
    assert!(!folder.has("rejects.csv"));
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
    let whole = folder::gzip(&format!("{HEADER}{rows}"));
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

/// Trains churn on this customer table.
fn train_table(text: &str, more: &[&str]) -> Answer {
    let folder = Folder::new();
    folder.write("table.csv", text);
    let table = folder.path("table.csv");
    folder.tend(&[&["train", "--task", "churn", "--table", &table, "--target", "left"], more].concat())
}

fn assert_table_refused(text: &str, more: &[&str], expected: &[&str]) {
    let answer = train_table(text, more);
    assert_eq!(answer.code, 1, "{answer}");
    assert_says(&answer, expected);
}

#[test]
fn a_target_must_have_two_values() {
    let three = "id,age,left\n1,20,yes\n2,30,no\n3,40,perhaps\n";
    let expected = "target `left` has 3 values, \"no\", \"perhaps\", \"yes\"; expected two; name the one that counts as positive with --positive";
    assert_table_refused(three, &[], &["table.csv: ", expected]);
    let one = "id,age,left\n1,20,no\n2,30,no\n";
    assert_table_refused(one, &[], &["target `left` has one value only, \"no\"; expected two"]);
    assert_table_refused("id,age,left\n", &[], &["target `left` has no rows; expected two different values"]);
    let unclear = "id,age,left\n1,20,gone\n2,30,here\n";
    assert_table_refused(
        unclear,
        &[],
        &["has \"gone\", \"here\"; name the value that counts as positive with --positive"],
    );
    let expected = "never is \"lost\"; it has \"gone\", \"here\"; name one of them with --positive";
    assert_table_refused(unclear, &["--positive", "lost"], &[expected]);
    let empty = "id,age,left\n1,20,yes\n2,30,\n";
    assert_table_refused(empty, &[], &["table.csv row 3: target `left` is empty; expected a value in every row"]);
}

#[test]
fn a_customer_table_must_have_its_columns_and_each_id_once() {
    let text = "id,age,left\n1,20,yes\n2,30,no\n1,40,no\n";
    let missing = "column `customer` is missing; the file has `id`, `age`, `left`; name one of these";
    assert_table_refused(text, &["--id", "customer"], &["table.csv: ", missing]);
    assert_table_refused(text, &["--exclude", "customer"], &[missing]);
    let twice = "table.csv row 4: `id` is \"1\", which an earlier row has too; expected each once";
    assert_table_refused(text, &["--id", "id"], &[twice]);
    let empty = "id,age,left\n1,20,yes\n,30,no\n";
    assert_table_refused(empty, &["--id", "id"], &["table.csv row 3: `id` is empty, which no row may be"]);
}

#[test]
fn one_text_in_a_column_of_numbers_is_an_error_and_not_a_hundred_categories() {
    let rows: String =
        (0..99).map(|row| format!("{row},{},{}\n", row * 7, if row % 3 == 0 { "yes" } else { "no" })).collect();
    let text = format!("id,spend,left\n{rows}99,\"12,50\",no\n");
    let expected = "table.csv row 101: `spend` is \"12,50\", which is not a number; write a number, leave it empty, or leave the column out with --exclude";
    assert_table_refused(&text, &["--id", "id"], &[expected]);
}
