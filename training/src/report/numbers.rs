//! How numbers are written in a report: thousands parted, percent, money, a dash for what is unknown.

/// What stands for a number that is unknown.
const UNKNOWN: &str = "–";

/// Number of things, such as `12,345`.
pub(super) fn count(value: usize) -> String {
    grouped(&value.to_string())
}

/// A number with so many decimals, such as `12,345.60`.
pub(super) fn decimal(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let written = format!("{:.decimals$}", value.abs());
    // A number that rounds to zero has no sign.
    let negative = value < 0.0 && written.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    let sign = if negative { "−" } else { "" };
    match written.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", grouped(whole)),
        None => format!("{sign}{}", grouped(&written)),
    }
}

/// As [`decimal`], with a dash where there is no number.
pub(super) fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| decimal(value, decimals))
}

/// A share from 0 to 1 as percent, with one decimal below 10 % and above 90 %, where it tells something.
pub(super) fn percent(share: f64) -> String {
    let near_an_end = share != 0.0 && share != 1.0 && !(0.1..=0.9).contains(&share);
    let written = decimal(share * 100.0, usize::from(near_an_end));
    if written == UNKNOWN {
        return written;
    }
    format!("{written}%")
}

/// An amount, with its currency if there is one: whole from 100 on, else with two decimals.
pub(super) fn money(value: f64, currency: &str) -> String {
    let written = amount(value);
    if currency.is_empty() || written == UNKNOWN {
        return written;
    }
    format!("{currency}\u{a0}{written}")
}

/// An amount in any unit: whole from 100 on, else with two decimals; zero is `0`.
pub(super) fn amount(value: f64) -> String {
    let whole = value == 0.0 || value.abs() >= 100.0;
    decimal(value, if whole { 0 } else { 2 })
}

/// A number on an axis whose ticks are `step` apart: as many decimals as the step needs, k and M for large ones.
pub(super) fn tick(value: f64, step: f64) -> String {
    let (scale, suffix) = match step.abs() {
        step if step >= 1e6 => (1e6, "M"),
        step if step >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = (-(step / scale).log10().floor()).clamp(0.0, 9.0) as usize;
    let written = decimal(value / scale, decimals);
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{written}{suffix}")
}

fn grouped(digits: &str) -> String {
    let mut written = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(decimal(-1234.5, 2), "−1,234.50");
        assert_eq!(decimal(-0.0001, 2), "0.00");
        assert_eq!(decimal(f64::NAN, 2), "–");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.0312), "3.1%");
        assert_eq!(percent(0.5), "50%");
        assert_eq!(percent(0.987), "98.7%");
        assert_eq!(percent(f64::INFINITY), "–");
        assert_eq!(money(1653.4, "EUR"), "EUR\u{a0}1,653");
        assert_eq!(money(12.5, ""), "12.50");
    }

    #[test]
    fn ticks_have_the_decimals_their_step_needs() {
        assert_eq!(tick(0.25, 0.05), "0.25");
        assert_eq!(tick(150.0, 50.0), "150");
        assert_eq!(tick(2_500.0, 500.0), "2,500");
        assert_eq!(tick(20_000.0, 5_000.0), "20k");
        assert_eq!(tick(3e6, 1e6), "3M");
        assert_eq!(tick(0.0, 0.1), "0");
    }
}
