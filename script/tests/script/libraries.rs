//! FUNCTION's interpreter: loading, names, calls, and what a library sees of the globals.

use crate::differential::Raw;
use crate::runner::{Plain, eval_with};
use resp::Protocol;
use script::{Call, Engine, Functions, Outcome, Prepared};
use testkit::{Kind, Server};

fn load(functions: &mut Functions, code: &str, replace: bool) -> Result<(), String> {
    let text = |error: script::LoadError| String::from_utf8_lossy(&error.0).into_owned();
    functions.load(code.as_bytes(), replace, &mut Plain::new()).map(drop).map_err(text)
}

fn call(functions: &mut Functions, name: &str, keys: &[&[u8]], argv: &[&[u8]]) -> String {
    let mut out = Vec::new();
    let given = Call { keys, argv, protocol: Protocol::Resp2 };
    match functions.run(name.as_bytes(), given, &mut Plain::new(), &mut out) {
        Some(_) => String::from_utf8_lossy(&out).into_owned(),
        None => String::from("not found"),
    }
}

#[test]
fn a_function_gets_keys_and_arguments() {
    let mut functions = Functions::new("7.0.15");
    let code = "#!lua name=mylib\nredis.register_function('f', function(keys, args) return {keys[1], args[1], #keys, #args} end)";
    load(&mut functions, code, false).expect("loads");
    assert_eq!(call(&mut functions, "f", &[b"k"], &[b"a", b"b"]), "*4\r\n$1\r\nk\r\n$1\r\na\r\n:1\r\n:2\r\n");
    assert_eq!(
        functions.library(b"mylib").map(|library| library.functions.clone()),
        Some(vec![b"f".to_vec()])
    );
    assert_eq!(call(&mut functions, "g", &[], &[]), "not found");
    assert!(functions.delete(b"mylib"));
    assert_eq!(call(&mut functions, "f", &[], &[]), "not found");
}

/// Valkey's name for the API.
#[test]
fn server_is_another_name_for_redis() {
    let mut functions = Functions::new("7.0.15");
    let code = "#!lua name=l\nserver.register_function('f', function() return server == redis and server.call('echo', 'x') end)";
    load(&mut functions, code, false).expect("loads");
    assert_eq!(call(&mut functions, "f", &[], &[]), "$6\r\necho x\r\n");
    let mut engine = Engine::new("7.0.15");
    let body = b"return server == redis and server.sha1hex('')";
    let (reply, _) = eval_with(&mut engine, &mut Plain::new(), body, Protocol::Resp2, &[], &[]);
    assert_eq!(reply, b"$40\r\nda39a3ee5e6b4b0d3255bfef95601890afd80709\r\n");
}

#[test]
fn named_arguments_carry_flags_and_a_description() {
    let mut functions = Functions::new("7.0.15");
    let code = "#!lua name=l\nredis.register_function{function_name='f', description='d', callback=function() return 1 end, flags={'no-writes','allow-oom'}}";
    load(&mut functions, code, false).expect("loads");
    let function = functions.function(b"f").expect("is there");
    assert_eq!(function.description.as_deref(), Some(b"d".as_slice()));
    assert_eq!(function.flags.names().collect::<Vec<_>>(), ["no-writes", "allow-oom"]);
}

#[test]
fn the_case_of_a_name_does_not_matter() {
    let mut functions = Functions::new("7.0.15");
    let code = "#!lua name=one\nredis.register_function('Foo', function() error('x') end)";
    load(&mut functions, code, false).expect("loads");
    assert!(call(&mut functions, "fOO", &[], &[]).contains("script: Foo"));
    let other = "#!lua name=two\nredis.register_function('foo', function() end)";
    assert_eq!(load(&mut functions, other, false).unwrap_err(), "ERR Function foo already exists");
    let twice = "#!lua name=one\nredis.register_function('f', function() end) redis.register_function('F', function() end)";
    let error = "ERR Error registering functions: ERR Function already exists in the library";
    assert_eq!(load(&mut functions, twice, true).unwrap_err(), error);
    assert_eq!(functions.len(), 1);
    assert!(functions.delete(b"one") && functions.is_empty());
}

#[test]
fn names_must_be_free() {
    let mut functions = Functions::new("7.0.15");
    let one = "#!lua name=one\nredis.register_function('f', function() return 1 end)";
    load(&mut functions, one, false).expect("loads");
    assert_eq!(load(&mut functions, one, false).unwrap_err(), "ERR Library 'one' already exists");
    let two = "#!lua name=two\nredis.register_function('f', function() return 2 end)";
    assert_eq!(load(&mut functions, two, false).unwrap_err(), "ERR Function f already exists");
    assert_eq!(call(&mut functions, "f", &[], &[]), ":1\r\n");
    let again = "#!lua name=one\nredis.register_function('g', function() return 3 end)";
    load(&mut functions, again, true).expect("replaces");
    assert_eq!(call(&mut functions, "f", &[], &[]), "not found");
    assert_eq!(call(&mut functions, "g", &[], &[]), ":3\r\n");
}

