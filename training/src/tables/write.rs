//! Writes tables.

use std::path::Path;
use std::sync::Arc;

use polars_core::prelude::*;
use polars_io::prelude::*;
use tend_models::quantities::DAY_SECONDS;

use super::TableError;

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
