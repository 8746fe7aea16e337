//! The stable names of everything that can go wrong, each with its HTTP status and its exit code.
//!
//! A caller may match on these for ever; the sentence beside them may change.

use http::StatusCode;

/// One class of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    // What the core says of a change, a policy or a record (through the guest).
    MalformedJson,
    DuplicateKey,
    LoneSurrogate,
    TooDeep,
    TooLarge,
    NotAChange,
    UnknownAction,
    MissingField,
    InvalidField,
    PolicyInvalid,
    SelectorInvalid,
    Tampered,
    WrongKey,
    Shredded,
    Internal,
    // What the sidecar says.
    MalformedSchema,
    WrongUse,
    ConfigInvalid,
    KeyFile,
    LogInUse,
    ForeignLog,
    LogDamaged,
    LogUnavailable,
    GuestFailed,
    NotFound,
    MethodNotAllowed,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BadRequest,
    QueueFull,
    Held,
    RequestTimeout,
    Unauthenticated,
    InvalidToken,
    Forbidden,
    PeriodExpired,
    IdReused,
    NotARecord,
    NotLeased,
    PolicyChanged,
    UpstreamUnreachable,
    UpstreamTimeout,
    HeadTooLarge,
    DatabaseFailed,
    DatabaseUnavailable,
    NotConfigured,
    IssuerUnavailable,
    PeriodRunning,
}

/// The table that every other method reads: name, HTTP status, exit code.
const TABLE: &[(Code, &str, u16, u8)] = &[
    (Code::MalformedJson, "malformed_json", 400, 4),
    (Code::DuplicateKey, "duplicate_key", 400, 4),
    (Code::LoneSurrogate, "lone_surrogate", 400, 4),
    (Code::TooDeep, "too_deep", 400, 4),
    (Code::TooLarge, "too_large", 413, 4),
    (Code::NotAChange, "not_a_change", 422, 4),
    (Code::UnknownAction, "unknown_action", 422, 4),
    (Code::MissingField, "missing_field", 422, 4),
    (Code::InvalidField, "invalid_field", 422, 4),
    (Code::PolicyInvalid, "policy_invalid", 422, 5),
    (Code::SelectorInvalid, "selector_invalid", 422, 5),
    (Code::Tampered, "tampered", 409, 9),
    (Code::WrongKey, "wrong_key", 409, 9),
    (Code::Shredded, "shredded", 410, 8),
    (Code::Internal, "internal", 500, 1),
    (Code::MalformedSchema, "malformed_schema", 400, 4),
    (Code::WrongUse, "wrong_use", 400, 2),
    (Code::ConfigInvalid, "config_invalid", 500, 3),
    (Code::KeyFile, "key_file", 500, 3),
    (Code::LogInUse, "log_in_use", 503, 6),
    (Code::ForeignLog, "foreign_log", 500, 6),
    (Code::LogDamaged, "log_damaged", 500, 6),
    (Code::LogUnavailable, "log_unavailable", 503, 6),
    (Code::GuestFailed, "guest_failed", 500, 1),
    (Code::NotFound, "not_found", 404, 7),
    (Code::MethodNotAllowed, "method_not_allowed", 405, 1),
    (Code::UnsupportedMediaType, "unsupported_media_type", 415, 1),
    (Code::UnsupportedEncoding, "unsupported_encoding", 415, 1),
    (Code::BadRequest, "bad_request", 400, 1),
    (Code::QueueFull, "queue_full", 503, 1),
    (Code::Held, "held", 409, 1),
    (Code::RequestTimeout, "request_timeout", 408, 1),
    (Code::Unauthenticated, "unauthenticated", 401, 1),
    (Code::InvalidToken, "invalid_token", 401, 1),
    (Code::Forbidden, "forbidden", 403, 1),
    // Whoever sends it is not to blame for this clock, and must not lose the change.
    (Code::PeriodExpired, "period_expired", 503, 1),
    (Code::IdReused, "id_reused", 409, 4),
    (Code::NotARecord, "not_a_record", 422, 4),
    (Code::NotLeased, "not_leased", 409, 4),
    (Code::PolicyChanged, "policy_changed", 409, 4),
    (Code::UpstreamUnreachable, "upstream_unreachable", 502, 1),
    (Code::UpstreamTimeout, "upstream_timeout", 504, 1),
    (Code::HeadTooLarge, "head_too_large", 431, 1),
    (Code::DatabaseFailed, "database_failed", 502, 1),
    // One that may be there again in a while.
    (Code::DatabaseUnavailable, "database_unavailable", 503, 1),
    // Whoever asks can have it once the configuration says how.
    (Code::NotConfigured, "not_configured", 409, 3),
    // The token may be good, and will be looked at once there are keys.
    (Code::IssuerUnavailable, "issuer_unavailable", 503, 1),
    (Code::PeriodRunning, "period_running", 409, 1),
];

/// The exit codes as `sealtrail --help` lists them; `verify` adds its own classes.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  all is well
   1  failed for another reason than those below
   2  wrong use of the command line
   3  configuration or key file refused
   4  input refused (malformed, duplicate key, too deep, too large, not a change, ...)
   5  policy refused, or found wanting by `policy lint` or `policy test`
   6  log cannot be used (in use by another process, of another origin, damaged)
   7  not found
   8  shredded: the key was destroyed, nobody can read the value
   9  sealed value cannot be opened (altered, or a wrong key)";

impl Code {
    /// The name that stands in problems and in `--json` output.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The code of a name that the guest or another sidecar reported; an unknown one becomes [`Code::Internal`].
    pub fn of_name(name: &str) -> Code {
        TABLE.iter().find(|row| row.1 == name).map_or(Code::Internal, |row| row.0)
    }

    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub fn exit_code(self) -> u8 {
        self.row().3
    }

    fn row(self) -> &'static (Code, &'static str, u16, u8) {
        TABLE.iter().find(|row| row.0 == self).expect("the table has a row for every code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_row_and_one_name() {
        // `PeriodRunning` is the last variant: as many rows as variants, no name twice.
        assert_eq!(TABLE.len(), Code::PeriodRunning as usize + 1);
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, i, "rows stand in the order of the variants");
            assert!(TABLE[..i].iter().all(|other| other.1 != row.1), "{}", row.1);
            assert_eq!(row.0.status().as_u16(), row.2);
        }
    }

    #[test]
    fn every_exit_code_is_listed() {
        for row in TABLE {
            assert!(EXIT_CODES.contains(&format!("\n   {}  ", row.3)), "{}", row.1);
        }
    }
}
