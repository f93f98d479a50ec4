//! Tables of what Python 3.11's `re` says of patterns.

use super::*;
use proptest::prelude::*;

#[test]
fn searches() {
    for (pattern, text, wanted) in [
        ("^h.*o$", "hello", true),
        ("^h.*o$", "hello\n", true),
        ("^h.*o$", "hello\n\n", false),
        ("^h.*o\\Z", "hello\n", false),
        ("ell", "hello", true),
        ("^x", "hello", false),
        ("(?i)HELLO.\\d{2}$", "say hello\n12", false),
        ("(?is)HELLO.\\d{2}$", "say hello\n12", true),
        ("(?m)^b$", "a\nb\nc", true),
        ("^b", "a\nb", false),
        ("^\\w+$", "žluť", true),
        ("(?a)^\\w+$", "žluť", false),
        ("^\\d$", "٣", true),
        ("(?P<c>.)(?P=c)", "hello", true),
        ("(l)\\1", "hello", true),
        ("(?<=h)e(?!x)", "hello", true),
        ("(?<!h)e", "hello", false),
        ("^(?>a*)ab", "aaab", false),
        ("a*+a", "aaa", false),
        ("^(a)?b(?(1)c|d)$", "abc", true),
        ("^(a)?b(?(1)c|d)$", "abd", false),
        ("(?x) h e # comment\n l", "hello", true),
        ("(?i:HE)llo", "hello", true),
        ("(?i:HE)LLO", "hello", false),
        ("(?i)he(?-i:LLO)", "HELLO", true),
        ("a{,2}$", "aaa", true),
        ("^a{,2}$", "aaa", false),
        ("a{x}", "a{x}", true),
        ("^a{2}$", "aa", true),
        ("[]a]", "x]", true),
        ("[^]a]", "x]", true),
        ("[a-c-]", "-", true),
        ("[a\\-z]", "m", false),
        ("[[]", "[", true),
        ("[&&b]", "&", true),
        ("[\\W]", " ", true),
        ("[^\\s]", "\t ", false),
        ("\\x41\\u0042\\103", "ABC", true),
        ("\\s", "\x1c", true),
        ("\\bup\\b", "is up.", true),
        ("\\B", "", false),
        ("a|b|", "x", true),
        ("(?:)", "", true),
        ("\\$\\{x\\}", "${x}", true),
        ("^[0-9.]+ms$", "12.5ms\n", true),
        ("a.c", "a✓c", true),
        ("a.c", "a\nc", false),
        ("^(?:(?=a)){2}a$", "a", true),
        ("\\.\\/\\-\\ ", "./- ", true),
        ("É", "É", true),
        ("(?i)É", "é", true),
        ("\\\\n", "\\n", true),
        ("ready|healthy", "it is healthy", true),
    ] {
        let found = Regex::new(pattern).map(|regex| regex.search(text));
        assert_eq!(found, Ok(Ok(wanted)), "{pattern:?} in {text:?}");
    }
}

