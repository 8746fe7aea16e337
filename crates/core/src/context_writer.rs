use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, NodeId, write_string};

use crate::Error;
use crate::policy::{Action, Cursor, Policy, Seal, Step};
use crate::subject::{context_subject, event_subject, node_text};
use crate::template::Template;
use crate::writer::{Spot, Writer};

/// What of the actor the policy keeps in clear.
pub(crate) struct ClearActor<'a> {
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
}

/// Writes `tenant`, `actor`, `request` and `event`.
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
    if let Some(event) = value("event") {
        write_event(policy, document, event, entity, template, spot)?;
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

/// Writes `event`: its type in clear, its data by the rules for images, as if it stood in one.
fn write_event(
    policy: &Policy,
    document: &Document<'_>,
    event: NodeId,
    entity: &str,
    template: &mut Template,
    spot: &mut Spot,
) -> Result<(), Error> {
    template.text(b",\"event\":{\"type\":");
    let name = document.get(event, "type").and_then(|name| node_text(document, name));
    write_string(&name.unwrap_or_default(), &mut template.body.text);
    let data = document.get(event, "data").filter(|data| document.kind(*data) != Kind::Null);
    if let Some(data) = data {
        let subjects = |seal: &Seal, _: &str, out: &mut String| {
            event_subject(document, data, seal, entity, out)
        };
        let cursor = ["event", "data"].iter().fold(Cursor::new(&policy.payload), |cursor, key| {
            cursor.down(policy, &Step::Key((*key).into()))
        });
        spot.begin("rec", "/data/event/data");
        let mut writer = Writer::new(policy, document, template, &subjects);
        writer.members(&cursor, data, spot, b",\"data\":")?;
    }
    template.text(b"}");
    Ok(())
}
