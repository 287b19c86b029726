//! Client tracking in all its modes: after each step both servers have answered, and told every client, the same.
//!
//! Model: clients are letters, capital ones speak RESP3. A step is a client and what it sends in one go, `;` between
//! commands, `{X}` in the place of a client's id. Then every client sends PINGs, and all that comes before their answers
//! is what the step brought about.

use client::Connection;
use grapevine_testkit::{Kind, Server, reserve, wait_for};
use resp::{Protocol, Value};
use std::collections::BTreeMap;

const STEPS: &[&str] = &[
    // The default mode: what was read is remembered until it is changed once.
    "A CLIENT TRACKING ON; CLIENT TRACKINGINFO; CLIENT GETREDIR",
    "w MSET a 1 b 2 h 3",
    "A GET a; MGET a b",
    "w SET a 2; SET a 3; DEL b",
    "A GET a; SET a 9",
    "A GET nothing",
    "w SET nothing 1",
    "A GET a",
    "w EXPIRE a 100",
    "A GET a",
    "w PEXPIRE a -1",
    "w SET a 1",
    "A GET a",
    "w FLUSHDB",
    "w SET a 1",
    "A GET a",
    "w FLUSHALL",
    "w RPUSH l 3 1; SET a 1",
    "A SORT l BY w_*",
    "w SET w_1 2",
    "w LPUSH l 5",
    "A MULTI; GET a; EXEC",
    "w MULTI; SET a 2; SET a 3; EXEC",
    "A GET a",
    "w RENAME a a2",
    "A GET a2",
    "w COPY l a2 REPLACE",
    "A TTL a2; EXISTS a2; TYPE a2",
    "w DEL a2",
    "A HGET hash f",
    "w HSET hash f 1",
    "A XADD x 1-1 a b; XREAD STREAMS x 0",
    "w XADD x 2-1 a b",
    "A CLIENT TRACKING OFF; CLIENT TRACKINGINFO",
    // NOLOOP.
    "A CLIENT TRACKING ON NOLOOP; CLIENT TRACKINGINFO",
    "A GET q; SET q 1",
    "w SET q 2",
    "A GET q",
    "w SET q 3",
    "A CLIENT TRACKING OFF",
    // OPTIN.
    "A CLIENT TRACKING ON OPTIN; CLIENT TRACKINGINFO",
    "A GET o",
    "w SET o 1",
    "A CLIENT CACHING YES; CLIENT TRACKINGINFO",
    "A CLIENT CACHING YES; GET o; GET o2; CLIENT TRACKINGINFO",
    "w SET o2 2; SET o 2",
    "A CLIENT CACHING NO; CLIENT CACHING MAYBE; CLIENT CACHING",
    "A CLIENT CACHING YES; MULTI; GET m1; GET m2; EXEC; GET m3",
    "w SET m1 1; SET m2 1; SET m3 1",
    "A MULTI; CLIENT CACHING YES; GET m1; EXEC",
    "w SET m1 2",
    "A CLIENT TRACKING ON OPTOUT; CLIENT TRACKING ON BCAST; CLIENT TRACKING ON; CLIENT TRACKINGINFO",
    "A CLIENT TRACKING OFF; CLIENT CACHING YES; CLIENT CACHING NO",
    // OPTOUT.
    "A CLIENT TRACKING ON OPTOUT NOLOOP; CLIENT TRACKINGINFO",
    "A GET t; CLIENT CACHING NO; GET t2; GET t3",
    "w SET t 1; SET t2 1; SET t3 1",
    "A CLIENT CACHING YES",
    "A CLIENT TRACKING OFF",
    // BCAST.
    "A CLIENT TRACKING ON BCAST PREFIX p: PREFIX r:; CLIENT TRACKINGINFO",
    "w MSET p:1 1 q:1 1 r:1 1",
    "w MULTI; SET p:2 1; SET p:1 3; EXEC",
    "A CLIENT TRACKING ON BCAST PREFIX s:; CLIENT TRACKINGINFO",
    "A CLIENT TRACKING ON BCAST PREFIX p:1",
    "A CLIENT TRACKING ON BCAST PREFIX p",
    "A CLIENT TRACKING ON BCAST",
    "A SET p:1 1",
    "w FLUSHALL",
    "A CLIENT TRACKING OFF",
    "A CLIENT TRACKING ON BCAST NOLOOP; CLIENT TRACKINGINFO",
    "A SET z 1",
    "w SET z2 1",
    "A CLIENT TRACKING OFF",
    // What is refused.
    "A CLIENT TRACKING ON PREFIX a",
    "A CLIENT TRACKING ON BCAST OPTIN; CLIENT TRACKING ON BCAST OPTOUT; CLIENT TRACKING ON OPTIN OPTOUT",
    "A CLIENT TRACKING ON REDIRECT 99999999; CLIENT TRACKING ON REDIRECT x; CLIENT TRACKING ON REDIRECT",
    "A CLIENT TRACKING ON REDIRECT {w} REDIRECT {A}; CLIENT TRACKING ON REDIRECT -1",
    "A CLIENT TRACKING ON REDIRECT 9223372036854775808",
    "A CLIENT TRACKING; CLIENT TRACKING MAYBE; CLIENT TRACKING ON FOO; CLIENT TRACKING OFF FOO",
    "A CLIENT TRACKING ON PREFIX; CLIENT TRACKING ON BCAST PREFIX a PREFIX a",
    "A CLIENT TRACKING OFF OPTIN OPTOUT; CLIENT TRACKING OFF; CLIENT TRACKINGINFO",
    // RESP2, told by another connection, which goes.
    "s SUBSCRIBE __redis__:invalidate",
    "b CLIENT TRACKING ON REDIRECT {s}; CLIENT GETREDIR; CLIENT TRACKINGINFO",
    "b GET ra; GET rb",
    "w MSET ra 1 rb 2",
    "b GET ra",
    "w FLUSHALL",
    "b GET ra",
    "s close",
    "w SET ra 3",
    "b CLIENT TRACKINGINFO; CLIENT GETREDIR; CLIENT TRACKING OFF; CLIENT TRACKINGINFO",
    // RESP3, told by another connection, which goes: that is said.
    "t SUBSCRIBE __redis__:invalidate",
    "C CLIENT TRACKING ON REDIRECT {t} BCAST; CLIENT TRACKINGINFO",
    "w SET x 1",
    "t close",
    "w SET x 2",
    "C CLIENT TRACKINGINFO; CLIENT GETREDIR",
    "C CLIENT TRACKING OFF; CLIENT TRACKING ON REDIRECT {C}; CLIENT TRACKINGINFO",
    "C GET x",
    "w SET x 3",
    // A RESP2 client without anybody to tell.
    "b CLIENT TRACKING ON; CLIENT TRACKINGINFO",
    "b GET k",
    "w SET k 1",
    "b CLIENT TRACKING OFF",
    // One that is told without having asked, in either protocol.
    "b CLIENT TRACKING ON REDIRECT {D}",
    "b GET k",
    "w SET k 2",
    "b CLIENT TRACKING OFF; CLIENT TRACKING ON REDIRECT {u}",
    "b GET k",
    "w SET k 3",
    // RESET ends it.
    "D CLIENT TRACKING ON",
    "D GET one",
    "D RESET; CLIENT TRACKINGINFO",
];

