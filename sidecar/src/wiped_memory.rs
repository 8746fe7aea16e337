//! Memory that is given back is overwritten first.
//!
//! A change passes through buffers that are not ours: what hyper has read, what a TLS record held, lines that were split
//! and joined. They hold clear text of somebody, who may be forgotten a moment later, and freed memory keeps it
//! until something else happens to be written there: in a core dump, in a page that was swapped out. What is wiped
//! by its owner (keys, the memory of the guest) needs none of this.
//!
//! It costs as much as to write the memory once more. What is on stacks, and what is still held, stays.

use std::alloc::{GlobalAlloc, Layout, System};

/// Gives what is free back to the system: the allocator would keep it for the next time.
#[cfg(target_env = "gnu")]
pub fn give_back() {
    // SAFETY: it may be called at any time, from any thread (malloc_trim(3)).
    unsafe { libc::malloc_trim(0) };
}

/// musl's allocator does so by itself.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}

/// The system's allocator, and zeros.
pub struct WipedMemory;

// SAFETY: everything is the system's allocator, which gets the same pointers and layouts; what is about to be freed is
// written within its layout. `realloc` is left to the trait's own, which is these three.
unsafe impl GlobalAlloc for WipedMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a place of this layout, so all of it can be written.
        unsafe {
            place.write_bytes(0, layout.size());
            // Whoever optimises must take it that the zeros are looked at.
            std::hint::black_box(place);
            System.dealloc(place, layout);
        }
    }
}
