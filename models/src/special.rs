//! Special functions of the lifetime value models, in logs, so that thousands of purchases never overflow.

/// From here on Stirling's series gives a logarithm of the gamma function to the last digit.
const STIRLING_FROM: f64 = 10.0;

/// Above this argument the power series needs too many terms, and the integral is quicker.
const SERIES_UP_TO: f64 = 9.0;

/// Above this many terms up to the largest one, the integral is quicker than the power series.
const SERIES_PEAK_UP_TO: f64 = 1e3;

/// More terms than the continued fraction of the incomplete beta function needs at any usual shape.
const MOST_FRACTION_TERMS: u32 = 1_000;

/// ln Γ(x) for x > 0.
#[must_use]
pub fn log_gamma(x: f64) -> f64 {
    libm::lgamma_r(x).0
}

/// ln Γ(base + step) − ln Γ(base) for base > 0 and step ≥ 0.
///
/// Keeps its digits for a large base, where the difference of two logarithms of the gamma function would not.
#[must_use]
pub fn log_gamma_ratio(base: f64, step: f64) -> f64 {
    if base < STIRLING_FROM {
        return log_gamma(base + step) - log_gamma(base);
    }
    let end = base + step;
    (base - 0.5) * (step / base).ln_1p() + step * (end.ln() - 1.0) + stirling_rest(end) - stirling_rest(base)
}

/// ln B(a, b), the logarithm of the beta function, for a, b > 0.
#[must_use]
pub fn log_beta(a: f64, b: f64) -> f64 {
    log_gamma(a.min(b)) - log_gamma_ratio(a.max(b), a.min(b))
}

/// I(a, b; x), the share of a Beta(a, b) distribution up to x, for a, b > 0 and x from 0 to 1.
///
/// By the continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, which settles within some
/// tens of terms below the mean of the distribution; above it the share beyond x is taken from 1.
#[must_use]
pub fn regularised_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - regularised_incomplete_beta(b, a, 1.0 - x);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp() / a;
    // Lentz's method: the ratio of successive numerators and denominators, kept off 0.
    let off_zero = |value: f64| if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value };
    let (mut fraction, mut above, mut below) = (1.0, 1.0, 0.0);
    for place in 0..MOST_FRACTION_TERMS {
        let m = f64::from(place / 2);
        let term = if place == 0 {
            1.0
        } else if place % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        below = 1.0 / off_zero(1.0 + term * below);
        above = off_zero(1.0 + term / above);
        fraction *= above * below;
        if (above * below - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    front * (fraction - 1.0)
}

/// ψ(x), the derivative of ln Γ(x), for x > 0.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    let mut x = x;
    let mut below = 0.0;
    while x < STIRLING_FROM {
        below += 1.0 / x;
        x += 1.0;
    }
    x.ln() - 0.5 / x - digamma_tail(x) - below
}

/// ψ(base + step) − ψ(base) for base > 0 and step ≥ 0, which keeps its digits for a large base.
#[must_use]
pub fn digamma_gap(base: f64, step: f64) -> f64 {
    if base < STIRLING_FROM {
        return digamma(base + step) - digamma(base);
    }
    let end = base + step;
    // ψ(x) = ln x − 1 / (2 x) − 1 / (12 x²) + ..., term by term.
    let halves = 0.5 * (step / end) / base;
    (step / base).ln_1p() + halves - digamma_tail(end) + digamma_tail(base)
}

/// ln x − 1 / (2 x) − ψ(x) for a large x.
fn digamma_tail(x: f64) -> f64 {
    let inverse_square = 1.0 / (x * x);
    // B(2k) / (2k), the asymptotic series (Abramowitz and Stegun 6.3.18).
    let series = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0];
    inverse_square * polynomial(&series, inverse_square)
}

