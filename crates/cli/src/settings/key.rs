//! Dotted keys: `runtime.rollbacks.strategy`, `list[1].name`, `auths.chaos\.example\.com:8443.type`.

use squall_experiment::Value;

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object.
    Name(String),
    /// An item of a list.
    Index(usize),
}

/// The steps of a key. Brackets that hold no number belong to the name.
pub(super) fn steps(key: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut name = String::new();
    let mut characters = key.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'.') => {
                characters.next();
                name.push('.');
            }
            '.' => push(&mut steps, &mut name),
            other => name.push(other),
        }
    }
    push(&mut steps, &mut name);
    steps
}

fn push(steps: &mut Vec<Step>, name: &mut String) {
    let mut name = std::mem::take(name);
    let mut indices = Vec::new();
    while let Some((before, index)) = name.strip_suffix(']').and_then(|open| open.rsplit_once('['))
        && let Ok(index) = index.parse()
    {
        indices.push(Step::Index(index));
        name = before.to_owned();
    }
    // `a[0]` is a member and an item; `[0]` alone is an item of a document that is a list.
    if !name.is_empty() || indices.is_empty() {
        steps.push(Step::Name(name));
    }
    steps.extend(indices.into_iter().rev());
}

/// The value at these steps.
pub(super) fn find<'a>(document: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(document, |value, step| match (step, value) {
        (Step::Name(name), Value::Object(object)) => object.get(name),
        (Step::Index(index), Value::List(items)) => items.get(*index),
        _ => None,
    })
}

/// The place of the value at these steps.
pub(super) fn find_mut<'a>(document: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    steps.iter().try_fold(document, |value, step| match (step, value) {
        (Step::Name(name), Value::Object(object)) => object.get_mut(name),
        (Step::Index(index), Value::List(items)) => items.get_mut(*index),
        _ => None,
    })
}

/// Removes the member or item at these steps; whether there was one.
pub(super) fn remove(document: &mut Value, steps: &[Step]) -> bool {
    let Some((last, before)) = steps.split_last() else { return false };
    match (last, find_mut(document, before)) {
        (Step::Name(name), Some(Value::Object(object))) => object.shift_remove(name).is_some(),
        (Step::Index(index), Some(Value::List(items))) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_steps() {
        let name = |text: &str| Step::Name(text.to_owned());
        for (key, expected) in [
            ("a.b", vec![name("a"), name("b")]),
            (r"auths.x\.y:1.type", vec![name("auths"), name("x.y:1"), name("type")]),
            ("list[1].name", vec![name("list"), Step::Index(1), name("name")]),
            ("a[0][2]", vec![name("a"), Step::Index(0), Step::Index(2)]),
            ("a[x]", vec![name("a[x]")]),
            ("[3]", vec![Step::Index(3)]),
            ("", vec![name("")]),
        ] {
            assert_eq!(steps(key), expected, "{key}");
        }
    }
}
