//! The published models as a page: versions, how good they are out of time, and which one answers.

use maud::{Markup, html};

use super::page::{Frame, amount, percent};

/// What is shown of all models.
#[derive(Debug)]
pub struct ModelsPage {
    /// One entry a task.
    pub tasks: Vec<TaskModels>,
    /// Whether versions may be promoted here.
    pub may_change: bool,
}

/// The versions of one task.
#[derive(Debug)]
pub struct TaskModels {
    /// The task's name.
    pub task: String,
    /// The version that answers.
    pub champion: Option<String>,
    /// Whether there is a champion before it.
    pub has_previous: bool,
    /// All versions, newest first.
    pub versions: Vec<VersionFigures>,
}

/// Figures of one version, as its `metrics.json` has them.
#[derive(Debug, Default)]
pub struct VersionFigures {
    /// The version.
    pub version: String,
    /// The family that won.
    pub family: String,
    /// Its history reaches until.
    pub as_of: String,
    /// Rows it was tested on.
    pub rows: Option<f64>,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Log loss, in nats.
    pub log_loss: Option<f64>,
    /// Expected calibration error.
    pub calibration_error: Option<f64>,
    /// Lift of the top decile.
    pub lift: Option<f64>,
}

impl ModelsPage {
    /// The whole page.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> String {
        let contents = html! {
            @if self.tasks.iter().all(|task| task.versions.is_empty()) {
                p.lead { "No model is published yet. Train one with " code { "tend train" } "." }
            }
            @for task in self.tasks.iter().filter(|task| !task.versions.is_empty()) { (self.task(task)) }
        };
        frame.page("Models", &contents)
    }

    fn task(&self, task: &TaskModels) -> Markup {
        let number =
            |value: Option<f64>, decimals: usize| value.map_or_else(|| "–".to_owned(), |value| amount(value, decimals));
        // Only a model of one yes-or-no question has these figures; its report has those of the others.
        let is_classifier = task.versions.iter().any(|version| version.auc.is_some());
        html! {
            h2 { (task.task) }
            div.scroll { table {
                caption {
                    @if is_classifier { "Figures of rows that no version was fitted on, the newest moment of its training." }
                    @else { "Its figures are in its report: open a version." }
                }
                thead { tr {
                    th scope="col" { "Version" } th scope="col" { "Family" } th scope="col" { "History until" }
                    @if is_classifier {
                        th.number scope="col" { "Tested on" } th.number scope="col" { "AUC" } th.number scope="col" { "Log loss" }
                        th.number scope="col" { "Calibration error" } th.number scope="col" { "Lift of the top tenth" }
                    }
                    th scope="col" { span.hidden { "Change" } }
                } }
                tbody { @for version in &task.versions {
                    @let answers = task.champion.as_ref() == Some(&version.version);
                    tr {
                        td.narrow { a href={ "/models/" (task.task) "/" (version.version) "/report" } { (version.version) } @if answers { " " span.good { "answers" } } }
                        td { (version.family) }
                        td.narrow { (version.as_of) }
                        @if is_classifier {
                            td.number { (number(version.rows, 0)) }
                            td.number { (number(version.auc, 3)) }
                            td.number { (number(version.log_loss, 4)) }
                            td.number { (version.calibration_error.map_or_else(|| "–".to_owned(), percent)) }
                            td.number { (number(version.lift, 2)) }
                        }
                        td { @if self.may_change && !answers {
                            form method="post" action={ "/models/" (task.task) "/promote" } data-confirm={ "Let version " (version.version) " of " (task.task) " answer from now on?" } {
                                input type="hidden" name="version" value=(version.version);
                                button.quiet { "Promote" }
                            }
                        } }
                    }
                } }
            } }
            @if self.may_change && task.has_previous {
                form method="post" action={ "/models/" (task.task) "/rollback" } data-confirm={ "Let the champion before this one of " (task.task) " answer again?" } {
                    button.quiet { "Roll back to the champion before" }
                }
            }
        }
    }
}
