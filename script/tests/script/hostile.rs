//! Scripts that mean harm: none may end the process, hold it, or get out of the sandbox.

use crate::runner::{Plain, eval, eval_with};
use resp::Protocol;
use script::{Engine, Outcome};

fn killed(body: &str) -> String {
    let mut host = Plain::new();
    host.ticks_left = Some(3);
    let (reply, outcome) =
        eval_with(&mut Engine::new("7.0.15"), &mut host, body.as_bytes(), Protocol::Resp2, &[], &[]);
    assert_eq!(outcome, Some(Outcome::Error), "{body}");
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn a_kill_ends_every_loop() {
    for body in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() while true do pcall(f) end end f()",
        "while true do xpcall(function() while true do end end, function() return 1 end) end",
        "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
        "local co = coroutine.wrap(function() while true do pcall(function() while true do end end) end end) while true do pcall(co) end",
        "while true do pcall(error) end",
        "while true do pcall(redis.call, 'x') end",
        "repeat local ok = pcall(function() repeat until false end) until ok",
        "local t = setmetatable({}, {__index = function(t, k) while true do end end}) while true do pcall(function() return t.x end) end",
        "table.sort({3,2,1}, function() while true do end end)",
        "string.gsub('x', 'x', function() while true do end end)",
        "load(function() while true do end end)",
    ] {
        let reply = killed(body);
        assert!(
            reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "),
            "{body}: {reply}"
        );
    }
}

#[test]
fn after_a_kill_the_next_script_runs() {
    let mut engine = Engine::new("7.0.15");
    let mut host = Plain::new();
    host.ticks_left = Some(1);
    eval_with(&mut engine, &mut host, b"while true do end", Protocol::Resp2, &[], &[]);
    host.ticks_left = None;
    let body = b"local n = 0 for i = 1, 1000000 do n = n + 1 end return n";
    assert_eq!(eval_with(&mut engine, &mut host, body, Protocol::Resp2, &[], &[]).0, b":1000000\r\n");
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let mut engine = Engine::new("7.0.15");
    engine.set_memory_limit(32 << 20);
    let mut host = Plain::new();
    for body in [
        "return #string.rep('x', 100000000)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} while true do t[#t + 1] = string.rep('y', 10000) .. #t end",
        "return table.concat({string.rep('a', 2e7), string.rep('b', 2e7)})",
        "collectgarbage('stop') while true do local x = {} end",
        "return loadstring('return ' .. string.rep('{', 1) .. string.rep('1,', 5000000) .. '}')() and 1",
    ] {
        let (reply, outcome) = eval_with(&mut engine, &mut host, body.as_bytes(), Protocol::Resp2, &[], &[]);
        let text = String::from_utf8_lossy(&reply[..reply.len().min(300)]).into_owned();
        assert_eq!(outcome, Some(Outcome::Error), "{body}: {text}");
        let next = eval_with(&mut engine, &mut host, b"return string.rep('z', 5)", Protocol::Resp2, &[], &[]);
        assert_eq!(next.0, b"$5\r\nzzzzz\r\n", "after {body}");
        assert!(engine.memory() < 32 << 20, "{} after {body}", engine.memory());
    }
}

#[test]
fn a_denied_allocation_can_be_caught() {
    let mut engine = Engine::new("7.0.15");
    engine.set_memory_limit(16 << 20);
    let body = b"local ok, e = pcall(string.rep, 'x', 1e9) return {tostring(ok), e}";
    let (reply, _) = eval_with(&mut engine, &mut Plain::new(), body, Protocol::Resp2, &[], &[]);
    assert_eq!(String::from_utf8_lossy(&reply), "*2\r\n$5\r\nfalse\r\n$17\r\nnot enough memory\r\n");
}

#[test]
fn tables_within_themselves_come_to_an_end() {
    let reply = eval("local t = {} t[1] = t return t");
    assert!(reply.ends_with("*1\r\n-ERR reached lua stack limit\r\n"), "{}", &reply[reply.len() - 60..]);
    let reply = eval("local t = {} t.map = t return t");
    assert!(reply.contains("reached lua stack limit"));
    let reply = eval("local t = {} t[1] = t t[2] = t return t");
    assert!(reply.starts_with("-ERR the reply of the script has too many elements"), "{}", &reply[..60]);
    assert!(eval("local t = {} t.t = t return cjson.encode(t)").contains("excessive nesting"));
    assert!(
        eval("local t = {} t[1] = t t[2] = t cjson.encode_max_depth(100000) return cjson.encode(t)")
            .starts_with('-')
    );
    assert!(eval("local t = {} t[1] = t t[2] = t return #cmsgpack.pack(t)").starts_with(':'));
}

#[test]
fn depth_is_bounded_whatever_the_options_say() {
    assert!(
        eval("cjson.decode_max_depth(2147483647) return cjson.decode(string.rep('[', 1000000))")
            .starts_with('-')
    );
    assert!(eval("cjson.encode_max_depth(2147483647) local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)").starts_with('-'));
    assert!(eval("return cmsgpack.unpack(string.rep('\\145', 1000000))").starts_with('-'));
    assert!(eval("return cmsgpack.unpack(string.rep('\\129\\1', 1000000))").starts_with('-'));
    assert!(
        eval("return string.find(string.rep('a', 200000), string.rep('a?', 200000))")
            .contains("pattern too complex")
    );
    assert!(eval("local f = function() return 1 end for i = 1, 300 do local g = f f = function() return pcall(g) end end return tostring(f())").starts_with('$'));
    assert!(
        eval("local a a = function() return coroutine.wrap(a)() end return a()").contains("C stack overflow")
    );
    for arguments in ["0, 2147483647", "-2147483648, 2147483647", "-2147483648", "1, 1e9", "-2147483647, -1"]
    {
        let reply = eval(&format!("return unpack({{1}}, {arguments})"));
        assert!(reply.contains("too many results to unpack"), "{arguments}: {reply}");
    }
    assert!(eval("return loadstring(string.rep('(', 100000))").starts_with("$-1"));
    assert!(eval("return loadstring('return ' .. string.rep('a.', 100000) .. 'a')").starts_with("$-1"));
}

