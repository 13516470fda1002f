//! Where numbers go on a chart: plotting area, scales, ticks and their labels.

use maud::{Markup, html};

use super::at;
use crate::report::numbers;

/// Size of every chart with two axes, in its own units; the text size in the style sheet fits this.
pub(super) const WIDTH: f64 = 480.0;
/// Height, as [`WIDTH`].
pub(super) const HEIGHT: f64 = 330.0;
/// The plotting area.
pub(super) const LEFT: f64 = 74.0;
pub(super) const RIGHT: f64 = WIDTH - 14.0;
pub(super) const TOP: f64 = 14.0;
pub(super) const BOTTOM: f64 = HEIGHT - 56.0;

/// How the ticks of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Format {
    /// A share, in percent.
    Percent,
    /// A number.
    Number,
    /// A multiple: "2×".
    Multiple,
}

/// A numeric axis from 0 or a later start to `end`.
#[derive(Debug, Clone)]
pub(in crate::report) struct Axis {
    label: String,
    start: f64,
    end: f64,
    step: f64,
    format: Format,
}

impl Axis {
    /// The axis from 0 % to 100 %.
    pub(in crate::report) fn share(label: impl Into<String>) -> Self {
        Self { label: label.into(), start: 0.0, end: 1.0, step: 0.2, format: Format::Percent }
    }

    /// An axis on which 0 and all `values` have their place, with an end that is a tick.
    pub(in crate::report) fn holding(
        label: impl Into<String>,
        format: Format,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low == high {
            high = 1.0;
        }
        let step = tick_step(high - low);
        Self {
            label: label.into(),
            start: (low / step + 1e-9).floor() * step,
            end: (high / step - 1e-9).ceil() * step,
            step,
            format,
        }
    }

    /// The same axis, ending at `end` exactly.
    pub(in crate::report) fn ending_at(self, end: f64) -> Self {
        Self { end, ..self }
    }

    fn share_of_length(&self, value: f64) -> f64 {
        ((value - self.start) / (self.end - self.start)).clamp(0.0, 1.0)
    }

    /// The horizontal place of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + self.share_of_length(value) * (RIGHT - LEFT)
    }

    /// The vertical place of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        BOTTOM - self.share_of_length(value) * (BOTTOM - TOP)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        let count = ((self.end - self.start) / self.step + 1e-9).floor() as u32;
        (0..=count).map(|tick| self.start + f64::from(tick) * self.step)
    }

    fn tick_label(&self, value: f64) -> String {
        // Ticks are multiples of the step; adding them up leaves a remainder such as .30000000000000004.
        let value = (value / self.step).round() * self.step;
        match self.format {
            Format::Percent if self.step < 0.01 => format!("{:.1}%", value * 100.0),
            Format::Percent => format!("{:.0}%", value * 100.0),
            Format::Number => short_number(value, self.step, self.start.abs().max(self.end.abs())),
            Format::Multiple if self.step < 1.0 => format!("{value:.1}×"),
            Format::Multiple => format!("{value:.0}×"),
        }
    }

    /// Ticks, labels and grid lines of this axis drawn up the left side.
    pub(super) fn draw_vertical(&self) -> Markup {
        html! {
            @for tick in self.ticks() {
                line class=(if tick == 0.0 { "axis" } else { "grid" })
                    x1=(at(LEFT)) x2=(at(RIGHT)) y1=(at(self.y(tick))) y2=(at(self.y(tick))) {}
                text.tick x=(at(LEFT - 7.0)) y=(at(self.y(tick) + 4.5)) text-anchor="end" { (self.tick_label(tick)) }
            }
            text.label x="0" y="0" text-anchor="middle"
                transform=(format!("translate(12 {}) rotate(-90)", at(f64::midpoint(TOP, BOTTOM)))) { (self.label) }
        }
    }

    /// Ticks and labels of this axis drawn along the bottom.
    pub(super) fn draw_horizontal(&self) -> Markup {
        html! {
            @for tick in self.ticks() {
                line.axis x1=(at(self.x(tick))) x2=(at(self.x(tick))) y1=(at(BOTTOM)) y2=(at(BOTTOM + 5.0)) {}
                text.tick x=(at(self.x(tick))) y=(at(BOTTOM + 21.0)) text-anchor="middle" { (self.tick_label(tick)) }
            }
            line.axis x1=(at(LEFT)) x2=(at(RIGHT)) y1=(at(BOTTOM)) y2=(at(BOTTOM)) {}
            (horizontal_label(&self.label))
        }
    }
}

/// The label under a horizontal axis.
pub(super) fn horizontal_label(label: &str) -> Markup {
    html! {
        text.label x=(at(f64::midpoint(LEFT, RIGHT))) y=(at(HEIGHT - 8.0)) text-anchor="middle" { (label) }
    }
}

/// A step of 1, 2 or 5 times a power of ten that parts the length in four to ten.
fn tick_step(length: f64) -> f64 {
    let rough = length / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let leading = rough / power;
    power
        * match leading {
            _ if leading <= 1.0 => 1.0,
            _ if leading <= 2.0 => 2.0,
            _ if leading <= 5.0 => 5.0,
            _ => 10.0,
        }
}

/// A tick label that fits beside an axis: thousands as k, millions as M where the axis reaches far enough.
fn short_number(value: f64, step: f64, farthest: f64) -> String {
    let (scale, suffix) = match farthest {
        _ if value == 0.0 => return "0".to_owned(),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = (-(step / scale).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{}{suffix}", numbers::fixed(value / scale, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().map(|tick| axis.tick_label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let axis = Axis::holding("", Format::Number, [3.0, 41_300.0]);
        assert_eq!(labels(&axis), ["0", "10k", "20k", "30k", "40k", "50k"]);
        let axis = Axis::holding("", Format::Multiple, [0.2, 2.3]);
        assert_eq!(labels(&axis), ["0.0×", "0.5×", "1.0×", "1.5×", "2.0×", "2.5×"]);
        let axis = Axis::holding("", Format::Percent, [0.31]);
        assert_eq!(axis.tick_label(0.1 + 0.2), "30%");
        let axis = Axis::holding("", Format::Number, [-3.0, 8.0]);
        assert_eq!(labels(&axis)[0], "−5");
    }

    #[test]
    fn an_axis_without_values_is_still_drawn() {
        let axis = Axis::holding("", Format::Number, [f64::NAN]);
        assert_eq!((axis.y(0.0), axis.y(1.0)), (BOTTOM, TOP));
    }
}
