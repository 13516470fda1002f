//! Charts as SVG inside the page: plain shapes, coloured by the style sheet, with text for those who cannot see them.

mod axes;
mod bars;
mod calibration;
mod heat;
mod lines;

use maud::{Markup, html};

pub(super) use axes::{Axis, Format};
pub(super) use bars::{BarGroup, Bars, bar_chart, horizontal_bars};
pub(super) use calibration::calibration_chart;
pub(super) use heat::{Grid, heat_grid};
pub(super) use lines::{Mark, Series, line_chart};

/// The role of a shape, which the style sheet gives its colour and dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// What the chart is about.
    Main,
    /// What it is compared with.
    Other,
    /// A line to judge by, such as random order.
    Reference,
    /// A second line to judge by, such as perfect order.
    Ideal,
}

impl Role {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Other => "other",
            Self::Reference => "reference",
            Self::Ideal => "ideal",
        }
    }
}

/// What a shape of the legend looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swatch {
    Line,
    Box,
    Interval,
}

/// The legend under a chart.
pub(super) fn legend(entries: &[(&str, Role, Swatch)]) -> Markup {
    html! {
        ul.legend {
            @for (name, role, swatch) in entries {
                li {
                    svg viewBox="0 0 24 12" width="24" height="12" aria-hidden="true" {
                        @match swatch {
                            Swatch::Line => line class=(role.class()) x1="0" y1="6" x2="24" y2="6" {},
                            Swatch::Box => rect class=(role.class()) x="4" y="0" width="16" height="12" rx="2" {},
                            Swatch::Interval => {
                                line class="interval" x1="12" y1="0" x2="12" y2="12" {}
                                circle class=(role.class()) cx="12" cy="6" r="3.5" {}
                            },
                        }
                    }
                    (name)
                }
            }
        }
    }
}

/// An SVG of this size in its own units, which scales to the width it is given.
fn drawing(width: f64, height: f64, title: &str, description: &str, content: &Markup) -> Markup {
    html! {
        svg.chart viewBox=(format!("0 0 {width} {height}")) role="img" {
            title { (title) }
            desc { (description) }
            (content)
        }
    }
}

/// A coordinate with as many digits as can be seen.
fn at(position: f64) -> String {
    format!("{position:.1}")
}
