//! Against a server of this process that plays a script.

use std::net::TcpListener;
use std::thread;

use super::*;

/// Answers each client once: reads until `expect` bytes came, then writes `answer` and closes.
fn serve(expect: usize, answer: &'static [u8]) -> Address {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = vec![0; expect];
        stream.read_exact(&mut input).unwrap();
        stream.write_all(answer).unwrap();
    });
    Address::tcp("127.0.0.1", port)
}

fn connect(address: &Address) -> Connection {
    Connection::connect(address, &Options::with_timeout(Duration::from_secs(10))).unwrap()
}

#[test]
fn a_pipeline_and_pushes() {
    let address = serve(2 * 14, b"+PONG\r\n>2\r\n+invalidate\r\n*0\r\n-ERR no\r\n");
    let mut connection = connect(&address);
    let replies = connection.pipeline(&[vec!["PING"], vec!["PING"]]).unwrap();
    assert_eq!(replies, [Value::Simple(b"PONG".to_vec()), Value::Error(b"ERR no".to_vec())]);
    assert!(matches!(connection.take_push(), Some(Value::Push(_))));
    assert!(matches!(connection.receive(), Err(ClientError::Closed)));
}

#[test]
fn refusals_and_noise() {
    let mut connection = connect(&serve(1, b"-WRONGPASS bad\r\n"));
    let error = connection.auth(None, "x").unwrap_err();
    assert_eq!(error.to_string(), "WRONGPASS bad");
    let mut connection = connect(&serve(1, b"HTTP/1.1\r\n"));
    let error = connection.call(&["PING"]).unwrap_err();
    assert_eq!(error.to_string(), "Protocol error, got \"H\" as reply type byte");
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Connection::open("127.0.0.1", port).unwrap_err();
    assert_eq!(error.to_string(), "Connection refused");
    assert!(error.is_disconnect());
}

#[test]
fn silence_is_bounded() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let options = Options::with_timeout(Duration::from_millis(20));
    let mut connection = Connection::connect(&address, &options).unwrap();
    assert!(matches!(connection.call(&["PING"]), Err(ClientError::Timeout)));
}
