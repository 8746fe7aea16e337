use super::*;

fn limits() -> Limits {
    Limits::default()
}

/// Values of a few kinds, alike enough that parts of two of them are often equal.
fn sample(seed: &mut u64, depth: u32) -> String {
    *seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    let pick = *seed >> 33;
    let space = [" ", "", "", "\n"][(pick >> 8) as usize % 4];
    match pick % if depth == 0 { 5 } else { 8 } {
        0 => format!("{}", pick % 3),
        1 => format!("{}.{}e{}", pick % 2, pick % 2, pick % 3),
        2 => ["null", "true", "false", "[]", "{}"][(pick >> 4) as usize % 5].into(),
        3 => ["\"\\u0041\"", "\"A\"", "\"\"", "\"x\\n\""][(pick >> 4) as usize % 4].into(),
        4 => format!("\"value {}\"", pick % 2),
        5 | 6 => {
            let count = pick as usize % 5;
            let items: Vec<_> = (0..count).map(|_| sample(seed, depth - 1)).collect();
            format!("[{space}{}]", items.join(&format!("{space},")))
        }
        _ => {
            let mut keys = vec!["a", "b", "\\u0063", "d", "long key"];
            let turn = pick as usize % 5;
            keys.rotate_left(turn);
            keys.truncate(turn + 1);
            let member = |key: &str| format!("\"{key}\"{space}:{}", sample(seed, depth - 1));
            format!("{{{}}}", keys.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn what_is_read_beside_a_model_is_what_is_read_alone() {
    let mut seed = 7;
    let mut twins = 0;
    for _ in 0..3000 {
        let (a, b) = (sample(&mut seed, 4), sample(&mut seed, 4));
        let text = format!("{{\"before\":[1,{a},{b}],\"after\":[{b},{a} ,{a}]}}");
        let both = Document::read_images(text.as_bytes(), &limits(), Buffers::default()).unwrap();
        let alone = Document::read(text.as_bytes(), &limits(), Buffers::default()).unwrap();
        assert_eq!(both.len(), alone.len(), "{text}");
        for i in 0..both.len() {
            let node = NodeId(i as u32);
            let (x, y) = (both.entry(node), alone.entry(node));
            assert_eq!((x.start, x.end(), x.next()), (y.start, y.end(), y.next()), "{text}");
            assert_eq!(x.is_escaped(), y.is_escaped());
            assert_eq!(both.bytes(x), both.bytes(both.entry(NodeId(x.twin))), "{text}");
            twins += usize::from(x.twin != i as u32);
        }
        let mut written = Vec::new();
        alone.write(alone.root(), &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), alone.to_value(alone.root()).to_json());
    }
    assert!(twins > 1000, "{twins}");
}

#[test]
fn a_damaged_second_image_is_refused_where_it_would_be_alone() {
    let image =
        r#"{"id":1,"list":[{"a":"x","b":[1,2,{"c":null}]},{"a":"y","b":[]},-1.5e3],"t":"é\u00e9"}"#;
    for at in 0..image.len() {
        for bad in [b'"', b'}', b']', b',', b'0', b'\\', b' ', 0x1F, b'a', b':'] {
            let mut damaged = image.as_bytes().to_vec();
            damaged[at] = bad;
            let text = [b"{\"before\":", image.as_bytes(), b",\"after\":", &damaged, b"}"].concat();
            let both = Document::read_images(&text, &limits(), Buffers::default());
            let alone = Document::read(&text, &limits(), Buffers::default());
            assert_eq!(both.err(), alone.err(), "{}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_limits_count_what_is_copied() {
    let image = "[[1,2],[3,4],{\"a\":5}]";
    let text = format!("{{\"before\":{image},\"after\":{image}}}");
    // The root, and nine values on each side.
    for max_values in 1..25 {
        let limits = Limits { max_values, ..Limits::default() };
        let both = Document::read_images(text.as_bytes(), &limits, Buffers::default());
        let alone = Document::read(text.as_bytes(), &limits, Buffers::default());
        assert_eq!(both.is_ok(), max_values >= 19);
        assert_eq!(both.err(), alone.err());
    }
}

#[test]
fn pairs_of_texts() {
    let (a, b) = ("{\"a\": [1, 2]}", " {\"a\":[1,2.0]}");
    let text = [a, b].concat();
    let pair =
        Document::read_pair(text.as_bytes(), a.len(), &limits(), Buffers::default()).unwrap();
    assert!(pair.same(pair.root(), pair.second()));
    let text = [a, "{\"a\":[1,}"].concat();
    let (second, error) =
        Document::read_pair(text.as_bytes(), a.len(), &limits(), Buffers::default()).err().unwrap();
    assert_eq!((second, error.offset(), error.pointer()), (true, 8, "/a/1"));
}

#[test]
fn a_key_twice_behind_keys_that_were_expected() {
    for image in [
        r#"[{"a":1,"b":2},{"a":1,"b":2,"a":3}]"#,
        r#"[{"a":1},{"a":1,"a":1},{"a":2}]"#,
        r#"[{"a":1,"b":2,"c":1},{"c":2,"c":3}]"#,
        r#"[{"a":1,"b":{"c":1}},{"a":1,"b":{"c":1,"c":2}}]"#,
        r#"[{"a":1,"b":2,"c":3,"d":4},{"a":1,"d":2,"b":3,"a":4}]"#,
    ] {
        let changed = image.replace("[{", "[0,{");
        for text in [
            image.to_owned(),
            format!("{{\"before\":{image},\"after\":1}}"),
            format!("{{\"before\":[],\"after\":{image}}}"),
            format!("{{\"before\":[{{\"a\":1}}],\"after\":{changed}}}"),
        ] {
            for read in [Document::read, Document::read_images] {
                let refused = read(text.as_bytes(), &limits(), Buffers::default()).err();
                assert_eq!(refused.map(|error| error.code()), Some("duplicate_key"), "{text}");
            }
        }
    }
}

#[test]
fn numbers_as_roots_of_a_pair() {
    for (a, b) in [("1", "11"), ("5", "55"), ("12", "121"), ("1.5", "1.51")] {
        let text = [a, b].concat();
        let pair = Document::read_pair(text.as_bytes(), a.len(), &limits(), Buffers::default());
        let pair = pair.map_err(|(_, error)| error).unwrap();
        assert_eq!((pair.raw(pair.root()), pair.raw(pair.second())), (a, b));
    }
}

/// Reads `[items]`, and each item as a text of its own, where nothing stood before it.
fn read_items(items: &[String]) {
    let text = format!("[{}]", items.join(","));
    let all = Document::read(text.as_bytes(), &limits(), Buffers::default());
    let (mut at, mut first) = (1, 1);
    for (index, item) in items.iter().enumerate() {
        let alone = match Document::read(item.as_bytes(), &limits(), Buffers::default()) {
            Ok(alone) => alone,
            Err(of_item) => {
                let e = all.err().unwrap();
                let place = format!("/{index}{}", of_item.pointer());
                assert_eq!((e.code(), e.pointer()), (of_item.code(), &*place), "{text}");
                return assert_eq!(e.offset(), at as usize + of_item.offset(), "{text}");
            }
        };
        if let Ok(all) = &all {
            for (of_item, here) in alone.buffers.entries.iter().zip(&all.buffers.entries[first..]) {
                let moved = (of_item.start + at, of_item.end() + at, of_item.next() + first as u32);
                assert_eq!((here.start, here.end(), here.next()), moved, "{text}");
                assert_eq!(here.is_key(), of_item.is_key(), "{text}");
                assert_eq!(here.is_escaped(), of_item.is_escaped(), "{text}");
            }
        }
        (at, first) = (at + item.len() as u32 + 1, first + alone.len());
    }
    assert!(all.is_ok(), "{text}");
}

#[test]
fn items_that_are_alike_are_read_as_they_would_be_alone() {
    let scalars = ["1", "-2.5e3", "\"\"", "\"a longer text, past one block of it\"", "null", "[]"];
    for item in [
        r#"{"id":#,"of":{"name":#,"mail":#},"last":#}"#,
        r#"{"a":{"b":{"c":[#,#]}},"d":[{"e":#},{"e":#}]}"#,
        r#"[[#],{"k":#}]"#,
        "{ \"a\" : # , \"b\" : [ # ] }",
        r#"{"a":{},"b":#}"#,
    ] {
        let filled = |turn: usize| {
            let mut filled = String::new();
            for (i, part) in item.split('#').enumerate() {
                let between = if i == 0 { "" } else { scalars[(turn * 5 + i) % 6] };
                filled.extend([between, part]);
            }
            filled
        };
        let items: Vec<_> = (0..6).map(filled).collect();
        read_items(&items);
        // The fourth is unlike the others at any one place.
        for at in 0..items[3].len() {
            for other in ["", "}", "]", ",", "0", "x", "\"", ":", "{", "[1,", "\"a\":1,", " "] {
                let mut items = items.clone();
                items[3].replace_range(at..at + 1, other);
                match Document::read(items[3].as_bytes(), &limits(), Buffers::default()) {
                    Err(e) if e.code() != "duplicate_key" => {}
                    _ => read_items(&items),
                }
            }
        }
    }
}
