//! How a command is written, as one line made from its arguments: `SET <key> <value> [NX|XX] [GET] ...`.
//!
//! A value stands in angle brackets, what may be left out in square ones, a choice with bars, what may be repeated
//! is followed by dots (a choice only by them, it is long enough once). HELP subcommands and the CLI's hints come from here.

use alloc::string::String;

use crate::command::Command;
use crate::docs::{Arg, ArgKind};

/// The arguments of `cmd`, without its name; empty when there are none.
pub fn syntax(cmd: &Command) -> String {
    let mut out = String::new();
    push_all(cmd.args, " ", &mut out);
    out
}

fn push_all(args: &[Arg], between: &str, out: &mut String) {
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        push(arg, out);
    }
}

fn push(arg: &Arg, out: &mut String) {
    if arg.optional {
        out.push('[');
    }
    push_once(arg, out);
    if arg.multiple && arg.kind == ArgKind::OneOf {
        out.push_str(" ...");
    } else if arg.multiple {
        out.push_str(" [");
        if arg.multiple_token {
            push_once(arg, out);
        } else {
            push_value(arg, out);
        }
        out.push_str(" ...]");
    }
    if arg.optional {
        out.push(']');
    }
}

fn push_once(arg: &Arg, out: &mut String) {
    if let Some(token) = arg.token {
        out.push_str(token);
        if arg.kind == ArgKind::PureToken {
            return;
        }
        out.push(' ');
    }
    push_value(arg, out);
}

fn push_value(arg: &Arg, out: &mut String) {
    match arg.kind {
        // The brackets of an optional choice hold it together already.
        ArgKind::OneOf if arg.optional && arg.token.is_none() && !arg.multiple => {
            push_all(arg.parts, "|", out)
        }
        ArgKind::OneOf => {
            out.push('(');
            push_all(arg.parts, "|", out);
            out.push(')');
        }
        ArgKind::Block => push_all(arg.parts, " ", out),
        ArgKind::PureToken => out.push_str(arg.token.unwrap_or(arg.name)),
        _ => {
            out.push('<');
            out.push_str(arg.display_text().unwrap_or(arg.name));
            out.push('>');
        }
    }
}
