//! The library `struct`: values to and from packed bytes by a format, as C lays them out on a 64-bit little-endian machine.

use crate::api::{c_long, until_nul};
use crate::raw::{Lua, Raised, Results};
use crate::sandbox::{add, check_number, check_string};

/// Largest integer, in bytes.
const MAX_INTEGER: usize = 32;
/// Largest natural alignment.
const MAX_ALIGN: usize = 8;

/// Pushes the library's table.
pub(crate) fn push(lua: &mut Lua<'_>) {
    lua.new_table();
    add(lua, &[("pack", pack), ("unpack", unpack), ("size", size)]);
}

/// A format that is being read, and what it set so far.
struct Format {
    text: Vec<u8>,
    at: usize,
    big_endian: bool,
    align: usize,
}

impl Format {
    fn new(lua: &mut Lua<'_>) -> Result<Self, Raised> {
        let text = check_string(lua, 1)?;
        Ok(Self { text: until_nul(&text).to_vec(), at: 0, big_endian: false, align: 1 })
    }

    fn option(&mut self) -> Option<u8> {
        let option = *self.text.get(self.at)?;
        self.at += 1;
        Some(option)
    }

    /// The number that stands here, or `default`.
    fn number(&mut self, lua: &mut Lua<'_>, default: usize) -> Result<usize, Raised> {
        let mut number: Option<usize> = None;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let value = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
            if value > i32::MAX as usize {
                return Err(lua.raise("integral size overflow"));
            }
            number = Some(value);
            self.at += 1;
        }
        Ok(number.unwrap_or(default))
    }

    /// Bytes of an option's value; 0 for options without a fixed one.
    fn size(&mut self, lua: &mut Lua<'_>, option: u8) -> Result<usize, Raised> {
        Ok(match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(lua, 1)?,
            b'i' | b'I' => {
                let size = self.number(lua, 4)?;
                if size > MAX_INTEGER {
                    let text = format!("integral size {size} is larger than limit of {MAX_INTEGER}");
                    return Err(lua.raise(text));
                }
                size
            }
            _ => 0,
        })
    }

    /// Bytes to skip at `position` before a value of `size` bytes.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(position & (size - 1)) & (size - 1)
    }

    /// Options that only set something.
    fn control(&mut self, lua: &mut Lua<'_>, option: u8) -> Result<(), Raised> {
        match option {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let align = self.number(lua, MAX_ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(lua.raise(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let text = format!("invalid format option '{}'", char::from(option));
                return Err(lua.argument_error(1, &text));
            }
        }
        Ok(())
    }
}

fn is_integer(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
}

fn put(out: &mut Vec<u8>, little_endian: &[u8], big_endian: bool) {
    if big_endian {
        out.extend(little_endian.iter().rev());
    } else {
        out.extend_from_slice(little_endian);
    }
}

/// C's conversion of a double to an unsigned 64-bit integer, negative ones by way of the signed type.
fn to_bits(number: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if number < HALF || number.is_nan() {
        c_long(number) as u64
    } else {
        (c_long(number - HALF) as u64) ^ (1 << 63)
    }
}

fn pack(lua: &mut Lua<'_>) -> Results {
    let mut format = Format::new(lua)?;
    // In Redis a nil parts the arguments from what is packed, and shows where one is missing.
    lua.push_nil();
    let mut out = Vec::new();
    let mut argument = 2;
    while let Some(option) = format.option() {
        let size = format.size(lua, option)?;
        let padding = format.padding(out.len(), option, size);
        out.resize(out.len() + padding, 0);
        match option {
            _ if is_integer(option) => {
                let bits = to_bits(check_number(lua, argument)?);
                let mut bytes = [0; MAX_INTEGER];
                bytes[..8].copy_from_slice(&bits.to_le_bytes());
                put(&mut out, &bytes[..size], format.big_endian);
                argument += 1;
            }
            b'x' => out.push(0),
            b'f' => {
                let bytes = (check_number(lua, argument)? as f32).to_le_bytes();
                put(&mut out, &bytes, format.big_endian);
                argument += 1;
            }
            b'd' => {
                let bytes = check_number(lua, argument)?.to_le_bytes();
                put(&mut out, &bytes, format.big_endian);
                argument += 1;
            }
            b'c' | b's' => {
                let text = check_string(lua, argument)?;
                argument += 1;
                let size = if size == 0 { text.len() } else { size };
                if text.len() < size {
                    return Err(lua.argument_error(argument, "string too short"));
                }
                out.extend_from_slice(&text[..size]);
                if option == b's' {
                    out.push(0);
                }
            }
            _ => format.control(lua, option)?,
        }
        if out.len() > lua.context().memory_bound() {
            return Err(lua.raise_plain(b"not enough memory"));
        }
    }
    lua.push_bytes(&out);
    Ok(1)
}

fn read_integer(bytes: &[u8], big_endian: bool, signed: bool) -> f64 {
    let mut value: u64 = 0;
    let mut take = |byte: &u8| value = value << 8 | u64::from(*byte);
    if big_endian {
        bytes.iter().for_each(&mut take);
    } else {
        bytes.iter().rev().for_each(&mut take);
    }
    if !signed {
        return value as f64;
    }
    // As on x86, where a shift of a 64-bit value counts modulo 64.
    let mask = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
    if value & mask != 0 {
        value |= mask;
    }
    value as i64 as f64
}

fn unpack(lua: &mut Lua<'_>) -> Results {
    let mut format = Format::new(lua)?;
    let data = check_string(lua, 2)?;
    let position = match lua.kind(3) {
        crate::raw::Kind::None | crate::raw::Kind::Nil => 1,
        _ => c_long(check_number(lua, 3)?),
    };
    if position == 0 {
        return Err(lua.argument_error(3, "offset must be 1 or greater"));
    }
    // A negative offset is huge, as in C.
    let mut position = usize::try_from(position - 1).unwrap_or(usize::MAX >> 1);
    let mut results = 0;
    while let Some(option) = format.option() {
        let mut size = format.size(lua, option)?;
        position = position.saturating_add(format.padding(position, option, size));
        check_data(lua, &data, position, size)?;
        if !lua.reserve(4) {
            return Err(lua.raise("stack overflow (too many results)"));
        }
        match option {
            _ if is_integer(option) => {
                let bytes = &data[position..position + size];
                lua.push_number(read_integer(bytes, format.big_endian, option.is_ascii_lowercase()));
                results += 1;
            }
            b'x' => {}
            b'f' | b'd' => {
                lua.push_number(read_float(&data[position..position + size], format.big_endian));
                results += 1;
            }
            b'c' => {
                if size == 0 {
                    if results == 0 || !lua.is_number(-1) {
                        return Err(lua.raise("format 'c0' needs a previous size"));
                    }
                    size = usize::try_from(c_long(lua.number(-1))).unwrap_or(usize::MAX);
                    lua.pop(1);
                    results -= 1;
                    check_data(lua, &data, position, size)?;
                }
                lua.push_bytes(&data[position..position + size]);
                results += 1;
            }
            b's' => {
                let Some(len) = data[position..].iter().position(|&byte| byte == 0) else {
                    return Err(lua.raise("unfinished string in data"));
                };
                lua.push_bytes(&data[position..position + len]);
                size = len + 1;
                results += 1;
            }
            _ => format.control(lua, option)?,
        }
        position += size;
    }
    lua.push_number((position + 1) as f64);
    Ok(results + 1)
}

fn check_data(lua: &mut Lua<'_>, data: &[u8], position: usize, size: usize) -> Result<(), Raised> {
    if size <= data.len() && position <= data.len() - size {
        return Ok(());
    }
    Err(lua.argument_error(2, "data string too short"))
}

fn read_float(bytes: &[u8], big_endian: bool) -> f64 {
    let mut ordered = bytes.to_vec();
    if big_endian {
        ordered.reverse();
    }
    match (<[u8; 4]>::try_from(ordered.as_slice()), <[u8; 8]>::try_from(ordered.as_slice())) {
        (Ok(single), _) => f64::from(f32::from_le_bytes(single)),
        (_, Ok(double)) => f64::from_le_bytes(double),
        _ => 0.0,
    }
}

fn size(lua: &mut Lua<'_>) -> Results {
    let mut format = Format::new(lua)?;
    let mut position: usize = 0;
    while let Some(option) = format.option() {
        let size = format.size(lua, option)?;
        position = position.saturating_add(format.padding(position, option, size));
        if option == b's' {
            return Err(lua.argument_error(1, "option 's' has no fixed size"));
        }
        if option == b'c' && size == 0 {
            return Err(lua.argument_error(1, "option 'c0' has no fixed size"));
        }
        if !option.is_ascii_alphanumeric() {
            format.control(lua, option)?;
        }
        position = position.saturating_add(size);
    }
    lua.push_number(position as f64);
    Ok(1)
}
