//! `--stat`: one line about the server for each interval.

use std::time::Duration;

use client::Value;

use crate::args::lossy;
use crate::args::options::leading_int;
use crate::console;
use crate::session::{Quit, Session};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// Lines between two headings.
const HEADING_PERIOD: usize = 20;
const HEADING: &str = "------- data ------ --------------------- load -------------------- - child -\n\
     keys       mem      clients blocked requests            connections          \n";

/// Prints until the process is ended.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    let interval = Some(session.settings().interval).filter(|interval| !interval.is_zero());
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let mut requests = 0;
    for number in 0usize.. {
        let info = match session.ask_until_answered(&["INFO"])? {
            Value::Error(text) => {
                console::complain(&format!("ERROR: {}\n", lossy(&text)));
                return Err(Quit(1));
            }
            reply => lossy(reply.as_bytes().unwrap_or(b"")),
        };
        if number % HEADING_PERIOD == 0 {
            console::print(HEADING.as_bytes());
        }
        console::print(line(&info, &mut requests).as_bytes());
        std::thread::sleep(interval);
    }
    Ok(0)
}

/// The line of an INFO; `requests` is the count of the line before, 0 in the first.
fn line(info: &str, requests: &mut i64) -> String {
    let field = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map_or(0, |value| leading_int(value.as_bytes()))
    };
    let keys: i64 = info.lines().filter_map(keys_of_database).sum();
    let total = field("total_commands_processed");
    let more = if *requests == 0 { 0 } else { total - *requests };
    *requests = total;
    let work =
        field("rdb_bgsave_in_progress") | field("aof_rewrite_in_progress") << 1 | field("loading") << 2;
    let work = match work {
        1 => "SAVE",
        2 => "AOF",
        3 => "SAVE+AOF",
        4 => "LOAD",
        _ => "",
    };
    format!(
        "{keys:<11}{:<8} {:<8}{:<8}{:<19} {:<12}{work}\n",
        bytes_for_people(field("used_memory")),
        field("connected_clients"),
        field("blocked_clients"),
        format!("{total} (+{more})"),
        field("total_connections_received")
    )
}

/// The keys of a line `db0:keys=1,...`.
fn keys_of_database(line: &str) -> Option<i64> {
    let (number, rest) = line.strip_prefix("db")?.split_once(":keys=")?;
    number.bytes().all(|b| b.is_ascii_digit()).then(|| leading_int(rest.as_bytes()))
}

fn bytes_for_people(bytes: i64) -> String {
    let size = bytes as f64;
    match bytes {
        ..=0x3ff => format!("{bytes}B"),
        0x400..=0xf_ffff => format!("{:.2}K", size / f64::from(1 << 10)),
        0x10_0000..=0x3fff_ffff => format!("{:.2}M", size / f64::from(1 << 20)),
        _ => format!("{:.2}G", size / f64::from(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let info = "used_memory:1572864\r\nused_memory_rss:1\r\nconnected_clients:2\r\nblocked_clients:1\r\n\
                    rdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:1\r\nloading:0\r\n\
                    total_connections_received:7\r\ntotal_commands_processed:100\r\n\
                    db0:keys=3,expires=0\r\ndb11:keys=4,expires=1\r\n";
        let mut requests = 0;
        let first = line(info, &mut requests);
        assert_eq!(first, "7          1.50M    2       1       100 (+0)            7           SAVE+AOF\n");
        requests = 90;
        assert!(line(info, &mut requests).contains("100 (+10) "));
    }
}