struct Client {
    connection: Connection,
    id: i64,
}

struct Side {
    server: Server,
    clients: BTreeMap<char, Client>,
    /// Of those that are gone, too.
    ids: BTreeMap<char, i64>,
}

impl Side {
    fn new(server: Server) -> Side {
        let names: std::collections::BTreeSet<char> =
            STEPS.iter().filter_map(|step| step.chars().next()).collect();
        // No id is a number that any command answers with.
        (0..30).for_each(|_| drop(server.client().call(&["PING"])));
        let clients = names.into_iter().chain(['u']).map(|name| {
            let mut connection = server.client();
            if name.is_uppercase() {
                connection.hello(Protocol::Resp3).expect("HELLO");
            }
            let id = connection.call(&["CLIENT", "ID"]).expect("CLIENT ID").as_int().expect("an id");
            (name, Client { connection, id })
        });
        let clients: BTreeMap<char, Client> = clients.collect();
        let ids = clients.iter().map(|(name, client)| (*name, client.id)).collect();
        Side { server, clients, ids }
    }

    /// What every client hears of a step.
    fn run(&mut self, step: &str) -> Vec<String> {
        let (name, commands) = step.split_once(' ').expect("a client and its commands");
        let name = name.chars().next().expect("a name");
        if commands == "close" {
            self.close(name);
        } else {
            let mut commands = commands.to_owned();
            for (other, id) in &self.ids {
                commands = commands.replace(&format!("{{{other}}}"), &id.to_string());
            }
            let connection = &mut self.clients.get_mut(&name).expect("a client").connection;
            for command in commands.split("; ") {
                connection.send(&command.split(' ').collect::<Vec<_>>()).expect("to send");
            }
            connection.flush().expect("to send");
        }
        let mut heard = Vec::new();
        // Whoever acts first: only then has anything happened.
        let mut order: Vec<char> = self.clients.keys().copied().collect();
        order.sort_by_key(|other| *other != name);
        for other in order {
            let values = mark(&mut self.clients.get_mut(&other).expect("a client").connection);
            heard.extend(values.iter().map(|value| format!("{other}: {}", self.nameless(value))));
        }
        heard
    }

