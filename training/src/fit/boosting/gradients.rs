//! Gradients of the loss as whole numbers: their sums are exact, so no order of adding and no subtraction of one
//! sum from another can change a model.

/// Most rows of a fit: beyond, too few bits would be left for the hessians.
pub(super) const MOST_ROWS: usize = 1 << 26;

/// First and second derivative of one row's loss by its score, in units of a [`Scale`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Gradient {
    first: i32,
    second: i32,
}

/// Sums over rows: the first derivatives; the second derivatives and, in the bits above, the number of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    first: i64,
    second_and_rows: i64,
}

impl std::ops::AddAssign for Sums {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        self.first += other.first;
        self.second_and_rows += other.second_and_rows;
    }
}

impl std::ops::Sub for Sums {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { first: self.first - other.first, second_and_rows: self.second_and_rows - other.second_and_rows }
    }
}

/// [`Sums`] as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Totals {
    pub first: f64,
    pub second: f64,
    pub rows: usize,
}

/// How many bits of whole numbers stand for what.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scale {
    /// What one whole number stands for.
    first_unit: f64,
    second_unit: f64,
    rows_shift: u32,
}

impl Scale {
    /// Suits this many rows, at most [`MOST_ROWS`], whose weighted derivatives are at most so large.
    pub(super) fn new(rows: usize, largest: [f64; 2]) -> Self {
        let bits_of_rows = usize::BITS - rows.leading_zeros();
        let bits_of_second = (63 - 2 * bits_of_rows).min(30);
        Self {
            first_unit: largest[0] / f64::from(1 << 30),
            second_unit: largest[1] / f64::from(1 << bits_of_second),
            rows_shift: 63 - bits_of_rows,
        }
    }

    /// Of one row, from its derivatives.
    pub(super) fn gradient(&self, [first, second]: [f64; 2], weight: f64) -> Gradient {
        // Half a unit more and cut off is rounding, at a fraction of the price of `round`. Where all derivatives are
        // 0, the unit is too, and the cast makes 0 of their ratio.
        let nearest = |number: f64| (number + 0.5_f64.copysign(number)) as i32;
        Gradient {
            first: nearest(first * weight / self.first_unit),
            second: nearest(second * weight / self.second_unit),
        }
    }

    /// The sums of one row alone.
    #[inline(always)]
    pub(super) fn sums(&self, gradient: Gradient) -> Sums {
        Sums {
            first: i64::from(gradient.first),
            second_and_rows: i64::from(gradient.second) + (1_i64 << self.rows_shift),
        }
    }

    /// Back to plain numbers.
    #[inline(always)]
    pub(super) fn totals(&self, sums: Sums) -> Totals {
        Totals {
            first: sums.first as f64 * self.first_unit,
            second: (sums.second_and_rows & ((1 << self.rows_shift) - 1)) as f64 * self.second_unit,
            rows: self.rows(sums),
        }
    }

    /// Number of rows in the sums.
    #[inline(always)]
    pub(super) fn rows(&self, sums: Sums) -> usize {
        (sums.second_and_rows >> self.rows_shift) as usize
    }
}
