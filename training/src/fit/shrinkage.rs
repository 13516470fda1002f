//! Rates of many small groups, each pulled towards the rate of all as far as its own rows are few.

/// How often something happened in a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// Rows where it happened.
    pub happened: f64,
    /// All rows, above 0.
    pub rows: f64,
}

/// The empirical-Bayes rate of each group: (happened + s m) / (rows + s), from 0 to 1.
///
/// m is `towards`, or else the rate of all groups together. The strength s = (1 - ρ) / ρ comes from the groups
/// themselves: ρ is how much more their rates differ than chance alone would have it, 0 where they do not and all get
/// the rate m. Its estimate solves E\[S\] = M (1 - M) (K - 1 + ρ Σ (1 - n / N) (n - 1)), where S = Σ n (p - M)² over K
/// groups of n rows and rates p, with N rows and the rate M in all. Sources: Robbins (1956) for the idea; Kleinman
/// (1973), *Proportions with extraneous variance*, for the beta-binomial and its moments.
#[must_use]
pub fn shrunken_rates(groups: &[Count], towards: Option<f64>) -> Vec<f64> {
    let rows: f64 = groups.iter().map(|group| group.rows).sum();
    let overall = groups.iter().map(|group| group.happened).sum::<f64>() / rows;
    let target = towards.unwrap_or(overall);
    let spread: f64 = groups.iter().map(|group| group.rows * (group.happened / group.rows - overall).powi(2)).sum();
    let by_chance = overall * (1.0 - overall);
    let leverage: f64 = groups.iter().map(|group| (1.0 - group.rows / rows) * (group.rows - 1.0)).sum();
    let correlation = if by_chance > 0.0 && leverage > 0.0 {
        ((spread / by_chance - (groups.len() as f64 - 1.0)) / leverage).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let rate = |group: &Count| {
        if correlation == 0.0 {
            return target;
        }
        let strength = (1.0 - correlation) / correlation;
        (group.happened + strength * target) / (group.rows + strength)
    };
    groups.iter().map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn count(happened: f64, rows: f64) -> Count {
        Count { happened, rows }
    }

    #[test]
    fn groups_of_two_rates_are_shrunk_as_worked_out_by_hand() {
        // M = .2, S = 100 x .01 x 2 = 2, chance .16: 2 / .16 - 1 = 11.5. Leverage: 2 x .5 x 99 = 99.
        let correlation = 11.5 / 99.0;
        let strength = (1.0 - correlation) / correlation;
        let found = shrunken_rates(&[count(10.0, 100.0), count(30.0, 100.0)], None);
        let expected = [(10.0 + 0.2 * strength) / (100.0 + strength), (30.0 + 0.2 * strength) / (100.0 + strength)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
        }
    }

    #[test]
    fn rates_that_differ_by_chance_alone_become_one() {
        assert_eq!(shrunken_rates(&[count(2.0, 10.0), count(2.0, 10.0), count(1.0, 5.0)], None), [0.2; 3]);
        assert_eq!(shrunken_rates(&[count(3.0, 10.0)], Some(0.1)), [0.1]);
    }

    #[test]
    fn fewer_rows_are_pulled_further() {
        let groups = [count(40.0, 100.0), count(100.0, 1_000.0), count(4.0, 10.0), count(50.0, 400.0)];
        let rates = shrunken_rates(&groups, None);
        assert!(rates[0] < 0.4 && rates[2] < rates[0] && rates[2] > 0.13, "{rates:?}");
        assert!((rates[1] - 0.1).abs() < 0.005, "{rates:?}");
    }
}