/// ln E[(1 + p w)^−k] where p has a Beta(a, b) distribution; k, a, b > 0 and w ≥ 0.
///
/// This is ln ₂F₁(k, a; a + b; −w), Gauss's hypergeometric function in the only form that the BG/NBD model needs. It
/// lies between −k ln(1 + w) and 0, so it cannot overflow. Source of the transformations: Abramowitz and
/// Stegun 15.3.1 (the integral), 15.3.4 and 15.3.5 (Pfaff).
#[must_use]
pub fn log_beta_mean_of_power(k: f64, a: f64, b: f64, w: f64) -> f64 {
    // What is unknown stays unknown, and never keeps the loops below from ending.
    if !(k + a + b + w).is_finite() {
        return f64::NAN;
    }
    let grows = k > a + b;
    // The terms of the series rise up to about this one.
    let peak = w * if grows { k } else { a };
    if w > SERIES_UP_TO || peak > SERIES_PEAK_UP_TO {
        return log_beta_mean_by_integral(k, a, b, w);
    }
    let z = w / (1.0 + w);
    // Of the two Pfaff forms this takes the one in which every term is positive: nothing cancels.
    if grows {
        log_positive_series(k, b, a + b, z) - k * w.ln_1p()
    } else {
        log_positive_series(a, a + b - k, a + b, z) - a * w.ln_1p()
    }
}

/// ln ₂F₁(first, second; lower; z) as a power series, for upper parameters ≥ 0, lower > 0 and 0 ≤ z < 1.
fn log_positive_series(first: f64, second: f64, lower: f64, z: f64) -> f64 {
    const TOO_LARGE: f64 = 1e250;
    let (mut sum, mut term, mut log_scale, mut n) = (1.0, 1.0, 0.0, 0.0);
    loop {
        let ratio = (first + n) * (second + n) / ((lower + n) * (n + 1.0)) * z;
        term *= ratio;
        sum += term;
        n += 1.0;
        // The ratios tend to z, so the larger of the two bounds the rest by a geometric series.
        let bound = ratio.max(z);
        if bound < 1.0 && term * bound <= f64::EPSILON * 0.25 * sum * (1.0 - bound) {
            return sum.ln() + log_scale;
        }
        if sum > TOO_LARGE {
            sum /= TOO_LARGE;
            term /= TOO_LARGE;
            log_scale += TOO_LARGE.ln();
        }
    }
}

/// The integral over p on the scale u = ln(p / (1 − p)) by the trapezoidal rule.
///
/// The integrand is analytic for |Im u| < π and dies off on both sides of its only peak, so the error falls exponentially
/// with the step. Where it dies off slowly it is a plain exponential, whose sum is known; a small shape costs nothing.
fn log_beta_mean_by_integral(k: f64, a: f64, b: f64, w: f64) -> f64 {
    const MOST_POINTS: f64 = 20_000.0;
    let log_integrand = |u: f64| {
        let (log_p, log_not_p) = (-log_one_plus_exp(-u), -log_one_plus_exp(u));
        a * log_p + b * log_not_p - k * (w * log_p.exp()).ln_1p()
    };
    let (left, right) = range_of_integrand(k, a, b, w, log_integrand);
    let curvature = |u: f64| {
        let slope_of_logistic = |u: f64| (-log_one_plus_exp(u) - log_one_plus_exp(-u)).exp();
        let (near, far) = (slope_of_logistic(u), slope_of_logistic(u + w.ln_1p()));
        ((a + b) * near + k * (far - near)).abs()
    };
    let sharpest = (0..=64).map(|i| curvature(left + (right - left) * f64::from(i) / 64.0)).fold(0.0, f64::max);
    let step = (0.5 / (1.0 + sharpest).sqrt()).max((right - left) / MOST_POINTS);
    let points = ((right - left) / step).ceil() as usize;

    let tail = |slope: f64| -(-(-slope * step).exp_m1()).ln() - slope * step;
    let mut sum = LogSum::new();
    for point in 0..=points {
        sum.add(log_integrand(left + point as f64 * step));
    }
    sum.add(log_integrand(left) + tail(a));
    sum.add(log_integrand(left + points as f64 * step) + tail(b));
    // Rounding may leave the logarithm of a mean of numbers below 1 a hair above 0.
    (sum.log() + step.ln() - log_beta(a, b)).min(0.0)
}

