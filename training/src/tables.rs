//! Reads and writes tables: CSV (also .gz) and Parquet. Only this module and its parts name Polars.

mod text;
mod write;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use polars_core::prelude::*;
use polars_io::prelude::*;
use tend_models::quantities::Moment;

pub use text::TextFormat;
use text::{local_moment, parse_flag, parse_moment, parse_number};
pub use write::{OutColumn, write_table};

/// Rows read from a Parquet file at a time, about, so that a large table is never in memory whole.
const BATCH_ROWS: usize = 1 << 19;

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened.
    #[error("{path}: cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: String,
    },
    /// The file's ending is none of those known.
    #[error("{path}: found a file ending that is not known; expected .csv, .csv.gz or .parquet")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A column is not there.
    #[error(
        "{path}: column `{column}` is missing; the file has {found}; map a column of the file onto it in tend.toml or on the command line"
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        column: String,
        /// What is there.
        found: String,
    },
    /// A column's type does not fit.
    #[error("{path}: column `{column}` holds {found}; expected {expected}")]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What can be read.
        expected: &'static str,
    },
    /// The file cannot be written.
    #[error("{path}: cannot be written: {error}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: String,
    },
}

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

/// A table file that can be read in batches.
#[derive(Debug, Clone)]
pub struct TableFile {
    path: PathBuf,
    format: Format,
    columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Csv,
    Parquet,
}

/// Consecutive rows of a table.
#[derive(Debug)]
pub struct Batch {
    path: PathBuf,
    /// Place of the first row in the file, from 0.
    first_row: usize,
    frame: DataFrame,
    /// Rows before the first in the file: the header line of a CSV file counts as row 1.
    header_rows: usize,
}

impl TableFile {
    /// Opens a file and reads the names of its columns.
    ///
    /// # Errors
    /// [`TableError`] if it cannot be read or its ending is unknown.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let format = if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            Format::Csv
        } else if name.ends_with(".parquet") {
            Format::Parquet
        } else {
            return Err(TableError::UnknownFormat { path: path.to_owned() });
        };
        let mut table = Self { path: path.to_owned(), format, columns: Vec::new() };
        table.columns = match format {
            Format::Csv => {
                table.read_csv(None, Some(1))?.get_column_names_owned().into_iter().map(String::from).collect()
            }
            Format::Parquet => {
                let mut reader = ParquetReader::new(table.file()?);
                let schema = reader.schema().map_err(|error| table.unreadable(&error))?;
                schema.iter_names().map(ToString::to_string).collect()
            }
        };
        Ok(table)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether there is such a column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|one| one == column)
    }

    /// Checks that a column is there.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`] if it is not.
    pub fn require(&self, column: &str) -> Result<(), TableError> {
        if self.has(column) {
            return Ok(());
        }
        Err(TableError::MissingColumn {
            path: self.path.clone(),
            column: column.to_owned(),
            found: self.columns.join(", "),
        })
    }

    /// Reads some columns and gives them to `each` in batches of consecutive rows.
    ///
    /// # Errors
    /// [`TableError`] if a column is missing or the file cannot be read, or whatever `each` says.
    pub fn read<E: From<TableError>>(
        &self,
        columns: &[String],
        mut each: impl FnMut(&Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        for column in columns {
            self.require(column)?;
        }
        match self.format {
            Format::Csv => {
                let frame = self.read_csv(Some(columns), None)?;
                each(&Batch { path: self.path.clone(), first_row: 0, frame, header_rows: 2 })
            }
            Format::Parquet => {
                let unreadable = |error: PolarsError| E::from(self.unreadable(&error));
                let mut metadata = ParquetReader::new(self.file()?);
                let metadata = metadata.get_metadata().map_err(unreadable)?;
                for rows in batches(metadata.row_groups.iter().map(|group| group.num_rows())) {
                    let mut reader = ParquetReader::new(self.file()?)
                        .with_columns(Some(columns.to_vec()))
                        .with_slice(Some((rows.start, rows.len())));
                    reader.set_metadata(Arc::clone(metadata));
                    let frame = reader.finish().map_err(unreadable)?;
                    each(&Batch { path: self.path.clone(), first_row: rows.start, frame, header_rows: 1 })?;
                }
                Ok(())
            }
        }
    }

    fn file(&self) -> Result<File, TableError> {
        File::open(&self.path).map_err(|error| self.unreadable(&error))
    }

    /// Every CSV column is read as text: the parsers here say what is wrong with a value, and in which row.
    fn read_csv(&self, columns: Option<&[String]>, rows: Option<usize>) -> Result<DataFrame, TableError> {
        let columns = columns.map(|columns| columns.iter().map(PlSmallStr::from).collect::<Arc<[PlSmallStr]>>());
        CsvReadOptions::default()
            .with_has_header(true)
            .with_infer_schema_length(Some(0))
            .with_columns(columns)
            .with_n_rows(rows)
            .into_reader_with_file_handle(self.file()?)
            .finish()
            .map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &impl std::fmt::Display) -> TableError {
        TableError::Unreadable { path: self.path.clone(), error: error.to_string() }
    }
}

/// Ranges of rows of about [`BATCH_ROWS`] that end where groups of rows do: a group cut in two would be unpacked twice.
/// A group of more than twice as many rows is cut all the same, for the sake of memory.
fn batches(group_rows: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut end) = (0, 0);
    for rows in group_rows {
        if end > start && end - start + rows > BATCH_ROWS {
            batches.push(start..end);
            start = end;
        }
        end += rows;
        while end - start > 2 * BATCH_ROWS {
            batches.push(start..start + BATCH_ROWS);
            start += BATCH_ROWS;
        }
    }
    if end > start {
        batches.push(start..end);
    }
    batches
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

    /// The row's number in the file, as an editor or a Parquet viewer counts.
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
        let series = column.as_materialized_series().cast(&DataType::String).map_err(wrong)?.rechunk();
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
