//! The closest known name to one that is not known.

/// " Did you mean `x`?", or the known names if none is close.
///
/// A name is close if a third of its letters or fewer (but always two) must be changed.
pub(super) fn advice<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    let close = known
        .iter()
        .map(|name| (changes(wanted, name), name))
        .filter(|(changes, name)| *changes <= (name.chars().count() / 3).max(2))
        .min_by_key(|(changes, _)| *changes);
    if let Some((_, name)) = close {
        return format!("did you mean `{name}`?");
    }
    if known.is_empty() {
        return "there are none".to_owned();
    }
    let shown: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = match known.len().saturating_sub(SHOWN) {
        0 => String::new(),
        left => format!(" and {left} more"),
    };
    format!("use one of {}{more}", shown.join(", "))
}

/// How many letters must be added, dropped or replaced to turn one name into the other, ignoring case.
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_to_change_are_counted() {
        assert_eq!(changes("kitten", "sitting"), 3);
        assert_eq!(changes("", "abc"), 3);
        assert_eq!(changes("At_Risk", "at_risk"), 0);
    }

    #[test]
    fn a_close_name_is_suggested_and_otherwise_all_are_listed() {
        assert_eq!(advice("at_rsk", ["new", "at_risk"]), "did you mean `at_risk`?");
        assert_eq!(advice("xyzxyz", ["new", "loyal"]), "use one of `new`, `loyal`");
        assert_eq!(advice("x", []), "there are none");
    }
}
