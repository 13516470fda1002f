//! The boundaries between the parts of the program, and the rules that every source file keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A source file: its path from the root of the repository, with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether it holds nothing but tests.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// The lines that are no comment, up to the module of tests inside the file.
    fn product_code(&self) -> impl Iterator<Item = &str> {
        let whole = self.text.as_str();
        let product = whole.split_once("#[cfg(test)]\nmod tests {").map_or(whole, |(before, _)| before);
        code(product)
    }

    /// The lines that are no comment.
    fn all_code(&self) -> impl Iterator<Item = &str> {
        code(&self.text)
    }
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the workspace.
fn sources() -> Vec<Source> {
    let trees = ["src", "tests", "benches", "examples"];
    let mut files = Vec::new();
    for package in ["", "models", "training"] {
        for tree in trees {
            rust_files(&root().join(package).join(tree), &mut files);
        }
    }
    files.sort();
    assert!(files.len() > 50, "found {} Rust files; expected those of the whole workspace", files.len());
    files.into_iter().map(source).collect()
}

fn source(file: PathBuf) -> Source {
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let path = file.strip_prefix(root()).expect("listed from the root").to_string_lossy().replace('\\', "/");
    Source { path, text }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Files of the product whose code holds the text, other than those that may.
fn strangers<'a>(sources: &'a [Source], text: &str, allowed: &[&str]) -> Vec<&'a str> {
    for path in allowed {
        assert!(sources.iter().any(|source| source.path == *path), "{path} is gone; name its successor here");
    }
    let product = sources.iter().filter(|source| !source.is_test());
    product
        .filter(|source| !allowed.contains(&source.path.as_str()))
        .filter(|source| source.product_code().any(|line| line.contains(text)))
        .map(|source| source.path.as_str())
        .collect()
}

/// The names of all packages that a package is built from, itself included, on this platform.
fn dependencies(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names are UTF-8");
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn fitted_models_need_no_tables_no_trainer_no_server_and_no_command_line() {
    let names = dependencies(&["--package", "tend-models"]);
    assert!(names.contains("blake3"), "found {names:?}; expected the packages of tend-models");
    let banned = ["polars", "linfa", "smartcore", "tokio", "axum", "clap", "tend-training"];
    let found: Vec<&String> = names.iter().filter(|name| banned.iter().any(|word| name.starts_with(word))).collect();
    assert!(found.is_empty(), "tend-models depends on {found:?}");
}

#[test]
fn a_build_that_only_serves_has_no_training_in_it() {
    let names = dependencies(&["--package", "tend", "--no-default-features", "--features", "serve"]);
    assert!(names.contains("axum"), "found {names:?}; expected the packages of the service");
    let banned = ["tend-training", "polars", "linfa", "smartcore"];
    let found: Vec<&String> = names.iter().filter(|name| banned.iter().any(|word| name.starts_with(word))).collect();
    assert!(found.is_empty(), "the serving build depends on {found:?}");
}

#[test]
fn one_module_and_its_parts_name_polars() {
    let sources = sources();
    let parts = ["training/src/tables.rs", "training/src/tables/batch.rs", "training/src/tables/write.rs"];
    let found = strangers(&sources, "polars_", &parts);
    assert!(found.is_empty(), "Polars is named in {found:?}; read and write tables through training/src/tables.rs");
}

#[test]
fn linfa_is_named_only_by_the_fits_that_use_it() {
    let sources = sources();
    let allowed = ["training/src/fit/logistic.rs", "training/src/fit/segments.rs"];
    let found = strangers(&sources, "linfa", &allowed);
    assert!(found.is_empty(), "linfa is named in {found:?}; expected only in {allowed:?}");
}

#[test]
fn smartcore_is_named_only_by_the_fit_of_the_forest() {
    let sources = sources();
    let found = strangers(&sources, "smartcore", &["training/src/fit/forest.rs"]);
    assert!(found.is_empty(), "smartcore is named in {found:?}; expected only in training/src/fit/forest.rs");
}

#[test]
fn one_module_knows_how_the_payload_of_an_artifact_is_encoded() {
    let sources = sources();
    let found = strangers(&sources, "bincode", &["models/src/artifact.rs"]);
    assert!(found.is_empty(), "bincode is named in {found:?}; expected only in models/src/artifact.rs");
}

#[test]
fn the_only_unsafe_code_maps_a_file() {
    let needles = [
        concat!("unsafe", " {"),
        concat!("unsafe", " fn"),
        concat!("unsafe", " impl"),
        concat!("allow(", "unsafe_code)"),
    ];
    let sources = sources();
    let holds = |source: &Source| source.all_code().any(|line| needles.iter().any(|needle| line.contains(needle)));
    let found: Vec<&str> = sources.iter().filter(|source| holds(source)).map(|source| source.path.as_str()).collect();
    assert_eq!(found, ["models/src/timeline/mapping.rs"], "files with unsafe code");
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let sources = sources();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
    let found: Vec<&str> = silent.map(|source| source.path.as_str()).collect();
    assert!(found.is_empty(), "no `//!` sentence on the first line of {found:?}");
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let empty_names = ["util", "utils", "common", "helpers", "misc", "manager", "service", "types", "core"];
    let sources = sources();
    let says_nothing = |source: &&Source| {
        let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
        parts.into_iter().any(|part| empty_names.contains(&part))
    };
    let found: Vec<&str> = sources.iter().filter(says_nothing).map(|source| source.path.as_str()).collect();
    assert!(found.is_empty(), "name these after what they hold: {found:?}");
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    let needles = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore")];
    let sources = sources();
    let holds = |source: &&Source| needles.iter().any(|needle| source.text.contains(needle));
    let found: Vec<&str> = sources.iter().filter(holds).map(|source| source.path.as_str()).collect();
    assert!(found.is_empty(), "unfinished work or ignored tests in {found:?}");
}
