//! A number of things, in words.

/// `1 record`, `2 records`.
pub fn counted(number: u64, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let told = [0, 1, 2].map(|number| counted(number, "record"));
        assert_eq!(told, ["0 records", "1 record", "2 records"]);
    }
}
