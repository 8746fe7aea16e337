//! What a request needs, by its resource.

use http::Method;

use super::role::Role;

/// One of these roles; none needed where there is no such list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need(pub &'static [Role]);

/// An act that leaves a record when it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// As the core knows it.
    pub what: &'static str,
    /// The record that was to be opened, if the path names one.
    pub record: Option<String>,
    pub group: Option<String>,
}

impl Need {
    /// Of a method and the segments of a path. What is answered to anybody, or not at all, needs nothing.
    pub fn of(method: &Method, segments: &[&str]) -> Option<Need> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let is_post = *method == Method::POST;
        let roles: &[Role] = match segments {
            ["v1", "changes"] if is_post => &[Role::Writer],
            ["v1", "leases" | "records"] if is_post => &[Role::Sealer],
            ["v1", "policy"] if is_read => &[Role::Reader, Role::Sealer],
            ["v1", "holds"] | ["metrics"] if is_read => &[Role::Reader, Role::Operator],
            ["v1", "records", _, "reveal" | "lease"] if is_post => &[Role::Revealer],
            ["v1", "subjects" | "periods", _, "shred"] if is_post => &[Role::Eraser],
            ["v1", "holds" | "retention" | "keys", ..] if is_post => &[Role::Operator],
            ["checkpoint" | "healthz" | "readyz"] | ["tile" | "console", ..] => return None,
            // Whatever else there is or will be is read with the one role, and done with the other.
            ["v1", ..] if is_read => &[Role::Reader],
            ["v1", ..] if is_post => &[Role::Operator],
            _ => return None,
        };
        Some(Need(roles))
    }
}

impl Attempt {
    pub fn of(method: &Method, segments: &[&str]) -> Option<Attempt> {
        if *method != Method::POST {
            return None;
        }
        let (what, record) = match segments {
            ["v1", "records", id, "reveal" | "lease"] => ("reveal", Some(*id)),
            ["v1", "subjects" | "periods", _, "shred"] => ("shred", None),
            ["v1", "holds"] => ("hold", None),
            ["v1", "holds", _, "release"] => ("hold-release", None),
            ["v1", "retention", "prune"] => ("prune", None),
            ["v1", "retention", "expire"] => ("expire", None),
            ["v1", "retention", "compress"] => ("compress", None),
            ["v1", "keys", "rotate"] => ("rotate", None),
            _ => return None,
        };
        // Nobody's words get into the log for being refused: an id is one, or it is left out.
        let record = record.filter(|id| id.parse::<uuid::Uuid>().is_ok()).map(str::to_owned);
        Some(Attempt { what, record, group: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_open() {
        let need = |method: Method, path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            Need::of(&method, &segments).map(|need| need.0)
        };
        assert_eq!(need(Method::POST, "v1/changes"), Some(&[Role::Writer][..]));
        assert_eq!(need(Method::GET, "v1/records/1/proof"), Some(&[Role::Reader][..]));
        assert_eq!(need(Method::GET, "v1/new"), Some(&[Role::Reader][..]));
        assert_eq!(need(Method::POST, "v1/new"), Some(&[Role::Operator][..]));
        assert_eq!(need(Method::POST, "v1/leases"), Some(&[Role::Sealer][..]));
        assert_eq!(need(Method::POST, "v1/records"), Some(&[Role::Sealer][..]));
        assert_eq!(need(Method::POST, "v1/records/1/lease"), Some(&[Role::Revealer][..]));
        assert_eq!(need(Method::HEAD, "metrics"), Some(&[Role::Reader, Role::Operator][..]));
        for open in ["healthz", "checkpoint", "tile/0/000", "console/", "nothing"] {
            assert_eq!(need(Method::GET, open), None, "{open}");
        }
    }

    #[test]
    fn an_attempt_holds_no_words_of_the_caller() {
        let attempt = |path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            Attempt::of(&Method::POST, &segments)
        };
        let id = "01a1ffa9-be2f-73ed-8b10-49bb862aa357";
        let reveal = |path: String| attempt(&path).unwrap().record;
        assert_eq!(reveal(format!("v1/records/{id}/reveal")).as_deref(), Some(id));
        assert_eq!(reveal("v1/records/ada@example.com/reveal".into()), None);
        assert_eq!(attempt("v1/subjects/ada/shred").unwrap().record, None);
        assert_eq!(attempt("v1/keys/rotate").unwrap().what, "rotate");
        assert!(attempt("v1/changes").is_none());
        assert!(Attempt::of(&Method::GET, &["v1", "holds"]).is_none());
    }
}
