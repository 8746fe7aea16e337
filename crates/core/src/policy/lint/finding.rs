//! What was found, in the order in which it was found.

use sealtrail_record::json::write_string;

pub(super) struct Finding {
    pub(super) code: &'static str,
    /// Pointer into the policy document.
    pub(super) at: String,
    /// Pointer to an attribute of a sample.
    pub(super) path: Option<String>,
    pub(super) message: String,
    pub(super) severity: Severity,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    Warning,
    Note,
}

#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    /// Code and path, with `*` for every index: one finding for all items of an array.
    /// Sorted.
    told: Vec<(&'static str, String)>,
}

/// A person reads no more, and samples may have a million attributes.
const AT_MOST: usize = 1000;

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Adds what is about a place in the samples, once for each place. False where there are too
    /// many.
    pub(super) fn add_once(&mut self, general: &str, finding: Finding) -> bool {
        if self.told.len() >= AT_MOST {
            return false;
        }
        let place =
            self.told.partition_point(|(code, of)| (*code, &**of) < (finding.code, general));
        if self.told.get(place).is_none_or(|told| *told != (finding.code, general.to_owned())) {
            self.told.insert(place, (finding.code, general.to_owned()));
            self.found.push(finding);
        }
        true
    }

    pub(super) fn into_json(self) -> Vec<u8> {
        let mut out = b"[".to_vec();
        for (i, finding) in self.found.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"{\"code\":" } else { b",{\"code\":" });
            write_string(finding.code, &mut out);
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            for (name, text) in [
                (",\"at\":", Some(finding.at.as_str())),
                (",\"path\":", finding.path.as_deref()),
                (",\"message\":", Some(finding.message.as_str())),
                (",\"severity\":", Some(severity)),
            ] {
                if let Some(text) = text {
                    out.extend_from_slice(name.as_bytes());
                    write_string(text, &mut out);
                }
            }
            out.push(b'}');
        }
        out.push(b']');
        out
    }
}
