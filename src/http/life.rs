//! The life of models in a running service: loaded, checked and warmed beside the requests, then swapped at once.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tend_models::artifact::{Header, Model};
use tend_models::quantities::Moment;
use tend_models::registry::{Registry, RegistryError};
use tend_models::scorecard::Task;
use tend_models::scorer::Scorer;
use tend_models::timeline::{Timelines, TimelinesFileError, open_timelines};

use super::problem::Problem;
use super::request::read_json;
use super::{Service, answer, log, now_ms};
use crate::book::Book;
use crate::decision::Policy;
use crate::evidence::{Evidence, LEAST_ROWS, MOST_ROWS};
use crate::learning::Learning;
use crate::live::Tables;
use crate::store::StoreError;

/// How often the pointers to the champions, the policy and the tables are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Customers that are judged before a change serves, so that it is known to work and its pages are in memory.
const WARM_UP_CUSTOMERS: usize = 64;

/// Models, policy and tables that answer together.
pub struct Answering {
    /// Customers, models of histories, and policy.
    pub book: Book,
    /// What merging with streamed rows needs.
    pub tables: Tables,
    /// Champions made from a customer table, which score rows of its columns alone.
    pub table_models: BTreeMap<Task, (Header, Model)>,
    /// Until when each model's training rows reach.
    pub as_of: BTreeMap<Task, Moment>,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_at_ms: i64,
}

impl Answering {
    /// The same, which decides by what came of earlier decisions.
    pub(super) fn experienced(self, learning: &Learning) -> Self {
        Self { book: self.book.with_experience(learning.experience()), ..self }
    }

    /// The version that answers each task.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<Task, String> {
        let of_tables = self.table_models.iter().map(|(task, (header, _))| (*task, header.version.clone()));
        self.book.scorer.versions().clone().into_iter().chain(of_tables).collect()
    }
}

/// Where models, policy and tables come from.
#[derive(Debug)]
pub struct Sources {
    /// The published models.
    pub registry: Registry,
    /// The policy.
    pub policy: PathBuf,
    /// The timelines file.
    pub timelines: PathBuf,
    /// What was seen when they were last loaded; also keeps changes one after the other.
    pub(super) seen: Mutex<Option<Seen>>,
}

/// What tells one state of the sources from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    champions: Vec<Option<String>>,
    policy: Option<String>,
    timelines: Option<(u64, u64, i64, i64)>,
}

