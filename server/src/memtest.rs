//! `--test-memory MEGABYTES`: writes patterns into so much memory, reads them back, fifty times over.
//!
//! A word that does not hold what was written ends the test. The patterns are those that find stuck and coupled bits:
//! each word its own number, noise, all bits in turn, chequers. Nothing else of the server is started.

use std::hint::black_box;
use std::io::Write;

/// As in Redis.
const PASSES: u32 = 50;
/// Words in a mebibyte.
const WORDS: usize = (1 << 20) / size_of::<u64>();

/// Tests as much memory as the argument says; the texts are Redis's. An error is for the standard error.
pub fn run(args: &[Vec<u8>]) -> Result<(), String> {
    let [megabytes] = args else {
        let text = "Please specify the amount of memory to test in megabytes.\nExample: ./redis-server --test-memory 4096\n\n";
        return Err(text.into());
    };
    let megabytes = leading_number(megabytes) as usize;
    let words = megabytes.checked_mul(WORDS);
    let mut memory: Vec<u64> = Vec::new();
    if words.is_none_or(|words| memory.try_reserve_exact(words).is_err()) {
        return Err(format!("Unable to allocate {megabytes} megabytes: Cannot allocate memory"));
    }
    memory.resize(words.unwrap_or(0), 0);
    test(&mut memory)?;
    say("\nYour memory passed this test.\nPlease if you are still in doubt use the following two tools:\n");
    say("1) memtest86: http://www.memtest86.com/\n2) memtester: http://pyropus.ca/software/memtester/\n");
    Ok(())
}

/// As C's `atoi`: what of it is a number.
fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = text[..sign + digits].strip_prefix(b"+").unwrap_or(&text[..sign + digits]);
    base::number::parse_i64(number).unwrap_or(0)
}

fn test(memory: &mut [u64]) -> Result<(), String> {
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for pass in 1..=PASSES {
        say(&format!("\rTest pass {pass} of {PASSES}"));
        check(memory, "ADDRESSING", |index| index as u64)?;
        noise = noise.wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(1);
        check(memory, "RANDOM", |index| (index as u64 ^ noise).wrapping_mul(0x94d0_49bb_1331_11eb))?;
        for solid in [0, u64::MAX] {
            check(memory, "SOLID", |_| solid)?;
        }
        for chequer in [0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa_u64] {
            check(memory, "CHECKERBOARD", |index| if index % 2 == 0 { chequer } else { !chequer })?;
        }
    }
    Ok(())
}

/// Writes a pattern and reads it back.
fn check(memory: &mut [u64], name: &str, pattern: impl Fn(usize) -> u64) -> Result<(), String> {
    for (index, word) in memory.iter_mut().enumerate() {
        *word = pattern(index);
    }
    // Read from the memory, and not from what the compiler knows.
    let memory = black_box(memory);
    match memory.iter().enumerate().find(|(index, word)| **word != pattern(*index)) {
        None => Ok(()),
        Some((index, word)) => Err(format!(
            "\n*** MEMORY {name} ERROR: {:#x} contains {word:#x}, not {:#x}\n",
            std::ptr::from_ref(word) as usize,
            pattern(index)
        )),
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_c_does() {
        let read = |text: &str| leading_number(text.as_bytes());
        assert_eq!(
            [read("12"), read(" 7mb"), read("x"), read(""), read("-1"), read("+3")],
            [12, 7, 0, 0, -1, 3]
        );
    }

    #[test]
    fn a_word_that_changes_is_found() {
        let mut memory = vec![0; 100];
        assert_eq!(check(&mut memory, "X", |index| index as u64), Ok(()));
        let reads = std::cell::Cell::new(0);
        let broken = check(&mut memory, "X", |index| {
            reads.set(reads.get() + 1);
            u64::from(reads.get() > 100 && index == 7)
        });
        assert!(broken.unwrap_err().starts_with("\n*** MEMORY X ERROR: 0x"));
    }

    #[test]
    fn too_much_is_refused() {
        let text = run(&[b"-1".to_vec()]).unwrap_err();
        assert_eq!(text, "Unable to allocate 18446744073709551615 megabytes: Cannot allocate memory");
        assert!(run(&[]).unwrap_err().starts_with("Please specify the amount"));
    }
}
