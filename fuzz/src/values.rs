//! DUMP payloads whose footer is right and whose value is anything: refused, or a value that every command can bear.

use super::commands::World;

/// What is done to a value that was accepted; keys that do not fit answer WRONGTYPE.
const COMMANDS: &[&str] = &[
    "TYPE k",
    "OBJECT ENCODING k",
    "MEMORY USAGE k",
    "DUMP k",
    "COPY k copy REPLACE",
    "GET k",
    "APPEND k x",
    "SETRANGE k 5 x",
    "BITCOUNT k",
    "PFCOUNT k",
    "PFADD k a",
    "PFMERGE k copy",
    "LLEN k",
    "LRANGE k 0 -1",
    "LINDEX k 1",
    "LPOS k a",
    "LINSERT k BEFORE a b",
    "LSET k 0 x",
    "LREM k 1 a",
    "LPUSH k a",
    "RPUSH k 1000",
    "LPOP k",
    "RPOP k",
    "LTRIM k 1 -2",
    "SORT k ALPHA",
    "SCARD k",
    "SMEMBERS k",
    "SISMEMBER k a",
    "SRANDMEMBER k 3",
    "SADD k a 1 999999999999",
    "SSCAN k 0",
    "SINTER k copy",
    "SREM k a",
    "SPOP k",
    "ZCARD k",
    "ZRANGE k 0 -1 WITHSCORES",
    "ZRANK k a",
    "ZRANGEBYSCORE k -inf +inf",
    "ZRANGEBYLEX k - +",
    "ZADD k 1.5 a",
    "ZINCRBY k 2 a",
    "ZSCAN k 0",
    "ZUNION 2 k copy",
    "ZREM k a",
    "ZPOPMIN k",
    "ZPOPMAX k",
    "GEOPOS k a",
    "HLEN k",
    "HGETALL k",
    "HGET k f",
    "HSET k f v",
    "HINCRBY k n 1",
    "HSCAN k 0",
    "HRANDFIELD k 3",
    "HDEL k f",
    "HPEXPIRE k 100 FIELDS 1 f",
    "HPTTL k FIELDS 1 f",
    "XLEN k",
    "XRANGE k - +",
    "XREVRANGE k + -",
    "XINFO STREAM k FULL",
    "XINFO GROUPS k",
    "XADD k * f v",
    "XDEL k 1-1",
    "XGROUP CREATE k g 0",
    "XREADGROUP GROUP g c STREAMS k >",
    "XPENDING k g",
    "XAUTOCLAIM k g c 0 0",
    "XTRIM k MAXLEN 2",
    "DEBUG DIGEST-VALUE k",
    "BGSAVE",
    "BGREWRITEAOF",
    "DEL k copy",
];

/// The target: a type byte and a value.
pub fn restore(bytes: &[u8]) {
    // The newest version and Valkey's share some type numbers for different values.
    let (version, body) = match bytes.split_first() {
        Some((0xff, rest)) => (80u16, rest),
        _ => (11, bytes),
    };
    let mut payload = body.to_vec();
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = base::crc::crc64(&payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    libraries(&payload);
    let mut world = World::new();
    let restored = world.request(1, [b"RESTORE".as_slice(), b"k", b"0", &payload].into_iter());
    if restored != b"+OK\r\n" {
        return;
    }
    for command in COMMANDS {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let reply = world.request(1, words.into_iter());
        assert!(!reply.is_empty(), "{command} was not answered");
    }
}

/// The same bytes as what FUNCTION DUMP has made: what is read is written and read again as the same.
fn libraries(payload: &[u8]) {
    let read = |payload: &[u8]| -> Result<Vec<Vec<u8>>, &'static str> {
        persist::dump::decode_libraries(payload, true)?
            .map(|code| code.map(|code| code.into_owned()))
            .collect()
    };
    if let Ok(codes) = read(payload) {
        assert_eq!(read(&persist::dump::encode_libraries(&codes, true)), Ok(codes));
    }
}
