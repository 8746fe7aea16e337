//! Random bytes for ids, fetched from the system many at a time: a request needs three ids, and to ask for each
//! costs more than all the rest of making them.

use std::cell::RefCell;

const FETCHED: usize = 1024;

/// Of one thread. What was given is wiped, so that nothing is given twice.
struct Pool {
    bytes: [u8; FETCHED],
    /// So many are left, at the beginning.
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; FETCHED], left: 0 }) };
}

/// Random bytes, fewer than a pool has.
///
/// # Panics
///
/// Where the system has none.
pub fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= FETCHED) };
    POOL.with_borrow_mut(|pool| {
        if pool.left < N {
            getrandom::fill(&mut pool.bytes).expect("the system has random bytes");
            pool.left = FETCHED;
        }
        let rest = pool.left - N;
        let mut taken = [0; N];
        taken.copy_from_slice(&pool.bytes[rest..pool.left]);
        pool.bytes[rest..pool.left].fill(0);
        pool.left = rest;
        taken
    })
}

/// A UUID of version 7 (RFC 9562 §5.7), of now.
pub fn uuid_v7() -> uuid::Uuid {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nothing_twice_beyond_the_size_of_the_pool() {
        let ids: HashSet<_> = (0..1000).map(|_| uuid_v7()).collect();
        assert_eq!(ids.len(), 1000);
        let other: HashSet<[u8; 24]> = (0..1000).map(|_| random()).collect();
        assert!(other.len() == 1000 && !other.contains(&[0; 24]));
    }

    #[test]
    fn an_id_tells_its_version_and_when_it_was_made() {
        let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let id = uuid_v7();
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        assert!(seconds >= before.as_secs());
    }
}
