//! Where each part of a document was written.
//!
//! Invariant: the nodes are in the order in which they were opened, each followed by those inside it.

use crate::diagnostic::Span;

/// The places of values and keys, found by the path that a diagnostic has: `method[0].provider.path`.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The key, if this is a member of an object.
    name: Option<Box<str>>,
    key: Span,
    value: Span,
    /// The first node that is not inside this one; as long as this one is open, every later node is.
    next: usize,
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
        self.nodes.push(Node { name: name.map(Box::from), key, value, next: usize::MAX });
        node
    }

    /// Ends what [`Spans::open`] began, at byte `end`.
    pub(crate) fn close(&mut self, node: usize, end: usize) {
        let next = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(node) {
            node.next = next;
            node.value.end = end;
        }
    }

    /// The path of a node, with `key` after it.
    pub(crate) fn path_to(&self, target: usize, key: &str) -> String {
        let mut path = String::new();
        let mut node = 0;
        while node != target {
            let Some((index, child)) =
                self.children(node).enumerate().find(|(_, child)| target < self.nodes[*child].next)
            else {
                break;
            };
            match &self.nodes[child].name {
                Some(name) if path.is_empty() => path.push_str(name),
                Some(name) => path.extend([".", name]),
                None => path.push_str(&format!("[{index}]")),
            }
            node = child;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path + key
    }

    fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        let end = self.nodes[node].next.min(self.nodes.len());
        std::iter::successors(Some(node + 1), |child| self.nodes.get(*child).map(|node| node.next))
            .take_while(move |child| *child < end)
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
        for (index, child) in self.children(node).enumerate() {
            let rest = match &self.nodes[child].name {
                Some(name) => path.strip_prefix(".").unwrap_or(path).strip_prefix(&**name),
                None => path.strip_prefix(&format!("[{index}]")),
            };
            match rest {
                Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => {
                    self.search(child, rest, search)
                }
                _ => {}
            }
        }
    }
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
}
