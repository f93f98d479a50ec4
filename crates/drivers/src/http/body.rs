//! From the bytes of a body to what they mean: content codings undone, characters decoded.

use encoding_rs::Encoding;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, Write};

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecodable {
    /// It is not what its head says.
    #[error("Received response with content-encoding: {0}, but failed to decode it.")]
    Broken(String),
    /// It grows beyond what we keep.
    #[error("the response's body is larger than {} KiB", .0 >> 10)]
    TooLarge(usize),
}

/// Undoes the codings of `Content-Encoding`, last one first. One that we did not ask for leaves the body as it is.
/// The result has at most `most` bytes: a small body can decode to an endless one.
pub(super) fn decode(body: Vec<u8>, codings: &str, most: usize) -> Result<Vec<u8>, Undecodable> {
    let known = |coding: &str| matches!(coding, "gzip" | "x-gzip" | "deflate" | "identity" | "");
    let list: Vec<String> = codings.split(',').map(|coding| coding.trim().to_ascii_lowercase()).collect();
    if body.is_empty() || !list.iter().all(|coding| known(coding)) {
        return Ok(body);
    }
    let mut body = body;
    for coding in list.iter().rev() {
        let decoded = match coding.as_str() {
            "gzip" | "x-gzip" => gunzip(&body, most),
            "deflate" => inflate(&body, most),
            _ => continue,
        };
        body = decoded.map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => Undecodable::TooLarge(most),
            _ => Undecodable::Broken(codings.to_owned()),
        })?;
    }
    Ok(body)
}

fn gunzip(body: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut decoder = MultiGzDecoder::new(Bounded::new(most));
    let written = decoder.write_all(body);
    match written.and_then(|()| decoder.try_finish()) {
        Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().bytes)),
        Err(error) => {
            // What follows a complete member and is no member itself is padding.
            let so_far = std::mem::take(&mut decoder.get_mut().bytes);
            let padded = !so_far.is_empty() && error.kind() == io::ErrorKind::InvalidInput;
            if padded { Ok(so_far) } else { Err(error) }
        }
    }
}

/// `deflate` is zlib's format by the standard, and the bare one in the wild.
fn inflate(body: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(Bounded::new(most));
    let zlib = decoder.write_all(body).and_then(|()| decoder.try_finish());
    match zlib {
        Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().bytes)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(error),
        Err(_) => {
            let mut decoder = DeflateDecoder::new(Bounded::new(most));
            decoder.write_all(body)?;
            Ok(decoder.finish()?.bytes)
        }
    }
}

struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Bounded {
    fn new(most: usize) -> Bounded {
        Bounded { bytes: Vec::new(), most }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of a body with that `Content-Type`: in the charset that it names, Latin-1 for other `text/…`, else UTF-8.
pub(super) fn text(body: Vec<u8>, content_type: Option<&str>) -> String {
    let charset = content_type.and_then(charset);
    match charset.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin-1" | "latin1" | "l1" | "8859" | "cp819") => {
            latin1(&body)
        }
        Some("ascii" | "us-ascii" | "646") => {
            body.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' }).collect()
        }
        Some("utf-16" | "utf16") => encoding_rs::UTF_16LE.decode(&body).0.into_owned(),
        Some(label) => match Encoding::for_label(label.as_bytes()) {
            Some(encoding) if encoding != encoding_rs::UTF_8 => {
                encoding.decode_without_bom_handling(&body).0.into_owned()
            }
            // Python does not know every name either, and then reads UTF-8.
            _ => utf8(body),
        },
        None if content_type.is_some_and(|kind| kind.contains("text")) => latin1(&body),
        None => utf8(body),
    }
}

fn utf8(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn latin1(body: &[u8]) -> String {
    body.iter().map(|byte| char::from(*byte)).collect()
}

fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"zlib").unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(b"bare").unwrap();
        for (body, codings, expected) in [
            (gzip(b"zipped"), "gzip", "zipped"),
            (gzip(&gzip(b"twice")), "gzip, x-gzip", "twice"),
            ([gzip(b"two "), gzip(b"members")].concat(), "GZIP", "two members"),
            ([gzip(b"padded"), vec![0; 9]].concat(), "gzip", "padded"),
            (zlib.finish().unwrap(), "deflate", "zlib"),
            (bare.finish().unwrap(), "deflate", "bare"),
            (b"as it is".to_vec(), "br", "as it is"),
            (b"plain".to_vec(), "identity", "plain"),
            (Vec::new(), "gzip", ""),
            (
                b"not zipped".to_vec(),
                "gzip",
                "Received response with content-encoding: gzip, but failed to decode it.",
            ),
        ] {
            let told = match decode(body, codings, 1 << 20) {
                Ok(body) => String::from_utf8(body).unwrap(),
                Err(error) => error.to_string(),
            };
            assert_eq!(told, expected, "{codings}");
        }
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let bomb = gzip(&gzip(&vec![0; 1 << 20]));
        assert!(bomb.len() < 1 << 10);
        assert!(matches!(decode(bomb.clone(), "gzip, gzip", 1 << 20), Ok(body) if body.len() == 1 << 20));
        let told = decode(bomb, "gzip, gzip", (1 << 20) - 1).map_err(|error| error.to_string());
        assert_eq!(told, Err("the response's body is larger than 1023 KiB".to_owned()));
    }

    #[test]
    fn characters() {
        let utf8 = "café ✓".as_bytes();
        for (body, content_type, expected) in [
            (utf8, Some("text/plain; charset=utf-8"), "café ✓"),
            (utf8, Some("text/plain; Charset=\"UTF-8\""), "café ✓"),
            ("café".as_bytes(), Some("text/plain"), "cafÃ©"),
            (b"caf\xe9\x80", Some("text/plain; charset=iso-8859-1"), "caf\u{e9}\u{80}"),
            (b"caf\xe9\x80", Some("text/plain; charset=windows-1252"), "café€"),
            (utf8, Some("application/json; x=y"), "café ✓"),
            (utf8, None, "café ✓"),
            (b"\xff", None, "\u{fffd}"),
            (utf8, Some("application/octet-stream; charset=nonsense"), "café ✓"),
            (b"a\xff", Some("text/plain; charset=ascii"), "a\u{fffd}"),
            (b"\xff\xfeh\0", Some("text/plain; charset=utf-16"), "h"),
        ] {
            assert_eq!(text(body.to_vec(), content_type), expected, "{content_type:?}");
        }
    }
}
