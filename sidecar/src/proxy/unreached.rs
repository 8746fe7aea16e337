//! Why there is no connection to the service, in words that blame who is to blame and name no place.

use std::io::{Error, ErrorKind};

pub fn why(error: &Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => {
            "this proxy has no file descriptor left for a connection".into()
        }
        Some(_) if error.kind() == ErrorKind::NotFound => "its socket is not there".into(),
        _ => match error.kind().to_string() {
            // What the system said, where there is no kind of it.
            none if none == "uncategorized error" => error.to_string(),
            kind => kind,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_has_words() {
        let why = |number| why(&Error::from_raw_os_error(number));
        for number in [libc::EMFILE, libc::ENFILE] {
            assert_eq!(why(number), "this proxy has no file descriptor left for a connection");
        }
        assert_eq!(why(libc::ENOENT), "its socket is not there");
        assert_eq!(why(libc::ECONNREFUSED), "connection refused");
        assert!(why(libc::ENOBUFS).to_lowercase().contains("buffer"), "{}", why(libc::ENOBUFS));
    }
}
