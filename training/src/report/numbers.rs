//! Numbers as people read them: thousands separated, shares in percent, signs shown where they matter.

/// A count or an amount: with thousands separators, and decimals only as far as they matter.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        _ if value.fract() == 0.0 || magnitude >= 100.0 => 0,
        _ if magnitude >= 10.0 => 1,
        _ if magnitude >= 0.1 => 2,
        _ => 4,
    };
    fixed(value, decimals)
}

/// A whole count, with thousands separators.
pub(crate) fn count(value: u64) -> String {
    separated(&value.to_string())
}

/// A figure of quality, three decimals; a dash if it could not be had.
pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| fixed(value, 3))
}

/// A share as a percentage: one decimal below 10 %, none from there on, and never 0 % where something is there.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.0005 {
        return "under 0.1%".to_owned();
    }
    let percent = share * 100.0;
    let decimals = usize::from(percent.abs() < 9.95 && percent != 0.0);
    format!("{}%", fixed(percent, decimals))
}

/// The multiple of a base, such as "3.4 times".
pub(super) fn times(factor: f64) -> String {
    format!("{} times", fixed(factor, if factor < 0.95 { 2 } else { 1 }))
}

/// A relative difference in words, such as "3.1% above".
pub(super) fn above_or_below(difference: f64) -> String {
    let size = percent(difference.abs());
    if difference.abs() < 0.0005 {
        "level with".to_owned()
    } else if difference > 0.0 {
        format!("{size} above")
    } else {
        format!("{size} below")
    }
}

/// The number with its noun: "1 customer", "2 customers".
pub(super) fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// A number with so many decimals, and thousands separators; a dash if it is not finite.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    format!("{sign}{}{fraction}", separated(whole))
}

fn separated(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(number(1_234_567.8), "1,234,568");
        assert_eq!(number(-999.6), "−1,000");
        assert_eq!(number(12.345), "12.3");
        assert_eq!(number(0.25), "0.25");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(f64::NAN), "–");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(figure(None), "–");
        assert_eq!(figure(Some(-0.0001)), "0.000");
    }

    #[test]
    fn shares_and_differences_carry_their_unit() {
        assert_eq!(percent(0.1234), "12%");
        assert_eq!(percent(0.0123), "1.2%");
        assert_eq!(percent(0.0996), "10%");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.0001), "under 0.1%");
        assert_eq!(times(3.44), "3.4 times");
        assert_eq!(times(0.25), "0.25 times");
        assert_eq!(above_or_below(-0.031), "3.1% below");
        assert_eq!(above_or_below(0.00001), "level with");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }
}
