//! Charts as SVG: axes with round ticks, a curve, points with intervals, upright bars, lying bars.

use maud::{Markup, html};

use super::numbers::{decimal, percent, tick};
use crate::evaluate::Point;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 48.0;

/// What every chart says about itself.
pub(super) struct Words<'a> {
    /// Identifier that no other chart of the page has.
    pub(super) id: String,
    /// What is shown, for those who cannot see it.
    pub(super) title: &'a str,
    /// What there is to see, for those who cannot see it.
    pub(super) description: &'a str,
    /// Name of the horizontal axis.
    pub(super) x: &'a str,
    /// Name of the vertical axis.
    pub(super) y: &'a str,
}

/// How the numbers of an axis are written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// From 0 to 1, in percent.
    Share,
    /// Plain numbers.
    Number,
}

/// An axis from `low` to `high`, both on a tick.
#[derive(Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    unit: Unit,
}

impl Axis {
    /// The shortest axis with round ticks, about five of them, that holds zero and all values.
    fn holding(values: impl Iterator<Item = f64>, unit: Unit) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let high = if low == high { low + 1.0 } else { high };
        let rough = (high - low) / 5.0;
        let power = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            // A hair of slack, or a rough step of exactly 2 would become 5 by rounding.
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(10.0 * power);
        Self {
            low: (low / step).floor() * step,
            high: (high / step - 1e-9).ceil() * step,
            step,
            unit,
        }
    }

    fn whole_share() -> Self {
        Self {
            low: 0.0,
            high: 1.0,
            step: 0.2,
            unit: Unit::Share,
        }
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        let number = ((self.high - self.low) / self.step).round() as usize;
        (0..=number).map(move |i| self.low + i as f64 * self.step)
    }

    fn written(self, value: f64) -> String {
        match self.unit {
            Unit::Share if self.step >= 0.01 => format!("{}%", decimal(value * 100.0, 0)),
            Unit::Share => percent(value),
            Unit::Number => tick(value, self.step),
        }
    }

    /// Where a value lies between the ends, from 0 to 1.
    fn share(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn across(self, value: f64) -> f64 {
        LEFT + self.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn up(self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.share(value) * (HEIGHT - TOP - BOTTOM)
    }
}

/// A coordinate with one decimal: a tenth of a pixel is finer than any screen.
fn at(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

fn drawing(words: &Words, height: f64, inside: &Markup) -> Markup {
    let (title, description) = (format!("{}-title", words.id), format!("{}-desc", words.id));
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-labelledby={ (title) " " (description) } {
            title id=(title) { (words.title) }
            desc id=(description) { (words.description) }
            (inside)
        }
    }
}

fn frame(words: &Words, y: Axis) -> Markup {
    html! {
        text.label x="2" y="14" { (words.y) }
        text.label x=(at(WIDTH - 4.0)) y=(at(HEIGHT - 6.0)) text-anchor="end" { (words.x) }
        @for value in y.ticks() {
            line.grid x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(y.up(value))) y2=(at(y.up(value))) {}
            text x=(at(LEFT - 7.0)) y=(at(y.up(value) + 4.0)) text-anchor="end" { (y.written(value)) }
        }
        line.axis x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(y.up(0.0))) y2=(at(y.up(0.0))) {}
    }
}

fn numbers_across(x: Axis) -> Markup {
    html! {
        @for value in x.ticks() {
            line.axis x1=(at(x.across(value))) x2=(at(x.across(value))) y1=(at(HEIGHT - BOTTOM)) y2=(at(HEIGHT - BOTTOM + 4.0)) {}
            text x=(at(x.across(value))) y=(at(HEIGHT - BOTTOM + 18.0)) text-anchor="middle" { (x.written(value)) }
        }
    }
}

fn diagonal(x: Axis, y: Axis) -> Markup {
    let end = x.high.min(y.high);
    html! {
        line.reference x1=(at(x.across(0.0))) y1=(at(y.up(0.0))) x2=(at(x.across(end))) y2=(at(y.up(end))) {}
    }
}

/// A curve in the unit square, with the diagonal that chance would give.
pub(super) fn share_curve(words: &Words, points: &[Point]) -> Markup {
    let axis = Axis::whole_share();
    let line: Vec<String> = points
        .iter()
        .filter(|point| point.x.is_finite() && point.y.is_finite())
        .map(|point| format!("{},{}", at(axis.across(point.x)), at(axis.up(point.y))))
        .collect();
    let inside = html! {
        (frame(words, axis))
        (numbers_across(axis))
        (diagonal(axis, axis))
        polyline.curve points=(line.join(" ")) {}
    };
    drawing(words, HEIGHT, &inside)
}

