//! Bytes per key while a table doubles.

use super::arm::{Arm, resident_bytes};
use crate::Outcome;

const VALUE_BYTES: usize = 32;
/// Counts at which memory is read: from half of `--keys` to all of it, which is one doubling of every table.
const STEPS: u64 = 8;

/// Measures and prints the table.
pub fn table(arms: &[Arm], keys: u64) -> Outcome {
    println!(
        "\nbytes per key: 16-byte keys with {VALUE_BYTES}-byte values; resident set after minus before, read at \
         {} counts\n",
        STEPS + 1
    );
    let counts: Vec<u64> = (0..=STEPS).map(|i| keys / 2 + keys / 2 * i / STEPS).collect();
    let shown: Vec<String> = counts.iter().map(u64::to_string).collect();
    println!("| server | mean | worst | {} |", shown.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(counts.len()));
    let value = "v".repeat(VALUE_BYTES);
    for arm in arms {
        let server = arm.start(&[])?;
        let before = resident_bytes(server.pid())?;
        let mut per_key = Vec::new();
        let mut filled = 0;
        for count in &counts {
            arm.fill("key", filled..*count, &value)?;
            filled = *count;
            per_key.push((resident_bytes(server.pid())? - before) as f64 / *count as f64);
        }
        let mean = per_key.iter().sum::<f64>() / per_key.len() as f64;
        let worst = per_key.iter().copied().fold(0.0, f64::max);
        let cells: Vec<String> = per_key.iter().map(|b| format!("{b:.1}")).collect();
        println!("| {} | {mean:.1} | {worst:.1} | {} |", arm.name, cells.join(" | "));
    }
    Ok(())
}
