//! Which arguments of a command are secrets: passwords, users' rights, sensitive directives.
//!
//! A pure function of command and arguments, asked only when a log entry or a monitor's line is made.

use base::Args;
use spec::Command;

/// The places of the arguments that must not be shown.
pub(super) fn hidden(command: &Command, args: Args<'_>) -> Vec<usize> {
    let rest = |from: usize| (from..args.len()).collect();
    match command.name {
        "auth" if args.len() <= 3 => rest(1),
        "hello" => behind_word(args, 2, "auth", 2),
        "acl|setuser" | "acl|getuser" | "acl|deluser" => rest(2),
        "config|set" => sensitive_values(args),
        "migrate" => {
            let mut places = behind_word(args, 6, "auth", 1);
            places.extend(behind_word(args, 6, "auth2", 2));
            places
        }
        _ => Vec::new(),
    }
}

/// The `count` arguments behind each `word`, from `from` on, if there are as many.
fn behind_word(args: Args<'_>, from: usize, word: &str, count: usize) -> Vec<usize> {
    let words = (from..args.len()).filter(|place| args.at(*place).eq_ignore_ascii_case(word.as_bytes()));
    words.filter(|place| place + count < args.len()).flat_map(|place| place + 1..=place + count).collect()
}

fn sensitive_values(args: Args<'_>) -> Vec<usize> {
    let is_sensitive = |place: &usize| config::Config::is_sensitive(args.at(*place));
    (2..args.len().saturating_sub(1)).step_by(2).filter(is_sensitive).map(|place| place + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::OwnedArgs;

    fn of(line: &str) -> Vec<usize> {
        let args = OwnedArgs::from_slices(line.split(' ').map(str::as_bytes));
        let args = args.as_args();
        let top = spec::lookup(args.at(0)).unwrap();
        hidden(spec::subcommand(top, args.at(1)).unwrap_or(top), args)
    }

    #[test]
    fn secrets_are_known() {
        assert_eq!(of("auth pass"), [1]);
        assert_eq!(of("auth user pass"), [1, 2]);
        assert_eq!(of("hello 3 setname x AUTH user pass"), [5, 6]);
        assert_eq!(of("hello 3 auth user"), []);
        assert_eq!(of("config set requirepass x port 1 masterauth y"), [3, 7]);
        assert_eq!(of("config set requirepass"), []);
        assert_eq!(of("config set tls-key-file-pass x"), [3]);
        assert_eq!(of("set requirepass x"), []);
    }
}
