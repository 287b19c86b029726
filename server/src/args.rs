//! What the command line asks for: to serve, to print something, or what is refused by name.
//!
//! The program answers to several names, as Redis does: `redis-server`, `redis-sentinel`, `redis-check-rdb`,
//! `redis-check-aof`, and to `grapevine-` in the place of `redis-`. Directives (`--port 7000`) are passed on untouched; `config` reads them.

use crate::check::{self, Check};

/// The version of Redis whose behaviour is reported to clients.
pub const REDIS_VERSION: &str = "7.2.4";

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Serve, with these arguments after the program's name.
    Serve(Vec<Vec<u8>>),
    /// Check a file.
    Check(Check),
    /// Test memory, with these arguments.
    TestMemory(Vec<Vec<u8>>),
    /// Print this on standard output and succeed.
    Print(String),
    /// Print this on standard output and fail.
    Fail(String),
    /// Print this on standard error and fail.
    Refuse(String),
}

/// Reads the command line; `argv[0]` is the program's name.
pub fn parse(argv: &[Vec<u8>]) -> Invocation {
    let program = argv.first().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    let rest = argv.get(1..).unwrap_or_default();
    if name.ends_with("-sentinel") {
        return Invocation::Refuse(not_yet(name));
    } else if name.ends_with("-check-rdb") {
        return check_rdb(&program, rest);
    } else if name.ends_with("-check-aof") {
        return check_aof(&program, rest);
    }
    match rest.first().map(Vec::as_slice) {
        Some(b"--check-rdb") => return check_rdb(&format!("{program} --check-rdb"), &rest[1..]),
        Some(b"--check-aof") => return check_aof(&format!("{program} --check-aof"), &rest[1..]),
        Some(b"-v" | b"--version") => return Invocation::Print(version()),
        Some(b"-h" | b"--help") => return Invocation::Refuse(usage(name)),
        Some(b"--test-memory") => return Invocation::TestMemory(rest[1..].to_vec()),
        Some(b"--check-system") => return Invocation::Refuse(not_yet("--check-system")),
        _ => {}
    }
    if rest.iter().any(|arg| arg == b"--sentinel") {
        return Invocation::Refuse(not_yet("--sentinel"));
    }
    Invocation::Serve(rest.to_vec())
}

fn check_rdb(program: &str, args: &[Vec<u8>]) -> Invocation {
    match check::rdb(program, args) {
        Ok(check) => Invocation::Check(check),
        Err((text, false)) => Invocation::Print(text),
        Err((text, true)) => Invocation::Refuse(text),
    }
}

fn check_aof(program: &str, args: &[Vec<u8>]) -> Invocation {
    check::aof(program, args).map_or_else(Invocation::Fail, Invocation::Check)
}

fn not_yet(what: &str) -> String {
    format!("{what} is not supported yet by this version of Grapevine.\n")
}

fn version() -> String {
    format!(
        "Redis server v={REDIS_VERSION} sha=00000000:0 malloc={} bits=64 build=0 (Grapevine {})\n",
        crate::allocator::NAME,
        env!("CARGO_PKG_VERSION")
    )
}

fn usage(name: &str) -> String {
    format!(
        "Usage: {name} [/path/to/redis.conf] [options] [-]
       {name} - (read config from stdin)
       {name} -v or --version
       {name} -h or --help
       {name} --check-rdb <rdb-file-name>
       {name} --check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>

Options are directives of redis.conf, each with two dashes before it.

Examples:
       {name} (run the server with default conf)
       echo 'maxmemory 128mb' | {name} -
       {name} /etc/redis/6379.conf
       {name} --port 7777
       {name} --port 7777 --replicaof 127.0.0.1 8888
       {name} /etc/myredis.conf --loglevel verbose -
       {name} --port 7001 --cluster-enabled yes --appendonly yes
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use persist::check::Repair;

    fn of(args: &[&str]) -> Invocation {
        parse(&args.iter().map(|a| a.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_reach_the_configuration_untouched() {
        let args = ["grapevine-server", "x.conf", "--port", "7000", "-"];
        let rest = args[1..].iter().map(|a| a.as_bytes().to_vec()).collect();
        assert_eq!(of(&args), Invocation::Serve(rest));
        assert_eq!(of(&["/usr/bin/redis-server"]), Invocation::Serve(vec![]));
        assert_eq!(of(&[]), Invocation::Serve(vec![]));
    }

    #[test]
    fn version_and_help() {
        let Invocation::Print(text) = of(&["redis-server", "--version"]) else { panic!("prints") };
        assert!(text.starts_with("Redis server v=7.2.4 sha=") && text.contains(" bits=64 "), "{text}");
        let Invocation::Refuse(text) = of(&["x/redis-server", "-h"]) else {
            panic!("usage, as Redis, fails")
        };
        assert!(text.starts_with("Usage: redis-server [/path/to/redis.conf] [options] [-]\n"));
    }

    #[test]
    fn checks_are_asked_for_by_name_or_by_option() {
        let rdb = Invocation::Check(Check::Rdb("dump.rdb".into()));
        assert_eq!(of(&["/usr/bin/redis-check-rdb", "dump.rdb"]), rdb);
        assert_eq!(of(&["grapevine-server", "--check-rdb", "dump.rdb"]), rdb);
        let aof = |repair| Invocation::Check(Check::Aof("a".into(), repair));
        assert_eq!(of(&["grapevine-check-aof", "a"]), aof(Repair::None));
        assert_eq!(of(&["redis-check-aof", "--fix", "a"]), aof(Repair::Fix));
        let timed = ["redis-server", "--check-aof", "--truncate-to-timestamp", "17", "a"];
        assert_eq!(of(&timed), aof(Repair::ToTimestamp(17)));
        for args in [
            &["redis-check-aof"][..],
            &["redis-check-aof", "--mend", "a"],
            &["redis-check-aof", "--truncate-to-timestamp", "soon", "a"],
        ] {
            assert!(matches!(of(args), Invocation::Fail(_)), "{args:?}");
        }
        assert!(matches!(of(&["redis-check-rdb"]), Invocation::Refuse(text) if text.starts_with("Usage: ")));
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for args in [
            &["redis-sentinel"][..],
            &["/a/redis-sentinel", "s.conf"],
            &["grapevine-server", "s.conf", "--sentinel"],
        ] {
            let Invocation::Refuse(text) = of(args) else { panic!("{args:?} is refused") };
            assert!(text.contains(" is not supported yet"), "{text}");
        }
    }
}
