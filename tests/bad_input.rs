//! Rows that cannot be used are counted, written to a file and explained: each line of the data contract's list.

#[path = "front_door/folder.rs"]
mod folder;

use folder::{Folder, HEADER, account, assert_refused, rejected, transactions, transactions_with};

/// Checks that the check rejects one row, the one of `bad` after a good one, for this reason and with this sentence.
fn assert_one_reject(folder: &Folder, table: &str, reason: &str, sentence: &str, reject: &str) {
    let answer = folder.tend(&["check"]);
    assert_eq!(answer.code, 0, "{answer}");
    answer.assert_says(&[&format!("rejected: 1 rows, {reason}"), sentence, "1 rows rejected; each is in rejects.csv"]);
    let account = account(folder, table);
    assert_eq!(account["rejected"][reason], 1, "{account}");
    assert_eq!(rejected(&account), 1, "{account}");
    assert_eq!(folder.read("rejects.csv"), format!("table,file,row,column,value,reason\n{reject}\n"));
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
        "[tables.subscriptions]\nfile = \"subscriptions.csv\"\n[tables.events]\nfile = \"events.csv\"\n[tables.contacts]\nfile = \"contacts.csv\"\n[tables.consents]\nfile = \"consents.csv\"\n",
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
    folder.write(
        "consents.csv",
        "customer_id,channel,status,changed_at\na,email,Opt-in,2024-01-01\na,,granted,2024-01-01\na,email,soon,2024-01-01\na,email,,2024-01-01\n",
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
        ("consents", 1, serde_json::json!({"empty channel": 1, "unknown status": 1, "empty status": 1})),
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
    answer.assert_says(&["0 rows rejected"]);
    assert!(!folder.has("rejects.csv"));
}