/// Libraries that are refused, and the text.
const REFUSED: [(&str, &str); 22] = [
    ("return 1", "ERR Missing library metadata"),
    ("#!lua name=x", "ERR Invalid library metadata"),
    ("#!lua\nreturn 1", "ERR Library name was not given"),
    ("#!lua name=a name=b\n", "ERR Invalid metadata value, name argument was given multiple times"),
    ("#!lua foo=a\n", "ERR Invalid metadata value given: foo=a"),
    ("#!js name=a\n", "ERR Engine 'js' not found"),
    (
        "#!lua name=a-b\n",
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    ),
    ("#!lua name=a\nx x", "ERR Error compiling function: user_function:2: '=' expected near 'x'"),
    ("#!lua name=a\nlocal x = 1", "ERR No functions registered"),
    (
        "#!lua name=a\nredis.call('get','x')",
        "ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
    ),
    (
        "#!lua name=a\nlocal x = string.format('x')",
        "ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'string'",
    ),
    (
        "#!lua name=a\ny = 1",
        "ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
    ),
    (
        "#!lua name=a\nredis.register_function()",
        "ERR Error registering functions: ERR wrong number of arguments to redis.register_function",
    ),
    (
        "#!lua name=a\nredis.register_function('f')",
        "ERR Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
    ),
    (
        "#!lua name=a\nredis.register_function('f', 1)",
        "ERR Error registering functions: ERR second argument to redis.register_function must be a function",
    ),
    (
        "#!lua name=a\nredis.register_function({}, 1)",
        "ERR Error registering functions: ERR first argument to redis.register_function must be a string",
    ),
    (
        "#!lua name=a\nredis.register_function('f-g', function() end)",
        "ERR Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    ),
    (
        "#!lua name=a\nredis.register_function('f', function() end) redis.register_function('f', function() end)",
        "ERR Error registering functions: ERR Function already exists in the library",
    ),
    (
        "#!lua name=a\nredis.register_function{function_name='f'}",
        "ERR Error registering functions: ERR redis.register_function must get a callback argument",
    ),
    (
        "#!lua name=a\nredis.register_function{callback=function() end}",
        "ERR Error registering functions: ERR redis.register_function must get a function name argument",
    ),
    (
        "#!lua name=a\nredis.register_function{foo=1}",
        "ERR Error registering functions: ERR unknown argument given to redis.register_function",
    ),
    (
        "#!lua name=a\nredis.register_function{function_name='f', callback=function() end, flags={'nope'}}",
        "ERR Error registering functions: ERR unknown flag given",
    ),
];

#[test]
fn what_is_wrong_is_said_as_redis_says_it() {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut reference = Raw::connect(server.port(), "2");
    for (code, expected) in REFUSED {
        let mut functions = Functions::new("7.0.15");
        assert_eq!(load(&mut functions, code, false).unwrap_err(), expected, "{code}");
        assert!(functions.is_empty());
        let theirs = reference.call(&[b"FUNCTION", b"LOAD", code.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&theirs), format!("-{expected}\r\n"), "{code}");
    }
}

#[test]
fn errors_name_the_function() {
    let mut functions = Functions::new("7.0.15");
    let code = "#!lua name=l\nredis.register_function('f', function()\n error('x') end)\nredis.register_function('g', function() return redis.register_function('h', function() end) end)\nredis.register_function('k', function() return KEYS end)";
    load(&mut functions, code, false).expect("loads");
    assert_eq!(
        call(&mut functions, "f", &[], &[]),
        "-ERR user_function:3: x script: f, on @user_function:3.\r\n"
    );
    assert!(
        call(&mut functions, "g", &[], &[]).contains("nonexistent")
            || call(&mut functions, "g", &[], &[]).contains("nil value")
    );
    assert!(
        call(&mut functions, "k", &[], &[])
            .contains("Script attempted to access nonexistent global variable 'KEYS'")
    );
}

#[test]
fn a_library_that_does_not_end_is_refused() {
    let mut functions = Functions::new("7.0.15");
    let mut host = Plain::new();
    host.ticks_left = Some(2);
    let error =
        functions.prepare(b"#!lua name=l\nwhile true do end", &[], &mut host).map(|_| ()).unwrap_err();
    assert_eq!(
        String::from_utf8_lossy(&error.0),
        "ERR Error registering functions: ERR FUNCTION LOAD timeout"
    );
}

#[test]
fn restoring_is_all_or_nothing() {
    let mut functions = Functions::new("7.0.15");
    let library = |name: &str, function: &str| {
        format!("#!lua name={name}\nredis.register_function('{function}', function() return '{name}' end)")
    };
    load(&mut functions, &library("a", "f"), false).expect("loads");
    let mut host = Plain::new();
    let text = |error: script::LoadError| String::from_utf8_lossy(&error.0).into_owned();
    let mut prepare = |functions: &mut Functions, name, function, beside: &[Prepared]| {
        functions.prepare(library(name, function).as_bytes(), beside, &mut host).map_err(text)
    };
    let b = vec![prepare(&mut functions, "b", "g", &[]).expect("loads")];
    let same_name = prepare(&mut functions, "b", "h", &b).map(drop);
    assert_eq!(same_name.unwrap_err(), "ERR Library 'b' already exists");
    let same_function = prepare(&mut functions, "c", "g", &b).map(drop);
    assert_eq!(same_function.unwrap_err(), "ERR Function g already exists");
    let c = prepare(&mut functions, "c", "f", &b).expect("loads");
    let both = b.into_iter().chain([c]).collect();
    assert_eq!(functions.join(both, true).map_err(text).unwrap_err(), "ERR Function f already exists");
    let a = prepare(&mut functions, "a", "k", &[]).expect("loads");
    assert_eq!(functions.join(vec![a], false).map_err(text).unwrap_err(), "ERR Library a already exists");
    assert_eq!(functions.libraries().count(), 1);
    let mut out = Vec::new();
    let given = Call { keys: &[], argv: &[], protocol: Protocol::Resp2 };
    assert_eq!(functions.run(b"f", given, &mut Plain::new(), &mut out), Some(Outcome::Value));
    assert_eq!(out, b"$1\r\na\r\n");
}
