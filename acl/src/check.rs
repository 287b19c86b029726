//! Whether a request is allowed, and if not, what stands in its way.
//!
//! Model: selectors are tried in turn, and one must allow all of the request. If none does, the one is told that came
//! farthest: a channel before a key before the command, and of two arguments the later one.

use crate::selector::Selector;
use crate::user::User;
use alloc::vec::Vec;
use base::Args;
use spec::{Command, flag, key_flag};

/// What is not allowed. In the order in which Redis prefers to tell it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Denied {
    /// The command.
    Command,
    /// The key at this argument.
    Key(usize),
    /// The channel at this argument.
    Channel(usize),
}

impl Denied {
    /// The argument that is to blame; 0 is the command's name.
    pub fn argument(self) -> usize {
        match self {
            Denied::Command => 0,
            Denied::Key(place) | Denied::Channel(place) => place,
        }
    }
}

pub(crate) fn request(user: &User, command: &Command, args: &Args<'_>) -> Result<(), Denied> {
    if user.is_unrestricted() {
        return Ok(());
    }
    let mut worst = Denied::Command;
    for candidate in user.all_selectors() {
        match selector(candidate, command, args) {
            Ok(()) => return Ok(()),
            Err(denied) => worst = worst.max(denied),
        }
    }
    Err(worst)
}

pub(crate) fn selector(selector: &Selector, command: &Command, args: &Args<'_>) -> Result<(), Denied> {
    let first_arg = if command.container().is_some() { 2 } else { 1 };
    if !selector.all_commands
        && !command.has(flag::NO_AUTH)
        && !selector.allows_command(command, args.get(first_arg))
    {
        return Err(Denied::Command);
    }
    if !selector.all_keys && command.has_keys() {
        keys(selector, command, args)?;
    }
    if !selector.all_channels {
        channels(selector, command, args)?;
    }
    Ok(())
}

fn keys(selector: &Selector, command: &Command, args: &Args<'_>) -> Result<(), Denied> {
    let mut places = Vec::new();
    if spec::key_positions(command, args, &mut places).is_err() {
        // The command's own handler refuses it.
        return Ok(());
    }
    for place in places.iter().filter(|place| !place.flags.has(key_flag::NOT_KEY)) {
        let key = args.at(place.index as usize);
        if !selector.keys.iter().any(|pattern| pattern.admits(place.flags, key)) {
            return Err(Denied::Key(place.index as usize));
        }
    }
    Ok(())
}

fn channels(selector: &Selector, command: &Command, args: &Args<'_>) -> Result<(), Denied> {
    let Some((places, is_pattern)) = channels_of(command, args.len()) else { return Ok(()) };
    for place in places {
        if !admits_channel(&selector.channels, args.at(place), is_pattern) {
            return Err(Denied::Channel(place));
        }
    }
    Ok(())
}

/// Where a request of `count` arguments names channels that it publishes to or subscribes to, and whether they are patterns.
pub fn channels_of(command: &Command, count: usize) -> Option<(core::ops::Range<usize>, bool)> {
    match command.name {
        "publish" | "spublish" => Some((1..2.min(count), false)),
        "subscribe" | "ssubscribe" => Some((1..count, false)),
        "psubscribe" => Some((1..count, true)),
        _ => None,
    }
}

/// A channel must match a pattern of the list; a pattern must be one of the list.
pub(crate) fn admits_channel<T: AsRef<[u8]>>(list: &[T], channel: &[u8], is_pattern: bool) -> bool {
    list.iter()
        .map(AsRef::as_ref)
        .any(|known| if is_pattern { known == channel } else { base::glob::matches(known, channel, false) })
}

impl User {
    /// The channel patterns that this user has lost in comparison with `before`, as a judge over subscriptions; `None` if
    /// none was lost, and every subscription may stay.
    pub fn lost_channels(&self, before: &User) -> Option<Vec<Vec<u8>>> {
        if self.all_selectors().any(|s| s.all_channels) {
            return None;
        }
        let now: Vec<Vec<u8>> = self.all_selectors().flat_map(|s| s.channels.iter().cloned()).collect();
        let kept = before
            .all_selectors()
            .all(|s| !s.all_channels && s.channels.iter().all(|pattern| now.contains(pattern)));
        (!kept).then_some(now)
    }

    /// Whether a subscription may stay where only the channels of `list` are allowed.
    pub fn may_stay(list: &[Vec<u8>], channel: &[u8], is_pattern: bool) -> bool {
        admits_channel(list, channel, is_pattern)
    }
}
