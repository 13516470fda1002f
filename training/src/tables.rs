//! Reads and writes tables: CSV (also .gz) and Parquet. Only this module and its parts name Polars.

mod batch;
mod faults;
mod text;
mod write;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars_core::prelude::*;
use polars_io::prelude::*;

pub use batch::{Batch, Cell, Texts};
pub use text::TextFormat;
pub(crate) use text::parse_number;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_end_where_groups_of_rows_do() {
        let group = BATCH_ROWS / 2 + 1;
        assert_eq!(batches([group, group].into_iter()), [0..group, group..2 * group]);
        let groups = [BATCH_ROWS / 4; 5];
        assert_eq!(batches(groups.into_iter()), [0..BATCH_ROWS, BATCH_ROWS..BATCH_ROWS + BATCH_ROWS / 4]);
        assert!(batches(std::iter::empty()).is_empty());
    }

    #[test]
    fn a_group_too_large_for_memory_is_cut_and_no_row_is_lost_or_repeated() {
        let groups = [10, 5 * BATCH_ROWS + 3, 7];
        let batches = batches(groups.into_iter());
        let longest = batches.iter().map(ExactSizeIterator::len).max();
        assert!(longest <= Some(2 * BATCH_ROWS), "found a batch of {longest:?} rows");
        assert_eq!(batches[0].start, 0);
        assert_eq!(batches.last().map(|batch| batch.end), Some(groups.iter().sum()));
        for pair in batches.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
    }
}
