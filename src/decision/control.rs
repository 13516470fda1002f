//! Who is in the control group: a stable share of the customers, told by id and salt alone.

/// A share of the customers who are left alone so that effects can be measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ControlGroup {
    /// From 0 to below 1.
    pub(super) share: f64,
    /// Another salt draws another group.
    pub(super) salt: String,
}

impl ControlGroup {
    /// Whether a customer is in the group: the same answer on every machine, whatever the other customers are.
    pub(super) fn holds(&self, customer_id: &str) -> bool {
        draw(&self.salt, customer_id) < self.share
    }
}

/// A number from 0 to below 1 that looks random and depends on the two texts alone.
pub(super) fn draw(salt: &str, id: &str) -> f64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    // A byte that is in no text keeps ("a", "bc") apart from ("ab", "c").
    let bytes = salt.bytes().chain([0xff]).chain(id.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    // FNV-1a mixes its last bytes little; this finaliser spreads them over all bits (Stafford 2011, variant 13).
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let hash = hash ^ (hash >> 31);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_the_salt_draws_anew() {
        const CUSTOMERS: usize = 100_000;
        const BINS: usize = 100;
        let mut counts = [0_u32; BINS];
        let mut both = 0;
        for customer in 0..CUSTOMERS {
            let id = format!("c{customer}");
            let (one, other) = (draw("2026", &id), draw("2027", &id));
            counts[(one * BINS as f64) as usize] += 1;
            both += u32::from(one < 0.1 && other < 0.1);
        }
        let expected = (CUSTOMERS / BINS) as f64;
        let chi_squared: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        // 99 degrees of freedom: above 148.2 with probability .001.
        assert!(chi_squared < 148.2, "{chi_squared}");
        // Independent groups of a tenth share a hundredth: 1000 +- 4 standard deviations of 31.5.
        assert!((874..=1126).contains(&both), "{both}");
    }

    #[test]
    fn the_group_stays_the_same() {
        let group = ControlGroup { share: 0.5, salt: "spring".to_owned() };
        let members: Vec<bool> = ["c1", "c2", "c3", "c4", "c5", "c6"].iter().map(|id| group.holds(id)).collect();
        let again: Vec<bool> = ["c1", "c2", "c3", "c4", "c5", "c6"].iter().map(|id| group.holds(id)).collect();
        assert_eq!(members, again);
        assert!(!ControlGroup { share: 0.0, ..group }.holds("c1"));
    }
}
