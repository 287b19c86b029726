//! The table `redis`: commands, replies, the log, and what a script may ask about itself.

use crate::raw::{Kind, Lua, Native, Raised, Results};
use crate::{LogLevel, Propagation, Sha, to_lua};
use resp::Protocol;
use smallvec::SmallVec;

/// Capacity that the buffer of replies keeps between commands.
const REPLY_KEPT: usize = 1 << 16;

/// Pushes the table with everything that scripts see in it.
pub(crate) fn push_table(lua: &mut Lua<'_>, version: &str) {
    lua.new_table();
    push_log(lua);
    push_version(lua, version);
    let functions: [(&str, Native); 8] = [
        ("call", call),
        ("pcall", pcall),
        ("setresp", set_protocol),
        ("sha1hex", sha1hex),
        ("error_reply", error_reply),
        ("status_reply", status_reply),
        ("set_repl", set_repl),
        ("acl_check_cmd", acl_check),
    ];
    for (name, function) in functions {
        lua.push_native(function);
        lua.set_field(-2, name);
    }
    let propagation = [
        ("REPL_NONE", 0.0),
        ("REPL_AOF", 1.0),
        ("REPL_SLAVE", 2.0),
        ("REPL_REPLICA", 2.0),
        ("REPL_ALL", 3.0),
    ];
    for (name, bits) in propagation {
        lua.push_number(bits);
        lua.set_field(-2, name);
    }
}

/// Adds what only EVAL's interpreter has: a leftover of how scripts were replicated before Redis 7, and those of the
/// debugger, which is not here.
pub(crate) fn push_leftovers(lua: &mut Lua<'_>) {
    lua.push_native(replicate_commands);
    lua.set_field(-2, "replicate_commands");
    lua.push_native(|lua| {
        lua.push_bool(false);
        Ok(1)
    });
    lua.set_field(-2, "breakpoint");
    lua.push_native(|_| Ok(0));
    lua.set_field(-2, "debug");
}

/// Adds `log` and its levels to the table on top.
pub(crate) fn push_log(lua: &mut Lua<'_>) {
    lua.push_native(log);
    lua.set_field(-2, "log");
    for (name, level) in [("LOG_DEBUG", 0.0), ("LOG_VERBOSE", 1.0), ("LOG_NOTICE", 2.0), ("LOG_WARNING", 3.0)]
    {
        lua.push_number(level);
        lua.set_field(-2, name);
    }
}

/// Adds the version to the table on top, as a text and as a number (`0x00070204`).
pub(crate) fn push_version(lua: &mut Lua<'_>, version: &str) {
    let number =
        version.split('.').take(3).fold(0_u32, |number, part| number << 8 | part.parse().unwrap_or(0));
    lua.push_number(f64::from(number));
    lua.set_field(-2, "REDIS_VERSION_NUM");
    lua.push_bytes(version.as_bytes());
    lua.set_field(-2, "REDIS_VERSION");
}

/// An error as `redis.call` raises it: a table whose `err` begins with a code.
pub(crate) fn raise(lua: &mut Lua<'_>, message: &str) -> Raised {
    push_error(lua, message.as_bytes());
    Raised
}

/// Pushes an error table. `-CODE text` keeps its code, anything else gets `ERR`.
fn push_error(lua: &mut Lua<'_>, message: &[u8]) {
    let text = match message.strip_prefix(b"-") {
        Some(coded) if coded.contains(&b' ') => {
            let space = coded.iter().position(|&byte| byte == b' ').unwrap_or(0);
            [&coded[..space], b" ", trimmed(&coded[space + 1..])].concat()
        }
        Some(bare) => [b"ERR ", trimmed(bare)].concat(),
        None => [b"ERR ", trimmed(message)].concat(),
    };
    lua.new_table();
    // Redis passes the text through C strings.
    lua.push_bytes(until_nul(&text));
    lua.set_field(-2, "err");
}

