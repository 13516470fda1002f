//! Reads and writes tables: CSV (also .gz) and Parquet. The only place that names Polars.

mod faults;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use polars_core::prelude::*;
use polars_io::prelude::*;
use tend_models::quantities::{DAY_SECONDS, Moment};

/// Rows read from a Parquet file at a time, so that a large table is never in memory whole.
const BATCH_ROWS: usize = 1 << 20;

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
    #[error("{path}: column `{column}` is missing; the file has {found}; name one of these")]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        column: String,
        /// What is there.
        found: String,
    },
    /// Two columns have one name.
    #[error("{path}: column `{column}` is there twice; expected each name once; rename one of them")]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
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

/// How texts in a table are to be understood.
#[derive(Debug, Clone)]
pub struct TextFormat {
    /// The decimal mark.
    pub decimal: char,
    /// How dates are written, in strftime form; `None` for ISO 8601.
    pub date_format: Option<String>,
    /// The zone of times that do not say theirs.
    pub time_zone: TimeZone,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self { decimal: '.', date_format: None, time_zone: TimeZone::UTC }
    }
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
    separator: u8,
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
    /// Opens a file and reads the names of its columns. A CSV file whose header has no comma may separate values by
    /// semicolons or tabs.
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
        let mut table = Self { path: path.to_owned(), format, separator: b',', columns: Vec::new() };
        table.columns = match format {
            Format::Csv => {
                let names = table.csv_columns()?;
                let other =
                    [b';', b'\t'].into_iter().find(|&mark| names.len() == 1 && names[0].contains(char::from(mark)));
                table.separator = other.unwrap_or(b',');
                if other.is_some() { table.csv_columns()? } else { names }
            }
            Format::Parquet => {
                let mut reader = ParquetReader::new(table.file()?);
                let schema = reader.schema().map_err(|error| table.damaged(&error))?;
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
            found: self.columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "),
        })
    }

    fn csv_columns(&self) -> Result<Vec<String>, TableError> {
        let names = self.read_csv(None, Some(0))?.get_column_names_owned();
        // Polars renames the second column of a name.
        let repeated = names.iter().find_map(|name| {
            let (first, number) = name.rsplit_once("_duplicated_")?;
            (number.parse::<u32>().is_ok() && names.iter().any(|one| one == first)).then_some(first)
        });
        match repeated {
            Some(column) => Err(TableError::RepeatedColumn { path: self.path.clone(), column: column.to_owned() }),
            None => Ok(names.into_iter().map(String::from).collect()),
        }
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
                let unreadable = |error: PolarsError| E::from(self.damaged(&error));
                let rows = ParquetReader::new(self.file()?).num_rows().map_err(unreadable)?;
                for first_row in (0..rows).step_by(BATCH_ROWS) {
                    let frame = ParquetReader::new(self.file()?)
                        .with_columns(Some(columns.to_vec()))
                        .with_slice(Some((first_row, BATCH_ROWS.min(rows - first_row))))
                        .finish()
                        .map_err(unreadable)?;
                    each(&Batch { path: self.path.clone(), first_row, frame, header_rows: 1 })?;
                }
                Ok(())
            }
        }
    }

    fn file(&self) -> Result<File, TableError> {
        if self.path.is_dir() {
            return Err(self.unreadable("it is a folder; expected a file".to_owned()));
        }
        File::open(&self.path).map_err(|error| self.unreadable(error.to_string()))
    }

    /// Every CSV column is read as text: the parsers here say what is wrong with a value, and in which row.
    fn read_csv(&self, columns: Option<&[String]>, rows: Option<usize>) -> Result<DataFrame, TableError> {
        let columns = columns.map(|columns| columns.iter().map(PlSmallStr::from).collect::<Arc<[PlSmallStr]>>());
        CsvReadOptions::default()
            .with_has_header(true)
            .with_infer_schema_length(Some(0))
            .with_columns(columns)
            .with_n_rows(rows)
            .map_parse_options(|options| options.with_separator(self.separator))
            .into_reader_with_file_handle(self.file()?)
            .finish()
            .map_err(|error| match error {
                PolarsError::NoData(_) => self.unreadable("it is empty; expected a header line and rows".to_owned()),
                error => self.first_fault().map_or_else(|| self.damaged(&error), |fault| self.unreadable(fault)),
            })
    }

    /// What is wrong with a CSV file that cannot be read: its lines are read once more, each as one text.
    fn first_fault(&self) -> Option<String> {
        let lines = CsvReadOptions::default()
            .with_has_header(false)
            .with_infer_schema_length(Some(0))
            .map_parse_options(|options| {
                options.with_separator(b'\0').with_quote_char(None).with_encoding(CsvEncoding::LossyUtf8)
            })
            .into_reader_with_file_handle(self.file().ok()?)
            .finish()
            .ok()?;
        let lines = lines.columns().first()?.as_materialized_series().str().ok()?.clone();
        faults::first_fault(lines.iter().map(Option::unwrap_or_default), self.separator.into())
    }

    fn unreadable(&self, error: String) -> TableError {
        TableError::Unreadable { path: self.path.clone(), error }
    }

    fn damaged(&self, error: &PolarsError) -> TableError {
        let expected = match self.format {
            Format::Csv => "a whole CSV file",
            Format::Parquet => "a whole Parquet file",
        };
        self.unreadable(format!("{error}; expected {expected}; write or copy it again"))
    }
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

    /// The text of a row without the space around it; `None` if there is none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        self.0.get(row).map(str::trim).filter(|text| !text.is_empty())
    }
}

