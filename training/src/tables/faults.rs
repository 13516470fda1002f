//! Says why a CSV file cannot be read, with the row, so that it can be mended.

/// Bytes that took the place of ones that are not UTF-8.
const REPLACED: char = '\u{fffd}';

/// What is wrong with the first row that does not fit the header, and what to do. `None` if every row fits.
///
/// `lines` are the lines of the file without their ends, the header first.
pub fn first_fault<'a>(lines: impl Iterator<Item = &'a str>, separator: char) -> Option<String> {
    let mut expected = None;
    let (mut row, mut fields, mut is_quoted) = (1, 1, false);
    for line in lines {
        if line.contains(REPLACED) {
            return Some(format!("row {row} is not UTF-8: {line:?}; save the file as UTF-8"));
        }
        for letter in line.chars() {
            match letter {
                '"' => is_quoted = !is_quoted,
                letter if letter == separator && !is_quoted => fields += 1,
                _ => {}
            }
        }
        if is_quoted {
            continue;
        }
        let header = *expected.get_or_insert(fields);
        if fields > header {
            return Some(format!(
                "row {row} has {fields} values, the header has {header}: {line:?}; put values that hold a {separator:?} into double quotes"
            ));
        }
        (row, fields) = (row + 1, 1);
    }
    is_quoted.then(|| format!("row {row} opens a double quote that is never closed; close it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<String> {
        first_fault(text.lines(), ',')
    }

    #[test]
    fn the_first_row_that_does_not_fit_is_named() {
        assert_eq!(fault("a,b\n1,2\n\"x,\ny\",2\n3\n"), None);
        let long = fault("a,b\n\"x,\ny\",2\n1,12,50\n").expect("a row with three values");
        assert!(long.starts_with("row 3 has 3 values, the header has 2: \"1,12,50\"; put values"), "{long}");
        let latin = fault("a,b\nM\u{fffd}ller,2\n").expect("a row that is not UTF-8");
        assert!(latin.starts_with("row 2 is not UTF-8"), "{latin}");
        let open = fault("a,b\n\"1,2\n3,4\n").expect("a quote without end");
        assert!(open.starts_with("row 2 opens a double quote"), "{open}");
    }
}
