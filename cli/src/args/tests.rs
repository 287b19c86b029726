//! Command lines by example.

use super::*;

fn parse_line(line: &str) -> Result<Settings, Stop> {
    parse_as("grapevine-cli", line)
}

fn parse_as(program: &str, line: &str) -> Result<Settings, Stop> {
    let words: Vec<Vec<u8>> = line.split_whitespace().map(|w| w.as_bytes().to_vec()).collect();
    parse(program, &words, &|_| None, true)
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|w| w.as_bytes().to_vec()).collect()
}

#[test]
fn a_command_ends_the_options() {
    let settings = parse_line("-h host -p 7000 -n 3 -r -1 -i 0.5 -c set -a b").unwrap();
    assert_eq!((settings.host.as_str(), settings.port, settings.db), ("host", 7000, 3));
    assert_eq!((settings.repeat, settings.interval, settings.follow), (-1, Duration::from_millis(500), true));
    assert_eq!(settings.command, words(&["set", "-a", "b"]));
    assert_eq!(settings.password, None);
}

#[test]
fn the_cluster_manager_s_words() {
    let expected = words(&["h:1", "h:2"]);
    for line in [
        "--cluster create h:1 h:2 --cluster-replicas 1 --cluster-yes",
        "--cluster-yes --cluster create --cluster-replicas 1 h:1 h:2",
    ] {
        let cluster = parse_line(line).unwrap().cluster;
        assert_eq!((cluster.command.as_deref(), &cluster.args), (Some("create"), &expected), "{line}");
        assert_eq!((cluster.replicas, cluster.yes), (1, true), "{line}");
    }
    let cluster = parse_as("/usr/bin/redis-trib.rb", "create --replicas 1 h:1 h:2").unwrap().cluster;
    assert_eq!((cluster.args, cluster.replicas), (expected, 1));
    let cluster = parse_as("redis-trib.rb", "call h:1 config get --x").unwrap().cluster;
    assert_eq!(cluster.args, words(&["h:1", "config", "get", "--x"]));
}

#[test]
fn mistakes_end_it() {
    let stop = |line| parse_line(line).unwrap_err();
    assert_eq!(stop("-z").text, "Unrecognized option or bad number of args for: '-z'\n");
    assert_eq!(stop("-p").text, "Unrecognized option or bad number of args for: '-p'\n");
    assert_eq!(stop("-c -s x").text, "Options -c and -s are mutually exclusive.\n");
    assert_eq!(stop("-2 -3").text, "Options -2 and -3 are mutually exclusive.\n");
    assert_eq!(stop("-p 99999").text, "Invalid server port.\n");
    assert_eq!(stop("-u http://x").text, "Invalid URI scheme\n");
    assert_eq!((stop("-h").code, stop("--help").code, stop("--cluster").code), (0, 0, 1));
    for name in ["--ldb", "--tls"] {
        assert!(stop(name).text.contains(name), "{name}");
    }
    let line = "--cluster rebalance h:1 --cluster-weight a=1 b=2.5 --cluster-simulate";
    let cluster = parse_line(line).unwrap().cluster;
    assert_eq!((cluster.weights.len(), cluster.simulate, cluster.threshold), (2, true, 2.0));
    assert!(stop(&format!("{line} --cluster-weight c=1")).text.contains("more than once"));
}

#[test]
fn uris() {
    let settings = parse_line("-u redis://me:p%40ss@example.org:7001/5 ping").unwrap();
    assert_eq!((settings.host.as_str(), settings.port, settings.db), ("example.org", 7001, 5));
    assert_eq!((settings.user, settings.password), (Some(b"me".to_vec()), Some(b"p@ss".to_vec())));
    assert!(settings.warning.is_some());
    assert_eq!(parse_line("-u redis://[::1]:7001").unwrap().host, "::1");
    assert_eq!(parse_line("-u redis://%4x@h").unwrap_err().text, "Illegal character in URI encoding\n");
}

#[test]
fn passwords_from_outside() {
    let env = |name: &str| (name == "REDISCLI_AUTH").then(|| b"secret".to_vec());
    let settings = parse("x", &[], &env, false).unwrap();
    assert_eq!((settings.password, settings.warning), (Some(b"secret".to_vec()), None));
    let settings = parse("x", &words(&["-a", "mine"]), &env, false).unwrap();
    assert_eq!(settings.password, Some(b"mine".to_vec()));
    assert_eq!(settings.mode, Mode::Raw);
}

#[test]
fn the_help_names_every_documented_option() {
    let text = parse_line("--help").unwrap_err().text;
    for option in options::OPTIONS.iter().filter(|o| !o.help.is_empty()) {
        assert!(text.contains(option.names[0]), "{}", option.names[0]);
    }
}
