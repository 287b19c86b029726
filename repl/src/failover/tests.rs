//! A failover alone: what is refused, whom it follows, and how it ends.

use super::*;
use crate::{Context, History, Log, Peer, Position, PrimaryConfig, Replica, ReplicaAction, ReplicaConfig};
use base::{Args, ConnId, OwnedArgs, Prng};

/// A primary with one replica online at 10.0.0.9:7000, and where its wire ends.
struct Scene {
    primary: Primary,
    log: Log,
    history: History,
    prng: Prng,
}

const CONN: ConnId = ConnId(5);

impl Scene {
    fn new() -> Self {
        let mut prng = Prng::new(1);
        let mut scene = Self {
            primary: Primary::new(PrimaryConfig::default(), Millis(0)),
            log: Log::new(),
            history: History::new(&mut prng),
            prng,
        };
        scene.log.start_backlog(1000);
        scene.hear(&["REPLCONF", "listening-port", "7000"]);
        let id = alloc::format!("{}", scene.history.id());
        scene.hear(&["PSYNC", &id, "1"]);
        scene.log.append(
            crate::Meta::wire(crate::Kind::Write),
            OwnedArgs::from_slices([b"SET".as_slice(), b"k", b"v"]).as_args(),
        );
        scene
    }

    fn hear(&mut self, words: &[&str]) {
        let owned = OwnedArgs::from_slices(words.iter().map(|word| word.as_bytes()));
        let (args, peer): (Args<'_>, _) = (owned.as_args(), Peer { ip: "10.0.0.9", client_id: 7 });
        if words[0] == "REPLCONF" {
            self.primary.handle_replconf(Millis(0), CONN, peer, args);
            return;
        }
        let mut context = Context {
            log: &mut self.log,
            history: &mut self.history,
            prng: &mut self.prng,
            chained: false,
            paused: false,
        };
        self.primary.handle_sync(Millis(0), CONN, peer, args, true, &mut context);
    }

    fn catch_up(&mut self) {
        let end = alloc::format!("{}", self.log.offset());
        self.hear(&["REPLCONF", "ACK", &end]);
    }

    fn poll(&self, failover: &mut Failover, now: u64) -> Option<FailoverStep> {
        failover.poll(Millis(now), &self.primary, self.log.offset())
    }
}

fn to(host: &str, port: u16) -> FailoverRequest {
    FailoverRequest { to: Some((host.into(), port)), ..FailoverRequest::default() }
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let scene = Scene::new();
    let mut failover = Failover::default();
    let mut refusal = |request| failover.begin(Millis(0), request, &scene.primary).expect_err("refused");
    assert!(refusal(to("10.0.0.9", 7001)).contains("is not a replica"));
    assert!(refusal(to("10.0.0.8", 7000)).contains("is not a replica"));
    assert!(refusal(FailoverRequest { force: true, ..to("10.0.0.9", 7000) }).contains("requires both"));
    let lonely = Primary::new(PrimaryConfig::default(), Millis(0));
    assert!(failover.begin(Millis(0), FailoverRequest::default(), &lonely).is_err());
    assert_eq!(failover.phase(), FailoverPhase::None);
}

#[test]
fn who_has_everything_is_followed() {
    for request in [FailoverRequest::default(), to("10.0.0.9", 7000)] {
        let mut scene = Scene::new();
        let mut failover = Failover::default();
        failover.begin(Millis(0), request, &scene.primary).expect("begun");
        assert_eq!(scene.poll(&mut failover, 1_000_000), None, "without a time limit it waits");
        scene.catch_up();
        let Some(FailoverStep::Follow { host, port, .. }) = scene.poll(&mut failover, 1_000_001) else {
            panic!("not followed")
        };
        assert_eq!((host.as_str(), port), ("10.0.0.9", 7000));
        assert_eq!(failover.phase(), FailoverPhase::InProgress);
        assert_eq!(scene.poll(&mut failover, 2_000_000), None, "told once");
        failover.succeed();
        assert_eq!(failover.phase(), FailoverPhase::None);
    }
}

#[test]
fn time_ends_it_or_forces_it() {
    let scene = Scene::new();
    for force in [false, true] {
        let mut failover = Failover::default();
        let request = FailoverRequest { timeout_ms: Some(500), force, ..to("10.0.0.9", 7000) };
        failover.begin(Millis(100), request, &scene.primary).expect("begun");
        assert_eq!(scene.poll(&mut failover, 599), None);
        let step = scene.poll(&mut failover, 600);
        assert_eq!(matches!(step, Some(FailoverStep::Follow { .. })), force);
        assert_eq!(failover.phase() == FailoverPhase::InProgress, force);
    }
}

#[test]
fn an_operator_may_end_it_at_any_time() {
    let mut scene = Scene::new();
    let mut failover = Failover::default();
    assert_eq!(failover.abort("x"), None);
    failover.begin(Millis(0), FailoverRequest::default(), &scene.primary).expect("begun");
    assert_eq!(failover.abort("x"), Some(FailoverStep::GiveUp("FAILOVER to any replica aborted: x".into())));
    failover.begin(Millis(0), FailoverRequest::default(), &scene.primary).expect("begun");
    scene.catch_up();
    assert!(scene.poll(&mut failover, 1).is_some());
    let line = "FAILOVER to 10.0.0.9:7000 aborted: x";
    assert_eq!(failover.abort("x"), Some(FailoverStep::GiveUp(line.into())));
    assert_eq!(failover.phase(), FailoverPhase::None);
}

#[test]
fn the_psync_that_hands_over_says_so_once() {
    let at = Position { id: base::ReplId([b'b'; 40]), offset: ReplOffset(41) };
    for (answer, accepted) in [("+CONTINUE", true), ("-ERR no", false), ("-NOMASTERLINK later", false)] {
        let config = ReplicaConfig { host: "h".into(), port: 1, timeout: 60_000, ..ReplicaConfig::default() };
        let mut replica = Replica::handing_over(config, true, Millis(0));
        replica.handle_connected(Millis(1), Ok(()));
        replica.handle_bytes(Millis(2), b"+PONG\r\n+OK\r\n+OK\r\n", at);
        let said = |action: &ReplicaAction| matches!(action, ReplicaAction::Send(bytes) if bytes.ends_with(b"$2\r\n42\r\n$8\r\nFAILOVER\r\n"));
        assert!(core::iter::from_fn(|| replica.poll_action()).any(|action| said(&action)));
        replica.handle_bytes(Millis(3), alloc::format!("{answer}\r\n").as_bytes(), at);
        let answered = |action: &ReplicaAction| *action == ReplicaAction::FailoverAnswered { accepted };
        assert!(core::iter::from_fn(|| replica.poll_action()).any(|action| answered(&action)), "{answer}");
    }
}
