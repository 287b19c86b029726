//! Users as lines, `user <name> <rules>`: the ACL file, and the lines of the configuration.

use crate::error::RuleError;
use crate::has_spaces;
use crate::user::{User, merge_selectors};
use crate::users::{UserId, Users};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl Users {
    /// All users in the form of the ACL file, a line each, in the order of their names.
    pub fn print(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, id) in self.iter() {
            text.extend_from_slice(&self.line(name, id));
            text.push(b'\n');
        }
        text
    }

    /// One user in that form, without the end of the line.
    pub fn line(&self, name: &[u8], id: UserId) -> Vec<u8> {
        let rules = self.get(id).map(User::describe).unwrap_or_default();
        [b"user ".as_slice(), name, b" ", &rules].concat()
    }

    /// Makes the users those of an ACL file, and returns the numbers of those who went; or changes nothing, and the error is
    /// Redis's text, with `path` as the file's name.
    pub fn load(&mut self, path: &str, text: &[u8]) -> Result<Vec<UserId>, Vec<u8>> {
        let mut fresh = BTreeMap::new();
        let mut errors: Vec<u8> = Vec::new();
        for (i, line) in text.split(|b| *b == b'\n').enumerate() {
            let place = alloc::format!("{path}:{}", i + 1);
            let line = trim(line, b" \t\r\n");
            if !line.is_empty() {
                self.load_line(&mut fresh, line, place.as_bytes(), i + 1, &mut errors);
            }
        }
        if errors.is_empty() {
            return Ok(self.replace(fresh));
        }
        errors.extend_from_slice(
            b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
        );
        Err(errors)
    }

    fn load_line(
        &self,
        fresh: &mut BTreeMap<Vec<u8>, User>,
        line: &[u8],
        place: &[u8],
        number: usize,
        errors: &mut Vec<u8>,
    ) {
        let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let mut fault = |parts: &[&[u8]]| errors.extend_from_slice(&parts.concat());
        let [b"user", name, rules @ ..] = words.as_slice() else {
            return fault(&[place, b" should start with user keyword followed by the username. "]);
        };
        if has_spaces(name) {
            return fault(&[b"'", place, b": username '", name, b"' contains invalid characters. "]);
        }
        if fresh.contains_key(*name) {
            let line = alloc::format!("' found on line {number}. ");
            return fault(&[b"WARNING: Duplicate user '", name, line.as_bytes()]);
        }
        let mut user = User::new(self.all_channels);
        let Ok(rules) = merge_selectors(rules.iter().copied()) else {
            return fault(&[place, b": Unmatched parenthesis in selector definition."]);
        };
        let mut wrong = false;
        for rule in &rules {
            let rule = trim(rule, b"\t\r\n");
            match user.apply(rule, self.all_channels) {
                Ok(()) => {}
                Err(error @ RuleError::Unknown) => {
                    let text = error.text().as_bytes();
                    fault(&[place, b": Error in applying operation '", rule, b"': ", text, b". "]);
                }
                // The first one may be why the others are wrong.
                Err(error) if !wrong => {
                    wrong = true;
                    fault(&[place, b": ", error.text().as_bytes(), b". "]);
                }
                Err(_) => {}
            }
        }
        fresh.insert(name.to_vec(), user);
    }

    /// Takes in a `user` line of the configuration, behind that word. The error names the rule, and is Redis's.
    pub fn configure(&mut self, words: &[&[u8]]) -> Result<UserId, Vec<u8>> {
        let Some((name, rules)) = words.split_first() else { return Err(b"Syntax error".to_vec()) };
        if has_spaces(name) {
            return Err(b"Spaces not allowed in ACL usernames".to_vec());
        }
        let rules = merge_selectors(rules.iter().copied()).map_err(|open| {
            [b"Error in user declaration '".as_slice(), &open, b"': Wrong format"].concat()
        })?;
        let mut user = User::new(self.all_channels);
        for rule in &rules {
            user.apply(rule, self.all_channels).map_err(|error| {
                [b"Error in user declaration '".as_slice(), rule, b"': ", error.text().as_bytes()].concat()
            })?;
        }
        Ok(self.put(name, user))
    }
}

fn trim<'a>(text: &'a [u8], what: &[u8]) -> &'a [u8] {
    let start = text.iter().position(|b| !what.contains(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|b| !what.contains(b)).map_or(start, |last| last + 1);
    &text[start..end]
}