#[test]
fn errors() {
    for (pattern, wanted) in [
        (r#"*x"#, r#"nothing to repeat at position 0"#),
        (r#"a(b"#, r#"missing ), unterminated subpattern at position 1"#),
        (r#"(a"#, r#"missing ), unterminated subpattern at position 0"#),
        (r#"a)"#, r#"unbalanced parenthesis at position 1"#),
        (r#"[a"#, r#"unterminated character set at position 0"#),
        (r#"[]"#, r#"unterminated character set at position 0"#),
        (r#"a**"#, r#"multiple repeat at position 2"#),
        (r#"a*+*"#, r#"multiple repeat at position 3"#),
        (r#"x{2,1}"#, r#"min repeat greater than max repeat at position 2"#),
        (r#"\q"#, r#"bad escape \q at position 0"#),
        (r#"a\"#, r#"bad escape (end of pattern) at position 1"#),
        (r#"[\q]"#, r#"bad escape \q at position 1"#),
        (r#"(?P<n>a)(?P<n>b)"#, r#"redefinition of group name 'n' as group 2; was group 1 at position 12"#),
        (r#"(?P<1>a)"#, r#"bad character in group name '1' at position 4"#),
        (r#"(?P<n"#, r#"missing >, unterminated name at position 4"#),
        (r#"(?P<>a)"#, r#"missing group name at position 4"#),
        (r#"(?P=x)"#, r#"unknown group name 'x' at position 4"#),
        (r#"(?P>x)"#, r#"unknown extension ?P> at position 1"#),
        (r#"(?<n>a)"#, r#"unknown extension ?<n at position 1"#),
        (r#"(?z)"#, r#"unknown extension ?z at position 1"#),
        (r#"(?"#, r#"unexpected end of pattern at position 2"#),
        (r#"(?#x"#, r#"missing ), unterminated comment at position 0"#),
        (r#"\1"#, r#"invalid group reference 1 at position 1"#),
        (r#"(a\1)"#, r#"cannot refer to an open group at position 2"#),
        (r#"\777"#, r#"octal escape value \777 outside of range 0-0o377 at position 0"#),
        (r#"\x4"#, r#"incomplete escape \x4 at position 0"#),
        (r#"[z-a]"#, r#"bad character range z-a at position 1"#),
        (r#"[\d-z]"#, r#"bad character range \d-z at position 1"#),
        (r#"a(?i)b"#, r#"global flags not at the start of the expression at position 1"#),
        (r#"(?i"#, r#"missing -, : or ) at position 3"#),
        (r#"(?i-i:a)"#, r#"bad inline flags: flag turned on and off at position 5"#),
        (r#"(?L)"#, r#"bad inline flags: cannot use 'L' flag with a str pattern at position 3"#),
        (r#"(?au)"#, r#"bad inline flags: flags 'a', 'u' and 'L' are incompatible at position 4"#),
        (r#"(?-:a)"#, r#"missing flag at position 3"#),
        (r#"(?(1)a|b|c)(x)"#, r#"conditional backref with more than two branches at position 8"#),
        (r#"(?(2)a)(b)"#, r#"invalid group reference 2 at position 3"#),
        (r#"(?(0)a)"#, r#"bad group number at position 3"#),
        (r#"(?<=a*)b"#, r#"look-behind requires fixed-width pattern"#),
        (r#"(?<=ab|c)d"#, r#"look-behind requires fixed-width pattern"#),
        (r#"\N{NOPE}"#, r#"undefined character name 'NOPE' at position 0"#),
        (r#"\U00110000"#, r#"bad escape \U00110000 at position 0"#),
        (r#"(?i:a"#, r#"missing ), unterminated subpattern at position 0"#),
        ("a\n(b", r#"missing ), unterminated subpattern at position 2 (line 2, column 1)"#),
        (r#"^*"#, r#"nothing to repeat at position 1"#),
        (r#"(?=a"#, r#"missing ), unterminated subpattern at position 0"#),
        (r#"(?<a)"#, r#"unknown extension ?<a at position 1"#),
        (r#"|*"#, r#"nothing to repeat at position 1"#),
    ] {
        let error = Regex::new(pattern).map(|_| ()).map_err(|error| error.as_exception(pattern).text);
        assert_eq!(error, Err(wanted.to_owned()), "{pattern:?}");
    }
}

#[test]
fn a_search_that_backtracks_too_much_is_given_up() {
    let regex = Regex::new(r"^(?:(a|aa)+)+\1[0-9]").map(|regex| regex.search(&("a".repeat(40) + "c1")));
    assert!(matches!(regex, Ok(Err(_))), "{regex:?}");
    let enormous = Regex::new("(?:(?:a{1000}){1000}){1000}");
    assert!(enormous.is_err_and(|error| error.message.starts_with("cannot be compiled")));
    assert!(Regex::new(&"(".repeat(100_000)).is_err());
}

proptest! {
    #[test]
    fn any_pattern_is_taken(pattern in r"(\\?[-a-zA-Z0-9(){}\[\]?*+^$|.,:<>=!#P\\\n é]){0,12}", text in "[a-c\\n ]*") {
        if let Ok(regex) = Regex::new(&pattern) {
            let _ = regex.search(&text);
        }
    }
}
