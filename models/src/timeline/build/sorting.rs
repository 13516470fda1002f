//! Sorts the rows of a table by customer and time.

use bytemuck::Pod;

use crate::timeline::{Column, NO_CODE};

/// The order that brings one table's rows to customer and time, applied column by column.
pub(super) struct Sorter {
    offsets: Vec<u64>,
    at: Vec<i64>,
    order: Vec<u32>,
}

impl Sorter {
    /// Counts rows by customer and lays them out in their order; sorts only customers whose rows are not in the order of
    /// time already, as most companies' tables are.
    pub(super) fn new(customer: &[u32], at: &[i64], ranks: &[u32]) -> Self {
        assert!(u32::try_from(at.len()).is_ok(), "a table holds at most 4,294,967,295 rows");
        let mut counts = vec![0_u32; ranks.len()];
        for &code in customer {
            counts[code as usize] += 1;
        }
        let mut offsets = vec![0_u64; ranks.len() + 1];
        for (&rank, &count) in ranks.iter().zip(&counts) {
            offsets[rank as usize + 1] = u64::from(count);
        }
        for place in 1..offsets.len() {
            offsets[place] += offsets[place - 1];
        }
        let mut next = counts;
        for (next, &rank) in next.iter_mut().zip(ranks) {
            *next = offsets[rank as usize] as u32;
        }
        let mut order = vec![0_u32; at.len()];
        for (row, &code) in customer.iter().enumerate() {
            let place = &mut next[code as usize];
            order[*place as usize] = row as u32;
            *place += 1;
        }
        let mut sorted_at: Vec<i64> = order.iter().map(|&row| at[row as usize]).collect();
        for bounds in offsets.windows(2) {
            let rows = bounds[0] as usize..bounds[1] as usize;
            if !sorted_at[rows.clone()].is_sorted() {
                order[rows.clone()].sort_by_key(|&row| at[row as usize]);
                sorted_at[rows].sort_unstable();
            }
        }
        Self { offsets, at: sorted_at, order }
    }

    pub(super) fn offsets(&mut self) -> Column<u64> {
        std::mem::take(&mut self.offsets).into()
    }

    /// The times in sorted order.
    pub(super) fn at(&mut self) -> Column<i64> {
        std::mem::take(&mut self.at).into()
    }

    /// The column in sorted order; an empty column stays empty.
    pub(super) fn column<T: Pod>(&self, values: Vec<T>) -> Column<T> {
        if values.is_empty() {
            return Column::default();
        }
        self.order.iter().map(|&row| values[row as usize]).collect::<Vec<T>>().into()
    }

    pub(super) fn codes(&self, codes: Vec<u32>, ranks: &[u32]) -> Column<u32> {
        if codes.is_empty() {
            return Column::default();
        }
        let ranked = |code: u32| {
            if code == NO_CODE { NO_CODE } else { ranks[code as usize] }
        };
        self.order.iter().map(|&row| ranked(codes[row as usize])).collect::<Vec<u32>>().into()
    }
}

/// For each rank, the code that has it.
pub(super) fn inverse(ranks: &[u32]) -> Vec<u32> {
    let mut order = vec![0; ranks.len()];
    for (code, &rank) in ranks.iter().enumerate() {
        order[rank as usize] = code as u32;
    }
    order
}
