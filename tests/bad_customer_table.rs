//! Customer tables that cannot be trained on are refused with what is wrong and what to do.

#[path = "front_door/folder.rs"]
mod folder;

use folder::{Answer, Folder};

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
    answer.assert_says(expected);
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
