//! The configuration file, standard input and the command line, read in this order as one text.
//!
//! As in Redis 7: `--name value ...` becomes the line `name "value" ...` behind the file, so what comes last wins
//! and repeated directives add up over both. `include` reads its files, in the order in which the pattern expands, in
//! the place where it stands. Bounds: [`INCLUDE_DEPTH_MAX`] and [`INCLUDES_MAX`].

use base::args::{quote, split};

use crate::error::ConfigError;
use crate::rule::Origin;
use crate::set::{refuse_dangerous, store};
use crate::table::{self, DIRECTIVES, Directive, MULTI};
use crate::{Config, Line};

/// How deep files may include files.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// How many files one configuration may include.
pub const INCLUDES_MAX: usize = 1024;

/// Directives of older versions that Redis takes with one argument and forgets.
const DEPRECATED: [&str; 3] =
    ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// Reads the files that a path or a pattern names: (path, content) in order. A pattern without a match is no file;
/// a path without one is an error with the operating system's text.
pub type ReadFiles<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<(String, Vec<u8>)>, String>;

/// Reads standard input to its end.
pub type ReadStdin<'a> = &'a mut dyn FnMut() -> Result<Vec<u8>, String>;

impl Config {
    /// Reads what the arguments after the program's name say: `[file] [-] [--directive value ...]`.
    ///
    /// `--help` and its like are the caller's. The error displays as what Redis prints to standard error.
    pub fn load(args: &[Vec<u8>], read: ReadFiles<'_>, stdin: ReadStdin<'_>) -> Result<Config, ConfigError> {
        let line = CommandLine::parse(args);
        let mut loader = Loader { config: Config::default(), read, includes: 0 };
        let mut text = match &line.file {
            Some(path) => loader.files(path)?,
            None => Vec::new(),
        };
        loader.config.file.clone_from(&line.file);
        if line.stdin {
            let input = stdin().map_err(|reason| ConfigError::Open { path: "-".into(), reason })?;
            append_lines(&mut text, &input);
        }
        if !line.options.is_empty() {
            text.push(b'\n');
            text.extend_from_slice(&line.options);
        }
        loader.text(&text, 0)?;
        loader.finish()
    }
}

/// The command line, its options turned into lines of a file.
struct CommandLine {
    file: Option<String>,
    stdin: bool,
    options: Vec<u8>,
}

impl CommandLine {
    fn parse(args: &[Vec<u8>]) -> Self {
        let mut line = Self { file: None, stdin: false, options: Vec::new() };
        let mut first = 0;
        if let Some(path) = args.first().filter(|arg| !arg.starts_with(b"-")) {
            line.file = Some(String::from_utf8_lossy(path).into_owned());
            first = 1;
        }
        // An option's name waits for at least one value; until then even `--x` is a value.
        let mut complete = true;
        for i in first..args.len() {
            let arg = args[i].as_slice();
            let next_is_option = args.get(i + 1).is_some_and(|next| next.starts_with(b"--"));
            if arg == b"-" && (i == 0 || i + 1 == args.len()) {
                line.stdin = true;
            } else if complete && arg.starts_with(b"--") {
                complete = line.option(arg, next_is_option, i + 1 == args.len());
            } else {
                let mut quoted = String::new();
                quote(arg, &mut quoted);
                line.options.extend_from_slice(quoted.as_bytes());
                line.options.push(b' ');
                complete = true;
            }
        }
        line
    }

    /// Starts an option's line; returns whether it has a value already.
    fn option(&mut self, arg: &[u8], next_is_option: bool, is_last: bool) -> bool {
        if !self.options.is_empty() {
            self.options.push(b'\n');
        }
        self.options.extend_from_slice(&arg[2..]);
        self.options.push(b' ');
        if split(arg).is_some_and(|words| words.len() != 1) {
            return true;
        }
        // Scripts that build command lines from arrays leave these two without a value.
        let is_save = arg.eq_ignore_ascii_case(b"--save");
        if !(next_is_option || is_last) || !(is_save || arg.eq_ignore_ascii_case(b"--sentinel")) {
            return false;
        }
        if is_save {
            self.options.extend_from_slice(b"\"\"");
        }
        true
    }
}

struct Loader<'a> {
    config: Config,
    read: ReadFiles<'a>,
    includes: usize,
}

