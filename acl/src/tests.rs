//! Rules, checks, files and the log, each by what it says.

extern crate std;

use super::*;
use alloc::string::String;
use alloc::vec::Vec;
use base::{OwnedArgs, UnixMillis};

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn described(rules: &str) -> String {
    let mut users = Users::default();
    let id = users.set(b"u", &words(rules)).map_err(|e| text(&e)).unwrap();
    text(&users.get(id).unwrap().describe())
}

fn refused(rules: &str) -> String {
    text(&Users::default().set(b"u", &words(rules)).unwrap_err())
}

fn check(rules: &str, request: &str) -> Result<(), Denied> {
    let mut users = Users::default();
    let id = users.set(b"u", &words(rules)).map_err(|e| text(&e)).unwrap();
    let request = OwnedArgs::from_slices(request.split(' ').map(str::as_bytes));
    let args = request.as_args();
    let top = spec::lookup(args.at(0)).unwrap();
    let command = args.get(1).and_then(|name| spec::subcommand(top, name)).unwrap_or(top);
    users.get(id).unwrap().check(command, &args)
}

#[test]
fn a_new_user_may_nothing() {
    assert_eq!(described(""), "off sanitize-payload resetchannels -@all");
    assert_eq!(check("on nopass", "get k"), Err(Denied::Command));
    assert_eq!(check("on nopass", "ping"), Err(Denied::Command));
    // Whoever may log in may log in again.
    assert_eq!(check("on nopass", "auth x"), Ok(()));
}

#[test]
fn the_default_user_may_everything() {
    let users = Users::default();
    assert_eq!(users.print(), b"user default on nopass sanitize-payload ~* &* +@all\n");
    assert!(users.default_user().is_unrestricted() && users.default_user().is_open());
}

#[test]
fn rules_about_commands_are_kept_as_given_without_those_made_void() {
    let of = |rules: &str| described(rules).replace("off sanitize-payload resetchannels ", "");
    assert_eq!(of("+get +SET"), "-@all +get +set");
    assert_eq!(of("+@all -@dangerous +keys"), "+@all -@dangerous +keys");
    assert_eq!(of("+get +set +get"), "-@all +set +get");
    assert_eq!(of("+config|get +config|set -config"), "-@all -config");
    assert_eq!(of("+config -config|set"), "-@all +config -config|set");
    assert_eq!(of("+get +@read -@read"), "-@all +get -@read");
    assert_eq!(of("+get allcommands"), "+@all");
    assert_eq!(of("+@all -get nocommands"), "-@all");
    assert_eq!(of("+select|0 +SELECT|1"), "-@all +select|0 +select|1");
    assert_eq!(of("+@all -select +select|0"), "+@all -select +select|0");
}

#[test]
fn all_of_a_description_makes_the_same_user() {
    let rules = "on >secret %R~a* ~b* %W~a* %RW~c &news:* +@read -get (~x +set) (+@all allchannels)";
    let first = described(rules);
    assert_eq!(
        first,
        "on sanitize-payload #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~a* ~b* ~c \
         resetchannels &news:* -@all +@read -get (~x resetchannels -@all +set) (&* +@all)"
    );
    assert_eq!(described(&first), first);
}

#[test]
fn wrong_rules_change_nothing_and_say_why() {
    let modifier = |rule: &str, why: &str| std::format!("Error in ACL SETUSER modifier '{rule}': {why}");
    let cases = [
        ("+nothing", "Unknown command or category name in ACL"),
        ("-nothing", "Unknown command or category name in ACL"),
        ("+@nothing", "Unknown command or category name in ACL"),
        ("-select|0", "Unknown command or category name in ACL"),
        ("+config|nothing", "Unknown command or category name in ACL"),
        ("+config|get|x", "Allowing first-arg of a subcommand is not supported"),
        ("+select|", "Syntax error"),
        ("nonsense", "Syntax error"),
        ("%X~a", "Syntax error"),
        ("%~a", "Syntax error"),
        ("(nonsense)", "Syntax error"),
        ("<nobody", "The password you are trying to remove from the user does not exist"),
        (
            "#123",
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        ),
    ];
    for (rule, why) in cases {
        assert_eq!(refused(rule), modifier(rule, why));
    }
    assert!(refused("~* ~a").contains("(or the 'allkeys' flag) is not valid"));
    assert!(refused("&* &a").contains("(or the 'allchannels' flag) is not valid"));
    assert_eq!(refused("on (~a +get"), "Unmatched parenthesis in acl selector starting at '(~a'.");
    let mut users = Users::default();
    assert_eq!(users.set(b"a b", &[]), Err(b"Usernames can't contain spaces or null characters".to_vec()));
    assert!(users.set(b"u", &words("on +get nonsense")).is_err() && users.find(b"u").is_none());
}

