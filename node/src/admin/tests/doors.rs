//! Whether the cluster machine knows that the default user has a password, whoever gave it one.

use super::bench::Bench;
use super::lone_cluster::Pair;

#[test]
fn the_bus_is_protected_while_the_default_user_has_no_password() {
    let mut pair = Pair::new();
    assert!(pair.machine.config().bus_protected);
    let steps = [
        ("ACL SETUSER alice on >secret", true),
        ("ACL SETUSER default >secret", false),
        ("ACL SETUSER default >other", false),
        ("ACL SETUSER default nopass", true),
        // Nobody can log in at all.
        ("ACL SETUSER default resetpass", false),
        ("CONFIG SET requirepass secret", false),
        ("CONFIG SET requirepass \"\"", true),
        ("ACL SETUSER default off", true),
        ("CONFIG SET protected-mode no", false),
        ("ACL SETUSER default on >secret", false),
        ("CONFIG SET protected-mode yes", false),
        ("ACL SETUSER default on nopass", true),
    ];
    for (line, expected) in steps {
        assert_eq!(pair.run(line), "+OK", "{line}");
        assert_eq!(pair.machine.config().bus_protected, expected, "{line}");
    }
}

#[test]
fn the_bus_begins_as_the_configuration_says() {
    let protected = |directives: &[(&str, &str)], user: &[&str]| {
        let mut config = Bench::new(directives).node.config.clone();
        config.users = vec![user.iter().map(|word| (*word).to_owned()).collect()];
        config.users.retain(|words| !words.is_empty());
        crate::cluster_config_at_start(&config).bus_protected
    };
    let password = [("requirepass", "secret")];
    assert!(protected(&[], &[]));
    assert!(!protected(&password, &[]));
    assert!(!protected(&[], &["default", "on", ">secret", "~*", "+@all"]));
    assert!(protected(&password, &["default", "on", "nopass", "~*", "+@all"]));
    // What the file says is told when it was read.
    assert!(protected(&[password[0], ("aclfile", "users.acl")], &[]));
}
