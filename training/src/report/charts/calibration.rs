//! The calibration chart: forecast against observed rate, with intervals and the diagonal.

use maud::{Markup, html};

use super::axes::{HEIGHT, WIDTH};
use super::{Axis, Format, at, drawing};
use crate::evaluate::CalibrationBin;

/// Draws one point a group of customers; both axes have the same scale and end where the groups do.
pub(in crate::report) fn calibration_chart(title: &str, description: &str, bins: &[CalibrationBin]) -> Markup {
    let ends = || bins.iter().flat_map(|bin| [bin.mean_forecast, bin.interval_high]);
    let horizontal = Axis::holding("Mean forecast of the group", Format::Percent, ends());
    let vertical = Axis::holding("Share where it happened", Format::Percent, ends());
    let end = ends().fold(0.0, f64::max);
    let content = html! {
        (vertical.draw_vertical())
        (horizontal.draw_horizontal())
        line.reference x1=(at(horizontal.x(0.0))) y1=(at(vertical.y(0.0)))
            x2=(at(horizontal.x(end))) y2=(at(vertical.y(end))) {}
        @for bin in bins {
            @let x = at(horizontal.x(bin.mean_forecast));
            line.interval x1=(x) x2=(x) y1=(at(vertical.y(bin.interval_low))) y2=(at(vertical.y(bin.interval_high))) {}
            circle.main cx=(x) cy=(at(vertical.y(bin.observed_rate))) r="4.5" {}
        }
    };
    drawing(WIDTH, HEIGHT, title, description, &content)
}
