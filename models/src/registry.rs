//! Where models live: one folder a version, and a pointer to the champion of each task.
//!
//! `<root>/<task>/<version>/{model.tend, card.md, report.html, metrics.json}` and `<root>/<task>/champion.json`.
//! Versions are 1, 2, 3 and never change. A version appears whole, by one rename; so does the pointer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::{self, ArtifactError, Header, Model};
use crate::files::{sync_folder, write_atomically};
use crate::scorecard::Task;

const MODEL_FILE: &str = "model.tend";
const POINTER_FILE: &str = "champion.json";

/// A folder of published models.
#[derive(Debug, Clone)]
pub struct Registry {
    root: PathBuf,
}

/// What is published beside a model: a file's name and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// The file's name, such as `card.md`.
    pub name: &'static str,
    /// The file's contents.
    pub contents: String,
}

/// Which version answers, and which did before it, latest last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Champion {
    /// The version that answers.
    pub version: String,
    /// The champions before it, latest last.
    pub previous: Vec<String>,
}

/// Why the registry cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The operating system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The model itself is not usable.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No such version.
    #[error("{task} has no version {version}; it has {known}; see `tend models list`")]
    UnknownVersion {
        /// The task.
        task: Task,
        /// What was asked for.
        version: String,
        /// What there is.
        known: String,
    },
    /// Nothing to go back to.
    #[error("{task} has had no champion before the present one; promote a version with `tend models promote`")]
    NoPrevious {
        /// The task.
        task: Task,
    },
    /// The pointer is not readable.
    #[error("{path}: {found}; expected the version that answers; write it anew with `tend models promote`")]
    Pointer {
        /// The pointer file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
}

impl Registry {
    /// The registry in a folder, which is made when the first model is published.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder of a version.
    #[must_use]
    pub fn folder(&self, task: Task, version: &str) -> PathBuf {
        self.root.join(task.name()).join(version)
    }

    /// Published versions of a task, oldest first.
    ///
    /// # Errors
    /// [`RegistryError::Io`] if the folder cannot be read; a folder that is not there has no versions.
    pub fn versions(&self, task: Task) -> Result<Vec<String>, RegistryError> {
        let folder = self.root.join(task.name());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error(&folder, error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| io_error(&folder, error))?;
            if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok()) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|number| number.to_string()).collect())
    }

    /// Publishes a model under the next free version, which is returned; `header.version` is filled in. The version
    /// is complete when it appears.
    ///
    /// # Errors
    /// [`RegistryError`] if the operating system refuses; nothing is then visible.
    pub fn publish(&self, header: &Header, model: &Model, companions: &[Companion]) -> Result<String, RegistryError> {
        let task = header.task;
        let parent = self.root.join(task.name());
        fs::create_dir_all(&parent).map_err(|error| io_error(&parent, error))?;
        let mut number = self.versions(task)?.last().map_or(0, |last| last.parse().unwrap_or(0)) + 1_u64;
        loop {
            let version = number.to_string();
            let staged = parent.join(format!(".{version}.tmp-{}", std::process::id()));
            let outcome = stage(&staged, header, model, companions, &version)
                .and_then(|()| fs::rename(&staged, parent.join(&version)).map_err(|error| io_error(&staged, error)));
            match outcome {
                Ok(()) => {
                    sync_folder(&parent).map_err(|error| io_error(&parent, error))?;
                    return Ok(version);
                }
                Err(error) => {
                    // What was staged is of no use; the first error is the one to report.
                    let _ = fs::remove_dir_all(&staged);
                    if !parent.join(&version).exists() {
                        return Err(error);
                    }
                    number += 1;
                }
            }
        }
    }

    /// The champion of a task; `None` if none was promoted.
    ///
    /// # Errors
    /// [`RegistryError`] if the pointer cannot be read.
    pub fn champion(&self, task: Task) -> Result<Option<Champion>, RegistryError> {
        let path = self.root.join(task.name()).join(POINTER_FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| RegistryError::Pointer { path, found: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path, error)),
        }
    }

    /// Makes a version the champion, after loading it whole.
    ///
    /// # Errors
    /// [`RegistryError`] if the version is unknown or does not load; the champion then stays.
    pub fn promote(&self, task: Task, version: &str) -> Result<(), RegistryError> {
        self.load(task, version)?;
        let mut previous = Vec::new();
        if let Some(champion) = self.champion(task)? {
            if champion.version == version {
                return Ok(());
            }
            previous = champion.previous;
            previous.push(champion.version);
        }
        self.point(task, &Champion { version: version.to_owned(), previous })
    }

    /// Makes the champion before the present one the champion again, and returns its version.
    ///
    /// # Errors
    /// [`RegistryError`] if there was none or it does not load; the champion then stays.
    pub fn rollback(&self, task: Task) -> Result<String, RegistryError> {
        let mut champion = self.champion(task)?.ok_or(RegistryError::NoPrevious { task })?;
        let version = champion.previous.pop().ok_or(RegistryError::NoPrevious { task })?;
        self.load(task, &version)?;
        self.point(task, &Champion { version: version.clone(), previous: champion.previous })?;
        Ok(version)
    }

    /// Loads a version, checked whole.
    ///
    /// # Errors
    /// [`RegistryError`] if there is no such version or it is not usable.
    pub fn load(&self, task: Task, version: &str) -> Result<(Header, Model), RegistryError> {
        let known = self.versions(task)?;
        if !known.iter().any(|one| one == version) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(RegistryError::UnknownVersion { task, version: version.to_owned(), known });
        }
        let path = self.folder(task, version).join(MODEL_FILE);
        let (header, model) = artifact::load(&path)?;
        if header.task != task || header.version != version {
            let found = format!("found the model of {} version {}", header.task, header.version);
            return Err(ArtifactError::Invalid { path, found }.into());
        }
        Ok((header, model))
    }

    /// Loads the champion; `None` if the task has none.
    ///
    /// # Errors
    /// [`RegistryError`] if it is not usable.
    pub fn load_champion(&self, task: Task) -> Result<Option<(Header, Model)>, RegistryError> {
        self.champion(task)?.map(|champion| self.load(task, &champion.version)).transpose()
    }

    fn point(&self, task: Task, champion: &Champion) -> Result<(), RegistryError> {
        let path = self.root.join(task.name()).join(POINTER_FILE);
        let text = serde_json::to_vec(champion).expect("a pointer is plain data");
        write_atomically(&path, |writer| writer.write_all(&text)).map_err(|error| io_error(&path, error))
    }
}

fn stage(
    folder: &Path,
    header: &Header,
    model: &Model,
    companions: &[Companion],
    version: &str,
) -> Result<(), RegistryError> {
    fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    let header = Header { version: version.to_owned(), ..header.clone() };
    artifact::save(&folder.join(MODEL_FILE), header, model)?;
    for companion in companions {
        let path = folder.join(companion.name);
        write_atomically(&path, |writer| writer.write_all(companion.contents.as_bytes()))
            .map_err(|error| io_error(&path, error))?;
    }
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> RegistryError {
    RegistryError::Io { path: path.to_owned(), error }
}
