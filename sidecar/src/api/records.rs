//! `GET /v1/records...`, `.../lineage` and `POST /v1/records/{id}/reveal`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::query::Query;
use super::{Api, body};
use crate::access::{Attempt, Caller};
use crate::acts;
use crate::engine::Actor;
use crate::error::Result;
use crate::questions::{Cursor, Question, Questions, names_no_subject};
use crate::telling::{Telling, tell};
use crate::trail::Trail;

/// What records are asked for by.
pub(super) const CRITERIA: [&str; 11] = [
    "type",
    "id",
    "attribute",
    "actor",
    "correlation",
    "causation",
    "tenant",
    "action",
    "from",
    "to",
    "order",
];

/// What an answer that comes in pages can be asked for besides.
pub(super) const PAGED: [&str; 5] = ["after", "cursor", "limit", "collapse", "format"];

/// Two lists of parameters as one.
pub(super) fn known<'n>(criteria: &[&'n str], others: &[&'n str]) -> Vec<&'n str> {
    [criteria, others].concat()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevealBody {
    group: String,
    reason: String,
    actor: Option<Actor>,
}

impl Api {
    /// The records that fit all criteria.
    pub(super) async fn records(&self, query: Query) -> Result<Answer> {
        query.allow(&known(&known(&CRITERIA, &["subject", "acts_about"]), &PAGED))?;
        let question = self.question(query.clone()).await?;
        self.page_of(question, &query).await
    }

    /// What a query asks; a data subject is known by its keys, as long as they exist.
    pub(super) async fn question(&self, query: Query) -> Result<Question> {
        let named = known(&CRITERIA, &["subject", "acts_about"]);
        let about = query.get("acts_about").filter(|what| !names_no_subject(what));
        let Some(subject) = query.get("subject").or(about).map(str::to_owned) else {
            return query.question(&[], &named);
        };
        let name = subject.clone();
        let keys = self.ask(move |trail: &Trail| trail.keys_of_subject(&name)).await?;
        let mut known: Vec<_> = keys.iter().map(|(_, kid)| ("key", kid.as_str())).collect();
        let shared = keys.iter().filter(|(name, _)| *name != subject);
        known.extend(shared.map(|(name, _)| ("shared", name.as_str())));
        query.question(&known, &named)
    }

    pub(super) async fn page_of(&self, question: Question, query: &Query) -> Result<Answer> {
        let page = query.page_of(&question)?;
        let collapse = query.flag("collapse")?;
        if let Some(format) = query.get("format") {
            let telling = Telling::parse(format)?;
            let tell = move |_: &Trail, questions: &Questions| {
                tell(questions, &question, page, telling, collapse)
            };
            return answer::json(&self.look(tell).await?);
        }
        let ask = move |_: &Trail, questions: &Questions| {
            if collapse {
                let found = questions.ask_collapsed(&question, page)?;
                let cursor = found.next.map(|next| next.cursor(&question));
                return Ok(answer::collapsed(found, cursor, &question.shared_keys()));
            }
            let found = questions.ask(&question, page)?;
            let cursor = found.next.map(|next| Cursor::of(&question, next));
            Ok(answer::records(found, cursor, &question.shared_keys()))
        };
        self.look(ask).await
    }

    /// What caused a record, and what it caused.
    pub(super) async fn lineage(&self, id: String) -> Result<Answer> {
        answer::json(&self.look(move |_, questions| questions.lineage(&id)).await?)
    }

    /// The line itself: what is hashed, nothing re-written.
    pub(super) async fn record(&self, id: String) -> Result<Answer> {
        let found = self.look(move |_, questions| questions.record(&id)).await?;
        Ok(answer::with_type("application/cloudevents+json", found.line))
    }

    pub(super) async fn proof(&self, id: String) -> Result<Answer> {
        let prove = move |trail: &Trail, questions: &Questions| {
            let found = questions.record(&id)?;
            Ok(trail.log().prove(found.index)?.to_text())
        };
        Ok(answer::with_type("text/plain; charset=utf-8", self.look(prove).await?))
    }

    pub(super) async fn reveal(
        &self,
        id: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let attempt = Attempt::of(request.method(), &["v1", "records", &id, "reveal"]);
        let RevealBody { group, reason, actor: named } = body::read_json(request).await?;
        self.require_group(&caller, &group, attempt).await?;
        let because = caller.because(named, &reason)?;
        let reveal = move |trail: &_| acts::reveal(trail, &id, &group, &because);
        answer::json(&self.ask(reveal).await?)
    }
}
