//! What is started from a nodes.conf, and what is refused: the same files for both programs.

use grapevine_testkit::{Folder, Kind, Ports, Server, reserve};

const ME: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb master - 0 0 2 connected 6-10";
const VARS: &str = "vars currentEpoch 5 lastVoteEpoch 0\n";

/// The log's last line if the program refuses to start with this file, `None` if it serves.
fn refusal(kind: Kind, ports: &Ports, file: &str) -> Option<String> {
    let folder = Folder::new();
    std::fs::write(folder.path().join("nodes.conf"), file).expect("a file");
    let builder = Server::build(kind, ports.port(0)).clustered(5000).with("save", "").folder(folder.path());
    let log = builder.start_or_log().err()?;
    Some(log.lines().last().unwrap_or_default().to_string())
}

#[test]
fn both_programs_start_from_the_same_files_and_refuse_the_same() {
    let ports = reserve();
    let mine = format!("{ME} 127.0.0.1:17990@27990 myself,master - 0 0 1 connected 0-5\n");
    let other = OTHER.replace(" master", " 127.0.0.1:17991@27991 master");
    let with = |from: &str, to: &str| format!("{}{VARS}", mine.replace(from, to));
    let good = [
        format!("{mine}{other}\n{VARS}"),
        // Cut off after a whole line, or without the last line's end.
        format!("{mine}{other}\n"),
        format!("{mine}{}", VARS.trim_end()),
        format!("{mine}vars currentEpoch 5 lastVoteEpoch 0 unknown 7\n"),
        with("@27990", &format!("@27990,host,shard-id={ME}")),
        with("@27990", "@27990,host,unknown=field"),
        format!("{mine}\n{VARS}"),
        String::new(),
    ];
    let bad = [
        format!("{mine}vars currentEpoch 5 lastVoteEpoch\n"),
        "hello\n".to_string(),
        with(" 0 0 1 connected 0-5", ""),
        with("0-5", "0-16384"),
        with("0-5", "0-5 [5->-nobody]"),
        with(":17990@27990", ""),
        with(ME, "nobody"),
        format!("{other}\n{VARS}"),
    ];
    for kind in [Kind::Redis, Kind::Grapevine] {
        for file in &good {
            assert_eq!(refusal(kind, &ports, file), None, "{kind:?} starts from\n{file}");
        }
        for file in &bad {
            let said = refusal(kind, &ports, file).unwrap_or_else(|| panic!("{kind:?} starts from\n{file}"));
            assert!(said.contains("Unrecoverable error: corrupted cluster config file"), "{kind:?}: {said}");
        }
    }
}