/// Why models, policy and tables do not answer together.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The timelines file.
    #[error(transparent)]
    Timelines(#[from] TimelinesFileError),
    /// A model.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The policy, alone or with these models.
    #[error("{path}: {found}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
    /// There is nothing to answer with.
    #[error("no model is published; run `tend train` first")]
    NoModel,
    /// The models answer a number that is none.
    #[error("a model answers a number that is not finite; the models before stay")]
    NotFinite,
    /// The decisions that are kept speak against it.
    #[error("{0}; promote with `force` to do so all the same")]
    Against(Evidence),
    /// The decisions that are kept cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sources {
    /// The sources of a project.
    #[must_use]
    pub fn new(registry: Registry, policy: PathBuf, timelines: PathBuf) -> Self {
        Self { registry, policy, timelines, seen: Mutex::default() }
    }

    /// Loads everything, checks it, and judges some customers with it.
    ///
    /// # Errors
    /// [`LoadError`] if anything is missing or wrong.
    pub fn load(&self) -> Result<Answering, LoadError> {
        // Looked at before they are read, so that a change meanwhile is noticed afterwards.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.look());
        self.load_with(None, None)
    }

    /// Loads with another model in the place of its task's champion, and with tables that are open already.
    fn load_with(
        &self,
        tables: Option<(Timelines, Tables)>,
        candidate: Option<(Header, Model)>,
    ) -> Result<Answering, LoadError> {
        let mut scorer = Scorer::default();
        let (mut table_models, mut as_of) = (BTreeMap::new(), BTreeMap::new());
        let mut models = BTreeMap::new();
        for task in Task::ALL {
            let replaced = candidate.as_ref().is_some_and(|(header, _)| header.task == task);
            if !replaced && let Some((header, model)) = self.registry.load_champion(task)? {
                models.insert(task, (header, model));
            }
        }
        models.extend(candidate.map(|(header, model)| (header.task, (header, model))));
        for (task, (header, model)) in models {
            as_of.extend(header.as_of.map(|as_of| (task, as_of)));
            if model.plan().reads_histories() {
                scorer.take(header, model);
            } else {
                table_models.insert(task, (header, model));
            }
        }
        if scorer.is_empty() && table_models.is_empty() {
            return Err(LoadError::NoModel);
        }
        let (timelines, tables) = match tables {
            Some(tables) => tables,
            // A project of customer tables alone has no timelines.
            None if scorer.is_empty() && !self.timelines.exists() => {
                (Timelines::default(), Tables::of(&Timelines::default()))
            }
            None => {
                let timelines = open_timelines(&self.timelines)?;
                let tables = Tables::of(&timelines);
                (timelines, tables)
            }
        };
        let policy = self.policy(scorer.is_empty())?;
        let wrong = |error: crate::decision::PolicyError| self.policy_error(error.to_string());
        let book = Book::new(scorer, timelines, &policy).map_err(wrong)?;
        let answering = Answering { book, tables, table_models, as_of, loaded_at_ms: now_ms() };
        warm_up(&answering)?;
        Ok(answering)
    }

    fn policy(&self, may_lack: bool) -> Result<Policy, LoadError> {
        let text = match std::fs::read_to_string(&self.policy) {
            Err(_) if may_lack => "[money]\ncurrency = \"\"\n[[stage]]\nname = \"all\"\nwhen = \"true\"\n".to_owned(),
            text => {
                text.map_err(|error| self.policy_error(format!("cannot be read: {error}; write one with `tend init`")))?
            }
        };
        Policy::parse(&text).map_err(|error| self.policy_error(error.to_string()))
    }

    fn policy_error(&self, found: String) -> LoadError {
        LoadError::Policy { path: self.policy.clone(), found }
    }

    fn look(&self) -> Seen {
        let champion = |task| self.registry.champion(task).ok().flatten().map(|champion| champion.version);
        let stamp = |found: std::fs::Metadata| (found.ino(), found.len(), found.mtime(), found.mtime_nsec());
        Seen {
            champions: Task::ALL.into_iter().map(champion).collect(),
            policy: std::fs::read_to_string(&self.policy).ok(),
            timelines: std::fs::metadata(&self.timelines).ok().map(stamp),
        }
    }
}

/// Judges some customers.
fn warm_up(answering: &Answering) -> Result<(), LoadError> {
    let book = &answering.book;
    let moment = answering.tables.until.unwrap_or(Moment::from_day(0));
    let mut bound = book.scorer.bind(&book.timelines);
    for place in 0..book.timelines.len().min(WARM_UP_CUSTOMERS) {
        let (scorecard, decision) = book.judge(&mut bound, place, moment);
        if !answer::scores_are_finite(&scorecard) || !answer::decision_is_finite(&decision) {
            return Err(LoadError::NotFinite);
        }
    }
    Ok(())
}

/// Watches the sources and the keys for as long as the service runs.
pub async fn watch(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    loop {
        ticks.tick().await;
        let service = Arc::clone(&service);
        // A panic while loading leaves what answers as it is.
        let _ = tokio::task::spawn_blocking(move || {
            service.refresh_keys();
            service.refresh();
        })
        .await;
    }
}

impl Service {
    /// Takes what has changed in the sources, or keeps what answers and says why.
    pub(super) fn refresh(&self) {
        let mut seen = self.sources.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.sources.look();
        let Some(before) = seen.replace(now.clone()) else { return };
        if before == now {
            return;
        }
        let kept = (before.timelines == now.timelines).then(|| self.tables());
        match self.sources.load_with(kept, None) {
            Ok(answering) => self.swap(answering),
            Err(error) => {
                self.metrics.failed_swaps.fetch_add(1, Ordering::Relaxed);
                log::line("swap_failed", json!({"reason": error.to_string()}));
            }
        }
    }

    fn refresh_keys(&self) {
        if let Some(keys) = &self.keys
            && let Ok(newest) = self.store.keys()
        {
            keys.store(Arc::new(newest));
        }
    }

    /// The tables that answer; columns of a file are shared, not copied.
    fn tables(&self) -> (Timelines, Tables) {
        let answering = self.answering.load();
        (answering.book.timelines.clone(), answering.tables.clone())
    }

