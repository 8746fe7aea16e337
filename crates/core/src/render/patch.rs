//! RFC 6902. An entry is an operation already; here it gets its value, and its test.

use sealtrail_record::json::{Document, write_string};
use sealtrail_record::pointer;
use sealtrail_record::sort::sorted;

use super::changes;
use super::entry::Entry;

/// A `test` operation: where, and which value must be there.
pub(super) struct Test {
    path: String,
    value: String,
}

/// The operations alone.
pub(super) fn list(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    entries.iter().for_each(|entry| operation(entry, &mut out));
    out.push(b']');
    out
}

/// The operations with their tests: of what is moved before anything else, because an item may
/// change before it moves; of what is removed or replaced right before that.
pub(super) fn list_with_tests(entries: &[Entry<'_>], moved: &[Test]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    moved.iter().for_each(|moved| test(&moved.path, moved.value.as_bytes(), &mut out));
    for entry in entries {
        if let Some(old) = &entry.old {
            test(&entry.path, old.to_json().as_bytes(), &mut out);
        }
        operation(entry, &mut out);
    }
    out.push(b']');
    out
}

/// A test for every item that moves, at the place that it has in `before`.
///
/// A `move` says where the item is by then. What was removed and moved within its array until then
/// is carried out on a list of its indices; the comparison has done the same within its budget.
pub(super) fn tests_of_moves(entries: &[Entry<'_>], document: &Document<'_>) -> Vec<Test> {
    let among: Vec<&Entry<'_>> =
        entries.iter().filter(|entry| matches!(entry.op, "move" | "remove")).collect();
    let array_of = |i: usize| split(&among[i].path).0;
    let by_array = sorted(among.len(), &mut |a, b| array_of(a).cmp(array_of(b)));
    let mut tests = Vec::new();
    for found in by_array.chunk_by(|&a, &b| array_of(a) == array_of(b)) {
        let found: Vec<&Entry<'_>> = found.iter().map(|&i| among[i]).collect();
        if found.iter().all(|entry| entry.op != "move") {
            continue;
        }
        let at = split(&found[0].path).0;
        let array = document.pointer(document.root(), at);
        let items: Vec<_> = array.into_iter().flat_map(|array| document.children(array)).collect();
        let removed = found.iter().filter(|entry| entry.op == "remove");
        let mut stays = vec![true; items.len()];
        for index in removed.filter_map(|entry| split(&entry.path).1) {
            stays.get_mut(index).into_iter().for_each(|stays| *stays = false);
        }
        let mut list: Vec<usize> = (0..items.len()).filter(|&i| stays[i]).collect();
        for entry in found.iter().filter(|entry| entry.op == "move") {
            let from = entry.from.as_deref().and_then(|from| split(from).1);
            let (Some(from), Some(to)) = (from, split(&entry.path).1) else { continue };
            if from >= list.len() || to >= list.len() {
                continue;
            }
            let item = list.remove(from);
            list.insert(to, item);
            let mut path = at.to_owned();
            pointer::push_index(&mut path, item);
            tests.push(Test { path, value: document.to_value(items[item].1).to_json() });
        }
    }
    tests
}

fn operation(entry: &Entry<'_>, out: &mut Vec<u8>) {
    comma(out);
    changes::open(entry, out);
    if let Some(value) = &entry.new {
        out.extend_from_slice(b",\"value\":");
        value.write(out);
    }
    out.push(b'}');
}

fn test(path: &str, value: &[u8], out: &mut Vec<u8>) {
    comma(out);
    out.extend_from_slice(b"{\"op\":\"test\",\"path\":");
    write_string(path, out);
    out.extend_from_slice(b",\"value\":");
    out.extend_from_slice(value);
    out.push(b'}');
}

fn comma(out: &mut Vec<u8>) {
    if out.len() > 1 {
        out.push(b',');
    }
}

/// The pointer of the array and the index in it.
fn split(path: &str) -> (&str, Option<usize>) {
    path.rsplit_once('/').map_or((path, None), |(above, last)| (above, pointer::index(last)))
}
