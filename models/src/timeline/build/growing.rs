//! Columns that grow row by row and take no memory until a value is given.

use bytemuck::Pod;

use crate::timeline::{Column, NEVER, NO_CODE};

/// The value of a row that the company does not give.
pub(super) trait Absent: Copy + Default + std::fmt::Debug {
    type Value: Pod;
    const VALUE: Self::Value;
    fn is(value: Self::Value) -> bool;
}

macro_rules! absent {
    ($name:ident, $value:ty, $absent:expr, $is:expr) => {
        #[derive(Debug, Clone, Copy, Default)]
        pub(super) struct $name;
        impl Absent for $name {
            type Value = $value;
            const VALUE: $value = $absent;
            fn is(value: $value) -> bool {
                let is: fn($value) -> bool = $is;
                is(value)
            }
        }
    };
}

absent!(KnownAtOnce, i64, i64::MIN, |value| value == i64::MIN);
absent!(NotYet, i64, NEVER, |value| value == NEVER);
absent!(NoCode, u32, NO_CODE, |value| value == NO_CODE);
absent!(No, u8, 0, |value| value == 0);
absent!(UnknownNumber, f64, f64::NAN, f64::is_nan);
absent!(UnknownShortNumber, f32, f32::NAN, f32::is_nan);

pub(super) type KnownTimes = Growing<KnownAtOnce>;
pub(super) type OpenTimes = Growing<NotYet>;
pub(super) type Codes = Growing<NoCode>;
pub(super) type Flags = Growing<No>;
pub(super) type Numbers = Growing<UnknownNumber>;
pub(super) type ShortNumbers = Growing<UnknownShortNumber>;

/// A column that takes no memory until its first given value.
#[derive(Debug, Default)]
pub(super) struct Growing<A: Absent> {
    values: Vec<A::Value>,
    length: usize,
}

impl<A: Absent> Growing<A> {
    pub(super) fn set(&mut self, place: usize, value: A::Value) {
        self.length = self.length.max(place + 1);
        if A::is(value) && place >= self.values.len() {
            return;
        }
        if place >= self.values.len() {
            self.values.resize(place + 1, A::VALUE);
        }
        self.values[place] = value;
    }

    /// One value a row, or nothing at all if no value was ever given.
    pub(super) fn filled(mut self) -> Vec<A::Value> {
        if !self.values.is_empty() {
            self.values.resize(self.length, A::VALUE);
        }
        self.values
    }

    /// One value a customer in sorted order, or nothing at all if no value was ever given.
    pub(super) fn by_customer(self, order: &[u32]) -> Column<A::Value> {
        if self.values.is_empty() {
            return Column::default();
        }
        self.every_customer(order)
    }

    /// One value a customer in sorted order.
    pub(super) fn every_customer(self, order: &[u32]) -> Column<A::Value> {
        let value = |&code: &u32| self.values.get(code as usize).copied().unwrap_or(A::VALUE);
        order.iter().map(value).collect::<Vec<_>>().into()
    }
}
