//! Events to a graph of nodes with their tags, as PyYAML's composer makes it: an alias is the node that it names.
//!
//! Invariant: no recursion. A graph has cycles if an anchored node contains its own alias; `construct` refuses those.
//!
//! Here are also the differences between granit-parser and PyYAML: tabs between tokens, documents after the first,
//! anchors that are defined twice, characters that may not appear, block scalars at the end of the text.

use super::scalar::implicit;
use super::tag::Tag;
use crate::diagnostic::Span;
use crate::draft::{MAX_DEPTH, SyntaxError};
use granit_parser::{Event, Marker, Parser, ScalarStyle, StructureStyle, options};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The nodes of a document; a node is named by its index. The first one is the whole document.
pub(super) type Graph<'a> = Vec<Node<'a>>;

pub(super) struct Node<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) tag: Tag,
    pub(super) span: Span,
}

pub(super) enum Kind<'a> {
    Scalar(Cow<'a, str>),
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
}

impl Kind<'_> {
    /// PyYAML's word for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Kind::Scalar(_) => "scalar",
            Kind::Sequence(_) => "sequence",
            Kind::Mapping(_) => "mapping",
        }
    }
}

/// Why a text was not composed.
pub(super) struct Refusal {
    pub(super) error: SyntaxError,
    /// Where a blank, which would mean nothing to PyYAML, helps the parser over a rule that PyYAML does not have: before a
    /// comment that touches a token, before the continuation of a quoted scalar in column 1, and between `:` and `[` or
    /// `{` within a flow collection.
    pub(super) mend: Option<usize>,
}
impl From<SyntaxError> for Refusal {
    fn from(error: SyntaxError) -> Refusal {
        Refusal { error, mend: None }
    }
}

pub(super) fn compose(source: &str) -> Result<Graph<'_>, Refusal> {
    let refused = source.char_indices().find(|(_, character)| {
        character.is_control() && !matches!(character, '\t' | '\n' | '\r')
            || matches!(character, '\u{fffe}' | '\u{ffff}')
    });
    if let Some((at, character)) = refused {
        let code = u32::from(character);
        let message = format!("unacceptable character #x{code:04x}: special characters are not allowed");
        return Err(SyntaxError::at(source, at, at + character.len_utf8(), message).into());
    }
    let options = options! {
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        // Bounded by the text's length.
        max_buffered_comment_events: usize::MAX,
    };
    let mut composer = Composer::new(source);
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((event, span)) => composer.event(event, span)?,
            Err(error) => return Err(refusal(source, &error)),
        }
    }
    composer.refuse_separators()?;
    Ok(composer.graph)
}

fn refusal(source: &str, error: &granit_parser::ScanError) -> Refusal {
    use granit_parser::ErrorKind;
    let message = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => TAB.to_owned(),
        ErrorKind::UnsupportedYamlMajorVersion => {
            "found incompatible YAML document (version 1.* is required)".to_owned()
        }
        _ => error.info(),
    };
    let span = place(error.marker(), None);
    let mend = match error.kind() {
        ErrorKind::CommentNotSeparated => Some(span.start),
        ErrorKind::FlowMappingValueAdjacentCollection => Some(span.start + 1),
        ErrorKind::InvalidQuotedScalarIndent => {
            let line = source.get(span.start..).unwrap_or_default();
            (!line.starts_with("---") && !line.starts_with("...")).then_some(span.start)
        }
        _ => None,
    };
    Refusal { error: SyntaxError { message, span }, mend }
}

const TAB: &str = "found character '\\t' that cannot start any token";

fn place(start: &Marker, end: Option<&Marker>) -> Span {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let from = start.byte_offset().unwrap_or_default();
    Span {
        line: number(start.line()),
        column: number(start.col()).saturating_add(1),
        start: from,
        end: end.and_then(Marker::byte_offset).unwrap_or(from).max(from),
    }
}

