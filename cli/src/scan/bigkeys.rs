//! `--bigkeys` and `--memkeys`: the largest key of each type, and the types' sums.

use std::fmt::Write;

use client::Value;

use super::{Progress, Walk, announce, database_size};
use crate::args::lossy;
use crate::console;
use crate::output::quoted;
use crate::session::{Quit, Session};

/// Kinds of values told apart; a server with modules may name others, which are counted up to this many.
const MAX_TYPES: usize = 1000;

/// What was seen of one type.
struct TypeInfo {
    name: String,
    /// The command that tells a key's size; `None` for types of modules.
    command: Option<&'static str>,
    unit: &'static str,
    count: u64,
    total: u64,
    /// The largest key, quoted, and its size.
    biggest: Option<(String, u64)>,
}

/// The types in the order of redis-cli's summary.
fn known_types() -> Vec<TypeInfo> {
    [
        ("list", "LLEN", "items"),
        ("hash", "HLEN", "fields"),
        ("string", "STRLEN", "bytes"),
        ("stream", "XLEN", "entries"),
        ("set", "SCARD", "members"),
        ("zset", "ZCARD", "members"),
    ]
    .map(|(name, command, unit)| TypeInfo::new(name, Some(command), unit))
    .into()
}

impl TypeInfo {
    fn new(name: &str, command: Option<&'static str>, unit: &'static str) -> Self {
        Self { name: name.to_string(), command, unit, count: 0, total: 0, biggest: None }
    }
}

/// Sizes in memory with `samples`, or else numbers of elements.
pub fn run(mut session: Session, samples: Option<i64>) -> Result<i32, Quit> {
    let mut types = known_types();
    if samples.is_some() {
        types.iter_mut().for_each(|info| info.unit = "bytes");
    }
    let mut progress = Progress::new(database_size(&mut session)?);
    let mut walk = Walk::new(session.settings());
    let mut length = 0;
    announce("biggest");
    while let Some(keys) = walk.next(&mut session)? {
        progress.begin_batch();
        let kinds = types_of(&mut session, &keys, &mut types, samples.is_some())?;
        let sizes = sizes_of(&mut session, &keys, &kinds, &types, samples)?;
        let mut out = Vec::new();
        for ((key, kind), size) in keys.iter().zip(kinds).zip(sizes) {
            // The key may be gone since SCAN saw it.
            let Some(info) = kind.and_then(|kind| types.get_mut(kind)) else { continue };
            info.total += size;
            info.count += 1;
            length += key.len() as u64;
            progress.sampled += 1;
            if size > info.biggest.as_ref().map_or(0, |(_, size)| *size) {
                let name = lossy(&quoted(key));
                let line = format!(
                    "[{:05.2}%] Biggest {:<6} found so far '{name}' with {size} {}\n",
                    progress.percent, info.name, info.unit
                );
                out.extend_from_slice(line.as_bytes());
                info.biggest = Some((name, size));
            }
            progress.milestone(&mut out);
        }
        console::print(&out);
        progress.end_batch(&session);
    }
    console::print(summary(&progress, walk.was_interrupted(), length, &types).as_bytes());
    Ok(0)
}

fn summary(progress: &Progress, interrupted: bool, length: u64, types: &[TypeInfo]) -> String {
    let mut text = progress.summary(interrupted);
    let mean = |sum: u64, count: u64| if count == 0 { 0.0 } else { sum as f64 / count as f64 };
    let average = mean(length, progress.sampled);
    let _ = write!(text, "Total key length in bytes is {length} (avg len {average:.2})\n\n");
    for info in types {
        if let Some((name, size)) = &info.biggest {
            let _ = writeln!(text, "Biggest {:>6} found '{name}' has {size} {}", info.name, info.unit);
        }
    }
    text.push('\n');
    for info in types {
        let _ = writeln!(
            text,
            "{} {}s with {} {} ({:05.2}% of keys, avg size {:.2})",
            info.count,
            info.name,
            info.total,
            info.unit,
            100.0 * mean(info.count, progress.sampled),
            mean(info.total, info.count)
        );
    }
    text
}

/// The place of each key's type among `types`, which learns new ones; `None` for a key that is gone.
fn types_of(
    session: &mut Session,
    keys: &[Vec<u8>],
    types: &mut Vec<TypeInfo>,
    in_memory: bool,
) -> Result<Vec<Option<usize>>, Quit> {
    let questions: Vec<Vec<Vec<u8>>> = keys.iter().map(|key| vec![b"TYPE".to_vec(), key.clone()]).collect();
    let mut places = Vec::with_capacity(keys.len());
    for (reply, key) in session.demand_all(&questions)?.into_iter().zip(keys) {
        let name = match reply {
            Value::Simple(name) => lossy(&name),
            Value::Error(text) => {
                console::complain(&format!("TYPE returned an error: {}\n", lossy(&text)));
                return Err(Quit(1));
            }
            _ => {
                console::complain(&format!("Invalid reply type for TYPE on key '{}'!\n", lossy(key)));
                return Err(Quit(1));
            }
        };
        let mut place = types.iter().position(|info| info.name == name);
        if place.is_none() && name != "none" && types.len() < MAX_TYPES {
            types.push(TypeInfo::new(&name, None, if in_memory { "bytes" } else { "?" }));
            place = Some(types.len() - 1);
        }
        places.push(place);
    }
    Ok(places)
}

/// The size of each key; 0 where there is no saying.
fn sizes_of(
    session: &mut Session,
    keys: &[Vec<u8>],
    kinds: &[Option<usize>],
    types: &[TypeInfo],
    samples: Option<i64>,
) -> Result<Vec<u64>, Quit> {
    let question = |(key, kind): (&Vec<u8>, &Option<usize>)| {
        let command = types.get((*kind)?)?.command;
        let words: Vec<Vec<u8>> = match samples {
            None => vec![command?.into(), key.clone()],
            Some(0) => vec![b"MEMORY".to_vec(), b"USAGE".to_vec(), key.clone()],
            Some(samples) => vec![
                b"MEMORY".to_vec(),
                b"USAGE".to_vec(),
                key.clone(),
                b"SAMPLES".to_vec(),
                samples.to_string().into_bytes(),
            ],
        };
        Some(words)
    };
    let questions: Vec<Option<Vec<Vec<u8>>>> = keys.iter().zip(kinds).map(question).collect();
    let asked: Vec<Vec<Vec<u8>>> = questions.iter().flatten().cloned().collect();
    let mut replies = session.demand_all(&asked)?.into_iter();
    let mut sizes = Vec::with_capacity(keys.len());
    for (question, key) in questions.iter().zip(keys) {
        let Some(words) = question else {
            sizes.push(0);
            continue;
        };
        match replies.next() {
            Some(Value::Int(size)) => sizes.push(u64::try_from(size).unwrap_or(0)),
            _ => {
                let command = if samples.is_some() { String::from("MEMORY USAGE") } else { lossy(&words[0]) };
                let key = lossy(key);
                console::complain(&format!(
                    "Warning:  {command} on '{key}' failed (may have changed type)\n"
                ));
                sizes.push(0);
            }
        }
    }
    Ok(sizes)
}
