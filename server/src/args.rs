//! What the command line asks for: to serve, to print something, or what is refused by name.
//!
//! The program answers to several names, as Redis does: `redis-server`, `redis-sentinel`, `redis-check-rdb`,
//! `redis-check-aof`. Directives (`--port 7000`) are passed on untouched; `config` reads them.

/// The version of Redis whose behaviour is reported to clients.
pub const REDIS_VERSION: &str = "7.2.4";

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Serve, with these arguments after the program's name.
    Serve(Vec<Vec<u8>>),
    /// Print this on standard output and succeed.
    Print(String),
    /// Print this on standard error and fail.
    Refuse(String),
}

/// Reads the command line; `argv[0]` is the program's name.
pub fn parse(argv: &[Vec<u8>]) -> Invocation {
    let program = argv.first().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    if let Some(refusal) = refused_by_name(name) {
        return Invocation::Refuse(refusal);
    }
    let rest = argv.get(1..).unwrap_or_default();
    match rest.first().map(Vec::as_slice) {
        Some(b"-v" | b"--version") => return Invocation::Print(version()),
        Some(b"-h" | b"--help") => return Invocation::Refuse(usage(name)),
        Some(b"--test-memory") => return Invocation::Refuse(not_yet("--test-memory")),
        Some(b"--check-system") => return Invocation::Refuse(not_yet("--check-system")),
        _ => {}
    }
    let refused = ["--sentinel", "--check-rdb", "--check-aof"];
    match refused.iter().find(|option| rest.iter().any(|arg| arg == option.as_bytes())) {
        Some(option) => Invocation::Refuse(not_yet(option)),
        None => Invocation::Serve(rest.to_vec()),
    }
}

fn refused_by_name(name: &str) -> Option<String> {
    ["sentinel", "check-rdb", "check-aof"]
        .iter()
        .find(|role| name.ends_with(&format!("-{role}")))
        .map(|_| not_yet(name))
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
    fn what_is_not_there_is_refused_by_name() {
        for args in [
            &["redis-sentinel"][..],
            &["/a/redis-sentinel", "s.conf"],
            &["grapevine-server", "s.conf", "--sentinel"],
            &["redis-check-rdb", "dump.rdb"],
            &["grapevine-check-aof", "x"],
            &["grapevine-server", "--check-rdb", "dump.rdb"],
        ] {
            let Invocation::Refuse(text) = of(args) else { panic!("{args:?} is refused") };
            assert!(text.contains(" is not supported yet"), "{text}");
        }
    }
}
