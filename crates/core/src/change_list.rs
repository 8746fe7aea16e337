use sealtrail_record::decimal::digits;
use sealtrail_record::json::write_string;

use crate::Error;
use crate::diff::{Path, Sink, What};
use crate::writer::{Side, Spot, Writer};

/// Writes the entries of `changes`.
pub(crate) struct ChangeList<'w> {
    pub(crate) writer: Writer<'w>,
    pub(crate) found: usize,
    /// Without those that the policy drops.
    pub(crate) written: usize,
    room: &'w mut Room,
}

/// What is written again for each entry.
#[derive(Default)]
pub(crate) struct Room {
    head: Vec<u8>,
    old: Spot,
    new: Spot,
}

impl<'w> ChangeList<'w> {
    pub(crate) fn new(writer: Writer<'w>, room: &'w mut Room) -> Self {
        (room.old.side, room.new.side) = ("old", "new");
        Self { writer, found: 0, written: 0, room }
    }
}

impl Sink for ChangeList<'_> {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error> {
        self.found += 1;
        let Self { writer, room, .. } = self;
        let Room { head, old, new } = &mut **room;
        for spot in [&mut *old, &mut *new] {
            spot.path.clear();
            spot.at.clear();
            spot.path.push_str(path.pointer());
            spot.at.push_str("/data/changes/");
            spot.at.push_str(digits(self.written, &mut [0; 20]));
            spot.at.push('/');
            spot.at.push_str(spot.side);
        }
        head.clear();
        head.extend_from_slice(if self.written == 0 { b"{\"op\":" } else { b",{\"op\":" });
        write_string(what.op(), head);
        head.extend_from_slice(b",\"path\":");
        write_string(&old.path, head);
        if let What::Move { from, .. } = what {
            head.extend_from_slice(b",\"from\":");
            write_string(&path.neighbour(from), head);
        }
        if coarse {
            head.extend_from_slice(b",\"coarse\":true");
        }
        let Some(cursors) = path.cursors() else { return Ok(()) };
        // A move says where something is, so it is dropped with it.
        if let What::Move { item, .. } = what
            && writer.drops(cursors, item)
        {
            return Ok(());
        }
        let old = what.before().map(|value| Side { label: ",\"old\":", value, spot: old });
        let new = what.after().map(|value| Side { label: ",\"new\":", value, spot: new });
        if writer.sides(cursors, [old, new], head)? {
            writer.template.text(b"}");
            self.written += 1;
        }
        Ok(())
    }
}
