//! Users at work: who a session is, what it is refused, and what changes for it when its user does.
//!
//! Model: the users are `acl`'s. A session names its user by number and knows whether that user is restricted at all
//! ([`Session::restricted`](crate::session::Session::restricted)); for everybody else the check is that one look. Whoever
//! changes users calls [`changed`], which brings the sessions up to date.
//!
//! Invariant: a session whose user is gone may do nothing, for as long as it still exists.

mod refusals;

pub(crate) use refusals::{check_queued, check_request, check_scripted, explanation, may_run, sort_patterns};

use crate::admin::client::client_info;
use crate::api::ToControl;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::{Client, Role};
use acl::{Context, Entry, Log, Reason, User, UserId, Users};
use config::{Config, ConfigError, Settings};
use std::collections::BTreeSet;

const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// How often something was refused for lack of rights, for INFO.
#[derive(Clone, Copy, Default)]
pub(crate) struct Denials {
    pub auth: u64,
    pub command: u64,
    pub key: u64,
    pub channel: u64,
}

/// How a file of users is read and written, whole; errors in the system's words. What is written replaces the file at once or
/// not at all.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // the type says it
pub struct UsersFile {
    pub read: fn(&str) -> Result<Vec<u8>, String>,
    pub write: fn(&str, &[u8]) -> Result<(), String>,
}

/// The users, and what they were refused.
#[derive(Default)]
pub(crate) struct Access {
    pub users: Users,
    pub log: Log,
    pub denials: Denials,
    /// Whether some session's user is restricted.
    pub any_restricted: bool,
    /// Whether the control thread takes the default user for one without a password.
    told_open: bool,
    /// The way to the users' file.
    pub file: Option<UsersFile>,
    /// Bytes that nobody can guess; without it GENPASS draws from the node's seed.
    pub entropy: Option<fn(&mut [u8]) -> bool>,
}

impl Access {
    /// The users that a configuration names; [`check_users`] has judged them.
    pub fn of(config: &Config) -> Self {
        let mut access = Self::default();
        access.obey(&config.settings);
        access.users.set_default_password(config.settings.requirepass.as_bytes());
        for words in &config.users {
            let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            // A line that cannot be obeyed was refused at the start.
            let _ = access.users.configure(&words);
        }
        // What a file says is known only when it was read.
        access.told_open = !config.settings.aclfile.is_empty() || access.has_open_door();
        access
    }

    /// Settings changed.
    pub fn obey(&mut self, settings: &Settings) {
        self.users.all_channels = settings.acl_pubsub_default == "allchannels";
    }

    /// Whether a connection must say who it is.
    pub fn auth_required(&self) -> bool {
        !self.users.default_user().is_open()
    }

    /// Whether the default user has no password: what protected mode goes by, for clients and on the bus.
    pub fn has_open_door(&self) -> bool {
        self.users.default_user().has_no_password()
    }
}

/// What the cluster machine begins with.
pub fn cluster_config_at_start(config: &Config) -> cluster::Config {
    crate::admin::cluster_config(&config.settings, Access::of(config).told_open)
}

/// The cluster machine hears what the settings, and the users, say now.
pub(crate) fn tell_control(node: &mut Node) {
    node.access.told_open = node.access.has_open_door();
    let config = crate::admin::cluster_config(&node.config.settings, node.access.told_open);
    node.tell_control(ToControl::Config(Box::new(config)));
}

/// Judges the `user` lines of a configuration, which say what cannot be obeyed in Redis's words.
pub fn check_users(config: &Config) -> Result<(), ConfigError> {
    let mut users = Users::default();
    let mut names = BTreeSet::new();
    for (place, words) in config.users.iter().enumerate() {
        let wrong = |text: &[u8]| config.wrong_user(place, String::from_utf8_lossy(text).into_owned());
        if let Some(name) = words.first().filter(|name| !names.insert(name.as_str())) {
            let text = acl::RuleError::Duplicate.text();
            return Err(wrong(format!("Error in user declaration '{name}': {text}").as_bytes()));
        }
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        users.configure(&words).map_err(|text| wrong(&text))?;
    }
    Ok(())
}

