//! Bar charts: upright bars in groups, and long horizontal bars with their names above them.

use maud::{Markup, html};

use super::axes::{BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, horizontal_label};
use super::{Axis, Role, at, drawing};

/// What stands at one place of the horizontal axis: one bar a series.
pub(in crate::report) struct BarGroup {
    pub(in crate::report) label: String,
    pub(in crate::report) values: Vec<f64>,
}

/// Upright bars.
pub(in crate::report) struct Bars<'a> {
    pub(in crate::report) title: &'a str,
    pub(in crate::report) description: &'a str,
    pub(in crate::report) horizontal_label: &'a str,
    pub(in crate::report) vertical: Axis,
    /// The role of each series: as many as each group has values.
    pub(in crate::report) roles: &'a [Role],
    pub(in crate::report) groups: &'a [BarGroup],
    /// A value to judge the bars by, drawn as a line across.
    pub(in crate::report) reference: Option<f64>,
}

/// Draws upright bars, groups from left to right.
pub(in crate::report) fn bar_chart(bars: &Bars<'_>) -> Markup {
    let group_width = (RIGHT - LEFT) / bars.groups.len().max(1) as f64;
    let bar_width = group_width * 0.74 / bars.roles.len().max(1) as f64;
    let content = html! {
        (bars.vertical.draw_vertical())
        @for (index, group) in bars.groups.iter().enumerate() {
            @let start = LEFT + index as f64 * group_width;
            @for (series, (role, value)) in bars.roles.iter().zip(&group.values).enumerate() {
                @let (end, zero) = (bars.vertical.y(*value), bars.vertical.y(0.0));
                rect class=(role.class()) rx="1.5"
                    x=(at(start + group_width * 0.13 + series as f64 * bar_width)) width=(at((bar_width - 1.0).max(0.5)))
                    y=(at(end.min(zero))) height=(at((end - zero).abs())) {}
            }
            text.tick x=(at(start + group_width / 2.0)) y=(at(BOTTOM + 21.0)) text-anchor="middle" { (group.label) }
        }
        @if let Some(value) = bars.reference {
            @let y = at(bars.vertical.y(value));
            line.reference x1=(at(LEFT)) x2=(at(RIGHT)) y1=(y) y2=(y) {}
        }
        (horizontal_label(bars.horizontal_label))
    };
    drawing(WIDTH, HEIGHT, bars.title, bars.description, &content)
}

/// Draws one bar a row, the name above it and the value at its right end; values below 0 get no bar.
///
/// `rows` are (name, value, value as text).
pub(in crate::report) fn horizontal_bars(title: &str, description: &str, rows: &[(String, f64, String)]) -> Markup {
    const ROW_HEIGHT: f64 = 40.0;
    const VALUE_WIDTH: f64 = 96.0;
    let longest = rows.iter().map(|row| row.1).fold(0.0, f64::max);
    let content = html! {
        @for (index, (name, value, text)) in rows.iter().enumerate() {
            @let top = index as f64 * ROW_HEIGHT;
            @let width = if longest > 0.0 { value.max(0.0) / longest * (WIDTH - VALUE_WIDTH) } else { 0.0 };
            text.name x="0" y=(at(top + 15.0)) { (name) }
            rect.track x="0" y=(at(top + 22.0)) width=(at(WIDTH - VALUE_WIDTH)) height="11" rx="2" {}
            rect.main x="0" y=(at(top + 22.0)) width=(at(width)) height="11" rx="2" {}
            text.tick x=(at(WIDTH)) y=(at(top + 32.5)) text-anchor="end" { (text) }
        }
    };
    let height = rows.len() as f64 * ROW_HEIGHT;
    drawing(WIDTH, height, title, description, &content)
}
