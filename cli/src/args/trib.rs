//! The command line of `redis-trib.rb`, Redis's cluster manager before version 5: what old scripts call.
//!
//! `redis-trib.rb create --replicas 1 host:port ...` is `--cluster create host:port ... --cluster-replicas 1`.

use super::options::leading_int;
use super::{Settings, Stop, lossy};

/// The name that asks for this command line.
pub const NAME: &str = "redis-trib.rb";

/// Reads the words after the program's name.
pub fn parse(words: &[Vec<u8>], settings: &mut Settings) -> Result<(), Stop> {
    let Some((command, rest)) = words.split_first() else {
        settings.cluster.command = Some(String::from("help"));
        return Ok(());
    };
    settings.cluster.command = Some(lossy(command));
    settings.no_auth_warning = true;
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        // What stands behind a call's address is the command, dashes included.
        let called = command == b"call" && !settings.cluster.args.is_empty();
        if called || !word.starts_with(b"--") {
            settings.cluster.args.push(word.clone());
            continue;
        }
        let option = lossy(word);
        let mut value =
            || rest.next().ok_or_else(|| Stop::error(format!("Option {option} needs a value.\n")));
        match option.as_str() {
            "--replicas" => {
                settings.cluster.replicas = usize::try_from(leading_int(value()?)).unwrap_or(0);
            }
            "--slave" => settings.cluster.replica = true,
            "--master-id" => settings.cluster.primary_id = Some(lossy(value()?)),
            "--search-multiple-owners" => settings.cluster.search_owners = true,
            "--only-masters" => settings.cluster.only_primaries = true,
            "--only-replicas" => settings.cluster.only_replicas = true,
            "--yes" => settings.cluster.yes = true,
            "--from" => settings.cluster.from = Some(lossy(value()?)),
            "--to" => settings.cluster.to = Some(lossy(value()?)),
            "--slots" => settings.cluster.slots = leading_int(value()?),
            "--timeout" => settings.cluster.timeout_ms = leading_int(value()?),
            "--pipeline" => settings.cluster.pipeline = leading_int(value()?).clamp(1, 1_000_000),
            "--threshold" => settings.cluster.threshold = lossy(value()?).trim().parse().unwrap_or(0.0),
            "--weight" => settings.cluster.weights.push(lossy(value()?)),
            "--use-empty-masters" => settings.cluster.use_empty = true,
            "--simulate" => settings.cluster.simulate = true,
            "--copy" => settings.cluster.copy = true,
            "--replace" => settings.cluster.replace = true,
            "--password" => settings.password = Some(value()?.clone()),
            _ => return Err(Stop::error(format!("Option {option} is not supported by {NAME}.\n"))),
        }
    }
    Ok(())
}
