//! The guest in this binary.

/// As machine code. `build.rs` made it from the sources beside this file.
pub static CODE: &[u8] = include_bytes!(env!("SEALTRAIL_GUEST"));

/// The digest of the `guest.wasm` that it was compiled from: the `engine.sha256` of every record.
pub const SHA256: &str = env!("SEALTRAIL_GUEST_SHA256");

/// To be called when the engine has made its copy: the pages of the binary would stay in memory beside it, and nothing
/// reads them again. Where something does, they come from the file.
pub fn give_back() {
    #[cfg(target_os = "linux")]
    {
        let page = rustix::param::page_size();
        let from = CODE.as_ptr().align_offset(page);
        let Some(whole) = CODE.get(from..).map(|rest| &rest[..rest.len() / page * page]) else {
            return;
        };
        // SAFETY: pages of a constant are as they are in the file, so that they can be had from there at any time.
        // A kernel that does not do it leaves them where they are.
        let _ = unsafe {
            rustix::mm::madvise(
                whole.as_ptr().cast_mut().cast(),
                whole.len(),
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    #[test]
    fn what_was_given_back_is_there() {
        let before = Sha256::digest(super::CODE);
        super::give_back();
        assert_eq!(Sha256::digest(super::CODE), before);
    }
}
