//! `GET /v1/entities/{type}/{id}/changes`

use super::Api;
use super::answer::{self, Answer};
use super::query::Query;
use crate::error::Result;

impl Api {
    pub(super) async fn entity_changes(
        &self,
        kind: String,
        id: String,
        query: Query,
    ) -> Result<Answer> {
        query.allow(&["after", "limit"])?;
        let page = query.page()?;
        let found = self.ask(move |trail| trail.questions.entity(&kind, &id, page)).await?;
        Ok(answer::records(found))
    }
}
