//! `--hotkeys`: the keys with the highest access frequency, for servers with an LFU policy.

use client::Value;

use super::{Progress, Walk, announce, database_size};
use crate::args::lossy;
use crate::console;
use crate::output::quoted;
use crate::session::{Quit, Session};

/// Keys kept.
const KEPT: usize = 16;

/// Asks OBJECT FREQ about every key.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    let mut progress = Progress::new(database_size(&mut session)?);
    let mut walk = Walk::new(session.settings());
    let mut hottest = Hottest::default();
    announce("hot");
    while let Some(keys) = walk.next(&mut session)? {
        progress.begin_batch();
        let frequencies = frequencies_of(&mut session, &keys)?;
        let mut out = Vec::new();
        for (key, frequency) in keys.iter().zip(frequencies) {
            progress.sampled += 1;
            progress.milestone(&mut out);
            if let Some(name) = hottest.offer(key, frequency) {
                let line = format!(
                    "[{:05.2}%] Hot key '{name}' found so far with counter {frequency}\n",
                    progress.percent
                );
                out.extend_from_slice(line.as_bytes());
            }
        }
        console::print(&out);
        progress.end_batch(&session);
    }
    let mut text = progress.summary(walk.was_interrupted());
    for (frequency, name) in hottest.0.iter().rev() {
        text.push_str(&format!("hot key found with counter: {frequency}\tkeyname: {name}\n"));
    }
    console::print(text.as_bytes());
    Ok(0)
}

/// The hottest keys, coldest first, with their counters; of equals the later ones come first.
#[derive(Default)]
struct Hottest(Vec<(u64, String)>);

impl Hottest {
    /// Takes the key in when it is hotter than some that is kept, or there is room; returns its quoted name then.
    fn offer(&mut self, key: &[u8], frequency: u64) -> Option<String> {
        let colder = self.0.iter().take_while(|(kept, _)| *kept < frequency).count();
        let full = self.0.len() == KEPT;
        if frequency == 0 || full && colder == 0 {
            return None;
        }
        let name = lossy(&quoted(key));
        self.0.insert(colder, (frequency, name.clone()));
        if full {
            self.0.remove(0);
        }
        Some(name)
    }
}

fn frequencies_of(session: &mut Session, keys: &[Vec<u8>]) -> Result<Vec<u64>, Quit> {
    let question = |key: &Vec<u8>| vec![b"OBJECT".to_vec(), b"FREQ".to_vec(), key.clone()];
    let questions: Vec<Vec<Vec<u8>>> = keys.iter().map(question).collect();
    let mut frequencies = Vec::with_capacity(keys.len());
    for (reply, key) in session.demand_all(&questions)?.into_iter().zip(keys) {
        match reply {
            Value::Int(frequency) => frequencies.push(u64::try_from(frequency).unwrap_or(0)),
            Value::Error(text) => {
                console::complain(&format!("Error: {}\n", lossy(&text)));
                return Err(Quit(1));
            }
            _ => {
                let name = lossy(&quoted(key));
                console::complain(&format!(
                    "Warning: OBJECT freq on '{name}' failed (may have been deleted)\n"
                ));
                frequencies.push(0);
            }
        }
    }
    Ok(frequencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_are_kept_and_the_coldest_go() {
        let mut hottest = Hottest::default();
        for n in 1..=KEPT as u64 {
            assert!(hottest.offer(n.to_string().as_bytes(), n).is_some());
        }
        assert_eq!(hottest.offer(b"cold", 1), None);
        assert_eq!(hottest.offer(b"zero", 0), None);
        assert_eq!(hottest.offer(b"hot", 3).as_deref(), Some("\"hot\""));
        let kept: Vec<&str> = hottest.0.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(kept[..3], ["\"2\"", "\"hot\"", "\"3\""]);
        assert_eq!(kept.len(), KEPT);
    }
}
