//! The table against Redis 7.2.4's: each of its directives is here, takes what it takes there, and is obeyed, without a
//! meaning, or refused by name.

use crate::Config;
use crate::rule::Rule;
use crate::table::{
    self, DENY_LOADING, DIRECTIVES, Directive, HIDDEN, IMMUTABLE, MULTI, NO_EFFECT, NOT_YET, PROTECTED,
    REFUSED, SENSITIVE,
};

const FACTS: &str = include_str!("../../testdata/directives-7.2.4.txt");

/// What is not as there: the directive and why.
const DIFFERENT: [(&str, &str); 4] = [
    ("cluster-ping-interval", "a second is written as 1000, as in Valkey 8, not as 0"),
    ("io-threads", "can be changed at run time"),
    ("cluster-replica-no-failover", "takes `if-empty`, too"),
    ("activedefrag", "`yes` is an error, as from a Redis without its own allocator"),
];

fn is_different(name: &str) -> bool {
    DIFFERENT.iter().any(|(other, _)| *other == name)
}

fn rows() -> impl Iterator<Item = [&'static str; 5]> {
    FACTS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('|').collect();
        fields.try_into().unwrap_or_else(|_| panic!("not five fields: {line}"))
    })
}

fn flag_words(directive: &Directive) -> String {
    let words = [
        (IMMUTABLE, "immutable"),
        (SENSITIVE, "sensitive"),
        (HIDDEN, "hidden"),
        (PROTECTED, "protected"),
        (DENY_LOADING, "deny_loading"),
        (MULTI, "multi_arg"),
    ];
    let set: Vec<&str> =
        words.iter().filter(|(flag, _)| directive.has(*flag)).map(|(_, word)| *word).collect();
    set.join(" ")
}

/// What a rule takes, in the words of the file; `None` for a form of its own.
fn kind(rule: &Rule) -> Option<String> {
    Some(match rule {
        Rule::Bool => "bool".into(),
        Rule::Int(min, max) => format!("int {min} {max}"),
        Rule::Memory(min, max) => format!("memory {min} {max}"),
        Rule::MemoryOrPercent => "memory-or-percent -100 9223372036854775807".into(),
        Rule::Octal(min, max) => format!("octal {min} {max}"),
        Rule::Text | Rule::Checked(_) => "text".into(),
        Rule::Word(words) => format!("word {}", words.join(" ")),
        Rule::Special(_) => return None,
    })
}

#[test]
fn every_directive_is_here_as_it_is_there() {
    let mut wrong = Vec::new();
    for [name, alias, takes, default, flags] in rows() {
        let Some(directive) = table::find(name.as_bytes()).map(|index| &DIRECTIVES[index]) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        let mut differ = |what: &str, here: &str, there: &str| {
            if here != there {
                wrong.push(format!("{name}: {what} is '{here}', there '{there}'"));
            }
        };
        differ("name", directive.name, name);
        differ("alias", directive.alias.unwrap_or(""), alias);
        if default != "?" && !is_different(name) {
            differ("default", directive.default, default);
        }
        if !is_different(name) {
            differ("flags", &flag_words(directive), flags);
            if let Some(kind) = kind(&directive.rule).filter(|_| takes != "special") {
                differ("what it takes", &kind, takes);
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn words_of_special_forms_are_taken() {
    for [name, _, takes, _, _] in rows() {
        let Some(words) = takes.strip_prefix("word ") else { continue };
        for word in words.split(' ') {
            let Some(index) = table::find(name.as_bytes()) else { continue };
            let directive = &DIRECTIVES[index];
            let outcome = directive.rule.check(&[word], directive.default, crate::Origin::Command);
            assert!(outcome.is_ok(), "{name} {word}: {outcome:?}");
        }
    }
}

#[test]
fn nothing_of_7_2_is_kept_and_forgotten() {
    for [name, ..] in rows() {
        let Some(index) = table::find(name.as_bytes()) else { continue };
        assert!(!DIRECTIVES[index].has(NOT_YET), "{name} is neither obeyed nor refused");
    }
}

#[test]
fn what_would_be_dangerous_to_ignore_is_refused_by_name() {
    for directive in DIRECTIVES.iter().filter(|directive| directive.has(REFUSED)) {
        assert!(!directive.has(NO_EFFECT));
        let value: &[u8] = match &directive.rule {
            Rule::Bool => b"yes",
            Rule::Int(..) => b"1",
            Rule::Word(words) => words.iter().find(|word| **word != directive.default).unwrap().as_bytes(),
            _ => b"x",
        };
        let mut config = Config::default();
        if !directive.has(IMMUTABLE) {
            let error = config.set(&[(directive.name.as_bytes(), value)]).unwrap_err().to_string();
            let told = format!("- {} is not supported by Grapevine", directive.name);
            assert!(error.contains(&told), "{error}");
        }
        assert_eq!(config, Config::default());
    }
}