impl Loader<'_> {
    /// All files that the path or pattern names, one behind the other.
    fn files(&mut self, path: &str) -> Result<Vec<u8>, ConfigError> {
        let open = |reason: String| ConfigError::Open { path: path.into(), reason };
        let dir = &self.config.settings.dir;
        let files = if path.starts_with('/') || dir == "./" {
            (self.read)(path)
        } else {
            (self.read)(&format!("{}/{path}", dir.trim_end_matches('/')))
        };
        let mut text = Vec::new();
        for (_, content) in files.map_err(open)? {
            append_lines(&mut text, &content);
        }
        Ok(text)
    }

    fn text(&mut self, text: &[u8], depth: usize) -> Result<(), ConfigError> {
        let text = without_nul(text);
        for (i, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let wrong = |reason: String| ConfigError::Line {
                number: i + 1,
                line: String::from_utf8_lossy(line).into_owned(),
                reason,
            };
            let args = split(line).ok_or_else(|| wrong("Unbalanced quotes in configuration line".into()))?;
            let args: Vec<String> = args
                .into_iter()
                .map(|arg| String::from_utf8(arg).map_err(|_| wrong("argument must be valid UTF-8".into())))
                .collect::<Result<_, _>>()?;
            match args.split_first() {
                None => {}
                Some((name, [path])) if name.eq_ignore_ascii_case("include") => {
                    self.include(path, depth).map_err(|error| match error {
                        Included::Inner(error) => error,
                        Included::Bound(reason) => wrong(reason),
                    })?;
                }
                Some((name, values)) => {
                    let place = (i + 1, String::from_utf8_lossy(line).into_owned());
                    self.directive(name, values, place).map_err(wrong)?;
                }
            }
        }
        Ok(())
    }

    fn include(&mut self, path: &str, depth: usize) -> Result<(), Included> {
        self.includes += 1;
        if depth >= INCLUDE_DEPTH_MAX {
            return Err(Included::Bound(format!("Files include files more than {INCLUDE_DEPTH_MAX} deep")));
        }
        if self.includes > INCLUDES_MAX {
            return Err(Included::Bound(format!("More than {INCLUDES_MAX} included files")));
        }
        let text = self.files(path).map_err(Included::Inner)?;
        self.text(&text, depth + 1).map_err(Included::Inner)
    }

    fn directive(&mut self, name: &str, values: &[String], place: Line) -> Result<(), String> {
        match table::find(name.as_bytes()) {
            Some(index) => self.known(index, &DIRECTIVES[index], values, place),
            None => self.other(&name.to_ascii_lowercase(), values, place),
        }
    }

    fn known(
        &mut self,
        index: usize,
        directive: &Directive,
        values: &[String],
        place: Line,
    ) -> Result<(), String> {
        let mut args: Vec<&str> = values.iter().map(String::as_str).collect();
        let words;
        // A list given as one argument, as in `--save "3600 1 300 100"`.
        if directive.has(MULTI) && args.len() == 1 && !args[0].is_empty() {
            words = split(args[0].as_bytes()).unwrap_or_default();
            args = words.iter().filter_map(|word| std::str::from_utf8(word).ok()).collect();
        }
        let origin = Origin::File { repeated: self.config.explicit.insert(index, place).is_some() };
        let present = (directive.read)(&self.config.settings);
        let text = directive.rule.check(&args, &present, origin)?;
        refuse_dangerous(directive, &text)?;
        store(directive, &mut self.config.settings, &text);
        Ok(())
    }

    /// What looks like a directive and is none of the table.
    fn other(&mut self, name: &str, values: &[String], place: Line) -> Result<(), String> {
        match (name, values.len()) {
            (_, 1) if DEPRECATED.contains(&name) => Ok(()),
            ("user", 1..) => {
                self.config.users.push(values.to_vec());
                self.config.user_places.push(place);
                Ok(())
            }
            ("rename-command", 2) => {
                self.config.renames.push((values[0].clone(), values[1].clone()));
                self.config.rename_lines.push(place);
                Ok(())
            }
            ("loadmodule", 1..) => Err("Modules are not supported".into()),
            ("sentinel", 0) => Ok(()),
            ("sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            _ if name.contains('.') && values.is_empty() => {
                Err("Module config specified without value".into())
            }
            _ if name.contains('.') => Err("Modules are not supported".into()),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    /// What can only be judged at the end.
    fn finish(self) -> Result<Config, ConfigError> {
        let mut config = self.config;
        let whole = |reason: String| ConfigError::Whole { reason };
        if config.settings.cluster_enabled && config.settings.replicaof.is_some() {
            return Err(whole("replicaof directive not allowed in cluster mode".into()));
        }
        if config.settings.cluster_enabled {
            config.settings.databases = 1;
        }
        Ok(config)
    }
}

/// One text behind another, on a line of its own even where the first does not end its last line.
fn append_lines(text: &mut Vec<u8>, more: &[u8]) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(more);
}

/// The text as Redis reads it, by C's means: a NUL ends its line, and its line end is lost with the rest, so that the
/// next line goes on there.
fn without_nul(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !text.contains(&0) {
        return text.into();
    }
    let lines = text.split_inclusive(|b| *b == b'\n');
    lines.map(|line| line.split(|b| *b == 0).next().unwrap_or_default()).collect::<Vec<_>>().concat().into()
}

enum Included {
    Inner(ConfigError),
    Bound(String),
}
