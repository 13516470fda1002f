//! Integrals of smooth, positive functions of time by Gauss-Legendre quadrature.

/// Beyond this discount, in e-folds, nothing is left of a purchase in double precision.
const DISCOUNTED_AWAY: f64 = 45.0;

/// Further ahead than this many time units nothing is asked; it keeps an undiscounted, endless horizon finite.
const FARTHEST: f64 = 1e12;

/// Over this many e-folds of a decaying exponential the 16-point rule is exact to the last digits.
pub(super) const E_FOLDS: f64 = 16.0;

/// Positive nodes and weights of the 16-point rule on \[−1, 1\]; Abramowitz and Stegun, table 25.4.
pub(super) const NODES_AND_WEIGHTS: [(f64, f64); 8] = [
    (0.09501250983763744, 0.1894506104550685),
    (0.2816035507792589, 0.18260341504492358),
    (0.45801677765722737, 0.16915651939500254),
    (0.6178762444026438, 0.14959598881657674),
    (0.755404408355003, 0.12462897125553388),
    (0.8656312023878318, 0.09515851168249279),
    (0.9445750230732326, 0.062253523938647894),
    (0.9894009349916499, 0.027152459411754096),
];

/// ∫ e^(`log_rate`(s) − `force` · s) ds from `from` to `until`, for a rate that is a mixture of decaying exponentials.
///
/// `force` is the force of interest for one time unit. Intervals double in length; the first one is short enough for
/// `fastest`, a rate of decay per time unit that practically none of the mixture exceeds. So the result is right to
/// about 12 digits. `until` may be infinite if `force` is above 0.
pub(super) fn present_value(log_rate: impl Fn(f64) -> f64, fastest: f64, force: f64, from: f64, until: f64) -> f64 {
    let end = until.min(from + DISCOUNTED_AWAY / force).min(FARTHEST);
    let mut value = 0.0;
    let mut start = from;
    let mut length = E_FOLDS / (fastest + force);
    while start < end {
        let stop = (start + length).min(end);
        value += gauss_legendre(start, stop, |time| (log_rate(time) - force * time).exp());
        length += stop - from;
        start = stop;
    }
    value
}

/// A rate of decay that practically nothing of a Gamma(shape, 1) distribution exceeds.
pub(super) fn nearly_largest_of_gamma(shape: f64) -> f64 {
    shape + 8.0 * shape.sqrt() + 30.0
}

/// ∫ f over \[from, to\] by the 16-point rule.
fn gauss_legendre(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let pairs = NODES_AND_WEIGHTS.iter();
    pairs.map(|(node, weight)| weight * (f(middle - half * node) + f(middle + half * node))).sum::<f64>() * half
}
