//! A project's folder: its recipe, policy, registry and timelines.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tend::book::Book;
use tend::decision::Policy;
#[cfg(feature = "serve")]
use tend::metrics::Voice;
#[cfg(feature = "train")]
use tend_models::artifact::{Header, Model};
use tend_models::registry::Registry;
#[cfg(feature = "train")]
use tend_models::scorecard::Task;
use tend_models::scorer::Scorer;
use tend_models::timeline::Timelines;

/// What the service reads of tend.toml, of which the rest is about training.
#[cfg(feature = "serve")]
#[derive(serde::Deserialize)]
struct ServiceSettings {
    #[serde(default)]
    store: StoreSettings,
    #[serde(default)]
    metrics: Voice,
}

#[cfg(feature = "serve")]
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreSettings {
    path: Option<PathBuf>,
}

/// A project's folder and how answers are written.
#[derive(Debug)]
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// Whether answers are JSON.
    pub json: bool,
}

impl Project {
    /// The published models.
    pub fn registry(&self) -> Registry {
        Registry::new(self.folder.join("registry"))
    }

    /// The timelines file that training and scoring leave for the service.
    pub fn timelines_path(&self) -> PathBuf {
        self.folder.join("timelines.tend")
    }

    /// The database of the service: `[store] path` in tend.toml, relative to the folder; without it store.db.
    #[cfg(feature = "serve")]
    pub fn store_path(&self) -> anyhow::Result<PathBuf> {
        Ok(self.folder.join(self.service_settings()?.store.path.unwrap_or_else(|| "store.db".into())))
    }

    /// Which events tell what customers think: `[metrics]` in tend.toml.
    #[cfg(feature = "serve")]
    pub fn voice(&self) -> anyhow::Result<Voice> {
        Ok(self.service_settings()?.metrics)
    }

    #[cfg(feature = "serve")]
    fn service_settings(&self) -> anyhow::Result<ServiceSettings> {
        let path = self.folder.join("tend.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            // A project of customer tables alone has no tend.toml.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The policy.
    #[cfg(feature = "train")]
    pub fn policy(&self) -> anyhow::Result<Policy> {
        read_policy(&self.folder.join("policy.toml"))
    }

    /// These customers with the published models and the policy.
    #[cfg(feature = "train")]
    pub fn book(&self, timelines: Timelines) -> anyhow::Result<Book> {
        self.book_with(timelines, &self.policy()?)
    }

    /// These customers with the published models and another policy.
    pub fn book_with(&self, timelines: Timelines, policy: &Policy) -> anyhow::Result<Book> {
        let scorer = Scorer::load(&self.registry())?;
        anyhow::ensure!(
            !scorer.is_empty(),
            "no model is published in {}; run `tend train` first",
            self.folder.display()
        );
        Ok(Book::new(scorer, timelines, policy)?)
    }

    /// A version of a task's models; without one, the champion.
    #[cfg(feature = "train")]
    pub fn model(&self, task: Task, version: Option<&str>) -> anyhow::Result<(Header, Model)> {
        match version {
            Some(version) => Ok(self.registry().load(task, version)?),
            None => self
                .registry()
                .load_champion(task)?
                .with_context(|| format!("no {task} model is published in {}; train one first", self.folder.display())),
        }
    }

    /// Prints an answer as JSON on one line.
    pub fn print_json(&self, answer: &impl serde::Serialize) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string(answer)?);
        Ok(())
    }
}

/// A policy from a file.
pub fn read_policy(path: &Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read; write one with `tend init`", path.display()))?;
    Policy::parse(&text).with_context(|| path.display().to_string())
}

#[cfg(feature = "train")]
pub use training::{account, currency, now};

#[cfg(feature = "train")]
mod training {
    use super::Project;
    use tend_models::quantities::Moment;
    use tend_models::timeline::save_timelines;
    use tend_training::ingest::{Ingested, TableReceived, ingest};
    use tend_training::recipe::Recipe;

    impl Project {
        /// The recipe.
        pub fn recipe(&self) -> anyhow::Result<Recipe> {
            Ok(Recipe::read(&self.folder.join("tend.toml"))?)
        }

        /// Reads the tables, and leaves the timelines file for the service and the rejected rows in rejects.csv.
        pub fn read_tables(&self, recipe: &Recipe) -> anyhow::Result<Ingested> {
            let ingested = ingest(recipe, now()?, Some(&self.folder.join("rejects.csv")))?;
            save_timelines(&ingested.timelines, &self.timelines_path())?;
            Ok(ingested)
        }

        /// Reads the tables and tells what came of their rows.
        pub fn ingest(&self, recipe: &Recipe) -> anyhow::Result<Ingested> {
            let ingested = self.read_tables(recipe)?;
            ingested.received.iter().for_each(|table| eprint!("{}", account(table)));
            Ok(ingested)
        }
    }

    /// What came of the rows of a table, a line each.
    pub fn account(table: &TableReceived) -> String {
        let mut lines = format!("{}: {} rows read, {} kept\n", table.table, table.rows, table.kept());
        for (reason, rows) in &table.rejected {
            lines += &format!("  rejected: {rows} rows, {reason}\n");
            if let Some(first) = table.first_rejected.get(reason) {
                lines += &format!("    first: {first}\n");
            }
        }
        for (what, noted) in &table.notes {
            lines += &format!("  noted: {} rows, {what} ({} of them kept)\n", noted.rows, noted.kept);
        }
        lines
    }

    /// The present moment.
    pub fn now() -> anyhow::Result<Moment> {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        Ok(Moment::from_seconds(i64::try_from(seconds)?))
    }

    /// The currency shown with amounts.
    pub fn currency(recipe: &Recipe) -> &str {
        recipe.company.currency.as_deref().unwrap_or("money units")
    }
}
