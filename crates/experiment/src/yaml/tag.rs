//! The tags of YAML's nodes.
//!
//! Invariant: one name each; a tag that the safe loader does not know keeps its URI.

/// The tags that the safe loader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Binary,
    Str,
    Seq,
    Map,
    Set,
    Omap,
    Pairs,
    /// `<<`.
    Merge,
    /// Any other, and where it has no meaning also `=`.
    Other(String),
}

impl Tag {
    /// The tag of a plain `=`, for which PyYAML has no constructor.
    pub(super) const VALUE: &str = "tag:yaml.org,2002:value";

    pub(super) fn of(uri: String) -> Tag {
        match uri.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Tag::Null,
            Some("bool") => Tag::Bool,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("timestamp") => Tag::Timestamp,
            Some("binary") => Tag::Binary,
            Some("str") => Tag::Str,
            Some("seq") => Tag::Seq,
            Some("map") => Tag::Map,
            Some("set") => Tag::Set,
            Some("omap") => Tag::Omap,
            Some("pairs") => Tag::Pairs,
            Some("merge") => Tag::Merge,
            _ => Tag::Other(uri),
        }
    }
}
