//! What people see of the service: a worklist, customers, figures, models and the policy, as pages.
//!
//! Pages are plain data in and HTML out. They are readable without a script; the one script adds live counts to the
//! worklist's range and nothing else needs it. Nothing is fetched from another host.

mod chart;
mod customer;
mod desk;
mod models;
mod overview;
mod page;
mod policy;
mod stages;
mod worklist;
mod worklist_page;

pub use customer::{CustomerPage, Happening};
pub use desk::{Desk, Figures, metrics_request};
pub use models::{ModelsPage, TaskModels, VersionFigures};
pub use overview::OverviewPage;
pub use page::{Frame, SCRIPT, STYLE, login_page, message_page};
pub use policy::PolicyPage;
pub use worklist::{Listed, PAGE_ROWS, Selected, Selection, Sorting, Status, Totals, Worked, Worklist};
pub use worklist_page::{WorklistPage, csv, selection_line};
