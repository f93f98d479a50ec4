//! New inputs from old ones: changes to bytes, to words, and to the document's tree.

use crate::rng::Rng;
use crate::target::format;
use crate::tree;
use squall_experiment::load::load;

/// The longest input in bytes.
pub(crate) const LONGEST: usize = 16 << 10;

/// An input that was made of `input`, with parts of `other` and words of the dictionary.
pub(crate) fn mutate(input: &[u8], other: &[u8], words: &[String], rng: &mut Rng) -> Vec<u8> {
    let mut made = if rng.one_in(2) { by_tree(input, other, words, rng) } else { None };
    if made.is_none() || rng.one_in(4) {
        let mut bytes = made.take().unwrap_or_else(|| input.to_vec());
        for _ in 0..1 << rng.below(4) {
            by_bytes(&mut bytes, other, words, rng);
        }
        made = Some(bytes);
    }
    let mut made = made.unwrap_or_default();
    if rng.one_in(30)
        && let Some(first) = made.first_mut()
    {
        *first ^= 1 << rng.below(2);
    }
    made.truncate(LONGEST);
    made
}

fn by_tree(input: &[u8], other: &[u8], words: &[String], rng: &mut Rng) -> Option<Vec<u8>> {
    let read = |input: &[u8]| {
        let (first, text) = input.split_first()?;
        Some((*first, load(text, format(*first)).ok()?.document))
    };
    let (mut first, mut tree) = read(input)?;
    let other = read(other).map(|(_, tree)| tree).unwrap_or_default();
    for _ in 0..1 << rng.below(3) {
        tree::change(&mut tree, &other, words, rng);
    }
    if rng.one_in(10) {
        first ^= 1;
    }
    let mut made = vec![first];
    made.extend_from_slice(tree::write(&tree, format(first), rng).as_bytes());
    Some(made)
}

fn by_bytes(bytes: &mut Vec<u8>, other: &[u8], words: &[String], rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(b'{');
    }
    let at = rng.below(bytes.len() + 1);
    let length =
        if rng.one_in(3) { rng.below(bytes.len() - at + 1) } else { rng.below(9).min(bytes.len() - at) };
    match rng.below(9) {
        0 => {
            let at = rng.below(bytes.len());
            bytes[at] = *rng.of(b"\x00\t\n\r \"#$%&'()*+,-./0129:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xc2\xe2\xff");
        }
        1 => {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
        }
        2 => drop(bytes.drain(at..at + length)),
        3 => {
            let part = bytes[at..at + length].to_vec();
            let to = rng.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        4 | 5 => drop(bytes.splice(at..at, rng.of(words).bytes())),
        6 => drop(bytes.splice(at..at + length, rng.of(words).bytes())),
        7 => {
            let from = rng.below(other.len());
            let part = &other[from..(from + 1 + rng.below(64)).min(other.len())];
            bytes.splice(at..at + length, part.iter().copied());
        }
        _ => {
            let word = rng.of(words).repeat(1 << rng.below(9));
            bytes.splice(at..at, word.bytes());
        }
    }
    bytes.truncate(LONGEST);
}
