//! From directives to what the threads need: log levels, the cluster machine's settings, files that `include` names.

use runtime::Level;
use std::path::{Path, PathBuf};

/// `loglevel` as the log's threshold.
pub fn threshold(level: config::LogLevel) -> Level {
    match level {
        config::LogLevel::Debug => Level::Debug,
        config::LogLevel::Verbose => Level::Verbose,
        config::LogLevel::Notice => Level::Notice,
        config::LogLevel::Warning => Level::Warning,
        config::LogLevel::Nothing => Level::Nothing,
    }
}

/// The level of a line that the node logs.
pub fn level_of_node(level: node::LogLevel) -> Level {
    match level {
        node::LogLevel::Debug => Level::Debug,
        node::LogLevel::Verbose => Level::Verbose,
        node::LogLevel::Notice => Level::Notice,
        node::LogLevel::Warning => Level::Warning,
    }
}

/// The level of a line that the cluster machine logs.
pub fn level_of_cluster(level: cluster::LogLevel) -> Level {
    match level {
        cluster::LogLevel::Debug => Level::Debug,
        cluster::LogLevel::Verbose => Level::Verbose,
        cluster::LogLevel::Notice => Level::Notice,
        cluster::LogLevel::Warning => Level::Warning,
    }
}

/// `oom-score-adj` for a role.
pub fn oom_policy(settings: &config::Settings, replica: bool) -> runtime::oom::Policy {
    use runtime::oom::Policy;
    let value = settings.oom_score_adj_values.get(usize::from(replica)).copied().unwrap_or(0);
    match settings.oom_score_adj.as_str() {
        "yes" | "relative" => Policy::Relative(value),
        "absolute" => Policy::Absolute(value),
        _ => Policy::Untouched,
    }
}

/// Most files that one pattern may name.
const MATCHES_MAX: usize = 1024;

/// Reads the file at `path`, or every file that a glob pattern names, in the order of their names.
pub fn read_files(path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    if !path.contains(['*', '?', '[']) {
        let bytes = std::fs::read(path).map_err(runtime::process::reason)?;
        return Ok(vec![(path.to_string(), bytes)]);
    }
    let mut files = Vec::new();
    for found in expand(path) {
        if found.is_file() {
            let bytes = std::fs::read(&found).map_err(runtime::process::reason)?;
            files.push((found.to_string_lossy().into_owned(), bytes));
        }
    }
    Ok(files)
}

/// Paths that match a pattern, one component at a time, sorted.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let root = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    let mut found = vec![root];
    for component in pattern.split('/').filter(|c| !c.is_empty()) {
        let mut next = Vec::new();
        for folder in &found {
            if component.contains(['*', '?', '[']) {
                next.extend(matching(folder, component));
            } else {
                next.push(folder.join(component));
            }
        }
        next.sort();
        next.truncate(MATCHES_MAX);
        found = next;
    }
    found.retain(|path| path.exists());
    found
}

fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(read) else { return Vec::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let wanted = |name: &String| {
        (!name.starts_with('.') || pattern.starts_with('.'))
            && base::glob::matches(pattern.as_bytes(), name.as_bytes(), false)
    };
    names.filter(wanted).map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_in_order_and_plain_paths_must_exist() {
        let root = std::env::temp_dir().join(format!("grapevine-settings-{}", std::process::id()));
        for (name, text) in [("b/2.conf", "two"), ("b/1.conf", "one"), ("a/x.conf", "x"), ("b/.h.conf", "h")]
        {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let texts = |pattern: &str| {
            let files = read_files(root.join(pattern).to_str().unwrap()).unwrap();
            files.into_iter().map(|(_, text)| String::from_utf8(text).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(texts("b/*.conf"), ["one", "two"]);
        assert_eq!(texts("*/[12x].conf"), ["x", "one", "two"]);
        assert_eq!(texts("c/*.conf"), Vec::<String>::new());
        assert_eq!(texts("b/1.conf"), ["one"]);
        let missing = read_files(root.join("none.conf").to_str().unwrap()).unwrap_err();
        assert_eq!(missing, "No such file or directory");
        std::fs::remove_dir_all(root).unwrap();
    }
}
