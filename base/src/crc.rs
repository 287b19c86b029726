//! The two checksums of Redis: CRC16/XMODEM (slots) and CRC-64/Jones (RDB, DUMP).

use crc::{Crc, Digest, Table};

static CRC16: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&crc::CRC_16_XMODEM);
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&crc::CRC_64_REDIS);

/// CRC16/XMODEM, from which a key's slot follows.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    CRC16.checksum(bytes)
}

/// CRC-64 as RDB files and DUMP payloads carry it.
pub fn crc64(bytes: &[u8]) -> u64 {
    CRC64.checksum(bytes)
}

/// CRC-64 over pieces.
pub struct Crc64(Digest<'static, u64, Table<16>>);

impl Default for Crc64 {
    fn default() -> Self {
        Self(CRC64.digest())
    }
}

impl Crc64 {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far; more may follow.
    pub fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let mut pieces = Crc64::default();
        pieces.update(b"1234");
        pieces.update(b"56789");
        assert_eq!(pieces.value(), crc64(b"123456789"));
    }
}
