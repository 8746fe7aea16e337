use sealtrail_record::json::{Document, Kind};

use crate::Error;
use crate::context::Context;
use crate::policy::{Action, Cursor, Policy, Seal, Step};
use crate::subject::{context_subject, node_text};
use crate::template::Template;
use crate::writer::{Spot, Writer};

/// What of the actor the policy keeps in clear.
pub(crate) struct ClearActor {
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
}

/// Writes `tenant`, `actor` and `request`.
pub(crate) fn write_context(
    policy: &Policy,
    document: &Document<'_>,
    context: &Context<'_>,
    entity: &str,
    template: &mut Template,
) -> Result<ClearActor, Error> {
    let root = Cursor::new(&policy.context);
    let subjects = |seal: &Seal, _: &str| context_subject(context, seal, entity);
    let mut writer = Writer::new(policy, document, template, &subjects);
    let value = |name| {
        let value = document.get(document.root(), name)?;
        (document.kind(value) != Kind::Null).then_some(value)
    };
    for name in ["tenant", "actor", "request"] {
        let Some(value) = value(name) else { continue };
        let cursor = root.down(policy, &Step::Key(name.into()));
        let at = format!("/data/{name}");
        let mut spot = Spot { side: "rec", path: at.clone(), at };
        writer.members(&cursor, value, &mut spot, format!(",\"{name}\":").as_bytes())?;
    }
    let clear = |key: &'static str| {
        let value = document.get(value("actor")?, key)?;
        let actor = root.down(policy, &Step::Key("actor".into()));
        let decision = actor.down(policy, &Step::Key(key.into())).decide(policy, document, value);
        let kept = *decision.action() == Action::Keep;
        if kept { node_text(document, value) } else { None }
    };
    Ok(ClearActor { kind: clear("type"), id: clear("id") })
}
