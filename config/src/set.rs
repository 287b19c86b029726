//! CONFIG SET: several directives at once, all or none.

use crate::error::SetError;
use crate::rule::Origin;
use crate::table::{self, DENY_LOADING, DIRECTIVES, Directive, IMMUTABLE, MULTI, PROTECTED, REFUSED};
use crate::value::Permission;
use crate::{Config, Settings};

/// Who asks, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetContext {
    /// The client's connection comes from this machine.
    pub local: bool,
    /// The data set is being loaded.
    pub loading: bool,
}

/// A directive, under which of its names it is set, and to what.
type Chosen<'v> = (&'static Directive, &'static str, &'v [u8]);

impl Config {
    /// CONFIG SET for a client elsewhere, with the data set loaded. See [`Config::set_in`].
    pub fn set(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<Vec<&'static str>, SetError> {
        self.set_in(SetContext::default(), pairs)
    }

    /// Sets all the (name, value) pairs, or none of them. Returns the names of those whose value changed.
    pub fn set_in(
        &mut self,
        context: SetContext,
        pairs: &[(&[u8], &[u8])],
    ) -> Result<Vec<&'static str>, SetError> {
        let chosen = self.choose(context, pairs)?;
        let mut settings = self.settings.clone();
        let mut changed = Vec::new();
        for (directive, name, value) in chosen {
            let before = (directive.read)(&settings);
            let failed = |reason: String| SetError::Failed { argument: name.into(), reason };
            let text = checked(directive, value, &before).map_err(failed)?;
            store(directive, &mut settings, &text);
            if (directive.read)(&settings) != before {
                changed.push(directive.name);
            }
        }
        self.settings = settings;
        Ok(changed)
    }

    fn choose<'v>(
        &self,
        context: SetContext,
        pairs: &[(&[u8], &'v [u8])],
    ) -> Result<Vec<Chosen<'v>>, SetError> {
        let mut chosen: Vec<Chosen<'_>> = Vec::with_capacity(pairs.len());
        let protected = match self.settings.enable_protected_configs {
            Permission::Yes => false,
            Permission::Local => !context.local,
            Permission::No => true,
        };
        for (name, value) in pairs {
            let shown = || String::from_utf8_lossy(name).into_owned();
            let directive =
                table::find(name).map(|i| &DIRECTIVES[i]).ok_or_else(|| SetError::Unknown(shown()))?;
            let failed = |reason: &str| SetError::Failed { argument: shown(), reason: reason.into() };
            if directive.has(IMMUTABLE) {
                return Err(failed("can't set immutable config"));
            }
            if directive.has(PROTECTED) && protected {
                return Err(failed("can't set protected config"));
            }
            if directive.has(DENY_LOADING) && context.loading {
                return Err(SetError::Loading);
            }
            if chosen.iter().any(|(other, ..)| std::ptr::eq(*other, directive)) {
                return Err(failed("duplicate parameter"));
            }
            // Redis repeats the name that was used, but not how it was written.
            let own = directive.names().find(|own| own.as_bytes().eq_ignore_ascii_case(name));
            chosen.push((directive, own.unwrap_or(directive.name), value));
        }
        Ok(chosen)
    }
}

fn checked(directive: &Directive, value: &[u8], before: &str) -> Result<String, String> {
    let value = std::str::from_utf8(value).map_err(|_| String::from("argument must be valid UTF-8"))?;
    let args: Vec<&str> = match value {
        "" if directive.has(MULTI) => Vec::new(),
        _ if directive.has(MULTI) => value.split(' ').collect(),
        _ => vec![value],
    };
    let text = directive.rule.check(&args, before, Origin::Command)?;
    refuse_dangerous(directive, &text)?;
    Ok(text)
}

/// A directive that would be dangerous to ignore may only have its default.
pub(crate) fn refuse_dangerous(directive: &Directive, text: &str) -> Result<(), String> {
    if directive.has(REFUSED) && text != directive.default {
        let (name, default) = (directive.name, directive.default);
        return Err(format!("{name} is not supported by Grapevine: only its default \"{default}\" is taken"));
    }
    Ok(())
}

/// Stores a canonical text, within the bounds that Redis enforces without a word.
pub(crate) fn store(directive: &Directive, settings: &mut Settings, text: &str) {
    (directive.write)(settings, text);
    settings.hz = settings.hz.clamp(1, 500);
}