/// Without the line ends around it.
fn trimmed(text: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = text.iter().position(|byte| !is_end(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_end(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// What C sees of a string.
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Outside a run (while a library loads) most of the table refuses.
fn check_running(lua: &mut Lua<'_>, function: &str) -> Result<(), Raised> {
    if lua.context().is_running() && lua.context().loading.borrow().is_none() {
        return Ok(());
    }
    Err(raise(lua, &format!("{function} can only be called inside a script invocation")))
}

fn call(lua: &mut Lua<'_>) -> Results {
    check_running(lua, "redis.call/pcall")?;
    if command(lua)? { Err(Raised) } else { Ok(1) }
}

fn pcall(lua: &mut Lua<'_>) -> Results {
    check_running(lua, "redis.call/pcall")?;
    // What is wrong with the arguments is an answer here, and lies on the stack in either case.
    let _is_error = command(lua);
    Ok(1)
}

/// Runs the command that the arguments are and leaves its reply on the stack; whether it is an error.
fn command(lua: &mut Lua<'_>) -> Result<bool, Raised> {
    check_arguments(lua)?;
    let context = lua.context();
    let protocol = context.protocol.get();
    let mut reply = context.reply.take();
    reply.clear();
    with_arguments(lua, |args| context.with_host(|host| host.call(args, protocol, &mut reply)));
    let arguments = lua.top();
    lua.pop(arguments);
    let is_error = reply.first() == Some(&b'-');
    let pushed = to_lua::push_reply(lua, &reply);
    reply.shrink_to(REPLY_KEPT);
    context.reply.set(reply);
    pushed.map(|()| is_error)
}

/// Makes every argument a string; numbers with digits enough to lose nothing.
fn check_arguments(lua: &mut Lua<'_>) -> Result<(), Raised> {
    let count = lua.top();
    if count == 0 {
        return Err(raise(lua, "Please specify at least one argument for this redis lib call"));
    }
    for index in 1..=count {
        match lua.kind(index) {
            Kind::String => {}
            Kind::Number => {
                let number = lua.number(index);
                if !lua.reserve(1) {
                    return Err(lua.raise_plain(b"stack overflow"));
                }
                push_number_text(lua, number);
                lua.replace(index);
            }
            _ => {
                lua.pop(count);
                return Err(raise(lua, "Lua redis lib command arguments must be strings or integers"));
            }
        }
    }
    Ok(())
}

fn push_number_text(lua: &mut Lua<'_>, number: f64) {
    // Up to 2^53 an integer has at most 16 digits, and is its own %.17g.
    if number.abs() < 9_007_199_254_740_992.0
        && number.fract() == 0.0
        && (number != 0.0 || number.is_sign_positive())
    {
        let mut text = Vec::with_capacity(24);
        base::number::push_i64(&mut text, number as i64);
        lua.push_bytes(&text);
    } else {
        let text = lua.context().double_text(number);
        lua.push_bytes(&text);
    }
}

/// The arguments, which are strings.
fn with_arguments<R>(lua: &Lua<'_>, work: impl FnOnce(&[&[u8]]) -> R) -> R {
    let args: SmallVec<[&[u8]; 8]> =
        (1..=lua.top()).map(|index| lua.bytes(index).unwrap_or_default()).collect();
    work(&args)
}

fn sha1hex(lua: &mut Lua<'_>) -> Results {
    if lua.top() != 1 {
        return Err(raise(lua, "wrong number of arguments"));
    }
    lua.stringify(1);
    let sha = Sha::of(lua.bytes(1).unwrap_or_default());
    lua.push_bytes(sha.as_bytes());
    Ok(1)
}

/// Whether the only argument is a string; else pushes the error that Redis returns (and does not raise).
fn single_string(lua: &mut Lua<'_>) -> bool {
    if lua.top() == 1 && lua.kind(1) == Kind::String {
        return true;
    }
    push_error(lua, b"wrong number or type of arguments");
    false
}

fn error_reply(lua: &mut Lua<'_>) -> Results {
    if single_string(lua) {
        let text = until_nul(lua.bytes(1).unwrap_or_default());
        let text = if text.starts_with(b"-") { text.to_vec() } else { [b"-", text].concat() };
        push_error(lua, &text);
    }
    Ok(1)
}

fn status_reply(lua: &mut Lua<'_>) -> Results {
    if single_string(lua) {
        lua.new_table();
        lua.push_value(1);
        lua.set_field(-2, "ok");
    }
    Ok(1)
}

fn set_repl(lua: &mut Lua<'_>) -> Results {
    check_running(lua, "redis.set_repl")?;
    if lua.top() != 1 {
        return Err(raise(lua, "redis.set_repl() requires two arguments."));
    }
    let flags = c_int(lua.number(1));
    if flags & !3 != 0 {
        let text = "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return Err(raise(lua, text));
    }
    lua.context().with_host(|host| host.set_repl(Propagation(flags as u8)));
    Ok(0)
}

fn acl_check(lua: &mut Lua<'_>) -> Results {
    check_running(lua, "redis.acl_check_cmd")?;
    check_arguments(lua)?;
    let context = lua.context();
    let answer = with_arguments(lua, |args| context.with_host(|host| host.acl_check(args)));
    match answer.flatten() {
        Some(allowed) => {
            lua.push_bool(allowed);
            Ok(1)
        }
        None => Err(raise(lua, "Invalid command passed to redis.acl_check_cmd()")),
    }
}

fn replicate_commands(lua: &mut Lua<'_>) -> Results {
    lua.push_bool(true);
    Ok(1)
}

fn set_protocol(lua: &mut Lua<'_>) -> Results {
    check_running(lua, "redis.setresp")?;
    if lua.top() != 1 {
        return Err(raise(lua, "redis.setresp() requires one argument."));
    }
    let protocol = match c_int(lua.number(1)) {
        2 => Protocol::Resp2,
        3 => Protocol::Resp3,
        _ => return Err(raise(lua, "RESP version must be 2 or 3.")),
    };
    lua.context().protocol.set(protocol);
    Ok(0)
}

fn log(lua: &mut Lua<'_>) -> Results {
    let count = lua.top();
    if count < 2 {
        return Err(raise(lua, "redis.log() requires two arguments or more."));
    }
    if !lua.is_number(1) {
        return Err(raise(lua, "First argument must be a number (log level)."));
    }
    let level = match c_int(lua.number(1)) {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(raise(lua, "Invalid debug level.")),
    };
    let mut text = Vec::new();
    for index in 2..=count {
        lua.stringify(index);
        if let Some(bytes) = lua.bytes(index) {
            if index != 2 {
                text.push(b' ');
            }
            text.extend_from_slice(bytes);
        }
    }
    lua.context().with_host(|host| host.log(level, &text));
    Ok(0)
}

/// A double as C's `int`, on the machines that Redis runs on: what does not fit is the least one.
pub(crate) fn c_int(value: f64) -> i32 {
    let truncated = value.trunc();
    if truncated >= f64::from(i32::MIN) && truncated <= f64::from(i32::MAX) {
        truncated as i32
    } else {
        i32::MIN
    }
}

/// A double as C's `long long`: what does not fit is the least one.
pub(crate) fn c_long(value: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}
