//! CLUSTER EXPLAIN FAILOVER: other nodes' journals are asked over the bus, for a bounded time.
//!
//! The question and the answer are extensions of a PONG without gossip, sent on the sender's own link (so that nobody takes them for the
//! answer to a PING), and only to peers whose mark says that they understand them. An answer holds lines of the journal
//! ([`line`](super::line)), no more than [`ANSWER_MAX`] bytes, the newest first to be kept.

use super::explain::{self, Explanation, SLACK_MS, Witnessed};
use super::{Event, Step, line};
use crate::actions::{After, RequestId};
use crate::codec::{Extension, capability};
use crate::commands::{Answer, CommandError};
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use base::{Millis, NodeId, UnixMillis, number};

/// How long answers are waited for.
const WAIT_MS: u64 = 1000;
/// How many questions may be open at a time.
const MAX_OPEN: usize = 16;
/// How many nodes are asked at most.
const MAX_ASKED: usize = 512;
/// The longest answer, in bytes.
const ANSWER_MAX: usize = 48 * 1024;

/// A question that is open.
#[derive(Debug)]
pub(crate) struct Inquiry {
    request: RequestId,
    number: u64,
    primary: NodeId,
    window: (UnixMillis, UnixMillis),
    asked_at: UnixMillis,
    deadline: Millis,
    asked: usize,
    waiting: BTreeSet<NodeId>,
    unable: Vec<NodeId>,
    events: Vec<Witnessed>,
}

impl Inquiry {
    fn explanation(self) -> Explanation {
        let mut explanation = explain::explain(self.primary, self.events);
        explanation.asked = self.asked;
        explanation.silent = self.waiting.into_iter().collect();
        explanation.unable = self.unable;
        explanation.tell();
        explanation
    }
}

/// A question as it travels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub number: u64,
    pub primary: NodeId,
    pub window: (UnixMillis, UnixMillis),
}

impl Machine {
    /// Asks everybody who may know; the reply follows when all have answered, or time is up.
    pub(crate) fn start_inquiry(
        &mut self,
        request: RequestId,
        failover: Option<&[u8]>,
    ) -> Result<(), CommandError> {
        if self.inquiries.len() >= MAX_OPEN {
            return Err(CommandError::TooManyInquiries);
        }
        let (primary, pivot) = self.which_failover(failover)?;
        let (from, next) =
            explain::window(self.journal.iter(), primary, pivot).ok_or(CommandError::NoSuchFailover)?;
        let until = next.unwrap_or(UnixMillis(self.now.unix.0.saturating_add(SLACK_MS)));
        let from = UnixMillis(from.0.saturating_sub(SLACK_MS));
        self.inquiry_number += 1;
        let question = Question { number: self.inquiry_number, primary, window: (from, until) };
        let mut inquiry = Inquiry {
            request,
            number: question.number,
            primary,
            window: question.window,
            asked_at: self.now.unix,
            deadline: self.now.mono + WAIT_MS,
            asked: 0,
            waiting: BTreeSet::new(),
            unable: Vec::new(),
            events: self.witnessed(question),
        };
        for ix in self.nodes.places() {
            let node = &self.nodes[ix];
            if ix == self.me || node.in_handshake() {
                continue;
            }
            let id = node.id;
            let able = node.mark.is_some_and(|mark| mark.capabilities & capability::JOURNAL != 0);
            let link = node.link.filter(|link| able && self.links.is_up(*link));
            match link.filter(|_| inquiry.asked < MAX_ASKED) {
                Some(_) => {
                    inquiry.asked += 1;
                    inquiry.waiting.insert(id);
                    self.send_question(ix, question);
                }
                None => inquiry.unable.push(id),
            }
        }
        self.inquiries.push(inquiry);
        self.close_inquiries();
        Ok(())
    }

