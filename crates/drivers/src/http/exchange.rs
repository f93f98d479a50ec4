//! One HTTP/1.1 request and its response over a connection that serves nothing else meanwhile.
//!
//! Written here and not left to hyper because the Toolkit shows header names in the case and order in which they were sent,
//! and sends those of the experiment as they are written; hyper knows names only in lower case. httparse reads heads and
//! chunk sizes. Invariant: no response, however broken or endless, takes more memory than [`MOST`].

#[cfg(test)]
mod tests;

use super::headers::{Headers, from_latin1};
use httparse::{EMPTY_HEADER, ParserConfig, Status};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};

/// The most of a body that is kept, compressed or not.
pub(super) const MOST: usize = 256 << 20;
/// The most that a response's head, or the trailers, may take.
const MOST_HEAD: usize = 256 << 10;
/// The most that the line with a chunk's size may take.
const MOST_LINE: usize = 4 << 10;
/// The most fields of a head.
const MOST_FIELDS: usize = 512;

/// Why no response came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// A wait took too long.
    #[error("timed out")]
    TimedOut,
    /// The connection failed.
    #[error("{0}")]
    Lost(#[from] io::Error),
    /// It ended early.
    #[error("the server closed the connection {0}")]
    Closed(&'static str),
    /// What came is no HTTP.
    #[error("the server's response is not HTTP: {0}")]
    NotHttp(String),
    /// More came than we can keep.
    #[error("the response's {0} is larger than {1} KiB")]
    TooLarge(&'static str, usize),
}

/// Why no head of a response came.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) broken: Broken,
    /// Whether the server said anything at all.
    pub(super) heard: bool,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) reason: String,
    /// Repeated fields joined.
    pub(super) headers: Headers,
    /// The `Set-Cookie` fields, one by one.
    pub(super) cookies: Vec<String>,
    /// Of HTTP/1: 0 or 1.
    version: u8,
    framing: Framing,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What comes back: read from here on, its waits no longer than `wait`.
pub(super) struct Incoming<S> {
    from: ReadHalf<S>,
    /// The other half, if the whole request was sent.
    to: Option<WriteHalf<S>>,
    buffer: Buffer,
    /// How much of the buffer has been used up.
    used: usize,
    heard: bool,
    /// Whether the body has been read, to an end that did not need the connection's.
    ended: bool,
    wait: Option<Duration>,
}

/// Sends `request`, a head and its body, and reads the head of the response; `bodiless` if the request was a HEAD.
///
/// The response is awaited while the request is still being written: a server may answer, and close, before it has read
/// all of it.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite>(
    stream: S,
    request: &[u8],
    bodiless: bool,
    wait: Option<Duration>,
) -> Result<(Head, Incoming<S>), Unanswered> {
    let (from, mut to) = split(stream);
    let mut incoming =
        Incoming { from, to: None, buffer: Buffer::new(), used: 0, heard: false, ended: false, wait };
    match incoming.answer(&mut to, request, bodiless).await {
        Ok((head, sent)) => {
            incoming.to = sent.then_some(to);
            Ok((head, incoming))
        }
        Err(broken) => Err(Unanswered { broken, heard: incoming.heard }),
    }
}

async fn send<S: AsyncWrite>(
    to: &mut WriteHalf<S>,
    mut request: &[u8],
    wait: Option<Duration>,
) -> Result<(), Broken> {
    while !request.is_empty() {
        let sent = within(wait, to.write(request)).await?;
        request = &request[sent..];
    }
    within(wait, to.flush()).await
}

async fn within<T>(wait: Option<Duration>, work: impl Future<Output = io::Result<T>>) -> Result<T, Broken> {
    let done = match wait {
        Some(wait) => tokio::time::timeout(wait, work).await.map_err(|_| Broken::TimedOut)?,
        None => work.await,
    };
    Ok(done?)
}

/// How much is asked for with one call.
const READ: usize = 16 << 10;