/// A point and the interval around it, all shares from 0 to 1.
pub(super) struct Estimate {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Points with their intervals, with the diagonal on which forecast and truth agree.
pub(super) fn estimates(words: &Words, points: &[Estimate]) -> Markup {
    let shown: Vec<&Estimate> = points
        .iter()
        .filter(|point| {
            [point.x, point.y, point.low, point.high]
                .iter()
                .all(|v| v.is_finite())
        })
        .collect();
    // Both axes alike, or the diagonal would not be one.
    let axis = Axis::holding(
        shown.iter().flat_map(|point| [point.x, point.high]),
        Unit::Share,
    );
    let inside = html! {
        (frame(words, axis))
        (numbers_across(axis))
        (diagonal(axis, axis))
        @for point in shown {
            line.interval x1=(at(axis.across(point.x))) x2=(at(axis.across(point.x))) y1=(at(axis.up(point.low))) y2=(at(axis.up(point.high))) {}
            circle.first cx=(at(axis.across(point.x))) cy=(at(axis.up(point.y))) r="4" {}
        }
    };
    drawing(words, HEIGHT, &inside)
}

/// Bars that stand side by side in groups: one colour and one name a series, one group a name below the axis.
pub(super) struct Bars<'a> {
    /// Names of the groups.
    pub(super) groups: Vec<String>,
    /// Name and values of each series, at most two; a value a group.
    pub(super) series: Vec<(&'a str, Vec<f64>)>,
    /// How the values are written.
    pub(super) unit: Unit,
    /// A line to compare all bars with.
    pub(super) reference: Option<f64>,
}

/// Upright bars.
pub(super) fn bars(words: &Words, bars: &Bars) -> Markup {
    let values = bars
        .series
        .iter()
        .flat_map(|(_, values)| values.iter().copied());
    let axis = Axis::holding(values.chain(bars.reference), bars.unit);
    let room = (WIDTH - LEFT - RIGHT) / bars.groups.len().max(1) as f64;
    let thickness = room * 0.76 / bars.series.len().max(1) as f64;
    let colours = ["first", "second"];
    let start = |group: usize, series: usize| {
        LEFT + (group as f64 + 0.12) * room + series as f64 * thickness
    };
    let inside = html! {
        (frame(words, axis))
        @for (series, (_, values)) in bars.series.iter().enumerate() {
            @for (group, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                rect class=(colours[series % 2]) x=(at(start(group, series))) width=(at(thickness - 1.0))
                    y=(at(axis.up(value.max(0.0)))) height=(at((axis.up(0.0) - axis.up(value)).abs())) {}
            }
        }
        @if let Some(value) = bars.reference {
            line.reference x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(axis.up(value))) y2=(at(axis.up(value))) {}
        }
        @for (group, name) in bars.groups.iter().enumerate() {
            text x=(at(LEFT + (group as f64 + 0.5) * room)) y=(at(HEIGHT - BOTTOM + 18.0)) text-anchor="middle" { (name) }
        }
        @if bars.series.len() > 1 {
            @for (series, (name, _)) in bars.series.iter().enumerate() {
                @let x = WIDTH - RIGHT - 86.0 * (bars.series.len() - series) as f64;
                rect class=(colours[series % 2]) x=(at(x)) y="4" width="11" height="11" {}
                text.label x=(at(x + 16.0)) y="14" { (name) }
            }
        }
    };
    drawing(words, HEIGHT, &inside)
}

/// Lying bars, each under its own label, for labels too long to stand below an axis; ticks are below.
pub(super) fn lying_bars(words: &Words, bars: &[(String, f64)]) -> Markup {
    const ROW: f64 = 38.0;
    const SIDE: f64 = 22.0;
    let axis = Axis::holding(bars.iter().map(|(_, value)| *value), Unit::Number);
    let across = |value: f64| SIDE + axis.share(value) * (WIDTH - 2.0 * SIDE);
    let bottom = ROW * bars.len() as f64 + 4.0;
    let inside = html! {
        @for value in axis.ticks() {
            line.grid x1=(at(across(value))) x2=(at(across(value))) y1="0" y2=(at(bottom)) {}
            text x=(at(across(value))) y=(at(bottom + 15.0)) text-anchor="middle" { (axis.written(value)) }
        }
        line.axis x1=(at(across(0.0))) x2=(at(across(0.0))) y1="0" y2=(at(bottom)) {}
        @for (row, (label, value)) in bars.iter().enumerate().filter(|(_, (_, value))| value.is_finite()) {
            @let y = row as f64 * ROW;
            text.label x="4" y=(at(y + 15.0)) { (label) }
            rect.first x=(at(across(value.min(0.0)))) y=(at(y + 20.0)) height="12"
                width=(at((across(*value) - across(0.0)).abs())) {}
        }
        text.label x=(at(WIDTH - 4.0)) y=(at(bottom + 34.0)) text-anchor="end" { (words.x) }
    };
    drawing(words, bottom + 40.0, &inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64]) -> Vec<String> {
        let axis = Axis::holding(values.iter().copied(), Unit::Number);
        axis.ticks().map(|value| axis.written(value)).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(ticks(&[3.1]), ["0", "1", "2", "3", "4"]);
        assert_eq!(ticks(&[0.41]), ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(ticks(&[10.0]), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(
            ticks(&[-0.5, 2.0]),
            ["−0.5", "0", "0.5", "1.0", "1.5", "2.0"]
        );
        assert_eq!(ticks(&[23_000.0]), ["0", "5k", "10k", "15k", "20k", "25k"]);
    }

    #[test]
    fn an_axis_without_values_still_has_two_ends() {
        let axis = Axis::holding([f64::NAN].into_iter(), Unit::Number);
        assert_eq!((axis.low, axis.high), (0.0, 1.0));
    }

    #[test]
    fn a_number_that_is_none_is_not_drawn() {
        let words = Words {
            id: "a".to_owned(),
            title: "",
            description: "",
            x: "",
            y: "",
        };
        let nan = Point {
            x: f64::NAN,
            y: 0.5,
        };
        let curve = share_curve(&words, &[Point { x: 0.0, y: 0.0 }, nan]).into_string();
        assert!(curve.contains(r#"points="58.0,252.0""#), "{curve}");
        let lying = lying_bars(&words, &[("b".to_owned(), f64::INFINITY)]).into_string();
        assert!(!lying.contains("inf") && !lying.contains("NaN"), "{lying}");
    }
}
