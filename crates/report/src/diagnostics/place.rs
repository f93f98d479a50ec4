//! Where in the text a complaint is.
//!
//! Invariant: a text is read once, and finding a place takes no longer in a long line than in a short one, for a document may be
//! one line with thousands of complaints.

use squall_experiment::diagnostic::Span;
use std::ops::Range;

/// A place as people and programs count it: from 1, columns in characters, the end exclusive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Region<'a> {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
    /// The columns of its start and of its end in UTF-16 units, from 1; where it has several lines, they are of different ones.
    pub(super) utf16: Range<usize>,
    /// The first line of it, without its end.
    pub(super) line_text: &'a str,
    /// What of that line is meant, in bytes; never empty unless the line is.
    pub(super) in_line: Range<usize>,
}

/// A text in which places are looked for.
pub(super) struct Page<'a> {
    text: &'a str,
    /// Where the `\n` and `\r` are.
    breaks: Vec<usize>,
    /// Where the `\n` are.
    feeds: Vec<usize>,
    /// One for every [`STRIDE`] bytes.
    milestones: Vec<Milestone>,
}

/// How many bytes are counted at most to find a column.
const STRIDE: usize = 256;

/// The last beginning of a character that is not behind a multiple of [`STRIDE`].
struct Milestone {
    at: usize,
    before: Count,
}

/// What stands before a place.
#[derive(Clone, Copy, Default)]
struct Count {
    characters: usize,
    /// UTF-16 units.
    units: usize,
}

impl Count {
    fn and(self, text: &str) -> Count {
        text.chars().fold(self, |count, character| Count {
            characters: count.characters + 1,
            units: count.units + character.len_utf16(),
        })
    }
}

impl<'a> Page<'a> {
    pub(super) fn new(text: &'a str) -> Page<'a> {
        let bytes = || text.bytes().enumerate();
        let mut milestones = vec![Milestone { at: 0, before: Count::default() }];
        let mut last = (0, Count::default());
        for multiple in (STRIDE..=text.len()).step_by(STRIDE) {
            let at = text.floor_char_boundary(multiple);
            last = (at, last.1.and(&text[last.0..at]));
            milestones.push(Milestone { at, before: last.1 });
        }
        Page {
            text,
            breaks: bytes().filter(|(_, byte)| matches!(byte, b'\n' | b'\r')).map(|(at, _)| at).collect(),
            feeds: bytes().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect(),
            milestones,
        }
    }

    /// `None` when the span is not in this text.
    pub(super) fn region(&self, span: &Span) -> Option<Region<'a>> {
        let text = self.text;
        text.get(span.start..span.end)?;
        let next_break = self.breaks.partition_point(|at| *at < span.start);
        let line_start = next_break.checked_sub(1).map_or(0, |last| self.breaks[last] + 1);
        let line_end = self.breaks.get(next_break).copied().unwrap_or(text.len());
        let line_text = &text[line_start..line_end];
        let feeds = self.feeds.partition_point(|at| *at < span.start)
            ..self.feeds.partition_point(|at| *at < span.end);
        let line = span.line as usize;
        let column = span.column as usize;
        let (last_line, end_column) = match self.feeds[feeds.clone()].last() {
            None => (line_start, column + self.between(span.start, span.end).characters),
            Some(feed) => (feed + 1, self.between(feed + 1, span.end).characters + 1),
        };
        let utf16 =
            self.between(line_start, span.start).units + 1..self.between(last_line, span.end).units + 1;
        let start = span.start - line_start;
        let end = (span.end - line_start).min(line_text.len());
        // A place between two characters is shown on the one behind it.
        let end = if end > start {
            end
        } else {
            start + line_text.get(start..)?.chars().next().map_or(0, char::len_utf8)
        };
        Some(Region {
            line,
            column,
            end_line: line + feeds.len(),
            end_column,
            utf16,
            line_text,
            in_line: start..end,
        })
    }

    /// What stands between two beginnings of characters.
    fn between(&self, start: usize, end: usize) -> Count {
        let (start, end) = (self.before(start), self.before(end));
        Count { characters: end.characters - start.characters, units: end.units - start.units }
    }

    fn before(&self, at: usize) -> Count {
        let milestone = &self.milestones[at / STRIDE];
        milestone.before.and(&self.text[milestone.at..at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted the slow way, character by character.
    fn counted<'a>(span: &Span, text: &'a str) -> Option<Region<'a>> {
        let is_break = |character| matches!(character, '\n' | '\r');
        let meant = text.get(span.start..span.end)?;
        let line_start = text[..span.start].rfind(is_break).map_or(0, |at| at + 1);
        let line_text = text[line_start..].split(is_break).next().unwrap_or_default();
        let last = meant.rsplit('\n').next().unwrap_or_default();
        let breaks = meant.matches('\n').count();
        let units = |text: &str| text.encode_utf16().count() + 1;
        let last_line = if breaks == 0 { &text[line_start..span.end] } else { last };
        let start = span.start - line_start;
        let end = (span.end - line_start).min(line_text.len());
        let behind = line_text.get(start..)?.chars().next().map_or(0, char::len_utf8);
        let column = if breaks == 0 { span.column as usize } else { 1 };
        Some(Region {
            line: span.line as usize,
            column: span.column as usize,
            end_line: span.line as usize + breaks,
            end_column: column + last.chars().count(),
            utf16: units(&text[line_start..span.start])..units(last_line),
            line_text,
            in_line: start..if end > start { end } else { start + behind },
        })
    }

    #[test]
    fn places_are_those_that_are_counted_character_by_character() {
        let long = "aé\u{1F980} ".repeat(2 * STRIDE);
        let texts =
            ["", "\n", "a\r\nb\rc\n\nd\n", "é\u{1F980}\n\u{1F980}", &long, &format!("x\n{long}\r\n{long}")];
        for text in texts {
            let page = Page::new(text);
            let step = text.len() / 200 + 1;
            for start in (0..=text.len() + 1).step_by(step) {
                for end in (start..=text.len() + 1).step_by(step * 7).chain([start + 1]) {
                    let span = Span { line: 3, column: 5, start, end };
                    assert_eq!(page.region(&span), counted(&span, text), "{start}..{end} of {}", text.len());
                }
            }
        }
    }
}
