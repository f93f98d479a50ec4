//! The bounds of one input: memory, and CPU time. Beyond them the process aborts, and its parent keeps the input.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What an input may hold at a time, in bytes, beyond what was held before it.
pub(crate) const MEMORY: usize = 256 << 20;
/// How much CPU time an input may take.
pub(crate) const TIME: Duration = Duration::from_secs(2);

/// The system's allocator, counting.
pub(crate) struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(size: usize) {
    let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
    if held > MOST.load(Ordering::Relaxed) {
        MOST.store(held, Ordering::Relaxed);
    }
    if held > LIMIT.load(Ordering::Relaxed) {
        LIMIT.store(usize::MAX, Ordering::Relaxed);
        eprintln!("memory: an input holds more than {} MB", MEMORY >> 20);
        std::process::abort();
    }
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        taken(size);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The number of the input that is running; even numbers are between two.
static INPUT: AtomicU64 = AtomicU64::new(0);

/// An input begins.
pub(crate) fn begin() {
    let held = HELD.load(Ordering::Relaxed);
    MOST.store(held, Ordering::Relaxed);
    LIMIT.store(held + MEMORY, Ordering::Relaxed);
    INPUT.fetch_add(1, Ordering::Relaxed);
}

/// It ended; how much it held at most.
pub(crate) fn end() -> usize {
    INPUT.fetch_add(1, Ordering::Relaxed);
    let limit = LIMIT.swap(usize::MAX, Ordering::Relaxed);
    MOST.load(Ordering::Relaxed).saturating_sub(limit - MEMORY)
}

/// Watches that no input takes too long. CPU time, since a machine may be busy with other things.
pub(crate) fn watch() {
    std::thread::spawn(|| {
        let (mut input, mut since) = (0, Duration::ZERO);
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let (now, used) = (INPUT.load(Ordering::Relaxed), cpu_time());
            if now != input || now % 2 == 0 {
                (input, since) = (now, used);
            } else if used.saturating_sub(since) > TIME {
                eprintln!("hang: an input takes more than {TIME:?} of CPU time");
                std::process::abort();
            }
        }
    });
}

/// The CPU time of this process.
pub(crate) fn cpu_time() -> Duration {
    // After the program's name, in parentheses: state, ten numbers, then user and system time in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let times = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    Duration::from_millis(times.filter_map(|time| time.parse::<u64>().ok()).sum::<u64>() * 10)
}
