//! `GET /v1/entities/{type}/{id}/changes`, `/state`, and `GET /v1/touched`

use super::Api;
use super::answer::{self, Answer};
use super::query::Query;
use super::records::{CRITERIA, known};
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::Grain;

/// What can be asked besides of one entity.
const OF_ENTITY: [&str; 9] =
    ["attribute", "actor", "correlation", "causation", "tenant", "action", "from", "to", "order"];

impl Api {
    pub(super) async fn entity_changes(
        &self,
        kind: String,
        id: String,
        query: Query,
    ) -> Result<Answer> {
        query.allow(&known(&OF_ENTITY, &["after", "cursor", "limit", "collapse"]))?;
        let question = query.question(&[("type", &kind), ("id", &id)], &OF_ENTITY)?;
        self.page_of(question, &query).await
    }

    /// What the entity was, or is where no time is given. The same question under the same checkpoint has the same answer.
    pub(super) async fn entity_state(
        &self,
        kind: String,
        id: String,
        query: Query,
    ) -> Result<Answer> {
        query.allow(&["at"])?;
        let at = query.get("at").map_or(Ok(Moment::now()), |text| {
            let message = "`at` must be a time like `2026-11-21T19:45:00Z`; without it the state is that of now";
            Moment::parse(text).ok_or_else(|| Error::new(Code::BadRequest, message))
        })?;
        let state = self.ask(move |trail| trail.questions.state(&kind, &id, at)).await?;
        Ok(answer::uncached(answer::with_type(answer::JSON, state.to_json())))
    }

    /// What the records of an answer have changed: attributes, entities, or types of them.
    pub(super) async fn touched(&self, query: Query) -> Result<Answer> {
        query.allow(&known(&CRITERIA, &["subject", "grain"]))?;
        let grain = Grain::parse(query.get("grain").unwrap_or("row"))?;
        let asked = self.question(query).await?;
        let touched = self.ask(move |trail| trail.questions.touched(&asked, grain)).await?;
        answer::json(&serde_json::json!({ "touched": touched }))
    }
}
