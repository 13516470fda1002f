//! Attributes while they grow, in the order in which customers were first seen.

use super::growing::{Codes, Numbers};
use super::interner::Interner;
use crate::timeline::{Attribute, AttributeValues, NO_CODE};

#[derive(Debug)]
pub(super) struct GrowingAttribute {
    pub(super) name: String,
    pub(super) values: GrowingValues,
}

#[derive(Debug)]
pub(super) enum GrowingValues {
    Number(Numbers),
    Category(Interner, Codes),
}

impl GrowingAttribute {
    pub(super) fn finish(self, order: &[u32]) -> Attribute {
        let values = match self.values {
            GrowingValues::Number(values) => AttributeValues::Number(values.every_customer(order)),
            GrowingValues::Category(levels, codes) => {
                let (levels, ranks) = levels.sorted_names();
                let ranked = |&code: &u32| {
                    if code == NO_CODE { NO_CODE } else { ranks[code as usize] }
                };
                let codes = codes.every_customer(order).iter().map(ranked).collect::<Vec<u32>>().into();
                AttributeValues::Category { levels, codes }
            }
        };
        Attribute { name: self.name, values }
    }
}