/// AUTH and HELLO AUTH; `word` is the command as it was sent, for the log.
pub(crate) fn authenticate(
    node: &mut Node,
    client: Client,
    name: &[u8],
    password: &[u8],
    word: &[u8],
) -> Outcome {
    let found = node.access.users.find(name).filter(|(_, user)| user.admits(password));
    let Some((id, restricted)) = found.map(|(id, user)| (id, !user.is_unrestricted())) else {
        node.access.denials.auth += 1;
        let in_multi = node.sessions.get(client).is_some_and(|s| s.multi.is_some()) || node.unit.in_exec;
        let context = if in_multi { Context::Multi } else { Context::Toplevel };
        add_entry(node, client, Reason::Auth, context, word, name.to_vec());
        return Err(WRONG_PASSWORD.into());
    };
    if let Some(session) = node.sessions.get_mut(client) {
        session.authenticated = true;
        session.user = id;
        session.restricted = restricted;
        node.access.any_restricted |= restricted;
    }
    Ok(())
}

/// The session is whoever a new connection is.
pub(crate) fn begin_as_default(node: &mut Node, client: Client) {
    let user = node.access.users.default_user();
    let (open, restricted) = (user.is_open(), !user.is_unrestricted());
    if let Some(session) = node.sessions.get_mut(client) {
        session.authenticated = open;
        session.user = UserId::DEFAULT;
        session.restricted = restricted;
        node.access.any_restricted |= restricted;
    }
}

/// Users changed: everybody's rights are looked at again.
pub(crate) fn changed(node: &mut Node) {
    node.policy.auth_required = node.access.auth_required();
    node.access.any_restricted = false;
    for client in node.sessions.clients() {
        let Some(session) = node.sessions.get_mut(client) else { continue };
        session.restricted = node.access.users.get(session.user).is_none_or(|user| !user.is_unrestricted());
        node.access.any_restricted |= session.restricted;
    }
    if node.cluster.enabled && node.access.told_open != node.access.has_open_door() {
        tell_control(node);
    }
}

/// Those who are authenticated as a user that is gone are disconnected; `asker` hears its answer first.
pub(crate) fn expel(node: &mut Node, gone: &[UserId], asker: Option<Client>) {
    for client in node.sessions.clients() {
        let Some(session) = node.sessions.get_mut(client) else { continue };
        if session.role.is_obeyed() || !gone.contains(&session.user) {
            continue;
        }
        session.authenticated = false;
        session.restricted = true;
        part(node, client, asker);
    }
}

fn part(node: &mut Node, client: Client, asker: Option<Client>) {
    match node.sessions.get_mut(client).filter(|_| asker == Some(client)) {
        Some(session) => session.close_after_reply = true,
        None => node.close(client),
    }
}

/// Subscribers of this user to what it may not hear any more are disconnected; `asker` hears its answer first.
pub(crate) fn silence(node: &mut Node, id: UserId, before: &User, asker: Option<Client>) {
    let Some(list) = node.access.users.get(id).and_then(|user| user.lost_channels(before)) else { return };
    for client in node.sessions.clients() {
        let Some(session) = node.sessions.get(client) else { continue };
        if session.user != id || session.role != Role::Normal {
            continue;
        }
        let Some(subscriptions) = &session.subscriptions else { continue };
        let stays = subscriptions.patterns.iter().all(|name| User::may_stay(&list, name, true))
            && subscriptions.channels.iter().all(|name| User::may_stay(&list, name, false))
            && subscriptions.shard_channels.iter().all(|name| User::may_stay(&list, name, false));
        if !stays {
            part(node, client, asker);
        }
    }
}

fn add_entry(
    node: &mut Node,
    client: Client,
    reason: Reason,
    context: Context,
    object: &[u8],
    username: Vec<u8>,
) {
    let entry = Entry {
        count: 1,
        reason,
        context,
        object: object.to_vec(),
        username,
        client_info: client_info(node, client).into_bytes(),
        id: 0,
        created: node.now.unix,
        updated: node.now.unix,
    };
    node.access.log.add(entry, node.config.settings.acllog_max_len);
}
