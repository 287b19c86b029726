//! XREAD, and the arguments that it shares with XREADGROUP.

use super::{count_or_all, id, read, reply_entries};
use crate::parse::{integer, is, timeout_millis};
use crate::{Block, CommandError, Ctx};
use base::{Args, OwnedArgs};
use ds::Stream;
use ds::stream::StreamId;
use keyspace::TypeName;
use resp::{Deferred, Reply};

/// Texts that differ between the two commands.
pub(super) struct Words {
    name: &'static str,
    symbol: char,
    groups: bool,
}

const XREAD: Words = Words { name: "xread", symbol: '$', groups: false };
pub(super) const XREADGROUP: Words = Words { name: "xreadgroup", symbol: '>', groups: true };

/// What both commands say.
#[derive(Default)]
pub(super) struct Request<'a> {
    /// Milliseconds to wait, 0 for ever; `None` does not wait.
    pub(super) timeout_ms: Option<u64>,
    /// Most entries per stream.
    pub(super) count: Option<u64>,
    /// XREADGROUP's group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    /// XREADGROUP's NOACK.
    pub(super) no_ack: bool,
    /// Index of the first key, and how many there are; as many ids follow them.
    pub(super) first: usize,
    pub(super) streams: usize,
}

impl<'a> Request<'a> {
    pub(super) fn parse(ctx: &Ctx<'_>, args: Args<'a>, words: &Words) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = 1;
        while let Some(word) = args.get(index) {
            let more = args.len() - 1 - index;
            if is(word, "block") && more > 0 {
                o.timeout_ms = Some(timeout_millis(args.at(index + 1), ctx.now)?);
                index += 1;
            } else if is(word, "count") && more > 0 {
                o.count = count_or_all(integer(args.at(index + 1))?);
                index += 1;
            } else if is(word, "streams") && more > 0 {
                o.first = index + 1;
                break;
            } else if is(word, "group") && more >= 2 {
                words.group_only("GROUP")?;
                o.group = Some((args.at(index + 1), args.at(index + 2)));
                index += 2;
            } else if is(word, "noack") {
                words.group_only("NOACK")?;
                o.no_ack = true;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        if o.first == 0 {
            return Err(CommandError::Syntax);
        }
        let rest = args.len() - o.first;
        if !rest.is_multiple_of(2) {
            let Words { name, symbol, .. } = words;
            return Err(CommandError::Owned(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be specified."
            )));
        }
        o.streams = rest / 2;
        Ok(o)
    }

    pub(super) fn key(&self, args: Args<'a>, stream: usize) -> &'a [u8] {
        args.at(self.first + stream)
    }

    pub(super) fn id(&self, args: Args<'a>, stream: usize) -> &'a [u8] {
        args.at(self.first + self.streams + stream)
    }

    /// Waits if that was asked for and may be; answers "nothing" else. `ids` are what `$` stands for.
    pub(super) fn wait(
        &self,
        ctx: &mut Ctx<'_>,
        args: Args<'a>,
        ids: &[StreamId],
        words: &Words,
        reply: &mut Reply,
    ) {
        match self.timeout_ms {
            Some(timeout_ms) if ctx.limits.may_block => {
                let keys = (0..self.streams).map(|stream| self.key(args, stream).to_vec()).collect();
                let instead = (0..self.streams)
                    .any(|stream| self.id(args, stream) == b"$")
                    .then(|| self.with_ids(args, ids));
                let kind = TypeName::Stream;
                ctx.effects.block(Block { kind, keys, timeout_ms, when_gone: words.groups, instead });
            }
            _ => reply.null_array(),
        }
    }

    /// The request with the ids that `$` stands for now, so that it still means the same when it is tried again.
    fn with_ids(&self, args: Args<'a>, ids: &[StreamId]) -> OwnedArgs {
        let mut rewritten = OwnedArgs::default();
        for (index, arg) in args.iter().enumerate() {
            match index.checked_sub(self.first + self.streams).and_then(|stream| ids.get(stream)) {
                Some(id) if arg == b"$" => rewritten.push(&id.text()),
                _ => rewritten.push(arg),
            }
        }
        rewritten
    }
}

impl Words {
    fn group_only(&self, option: &str) -> Result<(), CommandError> {
        if self.groups {
            return Ok(());
        }
        Err(CommandError::Owned(format!(
            "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
        )))
    }
}

/// The answer of both commands: streams with something in them, or nothing at all.
#[derive(Default)]
pub(super) struct Answer {
    place: Option<Deferred>,
    streams: usize,
}

impl Answer {
    /// One more stream; its entries follow.
    pub(super) fn begin(&mut self, reply: &mut Reply, key: &[u8]) {
        if self.place.is_none() {
            self.place = Some(reply.deferred());
        }
        self.streams += 1;
        if !reply.is_resp3() {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Completes it; false if there was no stream.
    pub(super) fn finish(self, reply: &mut Reply) -> bool {
        let Some(place) = self.place else { return false };
        if reply.is_resp3() {
            reply.finish_map(place, self.streams);
        } else {
            reply.finish_array(place, self.streams);
        }
        true
    }
}

/// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
///
/// `$` is the last id there is, `+` the id before the last entry's.
pub(super) fn xread(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(ctx, args, &XREAD)?;
    let mut ids = Vec::with_capacity(request.streams);
    for stream in 0..request.streams {
        let text = request.id(args, stream);
        let found = read(ctx, request.key(args, stream))?;
        ids.push(after(text, found)?);
    }
    let mut answer = Answer::default();
    for (stream, after) in ids.iter().enumerate() {
        let (key, pulse) = (request.key(args, stream), ctx.pulse);
        let Some(found) = read(ctx, key)? else { continue };
        let Some(start) = after.next() else { continue };
        if found.log().last_live_id().is_some_and(|last| last > *after) {
            answer.begin(reply, key);
            reply_entries(reply, found.log().range(start, StreamId::MAX), request.count, pulse);
        }
    }
    if !answer.finish(reply) {
        request.wait(ctx, args, &ids, &XREAD, reply);
    }
    Ok(())
}

/// The id behind which a stream is read.
fn after(text: &[u8], stream: Option<&Stream>) -> Result<StreamId, CommandError> {
    let log = stream.map(Stream::log);
    let last_id = log.map_or(StreamId::ZERO, |log| log.last_id());
    match text {
        b"$" => Ok(last_id),
        b"+" => Ok(log.and_then(|log| log.last_live_id()?.previous()).unwrap_or(last_id)),
        b">" => Err(CommandError::Text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => id(text),
    }
}
