//! What a member can have beside its key, of a size that is known: it lies in front of the key.

/// See the module. What is read is what was written, to the bit.
pub trait Value: Copy {
    /// Its bytes.
    type Bytes: AsRef<[u8]>;
    /// How many there are.
    const SIZE: usize;
    /// As bytes.
    fn bytes(self) -> Self::Bytes;
    /// From the bytes at the beginning of these.
    fn read(bytes: &[u8]) -> Self;
}

impl Value for () {
    type Bytes = [u8; 0];
    const SIZE: usize = 0;
    #[inline]
    fn bytes(self) -> [u8; 0] {
        []
    }
    #[inline]
    fn read(_: &[u8]) -> Self {}
}

macro_rules! numbers {
    ($($name:ty),*) => {
        $(impl Value for $name {
            type Bytes = [u8; size_of::<$name>()];
            const SIZE: usize = size_of::<$name>();
            #[inline]
            fn bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(Default::default(), |bytes| Self::from_le_bytes(*bytes))
            }
        })*
    };
}

numbers!(u32, u64, f64);
