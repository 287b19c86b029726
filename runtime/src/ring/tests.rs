//! The ring against sockets of this process. Where the system has no io_uring for us there is nothing to test.

use super::*;
use crate::poller::{Events, Interest};
use crate::waker::Waker;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

fn ring() -> Option<Ring> {
    match Ring::new() {
        Ok(ring) => Some(ring),
        Err(error) => {
            println!("left out: no io_uring here ({error})");
            None
        }
    }
}

fn pair() -> (Stream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("non-blocking");
    (Stream::from_fd(OwnedFd::from(ours)), theirs)
}

/// Waits for the next arrival.
fn next(ring: &mut Ring, poller: &Poller) -> Received {
    for _ in 0..100 {
        if let Some(received) = ring.next_arrival() {
            return received;
        }
        ring.wait(poller, 100).expect("a wait");
    }
    panic!("nothing arrives");
}

fn bytes(ring: &mut Ring, received: Received) -> Vec<u8> {
    match received.what {
        Arrival::Bytes(lent) => ring.take(lent, <[u8]>::to_vec),
        other => panic!("{other:?} instead of bytes"),
    }
}

#[test]
fn bytes_arrive_until_the_end_of_the_stream() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    let (ours, mut theirs) = pair();
    ring.receive(&ours, Token(7)).expect("room");
    for text in ["one", "two", "three"] {
        theirs.write_all(text.as_bytes()).expect("a write");
        let received = next(&mut ring, &poller);
        assert_eq!((received.token, received.last), (Token(7), false));
        assert_eq!(bytes(&mut ring, received), text.as_bytes());
    }
    drop(theirs);
    assert_eq!(next(&mut ring, &poller), Received { token: Token(7), what: Arrival::End, last: true });
}

#[test]
fn more_than_the_pool_holds_arrives_whole_and_in_order() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    let (ours, mut theirs) = pair();
    let sent: Vec<u8> = (0..3 * usize::from(BUFFERS) * BUFFER_LEN).map(|i| (i % 251) as u8).collect();
    let all = sent.clone();
    let writer = std::thread::spawn(move || theirs.write_all(&all));
    ring.receive(&ours, Token(1)).expect("room");
    let (mut got, mut lents, mut arrived, mut dry) = (Vec::new(), Vec::new(), 0, 0);
    while arrived < sent.len() {
        let received = next(&mut ring, &poller);
        match received.what {
            Arrival::Bytes(lent) => {
                arrived += lent.len();
                lents.push(lent);
            }
            Arrival::Nothing => dry += 1,
            other => panic!("{other:?}"),
        }
        // Nothing is given back before nothing more comes: the pool does run dry.
        if received.last || arrived == sent.len() {
            lents.drain(..).for_each(|lent| ring.take(lent, |bytes| got.extend_from_slice(bytes)));
        }
        if received.last {
            ring.receive(&ours, Token(1)).expect("room");
        }
    }
    assert!(dry > 0, "the pool did not run dry");
    assert!(got == sent);
    writer.join().expect("no panic").expect("all written");
}

#[test]
fn who_stops_hears_no_more_and_may_begin_again() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    let (ours, mut theirs) = pair();
    ring.receive(&ours, Token(1)).expect("room");
    theirs.write_all(b"before").expect("a write");
    let received = next(&mut ring, &poller);
    assert_eq!(bytes(&mut ring, received), b"before");
    ring.stop(Token(1)).expect("room");
    assert_eq!(next(&mut ring, &poller), Received { token: Token(1), what: Arrival::Nothing, last: true });
    theirs.write_all(b"meanwhile").expect("a write");
    ring.wait(&poller, 20).expect("a wait");
    assert_eq!(ring.next_arrival(), None);
    ring.receive(&ours, Token(1)).expect("room");
    let received = next(&mut ring, &poller);
    assert_eq!(bytes(&mut ring, received), b"meanwhile");
}

#[test]
fn who_is_forgotten_is_closed() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    for submitted in [false, true] {
        let (ours, mut theirs) = pair();
        ring.receive(&ours, Token(1)).expect("room");
        if submitted {
            ring.wait(&poller, 0).expect("a wait");
        }
        ring.forget(Token(1)).expect("room");
        drop(ours);
        assert!(next(&mut ring, &poller).last);
        // The ring keeps nothing of it open.
        assert_eq!(theirs.read(&mut [0]).expect("an end"), 0);
    }
}

