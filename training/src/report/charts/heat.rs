//! A grid of cells, the darker the higher the number in it.

use maud::{Markup, html};

use super::axes::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, horizontal_label};
use super::{at, drawing};

/// The numbers of a grid, and what its rows and columns are.
pub(in crate::report) struct Grid<'a> {
    pub(in crate::report) title: &'a str,
    pub(in crate::report) description: &'a str,
    pub(in crate::report) horizontal_label: &'a str,
    pub(in crate::report) vertical_label: &'a str,
    /// One a column, from the left.
    pub(in crate::report) columns: &'a [String],
    /// One a row, from the bottom, with a cell a column: the number, and how it is written.
    pub(in crate::report) rows: &'a [(String, Vec<(f64, String)>)],
}

/// Draws the cells with their numbers.
pub(in crate::report) fn heat_grid(grid: &Grid<'_>) -> Markup {
    let cells = || grid.rows.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.0));
    let highest = cells().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let width = (RIGHT - LEFT) / grid.columns.len().max(1) as f64;
    let height = (BOTTOM - TOP) / grid.rows.len().max(1) as f64;
    let content = html! {
        @for (place, (name, cells)) in grid.rows.iter().enumerate() {
            @let y = BOTTOM - (place + 1) as f64 * height;
            text.tick x=(at(LEFT - 7.0)) y=(at(y + height / 2.0 + 4.5)) text-anchor="end" { (name) }
            @for (column, (value, text)) in cells.iter().enumerate() {
                @let x = LEFT + column as f64 * width;
                @let share = if highest > 0.0 && value.is_finite() { (value / highest).clamp(0.0, 1.0) } else { 0.0 };
                rect.heat x=(at(x + 1.0)) y=(at(y + 1.0)) width=(at(width - 2.0)) height=(at(height - 2.0)) rx="2"
                    fill-opacity=(format!("{:.2}", 0.06 + 0.54 * share)) {}
                text.cell x=(at(x + width / 2.0)) y=(at(y + height / 2.0 + 4.5)) text-anchor="middle" { (text) }
            }
        }
        @for (column, name) in grid.columns.iter().enumerate() {
            @let x = LEFT + (column as f64 + 0.5) * width;
            text.tick x=(at(x)) y=(at(BOTTOM + 19.0)) text-anchor="middle" { (name) }
        }
        text.label x="0" y="0" text-anchor="middle"
            transform=(format!("translate(12 {}) rotate(-90)", at(f64::midpoint(TOP, BOTTOM)))) { (grid.vertical_label) }
        (horizontal_label(grid.horizontal_label))
    };
    drawing(WIDTH, HEIGHT, grid.title, grid.description, &content)
}
