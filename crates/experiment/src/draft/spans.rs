//! Where each part of a document was written.
//!
//! Invariant: the nodes are in the order in which they were opened, each followed by those inside it; the first one is the whole
//! document. Finding one takes no longer in a long list than in a short one.

use crate::diagnostic::Span;
use std::sync::OnceLock;

/// The places of values and keys, found by the path that a diagnostic has: `method[0].provider.path`.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    nodes: Vec<Node>,
    /// The nodes that are open, each with the number of those right inside it.
    open: Vec<(usize, usize)>,
    /// Made for the first search.
    index: OnceLock<Index>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The key, if this is a member of an object.
    name: Option<Box<str>>,
    key: Span,
    value: Span,
    /// The node that this one is right inside of; its own number for the whole document.
    outer: usize,
    /// Which of the nodes right inside that one it is.
    nth: usize,
}

/// The nodes right inside each node: of a list in their order, of an object by their names, so that none is looked for among all.
#[derive(Clone, Debug)]
struct Index {
    /// Where those of a node begin; those of the next one end them.
    starts: Vec<usize>,
    nodes: Vec<usize>,
}

impl Spans {
    /// Where the value at `path` is written.
    pub fn value(&self, path: &str) -> Option<Span> {
        self.find(path).found.map(|node| self.nodes[node].value)
    }

    /// Where the key of the member at `path` is written; none for items of lists and for the whole document.
    pub fn key(&self, path: &str) -> Option<Span> {
        let node = &self.nodes[self.find(path).found?];
        node.name.is_some().then_some(node.key)
    }

    /// Where the value at `path`, or else the innermost object or list that should have it, is written.
    pub fn nearest(&self, path: &str) -> Option<Span> {
        let search = self.find(path);
        self.nodes.get(search.found.unwrap_or(search.nearest)).map(|node| node.value)
    }

    /// Begins the value at `value`, inside of those that were not ended yet.
    pub(crate) fn open(&mut self, name: Option<&str>, key: Span, value: Span) -> usize {
        let node = self.nodes.len();
        let (outer, nth) = match self.open.last_mut() {
            Some((outer, inside)) => {
                *inside += 1;
                (*outer, *inside - 1)
            }
            None => (node, 0),
        };
        self.nodes.push(Node { name: name.map(Box::from), key, value, outer, nth });
        self.open.push((node, 0));
        self.index.take();
        node
    }

    /// Ends what [`Spans::open`] began, at byte `end`.
    pub(crate) fn close(&mut self, node: usize, end: usize) {
        while self.open.pop_if(|(open, _)| *open >= node).is_some() {}
        if let Some(node) = self.nodes.get_mut(node) {
            node.value.end = end;
        }
    }

    /// The path of a node, with `key` after it.
    pub(crate) fn path_to(&self, target: usize, key: &str) -> String {
        let inner = |node: &usize| Some(self.nodes.get(*node)?.outer).filter(|outer| outer != node);
        let mut nodes: Vec<usize> = std::iter::successors(Some(target), inner).collect();
        // The whole document has no name.
        nodes.pop();
        let mut path = String::new();
        for node in nodes.into_iter().rev() {
            match &self.nodes[node].name {
                Some(name) if path.is_empty() => path.push_str(name),
                Some(name) => path.extend([".", name]),
                None => path.push_str(&format!("[{}]", self.nodes[node].nth)),
            }
        }
        if !path.is_empty() {
            path.push('.');
        }
        path + key
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.nodes))
    }

    fn find(&self, path: &str) -> Search {
        let mut search = Search { found: None, nearest: 0, left: path.len() };
        if !self.nodes.is_empty() {
            self.search(0, path, &mut search);
        }
        search
    }

    /// A key may hold dots and brackets, so every member that the path may begin with is tried. Of equal keys the last
    /// one counts, as in the document.
    fn search(&self, node: usize, path: &str, search: &mut Search) {
        if path.is_empty() {
            search.found = Some(node);
            return;
        }
        if path.len() <= search.left {
            (search.nearest, search.left) = (node, path.len());
        }
        let inside = self.index().inside(node);
        match inside.first().map(|first| self.nodes[*first].name.is_some()) {
            Some(true) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let mut members: Vec<(usize, &str)> = ends(path)
                    .flat_map(|end| self.named(inside, &path[..end]).map(move |node| (node, &path[end..])))
                    .collect();
                members.sort_unstable();
                members.into_iter().for_each(|(member, rest)| self.search(member, rest, search));
            }
            Some(false) => {
                if let Some((index, rest)) = numbered(path)
                    && let Some(item) = inside.get(index)
                {
                    self.search(*item, rest, search);
                }
            }
            None => {}
        }
    }

    /// Those of the members that have a name.
    fn named<'s>(&'s self, members: &'s [usize], name: &'s str) -> impl Iterator<Item = usize> {
        let name_of = |node: &usize| self.nodes[*node].name.as_deref();
        let first = members.partition_point(|node| name_of(node) < Some(name));
        members[first..].iter().copied().take_while(move |node| name_of(node) == Some(name))
    }
}

