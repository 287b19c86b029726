//! How long the comparisons with redis-server go on: a little in the suite, and as many commands of each type as
//! `GRAPEVINE_DIFFERENTIAL_COMMANDS` says when somebody asks (`cargo xtask differential`).

const ASKED: &str = "GRAPEVINE_DIFFERENTIAL_COMMANDS";

/// How many runs of `steps` commands; `few` unless more are asked for.
pub fn runs(steps: usize, few: u64) -> u64 {
    let asked = std::env::var(ASKED).ok().and_then(|text| text.parse::<u64>().ok());
    asked.map_or(few, |commands| commands.div_ceil(steps as u64).max(few))
}

/// Says how much was compared; `cargo xtask differential` reads it.
pub fn compared(what: &str, commands: u64) {
    println!("compared: {what}: {commands}");
}