thread_local! {
    /// The empty buffer of an exchange that is over, for the next: large ones are dear to get and to give back.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was read and may be read again.
struct Buffer(Vec<u8>);

impl Buffer {
    fn new() -> Buffer {
        Buffer(SPARE.try_with(RefCell::take).unwrap_or_default())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() <= 2 * READ {
            bytes.clear();
            // The thread may be at its end.
            let _ = SPARE.try_with(|spare| spare.replace(bytes));
        }
    }
}

impl<S: AsyncRead + AsyncWrite> Incoming<S> {
    /// Sends a request, and reads the head of the response to it: that, and whether all of the request was sent.
    async fn answer(
        &mut self,
        to: &mut WriteHalf<S>,
        request: &[u8],
        bodiless: bool,
    ) -> Result<(Head, bool), Broken> {
        let mut sending = std::pin::pin!(send(to, request, self.wait));
        let (mut sending_still, mut unsent) = (true, None);
        // Nearly every request goes out at once. Until it has, the patience with which we await a response does not count.
        tokio::select! {
            biased;
            sent = &mut sending => (sending_still, unsent) = (false, sent.err()),
            filled = self.fill_patiently() => { filled?; }
        }
        let mut head = std::pin::pin!(self.head(bodiless));
        let head = loop {
            tokio::select! {
                biased;
                sent = &mut sending, if sending_still => (sending_still, unsent) = (false, sent.err()),
                head = &mut head => break head,
            }
        };
        match (head, unsent) {
            (Ok(head), unsent) => Ok((head, !sending_still && unsent.is_none())),
            // What stopped the request says more than that no response came.
            (Err(Broken::Closed(_) | Broken::Lost(_)), Some(broken)) => Err(broken),
            (Err(broken), _) => Err(broken),
        }
    }

    /// Reads more; `false` at the end of the stream.
    async fn fill(&mut self) -> Result<bool, Broken> {
        match self.wait {
            Some(wait) => {
                tokio::time::timeout(wait, self.fill_patiently()).await.unwrap_or(Err(Broken::TimedOut))
            }
            None => self.fill_patiently().await,
        }
    }

    async fn fill_patiently(&mut self) -> Result<bool, Broken> {
        if self.used == self.buffer.0.len() {
            self.buffer.0.clear();
            self.used = 0;
        }
        if self.buffer.0.capacity() - self.buffer.0.len() < 1 << 10 {
            self.buffer.0.reserve(READ);
        }
        match self.from.read_buf(&mut self.buffer.0).await {
            Ok(read) => {
                self.heard |= read > 0;
                Ok(read > 0)
            }
            // Many servers end TLS without saying so; the framing tells whether something is missing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer.0[self.used..]
    }

    /// Whether nothing has come that was not read.
    pub(super) fn is_silent(&self) -> bool {
        self.unread().is_empty()
    }

    /// The head of the final response: provisional ones (103 and the like) are passed over.
    async fn head(&mut self, bodiless: bool) -> Result<Head, Broken> {
        let mut scanned = 0;
        let mut provisional = 0;
        loop {
            // Parsing starts over each time. So a longer head, which may come in drops, is looked at only once it is
            // whole, and a short one at once, since what is no HTTP may not end at all.
            let whole = self.unread().len() < 2 << 10 || ends(&self.unread()[scanned..]);
            scanned = self.unread().len().saturating_sub(2);
            if whole && let Some((head, length)) = parse(self.unread(), bodiless)? {
                scanned = 0;
                self.used += length;
                if !(100..200).contains(&head.status) || head.status == 101 {
                    return Ok(head);
                }
                // Each of them may be short and in time, and the last one never come.
                provisional += length;
                if provisional > MOST_HEAD {
                    return Err(Broken::TooLarge("head", MOST_HEAD >> 10));
                }
                continue;
            }
            if self.unread().len() > MOST_HEAD {
                return Err(Broken::TooLarge("head", MOST_HEAD >> 10));
            }
            if !self.fill().await? {
                return Err(Broken::Closed(if self.unread().is_empty() {
                    "without a response"
                } else {
                    "within the head of the response"
                }));
            }
        }
    }

    /// The body behind `head`, as it came.
    pub(super) async fn body(&mut self, head: &Head) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        self.ended = match head.framing {
            Framing::None => true,
            Framing::Length(length) => {
                self.take(&mut body, length).await?;
                true
            }
            Framing::UntilClose => loop {
                let unread = self.buffer.0.len();
                self.move_to(&mut body, unread)?;
                if !self.fill().await? {
                    break false;
                }
            },
            Framing::Chunked => self.chunks(&mut body).await?,
        };
        Ok(body)
    }

    /// The stream, if another exchange may follow: the request behind us was sent and the response to it read, both to
    /// their ends, and the server lets the connection stand.
    pub(super) fn into_stream(self, head: &Head) -> Option<S>
    where
        S: Unpin,
    {
        let fit = self.ended && self.is_silent() && head.persists();
        self.to.filter(|_| fit).map(|to| self.from.unsplit(to))
    }

    /// Moves at most `most` bytes that have been read already.
    fn move_to(&mut self, body: &mut Vec<u8>, most: usize) -> Result<usize, Broken> {
        let moved = most.min(self.unread().len());
        if body.len() + moved > MOST {
            return Err(Broken::TooLarge("body", MOST >> 10));
        }
        body.extend_from_slice(&self.buffer.0[self.used..self.used + moved]);
        self.used += moved;
        Ok(moved)
    }

    async fn take(&mut self, body: &mut Vec<u8>, length: u64) -> Result<(), Broken> {
        let mut missing = usize::try_from(length).unwrap_or(usize::MAX);
        if missing > MOST {
            return Err(Broken::TooLarge("body", MOST >> 10));
        }
        loop {
            missing -= self.move_to(body, missing)?;
            if missing == 0 {
                return Ok(());
            }
            if !self.fill().await? {
                return Err(Broken::Closed("before the end of the body"));
            }
        }
    }

    /// Whether the stream went on to the very end of them.
    async fn chunks(&mut self, body: &mut Vec<u8>) -> Result<bool, Broken> {
        loop {
            let size = loop {
                match httparse::parse_chunk_size(self.unread()) {
                    Ok(Status::Complete((length, size))) => {
                        self.used += length;
                        break size;
                    }
                    Ok(Status::Partial) => self.more("chunk size").await?,
                    Err(_) => return Err(Broken::NotHttp("invalid chunk size".to_owned())),
                }
            };
            if size == 0 {
                return self.trailers().await;
            }
            self.take(body, size).await?;
            while self.unread().len() < 2 {
                self.more("chunk").await?;
            }
            if self.unread()[..2] != *b"\r\n" {
                return Err(Broken::NotHttp("a chunk does not end where it says".to_owned()));
            }
            self.used += 2;
        }
    }

    /// Passes over what may stand behind the last chunk. A server that closes here has sent everything that counts:
    /// `false`.
    async fn trailers(&mut self) -> Result<bool, Broken> {
        let mut passed = 0;
        loop {
            let unread = self.unread();
            match unread.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let last = matches!(&unread[..end], b"" | b"\r");
                    self.used += end + 1;
                    if last {
                        return Ok(true);
                    }
                    passed += end + 1;
                }
                None if passed + unread.len() <= MOST_HEAD => {
                    if !self.fill().await? {
                        return Ok(false);
                    }
                }
                None => passed += unread.len(),
            }
            // Each of them may be short and in time, and the last one never come.
            if passed > MOST_HEAD {
                return Err(Broken::TooLarge("trailers", MOST_HEAD >> 10));
            }
        }
    }

    async fn more(&mut self, what: &'static str) -> Result<(), Broken> {
        if self.unread().len() > MOST_LINE {
            return Err(Broken::TooLarge(what, MOST_LINE >> 10));
        }
        if self.fill().await? { Ok(()) } else { Err(Broken::Closed("before the end of the body")) }
    }
}

