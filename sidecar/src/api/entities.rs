//! `GET /v1/entities/{type}/{id}/changes`, `/state`, and `GET /v1/touched`

use super::Api;
use super::answer::{self, Answer};
use super::query::Query;
use super::records::{CRITERIA, PAGED, known};
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::{Grain, StateText};

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
        query.allow(&known(&OF_ENTITY, &PAGED))?;
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
        query.allow(&["at", "format"])?;
        let at = query.get("at").map_or(Ok(Moment::now()), |text| {
            let message = "`at` must be a time like `2026-11-21T19:45:00Z`; without it the state is that of now";
            Moment::parse(text).ok_or_else(|| Error::new(Code::BadRequest, message))
        })?;
        let colour = match query.get("format") {
            None => None,
            Some("words") => Some(false),
            Some("colour") => Some(true),
            Some(_) => {
                return Err(Error::new(Code::BadRequest, "`format` is `words` or `colour`"));
            }
        };
        let state = self.look(move |_, questions| questions.state(&kind, &id, at)).await?;
        if let Some(colour) = colour {
            let (text, is_waiting) = (state.words(colour), state.is_waiting);
            return answer::json(&StateText { text, is_waiting });
        }
        Ok(answer::uncached(answer::with_type(answer::JSON, state.to_json())))
    }

    /// What the records of an answer have changed: attributes, entities, or types of them.
    pub(super) async fn touched(&self, query: Query) -> Result<Answer> {
        query.allow(&known(&CRITERIA, &["subject", "grain"]))?;
        let grain = Grain::parse(query.get("grain").unwrap_or("row"))?;
        let asked = self.question(query).await?;
        let shared = asked.shared_keys();
        let touched = self.look(move |_, questions| questions.touched(&asked, grain)).await?;
        let mut answer = serde_json::json!({ "touched": touched });
        if !shared.is_empty() {
            answer["shared_keys"] = shared.into();
        }
        answer::json(&answer)
    }
}
