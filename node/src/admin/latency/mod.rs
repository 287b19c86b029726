//! LATENCY: what took long, by event, and how long each command takes, as a distribution.

mod doctor;
mod graph;

use super::AdminHandler;
use crate::node::Node;
use crate::observe::histogram::Histogram;
use crate::refusal::Outcome;
use crate::session::Client;
use base::Args;
use resp::Reply;
use spec::Command;

/// Handlers of LATENCY.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "latency|latest" => latest,
        "latency|history" => history,
        "latency|reset" => reset,
        "latency|graph" => graph_of,
        "latency|doctor" => doctor_says,
        "latency|histogram" => histogram,
        _ => return None,
    })
}

/// LATENCY LATEST: name, time and latency of the newest sample, and the worst of all, for each event.
fn latest(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let events = node.observers.latency.events();
    reply.array(events.len());
    for (name, series) in events {
        let last = series.last();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.int(last.time);
        reply.int(last.latency as i64);
        reply.int(series.max as i64);
    }
    Ok(())
}

/// LATENCY HISTORY event: its samples, oldest first.
fn history(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some((_, series)) = node.observers.latency.event(args.at(2)) else {
        reply.array(0);
        return Ok(());
    };
    reply.array(series.samples().len());
    for sample in series.samples() {
        reply.array(2);
        reply.int(sample.time);
        reply.int(sample.latency as i64);
    }
    Ok(())
}

/// LATENCY RESET [event ...]: how many were forgotten.
fn reset(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let names = args.from(2);
    let latency = &mut node.observers.latency;
    let gone: usize = match names.len() {
        0 => latency.reset(None),
        _ => names.iter().map(|name| latency.reset(Some(name))).sum(),
    };
    reply.int(gone as i64);
    Ok(())
}

/// LATENCY GRAPH event
fn graph_of(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some((name, series)) = node.observers.latency.event(args.at(2)) else {
        let name = args.at(2);
        let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
        let shown = resp::reply::lossy(&name[..end]);
        return Err(format!("ERR No samples available for event '{shown}'").into());
    };
    let text = graph::draw(name, series, node.now.unix.seconds());
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// LATENCY DOCTOR
fn doctor_says(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let text = doctor::report(&node.observers.latency, &node.config.settings, node.now.unix.seconds());
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// LATENCY HISTOGRAM [command ...]: of the commands named, subcommands included, or of all.
fn histogram(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let place = reply.deferred();
    let mut count = 0;
    let mut write = |command: &Command| {
        let stats = node.stats.commands.get(command.id.index());
        if let Some(histogram) = stats.and_then(|stats| stats.histogram.as_ref()) {
            reply.bulk(command.name.as_bytes());
            distribution(histogram, reply);
            count += 1;
        }
    };
    let names = args.from(2);
    if names.len() == 0 {
        spec::all().for_each(&mut write);
    }
    for command in names.iter().filter_map(|name| node.renames.find_full(name)) {
        write(command);
        command.subcommands().iter().for_each(&mut write);
    }
    reply.finish_map(place, count);
    Ok(())
}

fn distribution(histogram: &Histogram, reply: &mut Reply) {
    reply.map(2);
    reply.bulk(b"calls");
    reply.int(histogram.total() as i64);
    reply.bulk(b"histogram_usec");
    let steps = histogram.steps();
    reply.map(steps.len());
    for (micros, count) in steps {
        reply.int(micros as i64);
        reply.int(count as i64);
    }
}
