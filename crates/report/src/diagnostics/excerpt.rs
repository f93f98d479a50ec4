//! What of a line is shown.
//!
//! Invariant: no more than a screen can hold, however long the line is. Of a line that is longer, the renderer itself would leave
//! out what is left out here, but it would read all of it for every complaint.

use super::place::Region;
use std::borrow::Cow;
use std::ops::Range;

/// A line, or what is left of a long one.
#[derive(Debug)]
pub(super) struct Excerpt<'a> {
    pub(super) text: Cow<'a, str>,
    /// What of it is meant, in bytes.
    pub(super) mark: Range<usize>,
    /// Whether columns of it are those of the line.
    pub(super) is_whole: bool,
}

/// Lines of no more bytes are left as they are.
const SHORT: usize = 4096;

/// The columns that an excerpt has where nobody says how many there are, which is what the renderer assumes.
const WIDTH: usize = 140;

/// How many columns more than there are make the renderer leave out a part, and draw an ellipsis in its place.
const BEYOND: usize = 20;

impl<'a> Excerpt<'a> {
    /// For a terminal with so many columns.
    pub(super) fn of(region: &Region<'a>, width: Option<usize>) -> Excerpt<'a> {
        let (line, mark) = (region.line_text, region.in_line.clone());
        if line.len() <= SHORT {
            return Excerpt { text: Cow::Borrowed(line), mark, is_whole: true };
        }
        let reach = width.unwrap_or(WIDTH).saturating_add(BEYOND);
        let from = back(line, mark.start, reach);
        let to = forth(line, mark.end, reach);
        // Of a long mark the renderer shows both ends.
        let (first, last) = (forth(line, mark.start, reach), back(line, mark.end, reach));
        let (text, end) = if first < last {
            let text = [&line[from..first], &line[last..to]].concat();
            (Cow::Owned(text), mark.end - (last - first))
        } else {
            (Cow::Borrowed(&line[from..to]), mark.end)
        };
        Excerpt { text, mark: mark.start - from..end - from, is_whole: from == 0 }
    }
}

/// The place so many characters before `at`.
fn back(line: &str, at: usize, characters: usize) -> usize {
    line[..at].char_indices().rev().take(characters).last().map_or(at, |(place, _)| place)
}

/// The place so many characters behind `at`.
fn forth(line: &str, at: usize, characters: usize) -> usize {
    line[at..].char_indices().nth(characters).map_or(line.len(), |(place, _)| at + place)
}
