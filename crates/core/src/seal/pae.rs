/// Pre-authentication encoding: no two lists of parts have the same bytes.
pub(super) fn pae<'a>(parts: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = (parts.len() as u64).to_le_bytes().to_vec();
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::pae;

    #[test]
    fn the_example_of_the_vectors() {
        let parts: [&[u8]; 2] = [b"a", b""];
        let hex = "02000000000000000100000000000000610000000000000000";
        assert_eq!(crate::hex(&pae(parts.into_iter())), hex);
    }
}
