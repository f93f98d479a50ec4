//! User and password for a host from a `netrc` file, read as Python's `netrc` module reads it.
//!
//! A file that cannot be read gives nothing, as in `requests`: it was not written for us.

use crate::home::expand;

/// The file that `NETRC` names, else the one in the home folder.
pub(super) fn read(named: Option<&str>, home: Option<&str>) -> Option<String> {
    let candidates = match named {
        Some(path) => vec![expand(path, home)],
        None => home.map_or_else(Vec::new, |home| vec![format!("{home}/.netrc"), format!("{home}/_netrc")]),
    };
    candidates.iter().find_map(|path| std::fs::read_to_string(path).ok())
}

/// The login for `host`, or the default one.
pub(super) fn login(file: &str, host: &str) -> Option<(String, String)> {
    let mut words = Words { rest: file };
    let mut found: Option<(String, String)> = None;
    let mut default = None;
    let mut next = words.next();
    while let Some(word) = next.take() {
        let machine = match word.as_str() {
            "machine" => Some(words.next()?),
            "default" => None,
            "macdef" => {
                words.skip_macro();
                next = words.next();
                continue;
            }
            comment if comment.starts_with('#') => {
                words.skip_line();
                next = words.next();
                continue;
            }
            _ => return None,
        };
        let (mut user, mut account, mut password) = (String::new(), String::new(), String::new());
        loop {
            next = words.next();
            match next.as_deref() {
                Some("login" | "user") => user = words.next()?,
                Some("account") => account = words.next()?,
                Some("password") => password = words.next()?,
                Some(comment) if comment.starts_with('#') => words.skip_line(),
                None | Some("machine" | "default" | "macdef") => break,
                Some(_) => return None,
            }
        }
        let login = (if user.is_empty() { account } else { user }, password);
        match machine {
            // A later entry for the same host replaces an earlier one.
            Some(machine) if machine == host => found = Some(login),
            Some(_) => {}
            None => default = Some(login),
        }
    }
    found.or(default).filter(|(user, password)| !user.is_empty() || !password.is_empty())
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// The next word: up to a blank, or between quotes; a backslash takes the next character literally.
    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let mut chars = self.rest.char_indices();
        let quoted = self.rest.starts_with('"');
        if quoted {
            chars.next();
        }
        let mut word = String::new();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if quoted => {
                    end = at + 1;
                    break;
                }
                ' ' | '\t' | '\r' | '\n' if !quoted => {
                    end = at;
                    break;
                }
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                c => word.push(c),
            }
        }
        let nothing = self.rest.is_empty();
        self.rest = &self.rest[end..];
        (!nothing).then_some(word)
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        self.rest = self.rest.split_once("\n\n").map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        let file = "# mine\nmachine a login ann password \"p w\"\nmacdef init\ncd /x\n\nmachine b\n  user bob\n  password p\\\"w\ndefault account any password x\n";
        for (host, expected) in
            [("a", Some(("ann", "p w"))), ("b", Some(("bob", "p\"w"))), ("c", Some(("any", "x")))]
        {
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(login(file, host), expected, "{host}");
        }
        assert_eq!(login("machine a login", "a"), None);
        assert_eq!(login("who knows", "a"), None);
        assert_eq!(login("machine b login x password y", "a"), None);
        assert_eq!(login("machine a", "a"), None);
    }
}
