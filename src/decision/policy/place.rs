//! Where in a policy file something is: its table, row and field, and the line.

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::PolicyError;
use crate::decision::expression::ExpressionError;

/// A place in the file, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decision) struct Place {
    /// The table's name, such as `money` or `action`.
    pub(in crate::decision) table: &'static str,
    /// The row of a table that has several, from 0, with the name of the row.
    pub(in crate::decision) row: Option<(usize, String)>,
    pub(in crate::decision) field: Option<String>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(in crate::decision) struct Fault {
    pub(in crate::decision) place: Place,
    pub(in crate::decision) problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub(in crate::decision) enum Problem {
    /// A value, with what was found, what was expected and what to do.
    Value(String),
    /// A condition, with its text.
    Condition(String, ExpressionError),
}

impl Place {
    /// A field of a table that is there once.
    pub(in crate::decision) fn once(table: &'static str, field: impl Into<String>) -> Self {
        Self { table, row: None, field: Some(field.into()) }
    }

    /// A field of one of several rows; the name may be empty.
    pub(in crate::decision) fn row(table: &'static str, row: usize, name: &str, field: &str) -> Self {
        Self { table, row: Some((row, name.to_owned())), field: Some(field.to_owned()) }
    }

    /// Something is wrong here.
    pub(in crate::decision) fn wrong<T>(self, problem: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { place: self, problem: Problem::Value(problem.into()) })
    }

    /// Line of the field, from 1; of its row or table where the field is not there; 1 if neither is.
    fn line(&self, text: &str) -> usize {
        let Ok(file) = DeTable::parse(text) else { return 1 };
        let steps = std::iter::once(self.table).chain(self.field.iter().flat_map(|field| field.split('.')));
        let (mut table, mut start) = (file.get_ref(), 0);
        for (depth, step) in steps.enumerate() {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == step) else { break };
            start = key.span().start;
            let value = match (value.get_ref(), &self.row) {
                (DeValue::Array(rows), Some((row, _))) if depth == 0 => {
                    let Some(row) = rows.get(*row) else { break };
                    start = row.span().start;
                    row.get_ref()
                }
                (value, _) => value,
            };
            let DeValue::Table(inner) = value else { break };
            table = inner;
        }
        text[..start].matches('\n').count() + 1
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.row {
            None => write!(f, "[{}]", self.table)?,
            Some((row, name)) if name.is_empty() => write!(f, "{} {}", self.table, row + 1)?,
            Some((_, name)) => write!(f, "{} `{name}`", self.table)?,
        }
        match &self.field {
            Some(field) => write!(f, " `{field}`"),
            None => Ok(()),
        }
    }
}

impl Fault {
    /// The error, with the line in the text of the policy.
    pub(in crate::decision) fn in_text(self, text: &str) -> PolicyError {
        let (place, line) = (self.place.to_string(), self.place.line(text));
        match self.problem {
            Problem::Value(problem) => PolicyError::Value { line, place, problem },
            Problem::Condition(condition, error) => PolicyError::Condition { line, place, condition, error },
        }
    }
}
