use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind};

use crate::Error;
use crate::policy::{Action, Cursor, Policy, Seal, Step};
use crate::subject::{context_subject, node_text};
use crate::template::Template;
use crate::writer::{Spot, Writer};

/// What of the actor the policy keeps in clear.
pub(crate) struct ClearActor<'a> {
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
}

/// Writes `tenant`, `actor` and `request`.
pub(crate) fn write_context<'a>(
    policy: &Policy,
    document: &Document<'a>,
    entity: &str,
    template: &mut Template,
    spot: &mut Spot,
) -> Result<ClearActor<'a>, Error> {
    let subjects =
        |seal: &Seal, _: &str, out: &mut String| context_subject(document, seal, entity, out);
    let mut writer = Writer::new(policy, document, template, &subjects);
    let value = |name| {
        let value = document.get(document.root(), name)?;
        (document.kind(value) != Kind::Null).then_some(value)
    };
    for (name, at, head) in [
        ("tenant", "/data/tenant", ",\"tenant\":"),
        ("actor", "/data/actor", ",\"actor\":"),
        ("request", "/data/request", ",\"request\":"),
    ] {
        let Some(value) = value(name) else { continue };
        let cursor = Cursor::new(&policy.context).down(policy, &Step::Key(name.into()));
        spot.begin("rec", at);
        writer.members(&cursor, value, spot, head.as_bytes())?;
    }
    let Some(actor) = value("actor") else { return Ok(ClearActor { kind: None, id: None }) };
    let cursor = Cursor::new(&policy.context).down(policy, &Step::Key("actor".into()));
    let clear = |key: &'static str| {
        let value = document.get(actor, key)?;
        let decision = cursor.down(policy, &Step::Key(key.into())).decide(policy, document, value);
        let kept = *decision.action() == Action::Keep;
        if kept { node_text(document, value) } else { None }
    };
    Ok(ClearActor { kind: clear("type"), id: clear("id") })
}
