//! `--latency-dist`: one coloured line per interval, a column for each class of latencies.

use std::time::{Duration, Instant};

use super::SAMPLE_RATE;
use crate::console;
use crate::session::{Quit, Session};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// Lines between two legends.
const LEGEND_PERIOD: usize = 20;

/// Colours of the 256-colour terminal from rare to frequent.
const COLORS: &[u8] =
    &[0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 144, 143, 142, 184, 226, 214, 208, 202, 196];
/// The same without hues, for `--mono`.
const GRAYS: &[u8] = &[0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 249, 251, 253];

/// Upper ends of the classes in microseconds, and the characters of their columns; what is longer is `?`.
const CLASSES: &[(u128, char)] = &[
    (10, '.'),
    (125, '-'),
    (250, '*'),
    (500, '#'),
    (1_000, '1'),
    (2_000, '2'),
    (3_000, '3'),
    (4_000, '4'),
    (5_000, '5'),
    (6_000, '6'),
    (7_000, '7'),
    (8_000, '8'),
    (9_000, '9'),
    (10_000, 'A'),
    (20_000, 'B'),
    (30_000, 'C'),
    (40_000, 'D'),
    (50_000, 'E'),
    (100_000, 'F'),
    (200_000, 'G'),
    (300_000, 'H'),
    (400_000, 'I'),
    (500_000, 'J'),
    (1_000_000, 'K'),
    (2_000_000, 'L'),
    (4_000_000, 'M'),
    (8_000_000, 'N'),
    (16_000_000, 'O'),
    (30_000_000, 'P'),
    (60_000_000, 'Q'),
];

/// Measures for ever.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    let palette = if session.settings().mono { GRAYS } else { COLORS };
    let interval = Some(session.settings().interval).filter(|interval| !interval.is_zero());
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let mut counts = [0u64; CLASSES.len() + 1];
    let mut begin = Instant::now();
    let mut lines = 0;
    loop {
        let start = Instant::now();
        session.ask_until_answered(&["PING"])?;
        let latency = start.elapsed().as_micros();
        counts[CLASSES.partition_point(|(end, _)| *end < latency)] += 1;
        if begin.elapsed() > interval {
            if lines % LEGEND_PERIOD == 0 {
                console::print(legend(palette).as_bytes());
            }
            lines += 1;
            console::print(line(&counts, palette).as_bytes());
            counts.fill(0);
            begin = Instant::now();
        }
        std::thread::sleep(SAMPLE_RATE);
    }
}

fn legend(palette: &[u8]) -> String {
    let colors: String = palette.iter().map(|color| format!("\x1b[48;5;{color}m ")).collect();
    format!(
        "---------------------------------------------\n\
         . - * #          .01 .125 .25 .5 milliseconds\n\
         1,2,3,...,9      from 1 to 9     milliseconds\n\
         A,B,C,D,E        10,20,30,40,50  milliseconds\n\
         F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n\
         K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds\n\
         From 0 to 100%: {colors}\x1b[0m\n\
         ---------------------------------------------\n"
    )
}

/// Columns in the colour of their share.
fn line(counts: &[u64], palette: &[u8]) -> String {
    let total = counts.iter().sum::<u64>().max(1);
    let characters = CLASSES.iter().map(|(_, character)| *character).chain(['?']);
    let mut text = String::from("\x1b[38;5;0m");
    for (count, character) in counts.iter().zip(characters) {
        let share = *count as f64 / total as f64 * (palette.len() - 1) as f64;
        text.push_str(&format!("\x1b[48;5;{}m{character}", palette[share.ceil() as usize]));
    }
    text.push_str("\x1b[0m\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_the_colour_of_its_share() {
        let mut counts = [0u64; CLASSES.len() + 1];
        counts[0] = 3;
        counts[CLASSES.len()] = 1;
        let text = line(&counts, GRAYS);
        // 75% and 25% of twelve steps, rounded up.
        assert!(text.starts_with("\x1b[38;5;0m\x1b[48;5;247m.\x1b[48;5;0m-"), "{text:?}");
        assert!(text.ends_with("\x1b[48;5;0mQ\x1b[48;5;235m?\x1b[0m\n"), "{text:?}");
        assert!(line(&[0; CLASSES.len() + 1], COLORS).contains("\x1b[48;5;0m."));
    }
}
