//! Tests of the whole crate: the table against a real server's, files and command lines against Redis's messages.

mod redis72;

use crate::table::{DIRECTIVES, HIDDEN, NOT_YET};
use crate::{AppendFsync, Config, ConfigError, LogLevel, NotifyEvents, SetContext, SetError};

/// `CONFIG GET *` of redis-server 7.0.15, started with a port and `--save ''`, without a file.
const REDIS_7_0: &str = include_str!("../testdata/config-get-7.0.15.txt");

fn load_with(args: &[&str], files: &[(&str, &str)], stdin: &str) -> Result<Config, ConfigError> {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let mut read = |path: &str| {
        let is_glob = path.contains(['*', '?', '[']);
        let hit = |name: &str| {
            if is_glob { base::glob::matches(path.as_bytes(), name.as_bytes(), false) } else { name == path }
        };
        let found: Vec<(String, Vec<u8>)> = files
            .iter()
            .filter(|(name, _)| hit(name))
            .map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()))
            .collect();
        if found.is_empty() && !is_glob { Err("No such file or directory".into()) } else { Ok(found) }
    };
    Config::load(&args, &mut read, &mut || Ok(stdin.as_bytes().to_vec()))
}

fn load_text(text: &str) -> Result<Config, ConfigError> {
    load_with(&["redis.conf"], &[("redis.conf", text)], "")
}

fn load_args(args: &[&str]) -> Config {
    load_with(args, &[], "").unwrap()
}

fn value(config: &Config, name: &str) -> String {
    config.get(name.as_bytes()).pop().map(|(_, value)| value).unwrap()
}

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    config.set(&pairs).map_err(|error| error.to_string())
}

