use sealtrail_record::json::{Event, NodeId};

use crate::protection::Protections;
use crate::template::Field;
use crate::writer::{Spot, Writer, push_place};

impl Writer<'_> {
    /// Notes, for a preview, what became of every value: `outcome`, unless the policy was
    /// stricter with this one.
    pub(crate) fn explain(
        &mut self,
        found: &Protections<'_>,
        value: NodeId,
        spot: &Spot,
        outcome: &'static str,
        need: Option<usize>,
    ) {
        let Some(fields) = &mut self.template.fields else { return };
        let document = self.document;
        let (mut path, mut open) = (spot.path.clone(), Vec::new());
        for event in document.walk(value) {
            let (Event::Open(node, place) | Event::Leaf(node, place)) = event else {
                open.pop();
                continue;
            };
            if let Some(len) = open.last() {
                path.truncate(*len);
                push_place(document, place, &mut path);
            }
            if matches!(event, Event::Open(..)) {
                open.push(path.len());
                continue;
            }
            let decision = found.decision(document, node);
            let own = decision.action().name();
            let stricter = matches!((outcome, own), ("seal", "mask" | "drop"));
            let action = if stricter { own } else { outcome };
            let because = match action == own {
                true => decision.because(),
                false => {
                    format!("beside a protected value; by itself {own} by {}", decision.because())
                }
            };
            let need = need.filter(|_| matches!(action, "seal" | "pseudonym"));
            let path = path.clone();
            fields.push(Field { path, side: spot.side, action, need, because });
        }
    }
}
