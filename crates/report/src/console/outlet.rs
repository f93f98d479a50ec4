//! Descriptors that are written to without waiting, and with.
//!
//! Invariant: the flags of the descriptor that was given are left alone, for other processes share them; and whether one of those has
//! made it non-blocking makes no difference here.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::thread;
use std::time::Duration;

/// What takes bytes.
pub trait Outlet: Send + Sync {
    /// Writes what goes at once, and how much that was.
    ///
    /// # Errors
    /// `WouldBlock`: nothing goes at once, or that cannot be known. Another: nothing will ever go.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until some of it goes.
    ///
    /// # Errors
    /// Nothing will ever go.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// A descriptor: a terminal, a pipe, a file, whatever it is.
pub struct Descriptor {
    given: Box<dyn AsFd + Send + Sync>,
    way: Way,
}

enum Way {
    /// A file, whose disk is waited for.
    Direct,
    /// Through an open file description of our own, which does not block.
    Own(OwnedFd),
    /// Whether it blocks is not ours to say.
    Patient,
}

/// Of what may block not more at once than a pipe takes whole, so that one can see how it goes on.
const PIECE: usize = 4096;
/// How long a wait for a reader is before it is tried again.
const WAIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// Some terminals are ready, and yet take nothing.
const CONTRARY: Duration = Duration::from_millis(10);

impl Descriptor {
    /// Writes to this one.
    pub fn new(given: impl AsFd + Send + Sync + 'static) -> Descriptor {
        let way = Way::to(given.as_fd());
        Descriptor { given: Box::new(given), way }
    }

    fn target(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Own(own) => own.as_fd(),
            Way::Direct | Way::Patient => self.given.as_fd(),
        }
    }
}

impl Way {
    fn to(fd: BorrowedFd<'_>) -> Way {
        let kind = rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::RegularFile | FileType::BlockDevice) => Way::Direct,
            Ok(FileType::Fifo | FileType::CharacterDevice) => reopened(fd).map_or(Way::Patient, Way::Own),
            // A socket cannot be opened.
            Ok(_) | Err(_) => Way::Patient,
        }
    }
}

/// The same pipe or terminal with flags of our own, which only Linux has a way to. A terminal of somebody else's refuses.
fn reopened(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/self/fd/{}", fd.as_raw_fd()), flags, Mode::empty()).ok()
}

impl Outlet for Descriptor {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.way {
            Way::Patient => Err(io::ErrorKind::WouldBlock.into()),
            Way::Direct | Way::Own(_) => written(rustix::io::write(self.target(), bytes)),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.get(..PIECE).unwrap_or(bytes);
        let mut ready = false;
        loop {
            match rustix::io::write(self.target(), bytes) {
                Err(Errno::AGAIN) if ready => {
                    thread::sleep(CONTRARY);
                    ready = false;
                }
                Err(Errno::AGAIN) => {
                    let mut waiting = [PollFd::from_borrowed_fd(self.target(), PollFlags::OUT)];
                    ready = matches!(poll(&mut waiting, Some(&WAIT)), Ok(1..));
                }
                done => return written(done),
            }
        }
    }
}

fn written(done: Result<usize, Errno>) -> io::Result<usize> {
    match done {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.into()),
    }
}