#[test]
fn every_default_passes_its_own_rule() {
    let config = Config::default();
    for directive in DIRECTIVES {
        assert_eq!((directive.read)(&config.settings), directive.default, "{}", directive.name);
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = DIRECTIVES.iter().flat_map(|directive| directive.names()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// Names and defaults are those of a live Redis 7.0.15, but for what 7.2 has changed or what depends on the host.
#[test]
fn agrees_with_a_real_server() {
    // Given on the command line; the working directory; hidden since 7.2; absent from builds without the feature.
    const DIFFERENT: [&str; 4] = ["port", "save", "dir", "aof-disable-auto-gc"];
    // New in 7.2.
    const NEW: [&str; 4] = [
        "cluster-announce-human-nodename",
        "locale-collate",
        "set-max-listpack-entries",
        "set-max-listpack-value",
    ];
    // Grapevine's own.
    const OWN: [&str; 2] = ["cluster-crash-detection", "cluster-failover-hold-ms"];
    let config = Config::default();
    let ours = config.get(b"*");
    let theirs: Vec<(&str, &str)> =
        REDIS_7_0.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    for (name, default) in &theirs {
        if !DIFFERENT.contains(name) {
            let own = ours.iter().find(|(own, _)| own == name);
            assert_eq!(own.map(|(_, value)| value.as_str()), Some(*default), "{name}");
        }
    }
    for (name, _) in &ours {
        assert!(
            theirs.iter().any(|(own, _)| own == name) || NEW.contains(name) || OWN.contains(name),
            "{name} is not Redis's"
        );
    }
}

#[test]
fn what_s10_and_s12_write() {
    let text = "port 6001\ndaemonize yes\ncluster-enabled yes\ncluster-config-file nodes-6001.conf\n\
                cluster-node-timeout 5000\nappendonly yes\nprotected-mode no\nbind 127.0.0.1 ::1\n";
    let config = load_text(text).unwrap();
    let settings = &config.settings;
    assert_eq!((settings.port, settings.daemonize, settings.cluster_enabled), (6001, true, true));
    assert_eq!(settings.cluster_config_file, "nodes-6001.conf");
    assert_eq!((settings.cluster_node_timeout, settings.appendonly, settings.databases), (5000, true, 1));
    assert_eq!(settings.bind, ["127.0.0.1", "::1"]);
    assert_eq!(config.unsupported(), Vec::<&str>::new());
    assert_eq!(config.file.as_deref(), Some("redis.conf"));

    let replicaof = |text| load_text(text).unwrap().settings.replicaof;
    assert_eq!(replicaof("slaveof 10.0.0.1 6379"), Some(("10.0.0.1".into(), 6379)));
    assert_eq!(replicaof("replicaof \"10.0.0.1 6379\""), Some(("10.0.0.1".into(), 6379)));
    assert_eq!(replicaof("slaveof \"\""), None);
    assert_eq!(replicaof("replicaof NO ONE"), None);
}

#[track_caller]
fn refused(text: &str, line: usize, shown: &str, reason: &str) {
    let expected = format!(
        "*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nReading the configuration file, at line {line}\n\
         >>> '{shown}'\n{reason}"
    );
    assert_eq!(load_text(text).unwrap_err().to_string(), expected);
}

#[test]
fn bad_lines_have_redis_messages() {
    refused("# x\n\n  foo bar  \n", 3, "foo bar", "Bad directive or wrong number of arguments");
    refused("daemonize maybe", 1, "daemonize maybe", "argument must be 'yes' or 'no'");
    refused("port", 1, "port", "wrong number of arguments");
    refused("port 1 2", 1, "port 1 2", "wrong number of arguments");
    refused("port 65536", 1, "port 65536", "argument must be between 0 and 65535 inclusive");
    refused("port x", 1, "port x", "argument couldn't be parsed into an integer");
    refused("maxmemory 5x", 1, "maxmemory 5x", "argument must be a memory value");
    refused(
        "maxmemory-clients 200%",
        1,
        "maxmemory-clients 200%",
        "percentage argument must be less or equal to 100",
    );
    refused("dir \"a", 1, "dir \"a", "Unbalanced quotes in configuration line");
    refused("save 900", 1, "save 900", "Invalid save parameters");
    refused("slaveof h 99999", 1, "slaveof h 99999", "Invalid master port");
    refused(
        "bind a b c d e f g h i j k l m n o p q",
        1,
        "bind a b c d e f g h i j k l m n o p q",
        "Too many bind addresses specified.",
    );
    refused(
        "loglevel loud",
        1,
        "loglevel loud",
        "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
    );
    refused(
        "notify-keyspace-events q",
        1,
        "notify-keyspace-events q",
        "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
    );
    refused(
        "client-output-buffer-limit normal 0 0",
        1,
        "client-output-buffer-limit normal 0 0",
        "Wrong number of arguments in buffer limit configuration.",
    );
    refused("dbfilename a/b", 1, "dbfilename a/b", "dbfilename can't be a path, just a filename");
    refused("unixsocketperm -1", 1, "unixsocketperm -1", "argument must be between 0 and 777 inclusive");
    refused("unixsocketperm 8", 1, "unixsocketperm 8", "argument couldn't be parsed as an octal number");
    refused("sentinel monitor x", 1, "sentinel monitor x", "sentinel directive while not in sentinel mode");
    refused(
        "shutdown-on-sigterm save nosave",
        1,
        "shutdown-on-sigterm save nosave",
        "shutdown options SAVE and NOSAVE can't be used simultaneously",
    );
}

#[test]
fn contradictions_and_dangers_are_refused() {
    let error = load_text("cluster-enabled yes\nreplicaof a 1").unwrap_err().to_string();
    assert_eq!(
        error,
        "*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nreplicaof directive not allowed in cluster mode"
    );
    refused(
        "tls-cluster yes",
        1,
        "tls-cluster yes",
        "tls-cluster is not supported by Grapevine: only its default \"no\" is taken",
    );
    assert!(load_text("tls-port 0\ntls-cluster no").is_ok());
    refused("loadmodule x.so", 1, "loadmodule x.so", "Modules are not supported");
    let renamed = load_text("rename-command FLUSHALL \"\"\nrename-command GET fetch").unwrap();
    let pair = |from: &str, to: &str| (String::from(from), String::from(to));
    assert_eq!(renamed.renames, [pair("FLUSHALL", ""), pair("GET", "fetch")]);
    refused("rename-command a", 1, "rename-command a", "Bad directive or wrong number of arguments");
    let users = load_text("user alice on nopass ~* +@all\nuser bob off").unwrap();
    assert_eq!(users.users[0].join(" "), "alice on nopass ~* +@all");
    let wrong = users.wrong_user(1, "why".into()).to_string();
    assert!(wrong.ends_with("at line 2\n>>> 'user bob off'\nwhy"), "{wrong}");
    refused("user", 1, "user", "Bad directive or wrong number of arguments");
}

#[test]
fn repeated_directives_add_up_as_in_redis() {
    let config = load_text("save 900 1\nsave 300 10\nbind 1.1.1.1\nbind 2.2.2.2").unwrap();
    assert_eq!(config.settings.save, [(900, 1), (300, 10)]);
    assert_eq!(config.settings.bind, ["2.2.2.2"]);
    assert_eq!(value(&load_text("save 900 1\nsave \"\"").unwrap(), "save"), "");
    let config = load_text(
        "client-output-buffer-limit pubsub 1mb 2kb 3\nclient-output-buffer-limit replica 0 0 0 normal 5 0 0",
    )
    .unwrap();
    assert_eq!(
        value(&config, "client-output-buffer-limit"),
        "normal 5 0 0 slave 0 0 0 pubsub 1048576 2048 3"
    );
    assert_eq!(config.settings.client_output_buffer_limit.pubsub.soft_bytes, 2048);
}

#[test]
fn command_lines_as_in_redis_7() {
    let config =
        load_args(&["--port", "7000", "--save", "--appendonly", "yes", "--bind", "127.0.0.1", "::1"]);
    assert_eq!((config.settings.port, config.settings.appendonly), (7000, true));
    assert_eq!(config.settings.save, []);
    assert_eq!(config.settings.bind, ["127.0.0.1", "::1"]);
    assert_eq!(load_args(&["--port 7001", "--save", ""]).settings.port, 7001);
    assert_eq!(load_args(&["--save", "900", "1", "--save", "5 6"]).settings.save, [(900, 1), (5, 6)]);
    // The first value may look like an option.
    assert_eq!(load_args(&["--requirepass", "--secret"]).settings.requirepass, "--secret");
    assert_eq!(load_args(&["--save"]).settings.save, []);
    assert_eq!(load_args(&[]), Config::default());

    let files = [("a.conf", "port 1\nappendfsync always")];
    let config = load_with(&["a.conf", "--loglevel", "debug", "-"], &files, "port 2\nmaxclients 7").unwrap();
    assert_eq!((config.settings.port, config.settings.maxclients), (2, 7));
    assert_eq!(
        (config.settings.appendfsync, config.settings.loglevel),
        (AppendFsync::Always, LogLevel::Debug)
    );
    let error = load_with(&["a.conf", "--port", "x"], &files, "").unwrap_err().to_string();
    assert!(error.contains("at line 3\n>>> 'port \"x\"'\n"), "{error}");
    let error = load_with(&["b.conf"], &files, "").unwrap_err().to_string();
    assert_eq!(error, "Fatal error, can't open config file 'b.conf': No such file or directory");
}

#[test]
fn includes_expand_in_place_and_end() {
    let files = [
        ("main", "port 1\ninclude conf.d/*.conf\ninclude none*\ntimeout 9"),
        ("conf.d/a.conf", "port 2\nhz 20"),
        ("conf.d/b.conf", "port 3"),
        ("loop", "include loop"),
        ("bad", "port 1\ninclude worse"),
        ("worse", "\nnonsense"),
        ("missing", "include nowhere"),
        ("fan", "include fan\ninclude fan"),
    ];
    let config = load_with(&["main"], &files, "").unwrap();
    assert_eq!((config.settings.port, config.settings.hz, config.settings.timeout), (3, 20, 9));
    let error = |name| load_with(&[name], &files, "").unwrap_err().to_string();
    assert!(error("loop").contains("more than 16 deep"));
    assert!(error("fan").contains("deep"));
    assert!(error("bad").contains("at line 2\n>>> 'nonsense'"));
    assert_eq!(error("missing"), "Fatal error, can't open config file 'nowhere': No such file or directory");
}

#[test]
fn quoting_and_bytes() {
    let config = load_text("requirepass \"a \\x62\\\"\"\nlogfile 'it\\'s'\r\ndir /data").unwrap();
    assert_eq!((config.settings.requirepass.as_str(), config.settings.logfile.as_str()), ("a b\"", "it's"));
    assert_eq!(config.settings.dir, "/data");
    assert!(load_text("requirepass \"\\xff\"").unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn a_nul_ends_its_line_and_takes_the_line_end_along() {
    let config = load_text("maxmemory-samples 7\n\0hz 20\nhz 30\n\0").unwrap();
    assert_eq!((config.settings.maxmemory_samples, config.settings.hz), (7, 30));
    let error = load_text("maxmemory-samples 7\0 \nhz 30\n").unwrap_err().to_string();
    assert!(error.contains("at line 1\n>>> 'maxmemory-samples 7hz 30'"), "{error}");
}

#[test]
fn the_log_names_what_is_written_and_not_obeyed() {
    let config = load_text("maxmemory-samples 5\nport 1\ntls-ciphers x\nacllog-max-len 128").unwrap();
    assert_eq!(config.without_effect(), ["tls-ciphers"]);
    for directive in DIRECTIVES.iter().filter(|directive| directive.has(NOT_YET)) {
        let same = format!("{} {:?}", directive.name, directive.default);
        assert_eq!(load_text(&same).unwrap().unsupported(), Vec::<&str>::new());
    }
}

#[test]
fn get_matches_names_and_aliases() {
    let config = Config::default();
    let names =
        |pattern: &str| config.get(pattern.as_bytes()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("*laveof"), ["slaveof"]);
    assert_eq!(names("PORT"), ["port"]);
    assert_eq!(names("primaryauth"), ["primaryauth"]);
    assert_eq!(names("primary*"), Vec::<&str>::new());
    assert_eq!(names("cluster-blacklist-ttl"), ["cluster-blacklist-ttl"]);
    assert_eq!(names("replica-prio*"), ["replica-priority"]);
    assert_eq!(names("nothing"), Vec::<&str>::new());
    let both = config.get_all(&[b"port", b"p*rt", b"timeout"]);
    assert_eq!(both, [("port", "6379".into()), ("timeout", "0".into())]);
    assert!(config.get(b"*").iter().all(|(name, _)| {
        DIRECTIVES.iter().any(|directive| directive.names().any(|own| own == *name) && !directive.has(HIDDEN))
    }));
}

#[test]
fn set_is_atomic_and_speaks_as_redis() {
    let mut config = Config::default();
    let before = config.clone();
    let failed = |name: &str, reason: &str| {
        Err(format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    };
    assert_eq!(
        set(&mut config, &[("timeout", "5"), ("foo", "1")]),
        Err("Unknown option or number of arguments for CONFIG SET - 'foo'".into())
    );
    assert_eq!(
        set(&mut config, &[("timeout", "5"), ("port", "70000")]),
        failed("port", "argument must be between 0 and 65535 inclusive")
    );
    assert_eq!(set(&mut config, &[("databases", "3")]), failed("databases", "can't set immutable config"));
    assert_eq!(set(&mut config, &[("dir", "/")]), failed("dir", "can't set protected config"));
    assert_eq!(
        set(&mut config, &[("slave-priority", "1"), ("Replica-Priority", "1")]),
        failed("Replica-Priority", "duplicate parameter")
    );
    assert_eq!(set(&mut config, &[("slaveof", "a 1")]), failed("slaveof", "can't set immutable config"));
    assert_eq!(
        set(&mut config, &[("tls-port", "1")]),
        failed("tls-port", "tls-port is not supported by Grapevine: only its default \"0\" is taken")
    );
    assert_eq!(config, before);

    assert_eq!(
        set(&mut config, &[("timeout", "5"), ("MASTERAUTH", "x"), ("hz", "9999")]),
        Ok(vec!["timeout", "masterauth", "hz"])
    );
    assert_eq!((config.settings.timeout, config.settings.hz), (5, 500));
    assert_eq!(set(&mut config, &[("timeout", "5")]), Ok(vec![]));
    assert_eq!(set(&mut config, &[("save", "")]), Ok(vec!["save"]));
    assert_eq!(set(&mut config, &[("save", "10 20 30 40")]), Ok(vec!["save"]));
    assert_eq!(value(&config, "save"), "10 20 30 40");
    assert_eq!(set(&mut config, &[("bind", "")]), Ok(vec!["bind"]));
    assert_eq!(
        set(&mut config, &[("maxmemory", "2gb"), ("maxmemory-clients", "5%")]).map(|names| names.len()),
        Ok(2)
    );
    assert_eq!(
        (value(&config, "maxmemory"), value(&config, "maxmemory-clients")),
        ("2147483648".into(), "5%".into())
    );
    assert_eq!(
        set(&mut config, &[("notify-keyspace-events", "KEg$lshzxetd")]),
        Ok(vec!["notify-keyspace-events"])
    );
    assert_eq!(value(&config, "notify-keyspace-events"), "AKE");
    assert!(config.settings.notify_keyspace_events.wants(NotifyEvents::EXPIRED));

    let loading = SetContext { loading: true, local: true };
    assert_eq!(config.set_in(loading, &[(b"appendonly", b"yes")]), Err(SetError::Loading));
    let mut config = load_text("enable-protected-configs local").unwrap();
    assert!(config.set(&[(b"dir", b"/")]).is_err());
    assert!(config.set_in(SetContext { local: true, loading: false }, &[(b"dir", b"/")]).is_ok());
}

#[test]
fn users_are_rewritten_in_their_places() {
    let old = "user a on\nport 1\nuser b on\nsave \"\"\n";
    let mut config = load_text(old).unwrap();
    let rewritten = |config: &Config| String::from_utf8(config.rewrite(old.as_bytes())).unwrap();
    assert_eq!(rewritten(&config).trim_end(), old.trim_end());
    let lines = ["user c on", "user d on", "user e on"];
    config.user_lines = Some(lines.iter().map(|line| line.as_bytes().to_vec()).collect());
    assert_eq!(
        rewritten(&config).trim_end(),
        "user c on\nport 1\nuser d on\nsave \"\"\n\n# Generated by CONFIG REWRITE\nuser e on"
    );
    config.user_lines = Some(vec![b"user c on".to_vec()]);
    assert_eq!(rewritten(&config).trim_end(), "user c on\nport 1\n\nsave \"\"");
    config.user_lines = Some(Vec::new());
    assert_eq!(rewritten(&config).trim_end(), "\nport 1\n\nsave \"\"");
}

#[test]
fn rewrite_keeps_what_people_wrote() {
    let old = "# A comment\n\n\nport 6001\nslave-priority 10\nsave 900 1\nsave 60 100\ninclude x.conf\n\
               notadirective\nrequirepass \"a b\"\nport 6002\nlogfile \"\"\n";
    let mut config = load_text(&old.replace("include x.conf\nnotadirective\n", "")).unwrap();
    set(
        &mut config,
        &[("maxmemory", "1073741824"), ("timeout", "7"), ("save", "5 5"), ("slave-priority", "3")],
    )
    .unwrap();
    let new = String::from_utf8(config.rewrite(old.as_bytes())).unwrap();
    assert_eq!(
        new,
        "# A comment\n\nport 6002\nreplica-priority 3\nsave 5 5\n\ninclude x.conf\n# ??? notadirective\n\
         requirepass \"a b\"\n\nlogfile \"\"\n\n# Generated by CONFIG REWRITE\ntimeout 7\nmaxmemory 1gb\n"
    );
    // What was written reads back to the same settings, and rewriting again changes nothing.
    let again = load_text(&new.replace("include x.conf\n", "")).unwrap();
    assert_eq!(again.settings, config.settings);
    let twice = config.rewrite(new.as_bytes());
    assert_eq!(config.rewrite(&twice), twice);
    // As in Redis the save points are always written: half of them would be others.
    let points = "# Generated by CONFIG REWRITE\nsave 3600 1\nsave 300 100\nsave 60 10000\n";
    assert_eq!(String::from_utf8(Config::default().rewrite(b"")).unwrap(), points);
    let empty =
        load_args(&["--save", "", "--bind", "", "--client-output-buffer-limit", "replica", "1mb", "0", "0"]);
    assert_eq!(
        String::from_utf8(empty.rewrite(b"")).unwrap(),
        "# Generated by CONFIG REWRITE\nsave \"\"\nclient-output-buffer-limit replica 1mb 0 0\nbind \"\"\n"
    );
}
