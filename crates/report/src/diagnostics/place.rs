//! Where in the text a complaint is.

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

impl<'a> Region<'a> {
    /// `None` when the span is not in this text.
    pub(super) fn of(span: &Span, text: &'a str) -> Option<Region<'a>> {
        let before = text.get(..span.start)?;
        let meant = text.get(span.start..span.end)?;
        let line_start = before.rfind(is_break).map_or(0, |at| at + 1);
        let line_text = text[line_start..].split(is_break).next().unwrap_or_default();
        let breaks = meant.matches('\n').count();
        let last = meant.rsplit('\n').next().unwrap_or_default();
        let line = span.line as usize;
        let column = span.column as usize;
        let columns = last.chars().count();
        let last_line = if breaks == 0 { &text[line_start..span.end] } else { last };
        let utf16 = utf16_column(&text[line_start..span.start])..utf16_column(last_line);
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
            end_line: line + breaks,
            end_column: if breaks == 0 { column + columns } else { columns + 1 },
            utf16,
            line_text,
            in_line: start..end,
        })
    }
}

/// The column behind this beginning of a line.
fn utf16_column(before: &str) -> usize {
    before.encode_utf16().count() + 1
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}
