//! The house rules that a program can check. Each rule is a function from the tree to complaints.
//!
//! Arrows between crates are allowed as ARCHITECTURE.md's table says and nowhere else: the table is read, so that
//! adding an arrow means editing that page.

use crate::{Outcome, root};
use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this needs a line with "Length:" and a reason in its header.
const LONGEST_FILE: usize = 800;
/// How many lines of a file count as its header.
const HEADER_LINES: usize = 40;
/// Words that must not stand in code, each spelled in two pieces so that this file passes its own check.
const BANNED: &[(&str, &str)] = &[
    ("dbg", "!("),
    ("todo", "!("),
    ("unimplemented", "!("),
    ("FIX", "ME"),
    ("#[ign", "ore]"),
    ("/wo", "rk/"),
];
/// Pages whose backquoted paths must exist.
const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];
/// Folders of more such pages.
const PAGE_FOLDERS: &[&str] = &["docs", "docs/decisions"];

/// Runs every rule; `Err` lists all complaints.
pub fn run(args: &[String]) -> Outcome {
    if !args.is_empty() {
        return Err("tidy takes no options".into());
    }
    let root = root();
    let mut complaints = Vec::new();
    let files = rust_files(&root);
    for file in &files {
        check_file(&root, file, &mut complaints);
    }
    check_arrows(&root, &mut complaints);
    check_pages(&root, &mut complaints);
    if complaints.is_empty() {
        println!("tidy: {} files, nothing to complain about", files.len());
        return Ok(());
    }
    Err(format!("{} complaints\n  {}", complaints.len(), complaints.join("\n  ")))
}

fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir()
                && !name.to_string_lossy().starts_with('.')
                && name != "target"
                && name != "grapevine-data"
            {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn check_file(root: &Path, file: &Path, complaints: &mut Vec<String>) {
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let Ok(text) = fs::read_to_string(file) else {
        complaints.push(format!("{name}: is not UTF-8 text"));
        return;
    };
    if !text.starts_with("//!") {
        complaints.push(format!("{name}:1: does not open with a //! header that says what the file is"));
    }
    for (number, line) in text.lines().enumerate() {
        for (head, tail) in BANNED {
            if line.find(head).is_some_and(|at| line[at + head.len()..].starts_with(tail)) {
                complaints.push(format!("{name}:{}: holds {head}{tail}", number + 1));
            }
        }
    }
    let lines = text.lines().count();
    let excused = text.lines().take(HEADER_LINES).any(|l| l.starts_with("//!") && l.contains("Length:"));
    if lines > LONGEST_FILE && !excused {
        complaints.push(format!(
            "{name}: {lines} lines; cut it by concern, or say in the header (Length: ...) why not"
        ));
    }
}

/// Reads the rows "| floor | `crate` | ... | may use |" of ARCHITECTURE.md.
fn allowed_arrows(root: &Path) -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let mut rows = Vec::new();
    for line in page.lines().filter(|l| l.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells.len() == 4 && cells[0].parse::<u8>().is_ok() {
            let uses =
                cells[3].split(',').map(|c| c.trim().trim_matches('`').to_string()).filter(|c| !c.is_empty());
            rows.push((cells[1].trim_matches('`').to_string(), uses.collect()));
        }
    }
    rows
}

fn check_arrows(root: &Path, complaints: &mut Vec<String>) {
    let allowed = allowed_arrows(root);
    for (name, uses) in &allowed {
        let manifest = fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap_or_default();
        if manifest.is_empty() {
            complaints.push(format!("ARCHITECTURE.md: there is no crate `{name}`"));
        }
        let section = manifest.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        let dependencies: Vec<&str> =
            section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).collect();
        for unused in uses.iter().filter(|u| !dependencies.contains(&u.as_str())) {
            complaints.push(format!("ARCHITECTURE.md: `{name}` may use `{unused}`, and does not"));
        }
        for dependency in dependencies {
            if allowed.iter().any(|(other, _)| other == dependency) && !uses.iter().any(|u| u == dependency) {
                complaints.push(format!(
                    "{name}/Cargo.toml: uses `{dependency}`, an arrow that ARCHITECTURE.md does not have"
                ));
            }
        }
    }
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let members = workspace.split("members = [").nth(1).unwrap_or("").split(']').next().unwrap_or("");
    for member in members.split('"').skip(1).step_by(2) {
        if !allowed.iter().any(|(name, _)| name == member) {
            complaints.push(format!("ARCHITECTURE.md: the crate `{member}` has no row"));
        }
    }
}

fn check_pages(root: &Path, complaints: &mut Vec<String>) {
    let mut pages: Vec<PathBuf> = PAGES.iter().map(|p| root.join(p)).collect();
    for entry in PAGE_FOLDERS.iter().flat_map(|folder| fs::read_dir(root.join(folder))).flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "md") {
            pages.push(entry.path());
        }
    }
    for page in pages {
        let text = fs::read_to_string(&page).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            for word in line.split('`').skip(1).step_by(2) {
                if is_path(word) && !root.join(word).exists() {
                    let page = page.strip_prefix(root).unwrap_or(&page).display();
                    complaints.push(format!("{page}:{}: names `{word}`, which is not there", number + 1));
                }
            }
        }
    }
}

/// A relative path to something with a folder and a known ending, or to a folder (`node/src/`).
fn is_path(word: &str) -> bool {
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    let ending = [".rs", ".md", ".toml", ".resp", "/"].iter().any(|e| word.ends_with(e));
    plain
        && ending
        && word.contains('/')
        && !word.starts_with(['/', '.'])
        && !word.starts_with("grapevine-data")
}