/// A number with this decimal mark; infinite and undefined numbers are none.
pub(crate) fn parse_number(text: &str, decimal: char) -> Option<f64> {
    let plain = if decimal == '.' { text.parse() } else { without_points(text)?.replace(decimal, ".").parse() };
    plain.ok().filter(|number: &f64| number.is_finite())
}

/// A number without the points between its thousands; `None` if there are points anywhere else.
fn without_points(text: &str) -> Option<String> {
    let (whole, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
    let mut groups = whole.trim_start_matches(['-', '+']).split('.');
    let leads = (1..=3).contains(&groups.next().unwrap_or_default().len()) || !whole.contains('.');
    let is_grouped = groups.all(|group| group.len() == 3);
    (leads && is_grouped && !rest.contains('.')).then(|| whole.replace('.', "") + rest)
}

fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// A date or time as the format says: a time that does not say its zone is in the format's.
fn parse_moment(text: &str, format: &TextFormat) -> Option<Moment> {
    if let Some(pattern) = &format.date_format {
        let datetime = jiff::civil::DateTime::strptime(pattern, text)
            .or_else(|_| jiff::civil::Date::strptime(pattern, text).map(|date| date.at(0, 0, 0, 0)));
        return datetime.ok().and_then(|datetime| zoned(datetime, &format.time_zone));
    }
    if let Ok(moment) = text.parse::<Moment>()
        && (text.len() > 10 || format.time_zone == TimeZone::UTC)
    {
        return Some(moment);
    }
    text.parse::<jiff::civil::DateTime>().ok().and_then(|datetime| zoned(datetime, &format.time_zone))
}

fn zoned(datetime: jiff::civil::DateTime, zone: &TimeZone) -> Option<Moment> {
    zone.to_timestamp(datetime).ok().map(|timestamp| Moment::from_seconds(timestamp.as_second()))
}

fn local_moment(seconds: i64, zone: &TimeZone) -> Option<Moment> {
    let clock = jiff::Timestamp::from_second(seconds).ok()?;
    zoned(TimeZone::UTC.to_datetime(clock), zone)
}

/// A column to write.
#[derive(Debug, Clone)]
pub enum OutColumn {
    /// Texts.
    Text(Vec<String>),
    /// Texts out of a short list; a code past its end is empty.
    Coded(Arc<Vec<String>>, Vec<u32>),
    /// Numbers; NaN is empty.
    Number(Vec<f64>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Seconds since 1970 UTC; [`i64::MAX`] is empty.
    Time(Vec<i64>),
    /// Yes or no.
    Flag(Vec<bool>),
}

impl OutColumn {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Coded(_, codes) => codes.len(),
            Self::Number(values) => values.len(),
            Self::Whole(values) | Self::Time(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes a table; the ending says the format.
///
/// # Errors
/// [`TableError`] if the ending is unknown or the file cannot be written.
pub fn write_table(path: &Path, columns: Vec<(String, OutColumn)>) -> Result<(), TableError> {
    let unwritable = |error: String| TableError::Unwritable { path: path.to_owned(), error };
    let series = columns.into_iter().map(|(name, column)| out_series(&name, column)).collect::<PolarsResult<Vec<_>>>();
    let mut frame = series
        .and_then(|series| DataFrame::new_infer_height(series.into_iter().map(Column::from).collect()))
        .map_err(|error| unwritable(error.to_string()))?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| unwritable(error.to_string()))?;
    }
    let is_parquet = path.extension().is_some_and(|ending| ending == "parquet");
    if !is_parquet && path.extension().is_none_or(|ending| ending != "csv") {
        return Err(TableError::UnknownFormat { path: path.to_owned() });
    }
    let written = tend_models::files::write_atomically(path, |writer| {
        let outcome = if is_parquet {
            ParquetWriter::new(writer).with_compression(ParquetCompression::Snappy).finish(&mut frame).map(|_| ())
        } else {
            CsvWriter::new(writer).with_datetime_format(Some("%Y-%m-%dT%H:%M:%SZ".into())).finish(&mut frame)
        };
        outcome.map_err(std::io::Error::other)
    });
    written.map_err(|error| unwritable(error.to_string()))
}

fn out_series(name: &str, column: OutColumn) -> PolarsResult<Series> {
    let name = PlSmallStr::from(name);
    Ok(match column {
        OutColumn::Text(values) => Series::new(name, values),
        OutColumn::Coded(levels, codes) => {
            let text = |code: u32| levels.get(code as usize).map(String::as_str);
            StringChunked::from_iter_options(name, codes.into_iter().map(text)).into_series()
        }
        OutColumn::Number(values) => {
            let given = |value: f64| (!value.is_nan()).then_some(value);
            Float64Chunked::from_iter_options(name, values.into_iter().map(given)).into_series()
        }
        OutColumn::Whole(values) => Series::new(name, values),
        OutColumn::Flag(values) => Series::new(name, values),
        OutColumn::Time(values) if values.iter().all(|&at| at == i64::MAX || at % DAY_SECONDS == 0) => {
            let day = |at: i64| (at != i64::MAX).then_some((at / DAY_SECONDS) as i32);
            Int32Chunked::from_iter_options(name, values.into_iter().map(day)).into_series().cast(&DataType::Date)?
        }
        OutColumn::Time(values) => {
            let micros = |at: i64| (at != i64::MAX).then_some(at * 1_000_000);
            Int64Chunked::from_iter_options(name, values.into_iter().map(micros))
                .into_series()
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?
        }
    })
}