    fn swap(&self, answering: Answering) {
        let answering = answering.experienced(&self.learning);
        // Other names of positive outcomes make other counts. Nothing is kept meanwhile.
        let alone = (!self.learning.suits(answering.book.policy())).then(|| self.counting.blocking_write());
        if alone.is_some()
            && let Err(error) = self.learning.count(&self.store, answering.book.policy())
        {
            log::line("counting_failed", json!({"reason": error.to_string()}));
        }
        let versions = json!(answering.book.scorer.versions());
        let before = self.answering.swap(Arc::new(answering));
        drop(alone);
        let now = self.answering.load();
        if now.tables.until != before.tables.until {
            self.live.forget_before(&now.tables);
        }
        self.metrics.swaps.fetch_add(1, Ordering::Relaxed);
        log::line("swapped", json!({"models": versions}));
    }

    /// Makes a version answer, or the champion before it, once it is known to work with the policy and the tables.
    ///
    /// A promotion asks the decisions that are kept, and is refused where they speak against it, unless it is forced.
    pub(super) fn change_champion(&self, task: Task, change: &Change) -> Result<Changed, LoadError> {
        let mut seen = self.sources.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = self.sources.look();
        let registry = &self.sources.registry;
        let version = match change {
            Change::Promote(promotion) => promotion.version.clone(),
            Change::Rollback => registry
                .champion(task)?
                .and_then(|champion| champion.previous.last().cloned())
                .ok_or(RegistryError::NoPrevious { task })?,
        };
        let candidate = registry.load(task, &version)?;
        let answering = self.sources.load_with(Some(self.tables()), Some(candidate))?.experienced(&self.learning);
        let evidence = match change {
            Change::Promote(promotion) => Some(self.evidence(&answering, promotion)?),
            Change::Rollback => None,
        };
        match change {
            Change::Promote(promotion) => registry.promote(task, &promotion.version)?,
            Change::Rollback => drop(registry.rollback(task)?),
        }
        self.swap(answering);
        for (place, other) in Task::ALL.into_iter().enumerate() {
            if other == task {
                now.champions[place] = Some(version.clone());
            }
        }
        *seen = Some(now);
        Ok(Changed { version, evidence })
    }

    /// What the kept decisions say about a promotion; a refusal unless it is forced.
    fn evidence(&self, answering: &Answering, promotion: &Promotion) -> Result<Evidence, LoadError> {
        let kept = self.store.kept(MOST_ROWS)?;
        let present = self.answering.load();
        let least_rows = promotion.least_rows.unwrap_or(LEAST_ROWS);
        let evidence = Evidence::of(&answering.book, &present.book, &kept, least_rows);
        if evidence.allows() || promotion.force { Ok(evidence) } else { Err(LoadError::Against(evidence)) }
    }
}

/// What to do with a champion.
pub(super) enum Change {
    Promote(Promotion),
    Rollback,
}

/// What a change of a champion came to.
pub(super) struct Changed {
    version: String,
    evidence: Option<Evidence>,
}

/// A version that is to answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Promotion {
    pub(super) version: String,
    /// Whether it answers though the kept decisions speak against it.
    #[serde(default)]
    pub(super) force: bool,
    /// Rows of it that the kept decisions must be worth.
    pub(super) least_rows: Option<f64>,
}

/// Makes a version of a task's models answer from now on.
pub(super) async fn promote(
    State(service): State<Arc<Service>>,
    Path(task): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    change(service, &task, Change::Promote(read_json(&headers, &body)?)).await
}

/// Makes the champion before the present one answer again.
pub(super) async fn rollback(
    State(service): State<Arc<Service>>,
    Path(task): Path<String>,
) -> Result<Response, Problem> {
    change(service, &task, Change::Rollback).await
}

async fn change(service: Arc<Service>, task: &str, change: Change) -> Result<Response, Problem> {
    let task = Task::ALL.into_iter().find(|known| known.name() == task).ok_or_else(Problem::unknown_task)?;
    let changed = tokio::task::spawn_blocking(move || service.change_champion(task, &change));
    let changed = changed.await.map_err(|_| Problem::defect())?.map_err(|error| Problem::of_load(&error))?;
    let mut answer = json!({"task": task, "champion": changed.version});
    if let Some(evidence) = changed.evidence {
        answer["evidence"] = json!(evidence);
    }
    answer::json_answer(&answer)
}
