//! Line charts.

use maud::{Markup, html};

use super::axes::{BOTTOM, HEIGHT, TOP, WIDTH};
use super::{Axis, Role, at, drawing};
use crate::evaluate::Point;

/// One line.
pub(in crate::report) struct Series<'a> {
    pub(in crate::report) role: Role,
    pub(in crate::report) points: &'a [Point],
}

/// A vertical line at a place worth naming.
pub(in crate::report) struct Mark {
    pub(in crate::report) x: f64,
    pub(in crate::report) label: String,
}

/// Draws lines over two axes; later series lie on top of earlier ones.
pub(in crate::report) fn line_chart(
    title: &str,
    description: &str,
    horizontal: &Axis,
    vertical: &Axis,
    series: &[Series<'_>],
    mark: Option<&Mark>,
) -> Markup {
    let content = html! {
        (vertical.draw_vertical())
        (horizontal.draw_horizontal())
        @if let Some(mark) = mark {
            @let x = horizontal.x(mark.x);
            line.mark x1=(at(x)) x2=(at(x)) y1=(at(TOP)) y2=(at(BOTTOM)) {}
            @let (anchor, x) = if x > WIDTH / 2.0 { ("end", x - 6.0) } else { ("start", x + 6.0) };
            text.tick x=(at(x)) y=(at(BOTTOM - 8.0)) text-anchor=(anchor) { (mark.label) }
        }
        @for line in series {
            polyline class=(line.role.class()) points=(path(horizontal, vertical, line.points)) {}
        }
    };
    drawing(WIDTH, HEIGHT, title, description, &content)
}

fn path(horizontal: &Axis, vertical: &Axis, points: &[Point]) -> String {
    let places: Vec<String> =
        points.iter().map(|point| format!("{},{}", at(horizontal.x(point.x)), at(vertical.y(point.y)))).collect();
    places.join(" ")
}