impl Index {
    fn of(nodes: &[Node]) -> Index {
        let mut starts = vec![0; nodes.len() + 1];
        for node in &nodes[1..] {
            starts[node.outer + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut inside = vec![0; nodes.len() - 1];
        for (number, node) in nodes.iter().enumerate().skip(1) {
            inside[starts[node.outer] + node.nth] = number;
        }
        for pair in starts.windows(2) {
            // Items of lists have no names, and stay in their order.
            inside[pair[0]..pair[1]].sort_by_key(|node| nodes[*node].name.as_deref());
        }
        Index { starts, nodes: inside }
    }

    fn inside(&self, node: usize) -> &[usize] {
        &self.nodes[self.starts[node]..self.starts[node + 1]]
    }
}

/// Where a key that the path begins with may end.
fn ends(path: &str) -> impl Iterator<Item = usize> {
    let inner = path.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'['));
    inner.map(|(at, _)| at).chain([path.len()])
}

/// The index that a path begins with, and the rest of it.
fn numbered(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    let is_plain = index == "0" || !index.starts_with(['0', '+']);
    let ends = rest.is_empty() || rest.starts_with(['.', '[']);
    Some((index.parse().ok().filter(|_| is_plain && ends)?, rest))
}

struct Search {
    found: Option<usize>,
    nearest: usize,
    /// How much of the path was left at `nearest`.
    left: usize,
}

#[cfg(test)]
mod tests {
    use crate::json;
    use expect_test::{Expect, expect};

    fn check(path: &str, expect: Expect) {
        let source = r#"{"method": [{"name": "a"}, {"na.me": [1, [2]], "x": 1, "x": 3}],
            "a.b": {"c[0]": true}, "": 4}"#;
        let draft = json::parse(source.to_owned()).unwrap_or_default();
        let text = |span: Option<crate::diagnostic::Span>| span.map(|span| &source[span.start..span.end]);
        let spans = &draft.spans;
        let [key, value, nearest] = [spans.key(path), spans.value(path), spans.nearest(path)].map(text);
        expect.assert_eq(&format!("{key:?} {value:?} {nearest:?}"));
    }

    #[test]
    fn a_path_finds_key_and_value() {
        check("method[0]", expect![[r#"None Some("{\"name\": \"a\"}") Some("{\"name\": \"a\"}")"#]]);
        check("method[0].name", expect![[r#"Some("\"name\"") Some("\"a\"") Some("\"a\"")"#]]);
        check("method[1].na.me[1][0]", expect![[r#"None Some("2") Some("2")"#]]);
        check("method[1].x", expect![[r#"Some("\"x\"") Some("3") Some("3")"#]]);
        check("a.b.c[0]", expect![[r#"Some("\"c[0]\"") Some("true") Some("true")"#]]);
        check("method[0].type", expect![[r#"None None Some("{\"name\": \"a\"}")"#]]);
        check("method[0].name.more", expect![[r#"None None Some("\"a\"")"#]]);
    }
    /// So many that it would take minutes if each were looked for among all.
    #[test]
    fn each_of_many_is_found() {
        const MANY: usize = 30_000;
        let item = |index| format!(r#"{{"a": 1, "a": {index}}}"#);
        let items: Vec<String> = (0..MANY).map(item).collect();
        let members: Vec<String> = (0..MANY).map(|index| format!(r#""{index}.x": "{index}""#)).collect();
        let source = format!(r#"{{"items": [{}], "members": {{{}}}}}"#, items.join(", "), members.join(", "));
        let draft = json::parse(source.clone()).unwrap_or_default();
        let text = |path: String| draft.spans.value(&path).map(|span| &source[span.start..span.end]);
        for index in 0..MANY {
            assert_eq!(text(format!("items[{index}].a")), Some(index.to_string().as_str()));
            assert_eq!(text(format!("members.{index}.x")), Some(format!("\"{index}\"").as_str()));
        }
        for (index, twice) in draft.duplicates.iter().enumerate() {
            assert_eq!(twice.path, format!("items[{index}].a"));
        }
        assert_eq!(text(format!("items[{MANY}]")), None);
        assert_eq!(text("items[07]".to_owned()), None);
    }
}
