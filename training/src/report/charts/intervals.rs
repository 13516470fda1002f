//! A chart of measured values with their intervals, side by side, and what was expected of each.

use maud::{Markup, html};

use super::axes::{BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, horizontal_label};
use super::{Axis, Format, at, drawing};

/// What stands at one place of the horizontal axis.
pub(in crate::report) struct Measured {
    pub(in crate::report) value: f64,
    pub(in crate::report) low: f64,
    pub(in crate::report) high: f64,
    pub(in crate::report) expected: f64,
}

/// Draws one point with its interval a place, numbered from 1, and a short bar where it was expected; a line across
/// at the average.
pub(in crate::report) fn interval_chart(
    title: &str,
    description: &str,
    [horizontal, vertical]: [&str; 2],
    format: Format,
    measured: &[Measured],
    average: f64,
) -> Markup {
    let ends = measured.iter().flat_map(|one| [one.low, one.high, one.expected]);
    let axis = Axis::holding(vertical, format, ends);
    let width = (RIGHT - LEFT) / measured.len().max(1) as f64;
    let content = html! {
        (axis.draw_vertical())
        line.reference x1=(at(LEFT)) x2=(at(RIGHT)) y1=(at(axis.y(average))) y2=(at(axis.y(average))) {}
        @for (index, one) in measured.iter().enumerate() {
            @let middle = LEFT + (index as f64 + 0.5) * width;
            @let y = at(axis.y(one.expected));
            line.other x1=(at(middle - 0.3 * width)) x2=(at(middle + 0.3 * width)) y1=(y) y2=(y) {}
            line.interval x1=(at(middle)) x2=(at(middle)) y1=(at(axis.y(one.low))) y2=(at(axis.y(one.high))) {}
            circle.main cx=(at(middle)) cy=(at(axis.y(one.value))) r="4.5" {}
            text.tick x=(at(middle)) y=(at(BOTTOM + 21.0)) text-anchor="middle" { (index + 1) }
        }
        (horizontal_label(horizontal))
    };
    drawing(WIDTH, HEIGHT, title, description, &content)
}
