//! `--cluster events` and `--cluster explain`: the journals of the nodes, for people.
//!
//! Events of all nodes that can be asked stand in one list, in the order of their times (each by its node's own clock).

use super::{Manager, host_and_port};
use crate::console;
use client::Value;

/// How many events are asked of each node unless the user says otherwise.
const COUNT: &str = "100";

/// One line of the list.
struct Line {
    time: i64,
    text: String,
}

/// `--cluster events host:port [type]`.
pub fn events_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let mut words = vec!["CLUSTER", "EVENTS", "COUNT", COUNT];
    if let Some(kind) = args.get(1) {
        words.extend(["TYPE", kind.as_str()]);
    }
    let mut lines = Vec::new();
    let mut all_answered = true;
    for remote in &mut cluster.nodes {
        match remote.ask(&words) {
            Ok(value) => {
                let by = remote.address();
                lines.extend(value.as_array().unwrap_or(&[]).iter().filter_map(|event| line(&by, event)));
            }
            Err(error) => {
                remote.print_error(&error, &manager.log);
                all_answered = false;
            }
        }
    }
    lines.sort_by_key(|line| line.time);
    for line in &lines {
        manager.log.plain(&line.text);
    }
    all_answered
}

fn line(by: &str, event: &Value) -> Option<Line> {
    let time = field(event, "time")?.as_int()?;
    let word = |name: &str| field(event, name).and_then(Value::as_str).unwrap_or("?").to_string();
    let (kind, node, text) = (word("type"), word("node"), word("text"));
    let node: String = node.chars().take(8).collect();
    Some(Line { time, text: format!("{} {by:<21} {kind:<9} {node} {text}\n", clock(time)) })
}

/// `--cluster explain host:port [id]`.
pub fn explain_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let Some(remote) = cluster.nodes.first_mut() else { return false };
    let mut words = vec!["CLUSTER", "EXPLAIN", "FAILOVER"];
    words.extend(args.get(1).map(String::as_str));
    match remote.ask(&words) {
        Ok(value) => {
            let Some(sentences) = field(&value, "text").and_then(Value::as_array) else {
                console::complain("[ERR] The node's answer cannot be understood\n");
                return false;
            };
            for sentence in sentences.iter().filter_map(Value::as_str) {
                manager.log.plain(&format!("{sentence}\n"));
            }
            true
        }
        Err(error) => {
            remote.print_error(&error, &manager.log);
            false
        }
    }
}

/// A field of a map, which RESP2 gives as a list of names and values.
fn field<'v>(map: &'v Value, name: &str) -> Option<&'v Value> {
    map.as_array()?.chunks_exact(2).find(|pair| pair[0].as_str() == Some(name)).map(|pair| &pair[1])
}

/// Unix time in ms as `2026-11-21 16:05:09.123`, in UTC.
fn clock(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    // Days since 0000-03-01, in eras of 400 years: the civil calendar's usual arithmetic.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_civil() {
        assert_eq!(clock(0), "1970-01-01 00:00:00.000");
        assert_eq!(clock(951_782_399_999), "2000-02-28 23:59:59.999");
        assert_eq!(clock(951_868_800_001), "2000-03-01 00:00:00.001");
        assert_eq!(clock(1_700_000_000_123), "2023-11-14 22:13:20.123");
    }

    #[test]
    fn an_event_is_a_line() {
        let text = |text: &str| Value::Bulk(text.into());
        let event = Value::Array(vec![
            text("id"),
            Value::Int(3),
            text("time"),
            Value::Int(1_700_000_000_123),
            text("type"),
            text("vote"),
            text("node"),
            text("0123456789"),
            text("text"),
            text("given a vote"),
        ]);
        let line = line("127.0.0.1:7001", &event).expect("an event");
        assert_eq!(
            line.text,
            "2023-11-14 22:13:20.123 127.0.0.1:7001        vote      01234567 given a vote\n"
        );
    }
}
