//! The library `bit`: operations on 32-bit integers. Results are signed.

use crate::raw::{Lua, Raised, Results};
use crate::sandbox::add;

/// Pushes the library's table.
pub(crate) fn push(lua: &mut Lua<'_>) {
    lua.new_table();
    add(
        lua,
        &[
            ("tobit", |lua| unary(lua, |bits| bits)),
            ("bnot", |lua| unary(lua, |bits| !bits)),
            ("bswap", |lua| unary(lua, u32::swap_bytes)),
            ("band", |lua| fold(lua, |a, b| a & b)),
            ("bor", |lua| fold(lua, |a, b| a | b)),
            ("bxor", |lua| fold(lua, |a, b| a ^ b)),
            ("lshift", |lua| shift(lua, |bits, by| bits << by)),
            ("rshift", |lua| shift(lua, |bits, by| bits >> by)),
            ("arshift", |lua| shift(lua, |bits, by| ((bits as i32) >> by) as u32)),
            ("rol", |lua| shift(lua, u32::rotate_left)),
            ("ror", |lua| shift(lua, u32::rotate_right)),
            ("tohex", tohex),
        ],
    );
}

/// An argument modulo 2^32, rounded to even: the low half of the mantissa once 2^52 + 2^51 is added.
fn argument(lua: &mut Lua<'_>, index: i32) -> Result<u32, Raised> {
    let bits = (lua.number(index) + 6_755_399_441_055_744.0).to_bits() as u32;
    if bits == 0 && !lua.is_number(index) {
        let got = format!("number expected, got {}", lua.kind_name(index));
        return Err(lua.argument_error(index, &got));
    }
    Ok(bits)
}

fn answer(lua: &mut Lua<'_>, bits: u32) -> Results {
    lua.push_number(f64::from(bits as i32));
    Ok(1)
}

fn unary(lua: &mut Lua<'_>, operation: fn(u32) -> u32) -> Results {
    let bits = argument(lua, 1)?;
    answer(lua, operation(bits))
}

fn fold(lua: &mut Lua<'_>, operation: fn(u32, u32) -> u32) -> Results {
    let mut bits = argument(lua, 1)?;
    for index in (2..=lua.top()).rev() {
        bits = operation(bits, argument(lua, index)?);
    }
    answer(lua, bits)
}

fn shift(lua: &mut Lua<'_>, operation: fn(u32, u32) -> u32) -> Results {
    let bits = argument(lua, 1)?;
    let by = argument(lua, 2)? & 31;
    answer(lua, operation(bits, by))
}

fn tohex(lua: &mut Lua<'_>) -> Results {
    let bits = argument(lua, 1)?;
    let digits = if lua.top() < 2 { 8 } else { argument(lua, 2)? as i32 };
    let wanted = digits.unsigned_abs().min(8) as usize;
    let text = if digits < 0 { format!("{bits:08X}") } else { format!("{bits:08x}") };
    lua.push_bytes(&text.as_bytes()[8 - wanted..]);
    Ok(1)
}