struct Composer<'a> {
    source: &'a str,
    graph: Graph<'a>,
    open: Vec<Open>,
    /// The node of each anchor, by the parser's number.
    anchors: BTreeMap<usize, usize>,
    names: BTreeSet<Cow<'a, str>>,
    documents: usize,
    /// Quoted and block scalars, and comments.
    texts: Vec<(Range<usize>, Text)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Scalar,
    Comment,
}

/// A collection that has not ended yet.
struct Open {
    node: usize,
    /// The mapping's key whose value comes next.
    key: Option<usize>,
    flow: bool,
}

impl<'a> Composer<'a> {
    fn new(source: &'a str) -> Composer<'a> {
        Composer {
            source,
            graph: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            names: BTreeSet::new(),
            documents: 0,
            texts: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'a>, span: granit_parser::Span) -> Result<(), SyntaxError> {
        let span = place(&span.start, Some(&span.end));
        let fail = |message: String| Err(SyntaxError { message, span });
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return fail(
                        "expected a single document in the stream, but found another document".to_owned(),
                    );
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.add(*node),
                None => return fail("found undefined alias".to_owned()),
            },
            Event::UnresolvedAlias(name) => return fail(format!("found undefined alias '{name}'")),
            Event::Anchor(_, name) => {
                let odd = |character: &char| !character.is_ascii_alphanumeric() && !"-_".contains(*character);
                if let Some(odd) = name.chars().find(odd) {
                    return fail(format!("expected alphabetic or numeric character, but found '{odd}'"));
                }
                if let Some(name) = self.names.replace(name) {
                    return fail(format!("found duplicate anchor '{name}'"));
                }
            }
            Event::Comment(..) => self.texts.push((span.start..span.end, Text::Comment)),
            Event::Scalar(text, style, anchor, tag) => {
                if self.lacks_key(style, &tag, &span) {
                    return fail("expected a key, but found ':'".to_owned());
                }
                if style == ScalarStyle::Plain
                    && text.starts_with('?')
                    && self.open.last().is_some_and(|open| open.flow)
                {
                    // PyYAML would take the rest for a key.
                    return fail("within [] and {} a text that begins with `?` needs quotes".to_owned());
                }
                let text = self.text(text, style, &span);
                let mut span = span;
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    // The parser's end is where the next token's indentation ends.
                    let written = self.source.get(span.start..span.end).unwrap_or_default();
                    span.end = span.start + written.trim_end().len();
                }
                let tag = match tag.as_deref().map(uri) {
                    None if style == ScalarStyle::Plain => implicit(&text),
                    Some(uri) if uri == "!" => implicit(&text),
                    None => Tag::Str,
                    Some(uri) => Tag::of(uri),
                };
                self.node(anchor, Node { kind: Kind::Scalar(text), tag, span });
            }
            Event::SequenceStart(style, anchor, tag) => {
                let tag = tag.as_deref().map(uri).filter(|uri| uri != "!").map_or(Tag::Seq, Tag::of);
                let node = self.node(anchor, Node { kind: Kind::Sequence(Vec::new()), tag, span });
                self.begin(node, style)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let tag = tag.as_deref().map(uri).filter(|uri| uri != "!").map_or(Tag::Map, Tag::of);
                let node = self.node(anchor, Node { kind: Kind::Mapping(Vec::new()), tag, span });
                self.begin(node, style)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.graph[open.node].span.end =
                        if open.flow { span.end } else { self.last_end(open.node) };
                }
            }
            // The enum is open; what else there is carries no node.
            _ => {}
        }
        Ok(())
    }

    /// PyYAML does not begin a member of a block mapping with `:`, unless a `?` stands before it.
    fn lacks_key(&self, style: ScalarStyle, tag: &Option<Cow<'_, granit_parser::Tag>>, span: &Span) -> bool {
        let in_block = self.open.last().is_some_and(|open| {
            !open.flow && open.key.is_none() && matches!(self.graph[open.node].kind, Kind::Mapping(_))
        });
        let empty = style == ScalarStyle::Plain && span.start == span.end && tag.is_none();
        if !in_block || !empty {
            return false;
        }
        let (before, after) = self.source.split_at_checked(span.start).unwrap_or_default();
        after.starts_with(':') && !before.trim_end().ends_with('?')
    }

    fn text(&mut self, text: Cow<'a, str>, style: ScalarStyle, span: &Span) -> Cow<'a, str> {
        match style {
            // The parser's mark of an empty node.
            ScalarStyle::Plain if span.start == span.end => return Cow::Borrowed(""),
            ScalarStyle::Plain => return text,
            _ => self.texts.push((span.start..span.end, Text::Scalar)),
        }
        // At the end of a text without a final newline the parser adds one to a block scalar.
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if !block || span.end < self.source.len() {
            return text;
        }
        let last = self.source.rsplit(['\n', '\r']).next().unwrap_or_default();
        if last.is_empty() {
            return text;
        }
        let Some(body) = text.strip_suffix('\n') else { return text };
        let blank = |line: &str| line.bytes().all(|byte| byte == b' ');
        let line = body.rsplit('\n').next().unwrap_or_default();
        if blank(last) && (line.is_empty() || !blank(line)) {
            // The last line is indentation only, so the newline is that of the line before.
            return text;
        }
        Cow::Owned(body.to_owned())
    }

    fn node(&mut self, anchor: usize, node: Node<'a>) -> usize {
        let index = self.graph.len();
        self.graph.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        self.add(index);
        index
    }

    /// Puts a node into the innermost open collection.
    fn add(&mut self, node: usize) {
        let Some(open) = self.open.last_mut() else { return };
        match &mut self.graph[open.node].kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping(pairs) => match open.key.take() {
                Some(key) => pairs.push((key, node)),
                None => open.key = Some(node),
            },
            Kind::Scalar(_) => {}
        }
    }

    fn begin(&mut self, node: usize, style: StructureStyle) -> Result<(), SyntaxError> {
        if self.open.len() == MAX_DEPTH {
            let message = format!("lists and objects are nested deeper than {MAX_DEPTH} levels");
            return Err(SyntaxError { message, span: self.graph[node].span });
        }
        self.open.push(Open { node, key: None, flow: style == StructureStyle::Flow });
        Ok(())
    }

    /// A block collection ends with the last of its nodes, not where the parser noticed it.
    fn last_end(&self, node: usize) -> usize {
        let own = self.graph[node].span;
        let last = match &self.graph[node].kind {
            Kind::Sequence(items) => items.last(),
            Kind::Mapping(pairs) => pairs.last().map(|(_, value)| value),
            Kind::Scalar(_) => None,
        };
        last.map_or(own.end, |last| self.graph[*last].span.end.max(own.end))
    }

    /// PyYAML has only blanks between tokens, so a tab has its place within texts. The two separators are line breaks to it
    /// but not to our parser, so where that makes a difference they are refused.
    fn refuse_separators(&mut self) -> Result<(), SyntaxError> {
        self.texts.sort_unstable_by_key(|(range, _)| range.start);
        let mut texts = self.texts.iter().peekable();
        for (at, separator) in self.source.match_indices(['\t', '\u{2028}', '\u{2029}']) {
            while texts.next_if(|(range, _)| range.end <= at).is_some() {}
            let within = texts.peek().filter(|(range, _)| range.start <= at).map(|(_, text)| *text);
            let message = match (separator, within) {
                (_, Some(Text::Scalar)) | ("\t", Some(Text::Comment)) => continue,
                ("\t", None) => TAB,
                _ => "line and paragraph separators are only supported in quoted and block scalars",
            };
            return Err(SyntaxError::at(self.source, at, at + separator.len(), message));
        }
        Ok(())
    }
}

fn uri(tag: &granit_parser::Tag) -> String {
    let (handle, suffix) = tag.parts();
    format!("{handle}{suffix}")
}
