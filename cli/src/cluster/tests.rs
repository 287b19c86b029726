//! Addresses and the help.

use super::*;

#[test]
fn addresses() {
    assert_eq!(split_address("127.0.0.1:7000@17000"), Some((String::from("127.0.0.1"), 7000)));
    assert_eq!(split_address("::1:7000"), Some((String::from("::1"), 7000)));
    assert_eq!(split_address("127.0.0.1"), None);
    assert_eq!(split_address("h:70000"), None);
    let words = [String::from("h"), String::from("7000")];
    assert_eq!(host_and_port(&words), Some((String::from("h"), 7000)));
    assert_eq!(host_and_port(&words[..1]), None);
}

#[test]
fn the_help_names_every_subcommand() {
    let text = help("redis-cli");
    for command in COMMANDS {
        assert!(text.contains(&format!("\n  {}", command.name)), "{}", command.name);
    }
    assert!(text.contains("--cluster-replicas <arg>"));
    assert!(help("redis-trib.rb").contains("  --replicas <arg>"));
}
