//! The help and the version.

use std::fmt::Write;

use super::Settings;
use super::options::OPTIONS;

/// The version of Redis whose behaviour this program has.
pub const REDIS_VERSION: &str = "7.2.4";

/// What `--version` prints: redis-cli's own line under redis-cli's name, since scripts read it.
pub fn version(settings: &Settings) -> String {
    let name = program_name(settings);
    if name == "redis-cli" {
        return format!("redis-cli {REDIS_VERSION}\n");
    }
    format!("{name} {} (redis-cli {REDIS_VERSION})\n", env!("CARGO_PKG_VERSION"))
}

/// The last part of the name that the program was called by.
pub fn program_name(settings: &Settings) -> &str {
    settings.program.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("grapevine-cli")
}

/// What `--help` prints.
pub fn text(settings: &Settings) -> String {
    let name = program_name(settings);
    let mut out = version(settings);
    let _ = write!(out, "\nUsage: {name} [OPTIONS] [cmd [arg [arg ...]]]\n");
    for option in OPTIONS.iter().filter(|option| !option.help.is_empty()) {
        let mut left = option.names.join(", ");
        if let Some(value) = option.value {
            left.push(' ');
            left.push_str(value);
        }
        let _ = writeln!(out, "  {left:<22} {}", option.help);
    }
    let _ = writeln!(out, "  {:<22} Manage a cluster; --cluster help says more.", "--cluster <command>");
    let _ = write!(
        out,
        "\nExamples:\n  {name} set greeting hello\n  cat page.html | {name} -x set page\n  \
         {name} -r 10 -i 1 info stats\n  {name} -c -p 7000 get greeting\n  \
         {name} --cluster create host1:7000 host2:7000 host3:7000 --cluster-yes\n\
         \nWithout a command an interactive session starts; \"help\" in it says more.\n"
    );
    out
}
