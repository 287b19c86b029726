//! Files of ours, of Redis 7.0 and 7.2, and broken ones.

use super::*;
use std::format;
use std::string::ToString;

const ME: &str = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const OTHER: &str = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2";
const SHARD: &str = "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3";

fn read(text: &str) -> NodesConf {
    parse(text.as_bytes()).expect("readable").expect("not empty")
}

#[test]
fn a_file_of_redis_7_0() {
    let conf = read(&format!(
        "{OTHER} 127.0.0.1:7002@17002,host-2 slave,fail? {ME} 1700000000000 1699999999000 3 disconnected\n\
         {ME} 127.0.0.1:7001@17001 myself,master - 0 0 3 connected 0-5 7 [9->-{OTHER}] [11-<-{OTHER}]\n\
         vars currentEpoch 6 lastVoteEpoch 2\n\n"
    ));
    assert_eq!((conf.current_epoch, conf.last_vote_epoch), (Epoch(6), Epoch(2)));
    let other = &conf.nodes[0];
    assert_eq!((other.ip.as_str(), other.port, other.bus_port), ("127.0.0.1", 7002, 17002));
    assert_eq!(other.hostname, "host-2");
    assert_eq!(other.flags, NodeFlags::REPLICA | NodeFlags::PFAIL);
    assert_eq!(other.primary.map(|p| p.to_string()).as_deref(), Some(ME));
    let me = conf.myself().expect("myself");
    assert_eq!(
        me.slots.ranges().map(|(a, b)| (a.number(), b.number())).collect::<Vec<_>>(),
        [(0, 5), (7, 7)]
    );
    assert_eq!((me.migrating.len(), me.importing.len()), (1, 1));
}

#[test]
fn a_file_of_redis_7_2() {
    let conf = read(&format!(
        "{ME} 127.0.0.1:7001@17001,,tls-port=7443,nodename=one,shard-id={SHARD} myself,master - 0 0 3 connected\n\
         vars currentEpoch 6 lastVoteEpoch 2\n"
    ));
    let me = &conf.nodes[0];
    assert_eq!((me.hostname.as_str(), me.human_nodename.as_str(), me.tls_port), ("", "one", 7443));
    assert_eq!(me.shard_id.map(|s| s.to_string()).as_deref(), Some(SHARD));
}

#[test]
fn what_is_printed_is_read_back() {
    let text = format!(
        "{ME} ::1:7001@17001,host-1 myself,master - 0 0 3 connected 0-5 7 [9->-{OTHER}]\n\
         {OTHER} 10.0.0.2:7002@17002 slave {ME} 0 1699999999000 3 connected\n\
         vars currentEpoch 6 lastVoteEpoch 2 grapevine-config-epoch 4 grapevine-unclaimed-epoch 3 grapevine-votes {ME}:{OTHER},{OTHER}:{ME} grapevine-not-claimed 3,5-7 grapevine-shards {ME}:{SHARD}\n"
    );
    let conf = read(&text);
    assert_eq!(conf.nodes[0].shard_id.map(|s| s.to_string()).as_deref(), Some(SHARD));
    assert_eq!(conf.print(), text);
}

#[test]
fn tolerated() {
    let conf = read(&format!(
        "\n{ME} :0@0,,client-ipv4=1.2.3.4 myself,master,extra - 0 0 9 connected\n\
         vars currentEpoch 1 lastVoteEpoch 0 something else"
    ));
    assert_eq!(conf.current_epoch, Epoch(9), "the larger config epoch counts");
    assert_eq!(conf.nodes[0].flags, NodeFlags::MYSELF | NodeFlags::PRIMARY);
    assert_eq!(read(&format!("{ME} 1.1.1.1:7001 myself,master - 0 0 9 connected")).nodes[0].bus_port, 17001);
    assert_eq!(parse(b""), Ok(None));
    assert_eq!(parse(b"\n\n\n"), Ok(None));
}

#[test]
fn refused_naming_the_line() {
    let good = format!("{ME} 1.1.1.1:7001@17001 myself,master - 0 0 9 connected");
    let refused = |text: &str| parse(text.as_bytes()).expect_err(text);
    assert_eq!(refused(&format!("{good}\nshort line\n")).line, 2);
    assert_eq!(refused("vars currentEpoch 5").what, "no line is flagged myself");
    assert_eq!(refused(&format!("{good}\n{good}")).what, "several lines are flagged myself");
    assert_eq!(refused(&good.replace("7001@", "70010@")).what, "bad port");
    assert_eq!(refused(&format!("{good} 16384")).what, "slot out of range");
    assert_eq!(refused(&format!("{good} [5->{OTHER}]")).what, "bad open slot");
    assert_eq!(refused(&format!("{good}\nvars grapevine-not-claimed 5-x")).what, "slot out of range");
    assert_eq!(refused(&format!("{good}\nvars currentEpoch")).what, "vars without a value");
}

#[test]
fn hostile_bytes_never_panic() {
    let good = format!(
        "{ME} 1.1.1.1:7001@17001,h,shard-id={SHARD} myself,master - 0 0 9 connected 0-5 [9->-{OTHER}]\n\
         vars currentEpoch 6 lastVoteEpoch 2\n"
    );
    let mut prng = base::Prng::new(7);
    for _ in 0..5_000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=prng.below(4) {
            let at = prng.below(bytes.len() as u64) as usize;
            bytes[at] = prng.next_u64() as u8;
        }
        let _ = parse(&bytes).map(|conf| conf.map(|c| c.print()));
    }
}