#[test]
fn commands_are_allowed_by_name_category_and_first_argument() {
    assert_eq!(check("~* +get", "get k"), Ok(()));
    assert_eq!(check("~* +get", "set k v"), Err(Denied::Command));
    assert_eq!(check("~* +@read -get", "get k"), Err(Denied::Command));
    assert_eq!(check("~* +@read -get", "strlen k"), Ok(()));
    assert_eq!(check("+config|get", "config get x"), Ok(()));
    assert_eq!(check("+config|get", "config set x y"), Err(Denied::Command));
    assert_eq!(check("+config -config|set", "config set x y"), Err(Denied::Command));
    assert_eq!(check("+select|0", "select 0"), Ok(()));
    assert_eq!(check("+select|0", "select 1"), Err(Denied::Command));
    assert_eq!(check("+select|0 -select", "select 0"), Err(Denied::Command));
}

#[test]
fn keys_are_allowed_by_what_is_done_with_them() {
    let rules = "+@all %R~r* %W~w* ~b*";
    assert_eq!(check(rules, "get r1"), Ok(()));
    assert_eq!(check(rules, "get w1"), Err(Denied::Key(1)));
    assert_eq!(check(rules, "set w1 v"), Ok(()));
    assert_eq!(check(rules, "set w1 v get"), Err(Denied::Key(1)));
    assert_eq!(check(rules, "copy r1 w1"), Ok(()));
    assert_eq!(check(rules, "copy w1 r1"), Err(Denied::Key(1)));
    assert_eq!(check(rules, "copy r1 r2"), Err(Denied::Key(2)));
    // To ask whether there is such a key is neither reading nor writing.
    assert_eq!(check(rules, "exists w1 r1 b1"), Ok(()));
    assert_eq!(check(rules, "exists w1 x"), Err(Denied::Key(2)));
    assert_eq!(check(rules, "mget r1 b1 w1"), Err(Denied::Key(3)));
    assert_eq!(check(rules, "eval x 1 r1"), Err(Denied::Key(3)));
    assert_eq!(check("+get %r~a %w~a", "get a"), Ok(()));
}

#[test]
fn channels_are_matched_and_patterns_are_compared() {
    let rules = "+@all &news:*";
    assert_eq!(check(rules, "publish news:1 x"), Ok(()));
    assert_eq!(check(rules, "publish other x"), Err(Denied::Channel(1)));
    assert_eq!(check(rules, "subscribe news:1 other"), Err(Denied::Channel(2)));
    assert_eq!(check(rules, "psubscribe news:*"), Ok(()));
    assert_eq!(check(rules, "psubscribe news:1"), Err(Denied::Channel(1)));
    assert_eq!(check(rules, "ssubscribe news:1"), Ok(()));
    assert_eq!(check(rules, "unsubscribe other"), Ok(()));
}

#[test]
fn one_selector_must_allow_all_of_a_request() {
    let rules = "+get ~a (+set ~b) (+mget ~c ~d)";
    assert_eq!(check(rules, "get a"), Ok(()));
    assert_eq!(check(rules, "set b v"), Ok(()));
    assert_eq!(check(rules, "set a v"), Err(Denied::Key(1)));
    assert_eq!(check(rules, "mget c d"), Ok(()));
    assert_eq!(check(rules, "mget c a"), Err(Denied::Key(2)));
    assert_eq!(check(rules, "del a"), Err(Denied::Command));
}

