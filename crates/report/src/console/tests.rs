//! Readers that are slow, that never read, and that go away.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::outlet::Descriptor;
use super::*;
use std::io::Read as _;
use std::sync::mpsc;

/// Takes what it has permits for: so many bytes each.
struct Reader {
    at_once: usize,
    permits: Mutex<mpsc::Receiver<io::Result<usize>>>,
    taken: Arc<Mutex<Vec<u8>>>,
}
impl Outlet for Reader {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.at_once {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            most => self.take(bytes, most),
        }
    }
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let permit = self.permits.lock().unwrap().recv();
        self.take(bytes, permit.unwrap_or(Err(io::ErrorKind::BrokenPipe.into()))?)
    }
}
impl Reader {
    fn take(&self, bytes: &[u8], most: usize) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(most)];
        self.taken.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

type Permits = mpsc::Sender<io::Result<usize>>;

/// A console, what allows its reader to take something, and what it has taken.
fn behind() -> (Console, Permits, Arc<Mutex<Vec<u8>>>) {
    let (permits, queue) = mpsc::channel();
    let taken: Arc<Mutex<Vec<u8>>> = Arc::default();
    let reader = Reader { at_once: 0, permits: Mutex::new(queue), taken: taken.clone() };
    (Console::new(reader), permits, taken)
}

/// Until `console` has handed on all but so many bytes.
fn until(console: &Console, left: usize) {
    while console.pending() > left {
        thread::yield_now();
    }
}

#[test]
fn who_reads_costs_no_thread() {
    let taken: Arc<Mutex<Vec<u8>>> = Arc::default();
    let permits = Mutex::new(mpsc::channel().1);
    let mut console = Console::new(Reader { at_once: 2, permits, taken: taken.clone() });
    console.write_all(b"one\ntwo\n").unwrap();
    console.flush().unwrap();
    assert!(!console.0.state().has_thread);
    assert_eq!(*taken.lock().unwrap(), b"one\ntwo\n");
}

#[test]
fn a_slow_reader_gets_everything_in_order() {
    let (mut console, permits, taken) = behind();
    for line in ["one\n", "two\n", "three\n"] {
        console.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!((console.pending(), taken.lock().unwrap().len()), (14, 0));
    assert_eq!(console.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    permits.send(Err(io::ErrorKind::Interrupted.into())).unwrap();
    permits.send(Ok(3)).unwrap();
    until(&console, 11);
    console.write_all(b"four\n").unwrap();
    (0..4).for_each(|_| permits.send(Ok(9)).unwrap());
    until(&console, 0);
    assert_eq!(*taken.lock().unwrap(), b"one\ntwo\nthree\nfour\n");
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let (mut console, permits, taken) = behind();
    let half = vec![b'x'; KEPT / 2];
    console.write_all(&half).unwrap();
    console.write_all(&half).unwrap();
    assert_eq!(console.write_all(b"more").unwrap_err().kind(), io::ErrorKind::WouldBlock);
    permits.send(Ok(3)).unwrap();
    until(&console, KEPT - 3);
    assert_eq!(console.write_all(b"more").unwrap_err().kind(), io::ErrorKind::WouldBlock);
    console.write_all(b"fit").unwrap();
    (0..3).for_each(|_| permits.send(Ok(KEPT)).unwrap());
    until(&console, 0);
    assert_eq!(taken.lock().unwrap().len(), KEPT + 3);
}

#[test]
fn who_goes_away_while_behind_is_gone() {
    let (mut console, permits, _) = behind();
    console.write_all(b"one\n").unwrap();
    permits.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
    until(&console, 0);
    assert_eq!(console.write_all(b"two\n").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

/// A pipe that is full, one whose write end somebody made non-blocking, and one that nobody reads any more.
#[test]
fn pipes() {
    let text: Vec<u8> = (0..40_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    for shared_is_nonblocking in [false, true] {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, shared_is_nonblocking).unwrap();
        let mut console = Console::new(Descriptor::new(writer.try_clone().unwrap()));
        text.chunks(1000).for_each(|some| console.write_all(some).unwrap());
        assert!(console.pending() > 0);
        // The flag that others share is as it was.
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        assert_eq!(flags.contains(rustix::fs::OFlags::NONBLOCK), shared_is_nonblocking);
        let mut read = vec![0; text.len()];
        reader.read_exact(&mut read).unwrap();
        assert!(read == text);
        until(&console, 0);
        drop(reader);
        assert_eq!(console.write_all(b"more").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

/// A socket cannot be opened a second time, so a thread writes to it from the first line on.
#[test]
fn sockets() {
    use std::os::unix::net::UnixStream;
    for nonblocking in [false, true] {
        let (writer, mut reader) = UnixStream::pair().unwrap();
        writer.set_nonblocking(nonblocking).unwrap();
        let mut console = Console::new(Descriptor::new(writer));
        let text = vec![b'x'; 1 << 20];
        console.write_all(&text).unwrap();
        let mut read = vec![0; text.len()];
        reader.read_exact(&mut read).unwrap();
        assert!(read == text);
        until(&console, 0);
    }
}
