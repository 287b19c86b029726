//! One command as COMMAND DOCS tells it: a map of what is known.

use super::info::words;
use resp::Reply;
use spec::{Arg, ArgKind, Command};

/// Summary, since, group, complexity, standing, arguments, subcommands; what is unknown is left out.
pub(super) fn write(command: &Command, reply: &mut Reply) {
    let place = reply.deferred();
    let mut fields = 0;
    let mut text = |reply: &mut Reply, name: &str, value: &str| {
        if !value.is_empty() {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
            fields += 1;
        }
    };
    text(reply, "summary", command.summary);
    text(reply, "since", command.since);
    text(reply, "group", command.group.name());
    text(reply, "complexity", command.complexity);
    let (since, instead) = command.deprecated.unwrap_or_default();
    let standing = [(command.doc_flags.deprecated, "deprecated"), (command.doc_flags.syscmd, "syscmd")]
        .map(|(set, n)| set.then_some(n));
    if standing.iter().any(Option::is_some) {
        reply.bulk(b"doc_flags");
        words(standing.into_iter().flatten(), reply);
        fields += 1;
    }
    for (name, value) in [("deprecated_since", since), ("replaced_by", instead)] {
        if !value.is_empty() {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
            fields += 1;
        }
    }
    if !command.args.is_empty() {
        reply.bulk(b"arguments");
        arguments(command.args, reply);
        fields += 1;
    }
    if !command.subcommands().is_empty() {
        reply.bulk(b"subcommands");
        reply.map(command.subcommands().len());
        for sub in command.subcommands() {
            reply.bulk(sub.name.as_bytes());
            write(sub, reply);
        }
        fields += 1;
    }
    reply.finish_map(place, fields);
}

fn arguments(args: &[Arg], reply: &mut Reply) {
    reply.array(args.len());
    args.iter().for_each(|arg| argument(arg, reply));
}

fn argument(arg: &Arg, reply: &mut Reply) {
    let place = reply.deferred();
    let mut fields = 2;
    reply.bulk(b"name");
    reply.bulk(arg.name.as_bytes());
    reply.bulk(b"type");
    reply.bulk(arg.kind.name().as_bytes());
    let mut text = |reply: &mut Reply, name: &str, value: Option<&str>| {
        if let Some(value) = value {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
            fields += 1;
        }
    };
    text(reply, "display_text", arg.display_text());
    if let Some(spec) = arg.key_spec {
        reply.bulk(b"key_spec_index");
        reply.int(i64::from(spec));
    }
    text(reply, "token", arg.token);
    text(reply, "since", arg.since);
    text(reply, "deprecated_since", arg.deprecated_since);
    fields += usize::from(arg.key_spec.is_some());
    if arg.flag_names().next().is_some() {
        reply.bulk(b"flags");
        words(arg.flag_names(), reply);
        fields += 1;
    }
    if matches!(arg.kind, ArgKind::OneOf | ArgKind::Block) {
        reply.bulk(b"arguments");
        arguments(arg.parts, reply);
        fields += 1;
    }
    reply.finish_map(place, fields);
}