/// Where the integrand is more than e^−45 of its peak, or at least no plain exponential yet.
fn range_of_integrand(k: f64, a: f64, b: f64, w: f64, log_integrand: impl Fn(f64) -> f64) -> (f64, f64) {
    const NEGLIGIBLE: f64 = 45.0;
    // The derivative vanishes where (a − (a + b) p) (1 + w p) = k w p (1 − p): once between 0 and 1.
    let (square, linear) = (w * (k - a - b), w * (a - k) - (a + b));
    let root = (linear * linear - 4.0 * square * a).max(0.0).sqrt();
    // The root between 0 and 1, in the form that subtracts nothing; a linear term of 0 or more means a negative square.
    let peak_p = if linear < 0.0 { 2.0 * a / (root - linear) } else { (linear + root) / (-2.0 * square) };
    let peak_odds = peak_p / (1.0 - peak_p);
    let log_largest = (a + b + k + 1.0).ln();
    let (lowest, highest) = (-40.0 - log_largest - w.ln_1p(), 40.0 + log_largest);
    let peak = if peak_odds > 0.0 { peak_odds.ln().clamp(lowest, highest) } else { highest };
    let negligible = log_integrand(peak) - NEGLIGIBLE;
    let end = |direction: f64| {
        let mut distance = 1.0 / (1.0 + a + b + k).sqrt();
        loop {
            let u = peak + direction * distance;
            if u <= lowest || u >= highest || log_integrand(u) < negligible {
                return u.clamp(lowest, highest);
            }
            distance *= 1.5;
        }
    };
    (end(-1.0), end(1.0))
}

/// A running sum of exponentials, kept relative to the largest of them.
struct LogSum {
    largest: f64,
    sum: f64,
}

impl LogSum {
    fn new() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }

    fn add(&mut self, log_term: f64) {
        if log_term > self.largest {
            self.sum = self.sum * (self.largest - log_term).exp() + 1.0;
            self.largest = log_term;
        } else {
            self.sum += (log_term - self.largest).exp();
        }
    }

    fn log(&self) -> f64 {
        self.largest + self.sum.ln()
    }
}

/// ln(1 + e^x) without overflow.
#[must_use]
pub fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// What Stirling's formula leaves out: ln Γ(x) − ((x − ½) ln x − x + ½ ln 2π), for x ≥ 10.
fn stirling_rest(x: f64) -> f64 {
    // B(2k) / (2k (2k − 1)), Abramowitz and Stegun 6.1.41.
    let series =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    polynomial(&series, 1.0 / (x * x)) / x
}

