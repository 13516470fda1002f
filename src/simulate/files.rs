//! Writes a simulated company as files.

use std::path::Path;

use tend_models::quantities::DAY_SECONDS;
use tend_training::tables::{OutColumn, TableError, write_table};

use super::{Company, EMPTY_DATE, SimColumn};

impl Company {
    /// Writes every table as Parquet under its name into a folder.
    ///
    /// # Errors
    /// [`TableError`] if a file cannot be written.
    pub fn write(self, folder: &Path) -> Result<(), TableError> {
        for table in self.tables {
            let columns =
                table.columns.into_iter().map(|(name, column)| (name.to_owned(), out_column(column))).collect();
            write_table(&folder.join(format!("{}.parquet", table.name)), columns)?;
        }
        Ok(())
    }
}

fn out_column(column: SimColumn) -> OutColumn {
    match column {
        SimColumn::Coded { levels, codes } => OutColumn::Coded(levels, codes),
        SimColumn::Number(values) => OutColumn::Number(values),
        SimColumn::Whole(values) => OutColumn::Whole(values),
        SimColumn::Time(values) => OutColumn::Time(values),
        SimColumn::Flag(values) => OutColumn::Flag(values),
        SimColumn::Date(days) => {
            let seconds = |day: i32| if day == EMPTY_DATE { i64::MAX } else { i64::from(day) * DAY_SECONDS };
            OutColumn::Time(days.into_iter().map(seconds).collect())
        }
    }
}