impl Head {
    /// Whether the server lets the connection stand for another request, and two readers of this head would agree on where
    /// the response ends.
    fn persists(&self) -> bool {
        let length = self.headers.get("content-length");
        let plain = length
            .is_none_or(|length| !length.contains(',') && self.headers.get("transfer-encoding").is_none());
        self.version == 1 && self.status != 101 && plain && !self.headers.lists("connection", "close")
    }
}

/// Whether there is an empty line.
fn ends(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// A head and its length, once all of it is there.
fn parse(bytes: &[u8], bodiless: bool) -> Result<Option<(Head, usize)>, Broken> {
    let mut few = [EMPTY_HEADER; 64];
    match parse_into(bytes, bodiless, &mut few) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = vec![EMPTY_HEADER; MOST_FIELDS];
            parse_into(bytes, bodiless, &mut many)
        }
        done => done,
    }
    .map_err(|error| Broken::NotHttp(error.to_string()))
}

fn parse_into<'a>(
    bytes: &'a [u8],
    bodiless: bool,
    fields: &mut [httparse::Header<'a>],
) -> Result<Option<(Head, usize)>, httparse::Error> {
    let mut response = httparse::Response::new(fields);
    let mut lenient = ParserConfig::default();
    lenient
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    let Status::Complete(length) = lenient.parse_response(&mut response, bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let mut head = Head {
        status,
        reason: response.reason.unwrap_or_default().to_owned(),
        headers: Headers::default(),
        cookies: Vec::new(),
        version: response.version.unwrap_or_default(),
        framing: Framing::UntilClose,
    };
    for field in response.headers.iter() {
        let mut value = from_latin1(field.value);
        if value.contains('\n') {
            // An old way to write a long value: what continues on the next line continues after one blank.
            value = value.lines().map(str::trim).collect::<Vec<_>>().join(" ").into();
        }
        if field.name.eq_ignore_ascii_case("set-cookie") {
            head.cookies.push(value.clone().into_owned());
        }
        head.headers.join(field.name, &value);
    }
    head.framing = framing(&head, bodiless);
    Ok(Some((head, length)))
}

fn framing(head: &Head, bodiless: bool) -> Framing {
    if bodiless || head.status < 200 || matches!(head.status, 204 | 304) {
        return Framing::None;
    }
    let coding = head.headers.get("transfer-encoding").and_then(|codings| codings.rsplit(',').next());
    if coding.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked;
    }
    // A repeated length is the same one; a broken one is none.
    let length = head.headers.get("content-length").and_then(|lengths| lengths.split(',').next());
    match length.map(|length| length.trim().parse()) {
        Some(Ok(length)) => Framing::Length(length),
        _ => Framing::UntilClose,
    }
}
