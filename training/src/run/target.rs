//! The target column of a customer table: for which rows it says yes.

use std::collections::BTreeSet;

use super::TrainError;
use crate::tables::TableFile;

/// The column with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The column.
    pub column: String,
    /// Its positive value; without it yes, true or 1.
    pub positive: Option<String>,
}

/// Which answers a table must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Yes and no, to learn from.
    Both,
    /// Either or both, to test on.
    Any,
}

/// What the target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// One a row.
    pub happened: Vec<bool>,
    /// The value that counts as positive.
    pub positive: String,
}

impl Target {
    /// Reads the column.
    ///
    /// # Errors
    /// [`TrainError`] if the column is not there, a row has no value, or it is not clear which value is the positive one.
    pub fn read(&self, file: &TableFile, answers: Answers) -> Result<Answered, TrainError> {
        file.require(&self.column)?;
        let path = file.path().display();
        let mut values: Vec<String> = Vec::new();
        file.read(std::slice::from_ref(&self.column), |batch| {
            let texts = batch.texts(&self.column)?;
            for row in 0..batch.len() {
                let text = texts.get(row).ok_or_else(|| {
                    TrainError::Data(format!(
                        "{path} row {}: target `{}` is empty; expected a value in every row",
                        batch.row_number(row),
                        self.column
                    ))
                })?;
                values.push(text.to_owned());
            }
            Ok::<(), TrainError>(())
        })?;
        let distinct: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        let positive = self
            .positive_value(&distinct, answers)
            .map_err(|fault| TrainError::Data(format!("{path}: target `{}` {fault}", self.column)))?;
        Ok(Answered { happened: values.iter().map(|value| *value == positive).collect(), positive })
    }

    /// The value of the target that counts as positive, or what is wrong with its values and what to do.
    fn positive_value(&self, distinct: &BTreeSet<&str>, answers: Answers) -> Result<String, String> {
        let shown = shown(distinct);
        let is_any_of = |words: &[&str], value: &str| words.contains(&value.to_ascii_lowercase().as_str());
        match (distinct.len(), &self.positive) {
            (0, _) => Err("has no rows; expected two different values".to_owned()),
            (1, Some(positive)) if answers == Answers::Any => Ok(positive.clone()),
            (1, None) if answers == Answers::Any => {
                let only = distinct.iter().next().map_or("", |only| *only);
                if is_any_of(&YES, only) {
                    Ok(only.to_owned())
                } else if is_any_of(&NO, only) {
                    Ok(YES[0].to_owned())
                } else {
                    Err(format!("has one value only, {shown}; name the value that counts as positive with --positive"))
                }
            }
            (1, _) => Err(format!("has one value only, {shown}; expected two; add rows with the other one")),
            (_, Some(positive)) if distinct.contains(positive.as_str()) => Ok(positive.clone()),
            (_, Some(positive)) => {
                Err(format!("never is {positive:?}; it has {shown}; name one of them with --positive"))
            }
            (2, None) => {
                let positive = distinct.iter().find(|value| is_any_of(&YES, value)).map(|value| (*value).to_owned());
                positive.ok_or_else(|| format!("has {shown}; name the value that counts as positive with --positive"))
            }
            (count, None) => Err(format!(
                "has {count} values, {shown}; expected two; name the one that counts as positive with --positive, and the others count as negative"
            )),
        }
    }
}

const YES: [&str; 5] = ["yes", "true", "1", "y", "t"];
const NO: [&str; 5] = ["no", "false", "0", "n", "f"];

fn shown(values: &BTreeSet<&str>) -> String {
    let first: Vec<String> = values.iter().take(10).map(|value| format!("{value:?}")).collect();
    let more = if values.len() > 10 { format!(" and {} more", values.len() - 10) } else { String::new() };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positive(named: Option<&str>, values: &[&str], answers: Answers) -> Result<String, String> {
        let target = Target { column: "left".to_owned(), positive: named.map(str::to_owned) };
        target.positive_value(&values.iter().copied().collect(), answers)
    }

    #[test]
    fn rows_to_test_on_may_all_have_one_answer() {
        assert_eq!(positive(None, &["Yes"], Answers::Any), Ok("Yes".to_owned()));
        assert_eq!(positive(None, &["0"], Answers::Any), Ok("yes".to_owned()), "nobody is positive");
        assert_eq!(positive(Some("gone"), &["stays"], Answers::Any), Ok("gone".to_owned()));
        assert!(positive(None, &["stays"], Answers::Any).unwrap_err().contains("--positive"));
        assert!(positive(Some("gone"), &["stays"], Answers::Both).unwrap_err().contains("one value only"));
    }

    #[test]
    fn a_positive_value_that_no_row_has_is_refused() {
        for answers in [Answers::Both, Answers::Any] {
            let fault = positive(Some("gon"), &["gone", "stays"], answers).unwrap_err();
            assert!(fault.contains("never is \"gon\""), "{fault}");
            assert_eq!(positive(None, &["no", "YES"], answers), Ok("YES".to_owned()));
        }
    }
}