    /// By the number of one of its events, or by the name of the primary that was replaced; else the last one known.
    fn which_failover(&self, failover: Option<&[u8]>) -> Result<(NodeId, Option<u64>), CommandError> {
        let Some(word) = failover else {
            let last = self.journal.iter().rev().find(|e| e.of.is_some() && e.step != Step::None);
            return last.and_then(|e| Some((e.of?, Some(e.id)))).ok_or(CommandError::NoSuchFailover);
        };
        if let Some(id) = NodeId::parse(word) {
            return Ok((id, None));
        }
        let id = number::parse_u64(word).ok_or(CommandError::NotInteger)?;
        let event = self.journal.iter().find(|e| e.id == id).ok_or(CommandError::NoSuchFailover)?;
        Ok((event.of.ok_or(CommandError::NoSuchFailover)?, Some(id)))
    }

    /// What this node has noted of it.
    fn witnessed(&self, question: Question) -> Vec<Witnessed> {
        let by = self.me();
        self.noted(question).map(|event| Witnessed { by, event: event.clone() }).collect()
    }

    fn noted(&self, question: Question) -> impl DoubleEndedIterator<Item = &Event> {
        let Question { primary, window: (from, until), .. } = question;
        self.journal
            .iter()
            .filter(move |e| e.of == Some(primary) && e.step != Step::None && from <= e.at && e.at < until)
    }

    fn send_question(&mut self, to: NodeIx, question: Question) {
        let question = Extension::JournalQuestion {
            number: question.number,
            primary: question.primary,
            since: question.window.0.0,
            until: question.window.1.0,
        };
        self.send_beside_heartbeat(to, &question, After::Now);
    }

    /// Somebody asks.
    pub(crate) fn on_journal_question(&mut self, sender: NodeIx, question: Question) {
        if self.is_silent() {
            return;
        }
        let mut kept: Vec<String> = Vec::new();
        let mut length = 0;
        for event in self.noted(question).rev() {
            let line = line::print(event);
            length += line.len();
            if length > ANSWER_MAX {
                break;
            }
            kept.push(line);
        }
        kept.reverse();
        let lines = kept.concat();
        let answer = Extension::JournalAnswer {
            number: question.number,
            now: self.now.unix.0,
            lines: lines.as_bytes(),
        };
        self.send_beside_heartbeat(sender, &answer, After::Now);
    }

    /// Somebody answers.
    pub(crate) fn on_journal_answer(&mut self, sender: NodeIx, number: u64, now: i64, lines: &[u8]) {
        let (by, here) = (self.nodes[sender].id, self.now.unix.0);
        let Some(inquiry) = self.inquiries.iter_mut().find(|inquiry| inquiry.number == number) else {
            return;
        };
        if !inquiry.waiting.remove(&by) || lines.len() > ANSWER_MAX {
            return;
        }
        // Halfway between question and answer, its clock showed `now`.
        let halfway = inquiry.asked_at.0.midpoint(here);
        let ahead = now.saturating_sub(halfway);
        let (from, until) = inquiry.window;
        for mut event in line::parse_all(lines) {
            let belongs = event.of == Some(inquiry.primary) && event.step != Step::None;
            if belongs && from <= event.at && event.at < until {
                event.at = UnixMillis(event.at.0.saturating_sub(ahead));
                inquiry.events.push(Witnessed { by, event });
            }
        }
        self.close_inquiries();
    }

    /// Answers the questions to which all have answered, or whose time is up.
    pub(crate) fn close_inquiries(&mut self) {
        let now = self.now.mono;
        let mut at = 0;
        while at < self.inquiries.len() {
            if self.inquiries[at].waiting.is_empty() || self.inquiries[at].deadline <= now {
                let inquiry = self.inquiries.remove(at);
                let request = inquiry.request;
                let answer = Answer::Explained(inquiry.explanation().into());
                self.queue_reply(request, Ok(answer), None);
            } else {
                at += 1;
            }
        }
    }
}