/// Σ coefficients\[i\] xⁱ.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incomplete_beta_function_is_the_binomial_tail_and_its_reflection() {
        // For whole a and b: the chance of at least a successes in a + b - 1 trials.
        let tail = |a: u32, b: u32, x: f64| -> f64 {
            let trials = a + b - 1;
            (a..=trials)
                .map(|successes| {
                    let ways = log_gamma(f64::from(trials) + 1.0)
                        - log_gamma(f64::from(successes) + 1.0)
                        - log_gamma(f64::from(trials - successes) + 1.0);
                    ways.exp() * x.powi(successes as i32) * (1.0 - x).powi((trials - successes) as i32)
                })
                .sum()
        };
        for (a, b) in [(1, 1), (6, 14), (7, 14), (30, 2)] {
            for x in [0.001, 0.05, 0.3, 0.31, 0.6, 0.95] {
                let found = regularised_incomplete_beta(f64::from(a), f64::from(b), x);
                let expected = tail(a, b, x);
                assert!((found - expected).abs() < 1e-13, "found {found}, expected {expected} at {a} {b} {x}");
            }
        }
        // Beta(.5, .5) is the arcsine distribution.
        let found = regularised_incomplete_beta(0.5, 0.5, 0.2);
        let expected = 2.0 / std::f64::consts::PI * 0.2_f64.sqrt().asin();
        assert!((found - expected).abs() < 1e-14, "found {found}, expected {expected}");
        assert_eq!([0.0, 1.0].map(|x| regularised_incomplete_beta(2.0, 3.0, x)), [0.0, 1.0]);
    }

    // All expected values: mpmath 1.4, to 30 digits.

    fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
        let gap = (found - expected).abs();
        assert!(gap <= tolerance, "{what}: found {found:?}, expected {expected:?}, gap {gap:e}");
    }

    #[test]
    fn the_hypergeometric_function_is_right_in_the_series_and_in_the_integral() {
        for (k, a, b, w, expected) in [
            (1.2426, 0.7929, 2.4259, 0.5, -0.133_061_022_102_447_44),
            (27.2426, 0.7929, 28.4259, 1.4687, -0.683_382_854_325_292_1),
            (10001.24, 0.7929, 10002.43, 3.0, -1.099_074_902_130_262_8),
            (1.2426, 0.7929, 2.4259, 1000.0, -4.114_507_323_561_598_5),
            (50.0, 0.02, 2.0, 30.0, -0.137_489_173_414_845_98),
            (30.0, 1.0, 2.0, 5.0, -4.290_755_051_339_242),
            (3.0, 1.0, 1.0, 9.5, -2.953_550_659_517_696_4),
            (0.5, 5000.0, 3000.0, 20.0, -1.301_320_728_120_499_5),
        ] {
            let found = log_beta_mean_of_power(k, a, b, w);
            assert_near(found, expected, 5e-12, &format!("k {k}, a {a}, b {b}, w {w}"));
        }
    }

    #[test]
    fn series_and_integral_agree_on_both_sides_of_the_border() {
        for (k, a, b) in [(1.2, 0.8, 2.4), (30.0, 0.8, 2.4), (500.0, 3.0, 600.0), (3.0, 1e-3, 1e-3)] {
            let series = log_beta_mean_of_power(k, a, b, SERIES_UP_TO);
            let integral = log_beta_mean_by_integral(k, a, b, SERIES_UP_TO);
            assert_near(integral, series, 1e-11 * series.abs().max(1.0), &format!("{k} {a} {b}"));
        }
    }

    #[test]
    fn a_probability_that_hardly_varies_is_its_mean() {
        for (k, a, b, w) in [(5.0, 990_200.0, 1.66e8, 3.0), (80.0, 2e7, 2e7, 0.2), (2.5, 1e9, 1e9, 8.0)] {
            let mean: f64 = a / (a + b);
            let variance = mean * (1.0 - mean) / (a + b + 1.0);
            let bend = 0.5 * k * (k + 1.0) * (w / (1.0 + mean * w)).powi(2) * variance;
            let expected = -k * (mean * w).ln_1p() + bend;
            let found = log_beta_mean_of_power(k, a, b, w);
            assert!(
                (found - expected).abs() < 1e-6 * expected.abs(),
                "{found} for {k} {a} {b} {w}, expected {expected}"
            );
        }
    }

    #[test]
    fn an_unknown_argument_gives_an_unknown_result() {
        assert!(log_beta_mean_of_power(f64::NAN, 1.0, 2.0, 0.5).is_nan());
        assert!(log_beta_mean_of_power(1.5, 1.0, 2.0, f64::NAN).is_nan());
        assert!(log_beta_mean_of_power(1.5, 1.0, f64::INFINITY, 20.0).is_nan());
    }

    #[test]
    fn gamma_functions_keep_their_digits() {
        for (x, expected) in [
            (0.001, -1_000.575_571_931_810_3),
            (0.2426, -4.358_361_853_222_514),
            (1.0, -0.577_215_664_901_532_9),
            (7.5, 1.946_757_484_246_086_9),
            (250.0, 5.519_459_584_531_046),
        ] {
            let tolerance = 1e-15 * f64::abs(expected).max(1.0);
            assert_near(digamma(x), expected, tolerance, &format!("digamma({x})"));
        }
        for (base, step, expected) in [
            (0.3, 2.5, 4.343_071_211_049_55),
            (4.0, 1e-3, 0.000_283_782_943_346_985_27),
            (12.0, 0.5, 0.042_533_971_299_100_03),
            (1e6, 0.7, 7.000_001_049_999_86e-7),
            (1e12, 3.0, 2.999_999_999_997e-12),
            (9.5, 200.0, 3.144_597_329_443_406),
        ] {
            let tolerance = if base < STIRLING_FROM { 2e-15 } else { 1e-14 * expected };
            assert_near(digamma_gap(base, step), expected, tolerance, &format!("digamma_gap({base}, {step})"));
        }
        assert_near(log_gamma_ratio(1e6, 0.5), 6.907_755_153_982_137, 2e-15, "ratio");
        assert_near(log_beta(0.7929, 1e5), -8.969_628_316_755_32, 4e-15, "beta(.79, 1e5)");
        assert_near(log_beta(1e6, 1e-6), 13.815_496_165_239_374, 4e-15, "beta(1e6, 1e-6)");
        assert_near(log_beta(12.0, 15.0), -18.568_172_732_389_435, 1e-14, "beta(12, 15)");
    }
}