#[test]
fn doubles_are_printed_as_the_version_does() {
    let body = b"return {redis.call('x', 0.1, 1e10, 3), {double = 0.1}}";
    for (version, expected) in [
        ("7.0.15", "*2\r\n$35\r\nx 0.10000000000000001 10000000000 3\r\n,0.10000000000000001\r\n"),
        ("7.2.4", "*2\r\n$19\r\nx 0.1 10000000000 3\r\n,0.1\r\n"),
    ] {
        let mut engine = Engine::new(version);
        let (reply, _) = eval_with(&mut engine, &mut Plain::new(), body, Protocol::Resp3, &[], &[]);
        assert_eq!(String::from_utf8_lossy(&reply), expected);
    }
}

#[test]
fn repeating_takes_no_time_for_nothing() {
    assert_eq!(eval("return string.rep('', 2147483647)"), "$0\r\n\r\n");
    assert_eq!(eval("return (''):rep('2147483647')"), "$0\r\n\r\n");
    assert!(eval("return ('x'):rep(2147483647)").contains("not enough memory"));
    assert_eq!(eval("return ('x'):rep(-1) .. ('ab'):rep(2.9)"), "$4\r\nabab\r\n");
}

#[test]
fn bytecode_is_refused() {
    assert!(eval("return select(2, loadstring('\\27Lua'))").contains("unexpected symbol"));
    assert!(eval("return tostring(loadstring(string.dump(function() return 1 end)))").contains("nil"));
    assert!(eval("return tostring(load(coroutine.wrap(function() coroutine.yield('\\27') coroutine.yield('Lua') end)))").contains("nil"));
    assert!(eval("\u{1b}Lua").starts_with("-ERR Error compiling script"));
}

#[test]
fn error_values_of_every_kind_are_answered() {
    for body in ["error({})", "error({1,2})", "error({err={}})", "error({err=true})", "error(function() end)"]
    {
        assert!(eval(body).starts_with("-ERR "), "{body}: {}", eval(body));
    }
    let meta = "error(setmetatable({}, {__index = function() error('again') end, __newindex = function() error('x') end}))";
    assert!(eval(meta).starts_with("-ERR execution failure script: "), "{}", eval(meta));
    assert!(eval("return setmetatable({}, {__index = function() error('again') end})").starts_with("*0"));
    assert!(eval("error(setmetatable({}, {__tostring = function() error('x') end}))").starts_with("-ERR "));
}

#[test]
fn nothing_reaches_the_real_tables() {
    for body in [
        "local f, t, k = pairs(redis) t.call = 1",
        "for k, v in next, redis do rawset(redis, k, nil) end",
        "table.foreach(_G, function(k, v) if type(v) == 'table' and k ~= 'KEYS' and k ~= 'ARGV' then v.x = 1 end end)",
        "getmetatable(_G).__index = nil",
        "rawget(_G, 'string').x = 1",
        "getmetatable('').__index.x = 1",
        "table.insert(_G, 1)",
        "setmetatable(getmetatable(_G), {})",
        "setmetatable(getmetatable(''), nil)",
        "rawset(getmetatable(''), '__index', nil)",
    ] {
        let reply = eval(body);
        assert!(reply.contains("Attempt to modify a readonly table"), "{body}: {reply}");
    }
}

#[test]
fn a_panic_of_the_host_goes_through_after_the_run() {
    let mut engine = Engine::new("7.0.15");
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let body = b"while true do pcall(redis.call, 'panic') end";
        eval_with(&mut engine, &mut Plain::new(), body, Protocol::Resp2, &[], &[])
    }));
    let payload = ended.expect_err("the panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"the host's own"));
    let next = eval_with(&mut engine, &mut Plain::new(), b"return 1", Protocol::Resp2, &[], &[]);
    assert_eq!(next.0, b":1\r\n");
}

#[test]
fn replies_that_are_no_resp_are_errors() {
    for reply in [
        "",
        "x",
        "$5\r\nab",
        "*2\r\n:1\r\n",
        "%1\r\n_\r\n:1\r\n",
        "*99999999999\r\n",
        "$-5\r\n",
        "~1\r\n,nan\r\n",
    ] {
        let escaped: String = reply.bytes().map(|byte| format!("\\{byte:03}")).collect();
        eval(&format!("return redis.pcall('raw', '{escaped}')"));
    }
}

#[test]
fn garbage_is_a_syntax_error_or_runs() {
    let words = [
        "return", "redis", ".", "call", "(", ")", "{", "}", "[", "]", "=", "local", "function", "end", "if",
        "then", "'", "\"", "1", "x", "..", "\0", "\u{1b}", "for", "in", "do", "pairs", "_G", "error",
        "pcall", ",", "#", "-", "cjson", "[[", "--", "\n",
    ];
    let mut seed = 1_u64;
    let mut engine = Engine::new("7.0.15");
    for _ in 0..3000 {
        let mut body = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            body.push_str(words[(seed >> 33) as usize % words.len()]);
            body.push(' ');
        }
        let mut host = Plain::new();
        host.ticks_left = Some(5);
        let (reply, _) = eval_with(&mut engine, &mut host, body.as_bytes(), Protocol::Resp3, &[], &[]);
        assert!(!reply.is_empty(), "{body}");
    }
}
