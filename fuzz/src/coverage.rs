//! Which edges of the control flow an input took, and how often.
//!
//! LLVM's pass keeps a byte for each edge in one section of the program and tells us where that is before `main`. An edge is
//! new when it is taken for the first time, or about twice as often as by any input before (1, 2, 3, 4-7, 8-15, 16-31, 32-127,
//! 128 and more): loops that run longer are progress too.
//!
//! Invariant: counts are read and reset while no target runs. The thread that watches the clock counts too, ten times a second
//! and a few edges of its own: such a count may be lost, or look new once.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static BEGIN: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Called by the constructor that LLVM's pass puts into every object file, each time with the bounds of the whole section.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(begin: *mut u8, end: *mut u8) {
    BEGIN.store(begin, Ordering::Relaxed);
    LENGTH.store((end as usize).saturating_sub(begin as usize), Ordering::Relaxed);
}

/// What was seen so far.
pub(crate) struct Coverage {
    /// For each edge one bit for each class of counts.
    seen: Vec<u8>,
}

/// How an input compares with those before it.
#[derive(Default, Clone, Copy)]
pub(crate) struct News {
    /// Edges that none took before.
    pub(crate) edges: usize,
    /// Edges that were taken more often than before.
    pub(crate) counts: usize,
}

impl Coverage {
    pub(crate) fn new() -> Coverage {
        Coverage { seen: vec![0; LENGTH.load(Ordering::Relaxed)] }
    }

    /// All edges that there are.
    pub(crate) fn possible(&self) -> usize {
        self.seen.len()
    }

    /// Those that were taken.
    pub(crate) fn taken(&self) -> usize {
        self.seen.iter().filter(|classes| **classes != 0).count()
    }

    /// Forgets what was counted, before an input.
    pub(crate) fn reset(&mut self) {
        counters().fill(0);
    }

    /// Reads what was counted, after an input.
    pub(crate) fn read(&mut self) -> News {
        let mut news = News::default();
        // Nearly all are zero: eight at a time.
        for (counts, seen) in counters().chunks(8).zip(self.seen.chunks_mut(8)) {
            if counts.iter().all(|count| *count == 0) {
                continue;
            }
            for (count, seen) in counts.iter().zip(seen) {
                let class = class(*count);
                if *seen == 0 && class != 0 {
                    news.edges += 1;
                } else if class & !*seen != 0 {
                    news.counts += 1;
                }
                *seen |= class;
            }
        }
        news
    }
}

fn counters() -> &'static mut [u8] {
    let (begin, length) = (BEGIN.load(Ordering::Relaxed), LENGTH.load(Ordering::Relaxed));
    if begin.is_null() {
        return &mut [];
    }
    // SAFETY: the linker's section of this length lives as long as the program, and nothing else refers to it but the
    // increments that LLVM put into the code: single bytes, of which one may be lost.
    unsafe { std::slice::from_raw_parts_mut(begin, length) }
}

fn class(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..8 => 8,
        8..16 => 16,
        16..32 => 32,
        32..128 => 64,
        128.. => 128,
    }
}
