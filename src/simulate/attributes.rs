//! The attributes of customers that the company may record, and what they go along with.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// One level of an attribute: its share of customers and its factors on what they do.
pub(super) struct Level {
    pub(super) name: &'static str,
    share: f64,
    pub(super) rate: f64,
    pub(super) dropout: f64,
    pub(super) spend: f64,
}

const fn level(name: &'static str, share: f64, rate: f64, dropout: f64, spend: f64) -> Level {
    Level { name, share, rate, dropout, spend }
}

/// Acquisition channels.
pub(super) const ACQUISITION: [Level; 5] = [
    level("search", 0.32, 1.0, 0.9, 1.0),
    level("social", 0.26, 0.55, 1.7, 0.85),
    level("referral", 0.16, 1.6, 0.45, 1.15),
    level("partner", 0.14, 0.75, 1.4, 0.95),
    level("store", 0.12, 1.3, 0.7, 1.1),
];
/// Mean cost of acquiring a customer, by acquisition channel.
pub(super) const ACQUISITION_COST: [f64; 5] = [14.0, 22.0, 8.0, 17.0, 5.0];
/// Countries.
pub(super) const COUNTRIES: [Level; 4] = [
    level("DE", 0.5, 1.0, 1.0, 1.0),
    level("AT", 0.18, 1.1, 0.9, 1.0),
    level("CH", 0.12, 0.95, 0.8, 1.45),
    level("FR", 0.2, 0.85, 1.2, 0.9),
];
/// Households.
pub(super) const HOUSEHOLDS: [Level; 3] = [
    level("single", 0.4, 0.75, 1.25, 0.8),
    level("couple", 0.33, 1.0, 0.9, 1.0),
    level("family", 0.27, 1.5, 0.65, 1.3),
];
/// Ages in [`AGE_YEARS`] bands; only the birth year is recorded.
pub(super) const AGES: [Level; 4] = [
    level("18-29", 0.25, 0.75, 1.4, 0.8),
    level("30-44", 0.32, 1.15, 0.95, 1.05),
    level("45-59", 0.26, 1.25, 0.75, 1.15),
    level("60-79", 0.17, 0.8, 0.9, 1.0),
];
/// First and last age of each band, in years.
pub(super) const AGE_YEARS: [(i32, i32); 4] = [(18, 29), (30, 44), (45, 59), (60, 79)];
/// Whether the newsletter is read.
pub(super) const NEWSLETTER: [Level; 2] = [level("no", 0.55, 0.8, 1.25, 1.0), level("yes", 0.45, 1.3, 0.7, 1.0)];
/// Devices at sign-up: recorded, and without any influence.
pub(super) const DEVICES: [&str; 3] = ["web", "ios", "android"];

/// Missing, as a position in a list of levels.
pub(super) const MISSING: u8 = u8::MAX;

/// Draws the position of a level by share.
pub(super) fn choose(rng: &mut Xoshiro256PlusPlus, levels: &[Level]) -> usize {
    let mut left: f64 = rng.random();
    for (index, level) in levels.iter().enumerate() {
        left -= level.share;
        if left < 0.0 {
            return index;
        }
    }
    levels.len() - 1
}

/// The product of the levels' factors, as a multiple of its mean over all customers.
pub(super) fn relative(levels: &[(&[Level], usize)], factor: fn(&Level) -> f64) -> f64 {
    levels
        .iter()
        .map(|&(all, chosen)| {
            let mean: f64 = all.iter().map(|level| level.share * factor(level)).sum();
            factor(&all[chosen]) / mean
        })
        .product()
}
