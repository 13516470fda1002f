//! Small pictures as SVG, each with a text that says what it shows.

use std::fmt::Write;

use maud::{Markup, html};

use super::page::drawn;

const WIDTH: f64 = 720.0;

/// Text as it may stand in markup.
fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

/// Bars from left to right, each with what it stands for; those of `strong` are drawn strong.
pub(super) fn bars(title: &str, bars: &[(String, f64)], strong: impl Fn(usize) -> bool) -> Markup {
    const HEIGHT: f64 = 110.0;
    let most = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max).max(1e-9);
    let width = WIDTH / bars.len().max(1) as f64;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">", HEIGHT + 18.0, escaped(title));
    for (place, (name, value)) in bars.iter().enumerate() {
        let height = HEIGHT * value / most;
        let class = if strong(place) { "bar" } else { "bar-soft" };
        let (x, y) = (place as f64 * width, HEIGHT - height);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {}</title></rect>",
            x + 1.0,
            width - 2.0,
            escaped(name),
            value
        );
        if place % bars.len().div_ceil(10).max(1) == 0 {
            let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\">{}</text>", x + 1.0, HEIGHT + 14.0, escaped(name));
        }
    }
    svg.push_str("</svg>");
    drawn(svg)
}

/// A line over periods, from 0 up; where there is no value the line breaks.
pub(super) fn line(title: &str, names: &[&str], values: &[Option<f64>], shown: impl Fn(f64) -> String) -> Markup {
    const HEIGHT: f64 = 130.0;
    const LEFT: f64 = 90.0;
    let most = values.iter().flatten().copied().fold(0.0, f64::max).max(1e-9);
    let step = (WIDTH - LEFT - 10.0) / (values.len().max(2) - 1) as f64;
    let point = |place: usize, value: f64| (LEFT + step * place as f64, 8.0 + HEIGHT * (1.0 - value.max(0.0) / most));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\
         <line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{}\" y2=\"{}\"/>\
         <text x=\"0\" y=\"16\">{}</text><text x=\"0\" y=\"{}\">0</text>",
        HEIGHT + 30.0,
        escaped(title),
        HEIGHT + 8.0,
        HEIGHT + 8.0,
        escaped(&shown(most)),
        HEIGHT + 12.0
    );
    let mut path = String::new();
    let mut is_drawing = false;
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let (x, y) = point(place, *value);
        let _ = write!(path, "{}{x:.1},{y:.1}", if is_drawing { "L" } else { "M" });
        is_drawing = true;
    }
    let _ = write!(svg, "<path class=\"line\" d=\"{path}\"/>");
    for (place, (name, value)) in names.iter().zip(values).enumerate() {
        if let Some(value) = value {
            let (x, y) = point(place, *value);
            let _ = write!(
                svg,
                "<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"><title>{}: {}</title></circle>",
                escaped(name),
                escaped(&shown(*value))
            );
        }
        if place % names.len().div_ceil(9).max(1) == 0 {
            let x = (LEFT + step * place as f64).min(WIDTH - 52.0);
            let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{}\">{}</text>", HEIGHT + 26.0, escaped(name));
        }
    }
    svg.push_str("</svg>");
    drawn(svg)
}

/// A line without axes, from 0 up, as small as a word.
pub(super) fn spark(title: &str, values: &[f64]) -> Markup {
    const SIZE: (f64, f64) = (120.0, 26.0);
    let most = values.iter().copied().fold(0.0, f64::max).max(1e-9);
    let step = SIZE.0 / (values.len().max(2) - 1) as f64;
    let mut points = String::new();
    for (place, value) in values.iter().enumerate() {
        let _ = write!(points, "{:.1},{:.1} ", step * place as f64, 1.0 + (SIZE.1 - 2.0) * (1.0 - value / most));
    }
    let label = format!("{}: {}", escaped(title), values.iter().map(f64::to_string).collect::<Vec<_>>().join(", "));
    drawn(format!(
        "<svg class=\"spark\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\">\
         <polyline class=\"line\" points=\"{}\"/></svg>",
        SIZE.0,
        SIZE.1,
        SIZE.0,
        SIZE.1,
        points.trim_end()
    ))
}

/// One row of marks on a time line.
#[derive(Debug)]
pub(super) struct Track {
    /// What the marks are.
    pub name: &'static str,
    /// Their class in the style.
    pub class: &'static str,
    /// When each was, its end for what lasts, and what it was.
    pub marks: Vec<(i64, Option<i64>, String)>,
}

/// Marks over time, a row for each track.
pub(super) fn timeline(title: &str, from: i64, until: i64, ticks: &[(i64, String)], tracks: &[Track]) -> Markup {
    const ROW: f64 = 26.0;
    const LEFT: f64 = 100.0;
    let span = (until - from).max(1) as f64;
    let x = |at: i64| LEFT + (WIDTH - LEFT - 8.0) * ((at.clamp(from, until) - from) as f64 / span);
    let height = ROW * tracks.len() as f64;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">", height + 20.0, escaped(title));
    for (at, name) in ticks {
        let x = x(*at);
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height}\"/><text x=\"{x:.1}\" y=\"{}\">{}</text>",
            height + 15.0,
            escaped(name)
        );
    }
    for (row, track) in tracks.iter().enumerate() {
        let middle = ROW * (row as f64 + 0.5);
        let _ = write!(svg, "<text x=\"0\" y=\"{:.1}\">{}</text>", middle + 4.0, escaped(track.name));
        for (at, end, name) in &track.marks {
            let _ = match end {
                Some(end) => write!(
                    svg,
                    "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"10\"><title>{}</title></rect>",
                    track.class,
                    x(*at),
                    middle - 5.0,
                    (x(*end) - x(*at)).max(2.0),
                    escaped(name)
                ),
                None => write!(
                    svg,
                    "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4\"><title>{}</title></circle>",
                    track.class,
                    x(*at),
                    escaped(name)
                ),
            };
        }
    }
    svg.push_str("</svg>");
    drawn(svg)
}