#[test]
fn many_sends_go_out_at_once_as_far_as_there_is_room() {
    let Some(mut ring) = ring() else { return };
    let mut pairs: Vec<_> = (0..600).map(|_| pair()).collect();
    pairs[5].1.shutdown(std::net::Shutdown::Both).expect("a shutdown");
    let large = vec![b'x'; 64 << 20];
    let texts: Vec<String> = (0..600).map(|index| format!("reply {index}")).collect();
    let mut sendings: Vec<Sending<'_>> = pairs
        .iter()
        .zip(&texts)
        .enumerate()
        .map(|(index, ((stream, _), text))| {
            let bytes = if index == 300 { &large[..] } else { text.as_bytes() };
            Sending { stream, bytes, outcome: Ok(0) }
        })
        .collect();
    ring.send_all(&mut sendings).expect("sends");
    for (index, sending) in sendings.iter().enumerate() {
        match (index, &sending.outcome) {
            (5, Err(error)) => assert_eq!(error.raw_os_error(), Some(libc::EPIPE)),
            (300, Ok(count)) => assert!((1..large.len()).contains(count), "{count}"),
            (_, Ok(count)) => assert_eq!(*count, texts[index].len(), "{index}"),
            (_, Err(error)) => panic!("{index}: {error}"),
        }
    }
    let full = &pairs[300].0;
    let mut again = [Sending { stream: full, bytes: &large, outcome: Ok(1) }];
    ring.send_all(&mut again).expect("sends");
    assert_eq!(again[0].outcome.as_ref().ok(), Some(&0), "there is no room left");
    let mut buffer = [0; 20];
    let count = pairs[599].1.read(&mut buffer).expect("a reply");
    assert_eq!(&buffer[..count], b"reply 599");
}

#[test]
fn sends_do_not_swallow_what_arrives_meanwhile() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    let (ours, mut theirs) = pair();
    ring.receive(&ours, Token(1)).expect("room");
    ring.wait(&poller, 0).expect("a wait");
    for _ in 0..100 {
        theirs.write_all(b"ping").expect("a write");
        ring.send_all(&mut [Sending { stream: &ours, bytes: b"pong", outcome: Ok(0) }]).expect("a send");
        theirs.read_exact(&mut [0; 4]).expect("pong");
        let received = next(&mut ring, &poller);
        assert_eq!(bytes(&mut ring, received), b"ping");
    }
}

#[test]
fn the_poller_is_heard_until_it_has_nothing_to_tell() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    let waker = Waker::new().expect("a waker");
    poller.add(&waker, Token(9), Interest::READ).expect("added");
    assert!(!ring.wait(&poller, 0).expect("a wait"));
    waker.wake();
    let mut events = Events::with_capacity(4);
    for _ in 0..3 {
        // Level-triggered: as long as nobody drains it.
        assert!(ring.wait(&poller, 10_000).expect("a wait"));
        poller.wait(&mut events, Some(0)).expect("a look");
        assert_eq!(events.get(0).map(|event| event.token), Some(Token(9)));
    }
    waker.drain();
    // The watch that was begun while it was still ready may say so once more.
    let _ = ring.wait(&poller, 0).expect("a wait");
    assert!(!ring.wait(&poller, 20).expect("a wait"));
}

#[test]
fn few_sockets_are_not_waited_for() {
    let mut crowd = Crowd::default();
    for (sockets, expected) in [(1, 1), (4, 1), (7, 1), (8, 2), (50, 12), (1000, 16), (2, 1)] {
        (0..2 * u64::from(MOMENT)).for_each(|arrival| crowd.saw(Token(arrival % sockets)));
        assert_eq!(crowd.expected(), expected, "{sockets} sockets");
    }
}

#[test]
fn a_wait_that_gathers_ends_with_what_there_is() {
    let (Some(mut ring), poller) = (ring(), Poller::new().expect("a poller")) else { return };
    ring.crowd.before = u64::MAX;
    let (ours, theirs) = pair();
    ring.receive(&ours, Token(1)).expect("room");
    for delay_ms in [0, 5] {
        let mut writer = theirs.try_clone().expect("a second handle");
        let thread = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(delay_ms));
            writer.write_all(b"alone")
        });
        ring.wait(&poller, 60_000).expect("a wait");
        let received = ring.next_arrival().expect("it has arrived");
        assert_eq!(bytes(&mut ring, received), b"alone");
        thread.join().expect("no panic").expect("a write");
    }
}
