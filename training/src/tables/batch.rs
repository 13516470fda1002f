//! Consecutive rows of a table, column by column: texts, numbers, moments and yes or no.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use polars_core::prelude::*;
use tend_models::quantities::Moment;

use super::text::{local_moment, parse_flag, parse_moment, parse_number};
use super::{TableError, TextFormat};

/// A value that was there, was not, or could not be understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<T> {
    /// Given.
    Value(T),
    /// Not given.
    Empty,
    /// Given and not understood: the text.
    Unclear(String),
}

/// Consecutive rows of a table.
#[derive(Debug)]
pub struct Batch {
    pub(super) path: PathBuf,
    /// Place of the first row in the file, from 0.
    pub(super) first_row: usize,
    pub(super) frame: DataFrame,
    /// Rows before the first in the file: the header line of a CSV file counts as row 1.
    pub(super) header_rows: usize,
}

impl Batch {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row's number in the file, as a spreadsheet or a Parquet viewer counts.
    #[must_use]
    pub fn row_number(&self, row: usize) -> usize {
        self.first_row + row + self.header_rows
    }

    fn column(&self, name: &str) -> Result<&Column, TableError> {
        self.frame.column(name).map_err(|_| TableError::MissingColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.frame.get_column_names_owned().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// A column as texts; numbers are written out.
    ///
    /// # Errors
    /// [`TableError`] if there is no such column or it holds no texts.
    pub fn texts(&self, name: &str) -> Result<Texts, TableError> {
        let column = self.column(name)?;
        let wrong = |_| self.wrong_type(column, "text or whole numbers");
        let series = column.as_materialized_series();
        // Ids become floats where a table had rows without one.
        let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < 1e15;
        let is_ids = series.f64().is_ok_and(|numbers| numbers.iter().flatten().all(is_whole));
        let series = if is_ids { &series.cast(&DataType::Int64).map_err(wrong)? } else { series };
        let series = series.cast(&DataType::String).map_err(wrong)?.rechunk();
        let texts = series.str().map_err(wrong)?.clone();
        Ok(Texts(texts))
    }

    /// Whether a column holds numbers, or texts that are all numbers.
    ///
    /// # Errors
    /// [`TableError`] if there is no such column.
    pub fn is_numeric(&self, name: &str, format: &TextFormat) -> Result<bool, TableError> {
        let column = self.column(name)?;
        if column.dtype().is_primitive_numeric() {
            return Ok(true);
        }
        if *column.dtype() == DataType::Boolean {
            return Ok(false);
        }
        let texts = self.texts(name)?;
        let mut given = (0..texts.len()).filter_map(|row| texts.get(row)).peekable();
        Ok(given.peek().is_some() && given.all(|text| parse_number(text, format.decimal).is_some()))
    }

    /// A column as numbers.
    ///
    /// # Errors
    /// [`TableError`] if there is no such column or it can hold no numbers.
    pub fn numbers(&self, name: &str, format: &TextFormat) -> Result<Vec<Cell<f64>>, TableError> {
        let column = self.column(name)?;
        if column.dtype().is_primitive_numeric() || *column.dtype() == DataType::Boolean {
            let wrong = |_| self.wrong_type(column, "numbers");
            let series = column.as_materialized_series().cast(&DataType::Float64).map_err(wrong)?;
            let number = |value: Option<f64>| match value {
                Some(value) if value.is_finite() => Cell::Value(value),
                Some(value) if value.is_infinite() => Cell::Unclear(value.to_string()),
                _ => Cell::Empty,
            };
            return Ok(series.f64().map_err(wrong)?.iter().map(number).collect());
        }
        let texts = self.texts(name)?;
        Ok((0..texts.len())
            .map(|row| match texts.get(row) {
                None => Cell::Empty,
                Some(text) => {
                    parse_number(text, format.decimal).map_or_else(|| Cell::Unclear(text.to_owned()), Cell::Value)
                }
            })
            .collect())
    }

    /// A column as moments.
    ///
    /// # Errors
    /// [`TableError`] if there is no such column or it can hold no dates.
    pub fn moments(&self, name: &str, format: &TextFormat) -> Result<Vec<Cell<Moment>>, TableError> {
        let column = self.column(name)?;
        let wrong = |_| self.wrong_type(column, "dates, times or texts");
        let per_second = match column.dtype() {
            DataType::Date => {
                let series = column.as_materialized_series().cast(&DataType::Int32).map_err(wrong)?;
                let days = series.i32().map_err(wrong)?;
                let moment =
                    |day: Option<i32>| day.map_or(Cell::Empty, |day| Cell::Value(Moment::from_day(day.into())));
                return Ok(days.iter().map(moment).collect());
            }
            DataType::Datetime(TimeUnit::Milliseconds, _) => 1_000,
            DataType::Datetime(TimeUnit::Microseconds, _) => 1_000_000,
            DataType::Datetime(TimeUnit::Nanoseconds, _) => 1_000_000_000,
            _ => return self.text_moments(name, format),
        };
        // A time with a zone is stored in UTC; one without is local time of the configured zone.
        let is_local = matches!(column.dtype(), DataType::Datetime(_, None)) && format.time_zone != TimeZone::UTC;
        let series = column.as_materialized_series().cast(&DataType::Int64).map_err(wrong)?;
        let times = series.i64().map_err(wrong)?;
        let moment = |time: Option<i64>| match time.map(|time| time.div_euclid(per_second)) {
            None => Cell::Empty,
            Some(seconds) if is_local => {
                local_moment(seconds, &format.time_zone).map_or_else(|| Cell::Unclear(seconds.to_string()), Cell::Value)
            }
            Some(seconds) => Cell::Value(Moment::from_seconds(seconds)),
        };
        Ok(times.iter().map(moment).collect())
    }

    fn text_moments(&self, name: &str, format: &TextFormat) -> Result<Vec<Cell<Moment>>, TableError> {
        let texts = self.texts(name)?;
        Ok((0..texts.len())
            .map(|row| match texts.get(row) {
                None => Cell::Empty,
                Some(text) => parse_moment(text, format).map_or_else(|| Cell::Unclear(text.to_owned()), Cell::Value),
            })
            .collect())
    }

    /// A column as yes or no: true/false, yes/no, 1/0, t/f, y/n in any case.
    ///
    /// # Errors
    /// [`TableError`] if there is no such column or it can hold no texts.
    pub fn flags(&self, name: &str) -> Result<Vec<Cell<bool>>, TableError> {
        let texts = self.texts(name)?;
        Ok((0..texts.len())
            .map(|row| match texts.get(row) {
                None => Cell::Empty,
                Some(text) => parse_flag(text).map_or_else(|| Cell::Unclear(text.to_owned()), Cell::Value),
            })
            .collect())
    }

    fn wrong_type(&self, column: &Column, expected: &'static str) -> TableError {
        TableError::WrongType {
            path: self.path.clone(),
            column: column.name().to_string(),
            found: column.dtype().to_string(),
            expected,
        }
    }
}

/// A column of texts.
#[derive(Debug, Clone)]
pub struct Texts(StringChunked);

impl Texts {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts in order, as [`get`](Self::get) gives them.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The text of a row without the space around it; `None` if there is none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        let text = self.0.downcast_as_array().get(row)?;
        let has_edge = |edge: Option<&u8>| edge.is_none_or(|byte| !byte.is_ascii_graphic());
        let text =
            if has_edge(text.as_bytes().first()) || has_edge(text.as_bytes().last()) { text.trim() } else { text };
        Some(text).filter(|text| !text.is_empty())
    }
}
