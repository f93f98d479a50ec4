//! Fingerprints of lines, by which a code host knows a complaint again after lines were added above it.
//!
//! Invariant: they are those that GitHub's uploading action computes itself (`primaryLocationLineHash`), so that alerts stay
//! the same whichever way a log is uploaded, and the action finds nothing to warn about.

use std::collections::BTreeMap;

/// How many characters of the text, without blanks, make a fingerprint: those from the beginning of the line on.
const WINDOW: usize = 100;
const BASE: u64 = 37;
/// Stands behind the last character; what is missing behind it is zero.
const END: u64 = 0xFFFF;

/// The fingerprint of each line: a hash, and which of the lines with that hash it is.
pub(super) fn fingerprints(text: &str) -> Vec<String> {
    let units = units(text);
    let ends = units.iter().enumerate().filter(|(_, unit)| **unit == u64::from(b'\n'));
    let starts = [0].into_iter().chain(ends.map(|(at, _)| at + 1));
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    starts
        .map(|start| {
            let window = units[start..].iter().copied().chain(std::iter::repeat(0)).take(WINDOW);
            let hash = window.fold(0u64, |hash, unit| hash.wrapping_mul(BASE).wrapping_add(unit));
            let which = seen.entry(hash).and_modify(|which| *which += 1).or_insert(1);
            format!("{hash:x}:{which}")
        })
        .collect()
}

/// The text's UTF-16 units without blanks, each end of a line as one `\n`, and the end.
fn units(text: &str) -> Vec<u64> {
    let mut units = Vec::new();
    let mut after_return = false;
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b' ' | b'\t') => after_return = false,
            Ok(b'\n') if after_return => after_return = false,
            Ok(b'\r') => {
                units.push(u64::from(b'\n'));
                after_return = true;
            }
            _ => {
                units.push(u64::from(unit));
                after_return = false;
            }
        }
    }
    units.push(END);
    units
}

#[cfg(test)]
mod tests {
    use super::fingerprints;

    /// The values are those that the action's own tests publish.
    #[test]
    fn lines_have_the_fingerprints_that_github_gives_them() {
        let six = ["e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1"];
        let six = [&six[..], &["e20e36e16fcb0cc8:1", "b3edc88f2938467e:1", "c8e28b0b4002a3a0:1"]].concat();
        let seven = [&six[..], &["c129715d7a2bc9a3:1"]].concat();
        let cases: [(&str, &[&str]); 5] = [
            ("", &["c129715d7a2bc9a3:1"]),
            (
                " a\nb\n  \t\tc\n d",
                &["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
            ),
            (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", &seven),
            (" hello; \t\rworld!!!\r\r\r  \t\tGreetings\r End\r", &seven),
            (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", &seven),
        ];
        for (text, wanted) in cases {
            assert_eq!(fingerprints(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn equal_lines_are_counted() {
        let lines = format!("{}\nend", "the same\n".repeat(30));
        let all = fingerprints(&lines);
        assert_eq!(all.len(), 32);
        assert!(all[0].ends_with(":1") && all[5].ends_with(":6"), "{all:?}");
        assert_eq!(all[0].split(':').next(), all[5].split(':').next());
    }
}