    fn close(&mut self, name: char) {
        let id = self.clients.remove(&name).expect("a client").id;
        let mut observer = self.server.client();
        wait_for("a client to be gone", || {
            let list = observer.call(&["CLIENT", "LIST", "ID", &id.to_string()]).expect("CLIENT LIST");
            list.as_bytes().is_some_and(<[u8]>::is_empty)
        });
    }

    /// A value with names in the place of ids, which differ.
    fn nameless(&self, value: &Value) -> String {
        let text = format!("{value:?}");
        self.ids
            .iter()
            .fold(text, |text, (name, id)| text.replace(&format!("Int({id})"), &format!("id of {name}")))
    }
}

/// All that a client is told before the answers to two PINGs, one after the other: what is broadcast leaves at the end of a server's turn, and the
/// first PING may have come in the same one.
fn mark(connection: &mut Connection) -> Vec<Value> {
    let mut heard = until_pong(connection);
    heard.extend(until_pong(connection));
    heard
}

fn until_pong(connection: &mut Connection) -> Vec<Value> {
    connection.send(&["PING", "mark"]).expect("to send");
    connection.flush().expect("to send");
    let is_mark = |value: &Value| value.as_bytes() == Some(b"mark");
    let mut heard = Vec::new();
    loop {
        let value = connection.receive_any().expect("an answer");
        // To a RESP2 client that has subscribed, PING is a message.
        if is_mark(&value) || value.as_array().and_then(<[Value]>::last).is_some_and(is_mark) {
            return heard;
        }
        heard.push(value);
    }
}

#[test]
fn every_mode_tells_the_same_clients_the_same_things() {
    let ports = reserve();
    let mut ours = Side::new(Server::build(Kind::Grapevine, ports.port(0)).start());
    let mut theirs = Side::new(Server::build(Kind::Redis, ports.port(1)).start());
    let mut pushes = 0;
    for step in STEPS {
        let (a, b) = (ours.run(step), theirs.run(step));
        assert_eq!(a, b, "{step}");
        pushes += a.iter().filter(|heard| heard.contains("Push(")).count();
    }
    assert!(pushes > 30, "only {pushes} pushes: the test shows little");
}