#[test]
fn passwords_open_the_door() {
    let mut users = Users::default();
    let id = users.set(b"u", &words(">one >two")).unwrap();
    assert!(!users.get(id).unwrap().admits(b"one"), "who is off stays outside");
    users.set(b"u", &words("on")).unwrap();
    let user = users.get(id).unwrap();
    assert!(user.admits(b"one") && user.admits(b"two") && !user.admits(b"three") && !user.admits(b""));
    users.set(b"u", &words("<one")).unwrap();
    assert!(!users.get(id).unwrap().admits(b"one"));
    users.set(b"u", &words("resetpass")).unwrap();
    assert!(!users.get(id).unwrap().admits(b"two"));
    users.set(b"u", &words("nopass")).unwrap();
    assert!(users.get(id).unwrap().admits(b"anything"));
    users.set(b"u", &words("reset")).unwrap();
    assert_eq!(users.get(id).unwrap(), &User::new(false));
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let mut users = Users::default();
    let alice = users.set(b"alice", &words("on +get")).unwrap();
    let bob = users.set(b"bob", &[]).unwrap();
    let before = users.print();
    let wrong = "user alice on\r\nuser alice off\nnobody\nuser x +nothing nonsense more\n\nuser y (+get\n";
    assert_eq!(
        text(&users.load("f", wrong.as_bytes()).unwrap_err()),
        "WARNING: Duplicate user 'alice' found on line 2. f:3 should start with user keyword followed by the username. \
         f:4: Error in applying operation '+nothing': Unknown command or category name in ACL. f:4: Syntax error. \
         f:6: Unmatched parenthesis in selector definition.WARNING: ACL errors detected, no change to the previously \
         active ACL rules was performed"
    );
    assert_eq!(users.print(), before);
    let gone = users.load("f", b"  user alice on +set (~a  +get)\t\nuser carol off \n").unwrap();
    assert_eq!(gone, [bob]);
    assert_eq!(users.find(b"alice").map(|(id, _)| id), Some(alice));
    assert_eq!(
        text(&users.print()),
        "user alice on sanitize-payload resetchannels -@all +set (~a resetchannels -@all +get)\n\
         user carol off sanitize-payload resetchannels -@all\n\
         user default on nopass sanitize-payload ~* &* +@all\n"
    );
    let again = users.print();
    assert_eq!(users.load("f", &again), Ok(Vec::new()));
    assert_eq!(users.print(), again);
}

#[test]
fn a_number_is_never_given_twice() {
    let mut users = Users::default();
    let first = users.set(b"u", &[]).unwrap();
    assert_eq!(users.remove(b"u"), Some(first));
    assert_eq!(users.remove(b"u"), None);
    assert_ne!(users.set(b"u", &[]), Ok(first));
    assert!(users.get(first).is_none());
    assert_eq!(users.remove(DEFAULT), None);
}

#[test]
fn subscriptions_are_judged_when_channels_are_lost() {
    let user = |rules: &str| {
        let mut users = Users::default();
        let id = users.set(b"u", &words(rules)).unwrap();
        users.get(id).unwrap().clone()
    };
    assert_eq!(user("&a &b").lost_channels(&user("&a")), None);
    assert_eq!(user("allchannels").lost_channels(&user("&a")), None);
    assert_eq!(user("&a").lost_channels(&user("allchannels")), Some(Vec::from([b"a".to_vec()])));
    let left = user("&a* (&b)").lost_channels(&user("&a* &c")).unwrap();
    assert!(User::may_stay(&left, b"abc", false) && User::may_stay(&left, b"b", false));
    assert!(!User::may_stay(&left, b"c", false));
    assert!(User::may_stay(&left, b"a*", true) && !User::may_stay(&left, b"abc", true));
}

fn entry(object: &str, at: i64) -> Entry {
    Entry {
        count: 1,
        reason: Reason::Key,
        context: Context::Toplevel,
        object: object.as_bytes().to_vec(),
        username: b"u".to_vec(),
        client_info: Vec::new(),
        id: 0,
        created: UnixMillis(at),
        updated: UnixMillis(at),
    }
}

#[test]
fn alike_refusals_are_one_entry_for_a_minute() {
    let mut log = Log::default();
    let shown = |log: &Log| -> Vec<(String, u64, u64, i64, i64)> {
        log.newest(99).map(|e| (text(&e.object), e.count, e.id, e.created.0, e.updated.0)).collect()
    };
    log.add(entry("a", 1), 2);
    log.add(entry("b", 2), 2);
    log.add(entry("a", 60_001), 2);
    assert_eq!(shown(&log), [("a".into(), 2, 0, 1, 60_001), ("b".into(), 1, 1, 2, 2)]);
    log.add(entry("a", 120_002), 2);
    assert_eq!(shown(&log), [("a".into(), 1, 2, 120_002, 120_002), ("a".into(), 2, 0, 1, 60_001)]);
    log.add(entry("c", 5), 0);
    assert_eq!(log.newest(99).len(), 0);
}
