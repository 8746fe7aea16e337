//! Every allocation of this program is counted, by thread: what all of them share would cost those
//! that allocate much more than it costs the others.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// How often the work asks for memory, and for how much; growth counts as one more.
pub fn count(work: impl FnOnce()) -> (u64, u64) {
    let (made, bytes) = (MADE.get(), BYTES.get());
    work();
    (MADE.get() - made, BYTES.get() - bytes)
}

struct Counting;

impl Counting {
    fn note(size: usize) {
        MADE.set(MADE.get() + 1);
        BYTES.set(BYTES.get() + size as u64);
    }
}

// SAFETY: everything is the system allocator's; only numbers are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(size);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
