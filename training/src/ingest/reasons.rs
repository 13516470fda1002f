//! Why a row cannot be used: a name to count it by, and a sentence about the value for the person who can mend it.

use std::borrow::Cow;

use crate::tables::parse_number;

/// Amounts beyond this are mistakes: a double does not hold their cents.
pub const LARGEST_NUMBER: f64 = 1e13;

/// Why a row cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A required value is not given: what it is.
    Empty(&'static str),
    /// An id that an earlier row has: whose it is.
    Duplicate(&'static str),
    /// A text that is no date.
    NotADate,
    /// A date after the present.
    Future,
    /// A row from before its customer was created.
    BeforeCustomer,
    /// A subscription's end before its start.
    EndsBeforeStart,
    /// A text that is no number.
    NotANumber,
    /// A number beyond [`LARGEST_NUMBER`].
    TooLarge,
    /// A text that is neither yes nor no.
    NotYesOrNo,
    /// A consent's status that is not known.
    UnknownStatus,
    /// An amount in another currency than the company's.
    OtherCurrency,
}

impl Reason {
    /// What rows are counted by.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Empty(what) => return Cow::Owned(format!("empty {what}")),
            Self::Duplicate(what) => return Cow::Owned(format!("duplicate {what}")),
            Self::NotADate => "date not understood",
            Self::Future => "date in the future",
            Self::BeforeCustomer => "before the customer existed",
            Self::EndsBeforeStart => "ends before it starts",
            Self::NotANumber => "not a number",
            Self::TooLarge => "number too large",
            Self::NotYesOrNo => "neither yes nor no",
            Self::UnknownStatus => "unknown status",
            Self::OtherCurrency => "another currency",
        })
    }

    /// What was found in a column, what was expected and what to do.
    #[must_use]
    pub fn sentence(self, column: &str, value: &str, decimal: char) -> String {
        let advice = match self {
            Self::Empty(_) => "which no row may be; fill it in or leave the row out",
            Self::Duplicate(_) => "which an earlier row has too; expected each once; leave one of the rows out",
            Self::NotADate => {
                "which is not a date; write one such as 2024-01-31 or 2024-01-31T18:05:00, or set `date_format` (as in \"%d.%m.%Y\") in tend.toml under [format]"
            }
            Self::Future => "which is in the future; expected what has happened; correct it or wait for it",
            Self::BeforeCustomer => {
                "which is before the customer's `created_at`; expected a time from that day on; correct one of the two"
            }
            Self::EndsBeforeStart => "which is before its start; expected a later date or none; correct one of the two",
            Self::NotANumber => &format!("which is not a number; {}", number_advice(value, decimal)),
            Self::TooLarge => &format!("which is beyond {LARGEST_NUMBER:e}, where cents are lost; correct it"),
            Self::NotYesOrNo => "which is neither yes nor no; write true or false",
            Self::UnknownStatus => "which is not known; write granted, denied or withdrawn",
            Self::OtherCurrency => {
                "which is not the `currency` in tend.toml under [company]; convert the amount or leave the row out"
            }
        };
        let found = if value.is_empty() { "empty".to_owned() } else { format!("{value:?}") };
        format!("`{column}` is {found}, {advice}")
    }
}

/// How a text that was meant as a number should be written, or read.
fn number_advice(text: &str, decimal: char) -> String {
    let other = if decimal == '.' { ',' } else { '.' };
    if parse_number(text, other).is_some() {
        let rewritten = text.replace(decimal, "").replace(other, &decimal.to_string());
        return format!("write {rewritten} or set `decimal = \"{other}\"` in tend.toml under [format]");
    }
    let without_groups = text.replace(other, "");
    let example = if parse_number(&without_groups, decimal).is_some() {
        without_groups
    } else {
        format!("one such as 12{decimal}50")
    };
    format!("write {example}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_another_notation_is_shown_in_the_right_one() {
        let sentence = |value, decimal| Reason::NotANumber.sentence("amount", value, decimal);
        assert_eq!(
            sentence("12,50", '.'),
            "`amount` is \"12,50\", which is not a number; write 12.50 or set `decimal = \",\"` in tend.toml under [format]"
        );
        assert!(sentence("1.234,50", '.').contains("write 1234.50 or set `decimal = \",\"`"));
        assert!(sentence("12.50", ',').contains("write 12,50 or set `decimal = \".\"`"));
        assert!(sentence("1,234.50", '.').ends_with("write 1234.50"));
        assert!(sentence("free", '.').ends_with("write one such as 12.50"));
    }
}
