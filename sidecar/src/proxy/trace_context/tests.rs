//! Our own table over the cases of which the official harness has tests, and some more.

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in [(TRACEPARENT, parents), (TRACESTATE, states)] {
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
    }
    headers
}

/// What is sent on for what came in: the parts of `traceparent`, and `tracestate`.
fn sent(parents: &[&str], states: &[&str]) -> (Vec<String>, Option<String>) {
    let mut headers = headers(parents, states);
    TraceContext::participate(TraceContext::of(&headers), [7; 24]).set_on_request(&mut headers);
    assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
    assert!(headers.get_all(TRACESTATE).iter().count() <= 1);
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let parent = text(&headers[TRACEPARENT]);
    (parent.split('-').map(str::to_owned).collect(), headers.get(TRACESTATE).map(text))
}

fn goes_on(parents: &[&str]) -> bool {
    sent(parents, &[]).0[1] == TRACE
}

fn state(states: &[&str]) -> Option<String> {
    sent(&[&format!("00-{TRACE}-{PARENT}-00")], states).1
}

#[test]
fn a_trace_goes_on_under_a_new_parent_and_else_a_new_one_starts() {
    let own = "0707070707070707";
    let (parts, _) = sent(&[&format!("00-{TRACE}-{PARENT}-01")], &[]);
    assert_eq!(parts, ["00", TRACE, own, "01"]);
    let (parts, _) = sent(&[], &[]);
    assert_eq!(parts, ["00", &own.repeat(2), own, "02"], "random, and not sampled");
    let zeros = TraceContext::participate(None, [0; 24]).parent.to_string();
    assert!(Traceparent::parse(zeros.as_bytes()).is_some(), "zeros are no id: {zeros}");
}

#[test]
fn flags_are_kept_as_far_as_they_are_known() {
    for (given, kept) in
        [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")]
    {
        let (parts, _) = sent(&[&format!("00-{TRACE}-{PARENT}-{given}")], &[]);
        assert_eq!((parts[1].as_str(), parts[3].as_str()), (TRACE, kept), "{given}");
    }
}

#[test]
fn what_is_no_traceparent_starts_a_new_trace() {
    let good = format!("00-{TRACE}-{PARENT}-01");
    assert!(!goes_on(&[&good, &good]), "given twice");
    assert!(!goes_on(&[&good, &format!("00-{}-{PARENT}-01", "1".repeat(32))]));
    assert!(!goes_on(&["", &good]));
    let (zeros, upper) = ("0".repeat(32), TRACE.to_uppercase());
    for bad in [
        String::new(),
        "00".into(),
        format!("{good}."),
        format!("{good}-"),
        format!("{good}-more"),
        format!("{good}, {good}"),
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("ff-{TRACE}-{PARENT}-01-more"),
        format!("0-{TRACE}-{PARENT}-01"),
        format!("000-{TRACE}-{PARENT}-01"),
        format!("0000-{TRACE}-{PARENT}-01"),
        format!(".0-{TRACE}-{PARENT}-01"),
        format!("0.-{TRACE}-{PARENT}-01"),
        format!("0A-{TRACE}-{PARENT}-01"),
        format!("00-{zeros}-{PARENT}-01"),
        format!("00-{upper}-{PARENT}-01"),
        format!("00-.{}-{PARENT}-01", &TRACE[1..]),
        format!("00-{}.-{PARENT}-01", &TRACE[1..]),
        format!("00-{TRACE}0-{PARENT}-01"),
        format!("00-{}-{PARENT}-01", &TRACE[1..]),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{TRACE}-.{}-01", &PARENT[1..]),
        format!("00-{TRACE}-{}.-01", &PARENT[1..]),
        format!("00-{TRACE}-{PARENT}0-01"),
        format!("00-{TRACE}-{}-01", &PARENT[1..]),
        format!("00-{TRACE}-{PARENT}-.0"),
        format!("00-{TRACE}-{PARENT}-0."),
        format!("00-{TRACE}-{PARENT}-0A"),
        format!("00-{TRACE}-{PARENT}-001"),
        format!("00-{TRACE}-{PARENT}-1"),
        format!("00-{TRACE}-{PARENT}"),
        format!("00_{TRACE}_{PARENT}_01"),
        format!("00-{TRACE}-{PARENT}-é"),
    ] {
        assert!(!goes_on(&[&bad]), "{bad}");
        assert_eq!(sent(&[&bad], &["a=1"]).1, None, "its state goes with it: {bad}");
    }
}

#[test]
fn white_space_around_the_value_is_none_of_it() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        assert!(goes_on(&[&format!("{before}00-{TRACE}-{PARENT}-01{after}")]));
    }
}

#[test]
fn a_later_version_is_read_by_its_beginning() {
    for (value, is_read) in [
        (format!("01-{TRACE}-{PARENT}-01"), true),
        (format!("cc-{TRACE}-{PARENT}-01"), true),
        (format!("cc-{TRACE}-{PARENT}-01-what-is-to-come"), true),
        (format!("cc-{TRACE}-{PARENT}-01-"), true),
        (format!("cc-{TRACE}-{PARENT}-01.what-is-to-come"), false),
        (format!("cc-{TRACE}-{PARENT}-011"), false),
        (format!("cc-{TRACE}-{PARENT}-1"), false),
        (format!("cc-{}-{PARENT}-01", "0".repeat(32)), false),
    ] {
        assert_eq!(goes_on(&[&value]), is_read, "{value}");
        assert_eq!(sent(&[&value], &[]).0[0], "00", "answered in the version that we speak");
    }
}

#[test]
fn the_state_of_all_headers_is_one_list_in_its_order() {
    let kept = |states: &[&str], expected: &str| {
        assert_eq!(state(states).as_deref(), Some(expected), "{states:?}");
    };
    kept(&["a=1,b=2"], "a=1,b=2");
    kept(&["a=1,b=2", "c=3,d=4", "e=5"], "a=1,b=2,c=3,d=4,e=5");
    kept(&["a=1", ""], "a=1");
    kept(&["", "a=1"], "a=1");
    kept(&["a=1,,b=2, ,\t,c=3,"], "a=1,b=2,c=3");
    kept(&["a=1 \t , \t b=2, \t c=3"], "a=1,b=2,c=3");
    for padded in [" a=1", "\ta=1", "a=1 ", "a=1\t", "\t a=1 \t"] {
        kept(&[padded], "a=1");
    }
    kept(&["a=  1 2 "], "a=  1 2");
    kept(&["a=1,a=1"], "a=1");
    kept(&["a=1,a=2"], "a=1");
    kept(&["a=1", "b=3", "a=2"], "a=1,b=3");
    assert_eq!(state(&[]), None);
    assert_eq!(state(&[""]), None);
    assert_eq!(state(&[" , ", "\t"]), None);
    assert_eq!(sent(&[], &["a=1"]).1, None, "no trace, no state");
}

#[test]
fn every_character_that_a_member_may_have() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@tenant_-*/";
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let member = format!("{key}={value}");
    assert_eq!(state(&[&member]), Some(member));
    for good in ["a@=1,b=2", "a@@b=1,b=2", "a@b@c=1,b=2", "0a=1", "a=1@"] {
        assert_eq!(state(&[good]).as_deref(), Some(good));
    }
}

#[test]
fn one_member_that_is_none_drops_the_list() {
    for bad in [
        "a =1",
        "A=1",
        "a.b=1",
        "@a=1",
        "_a=1",
        "=1",
        "a",
        "a=",
        "a=b=c",
        "a=é",
        "a=1;b=2=3",
        "ä=1",
    ] {
        assert_eq!(state(&[&format!("{bad},b=2")]), None, "{bad}");
        assert_eq!(state(&["b=2", bad]), None, "{bad}");
        assert!(goes_on(&[&format!("00-{TRACE}-{PARENT}-01")]), "and the trace goes on");
    }
}

#[test]
fn limits_of_members_keys_and_values() {
    let list = |n: usize| (0..n).map(|i| format!("k{i:02}={i}")).collect::<Vec<_>>();
    assert_eq!(state(&[&list(32).join(",")]), Some(list(32).join(",")));
    let (first, rest) = (list(32)[..10].join(","), list(32)[10..].join(","));
    assert_eq!(state(&[&first, &rest, ","]), Some(list(32).join(",")));
    assert_eq!(state(&[&list(33).join(",")]), None);
    for (key, value, is_good) in [(256, 1, true), (257, 1, false), (1, 256, true), (1, 257, false)]
    {
        let member = format!("{}={}", "k".repeat(key), "v".repeat(value));
        assert_eq!(state(&["a=1", &member]).is_some(), is_good, "{key} {value}");
    }
}

#[test]
fn a_record_keeps_whole_members_the_long_ones_go_first() {
    let kept = |states: &[&str]| {
        let headers = headers(&[&format!("00-{TRACE}-{PARENT}-00")], states);
        TraceContext::of(&headers).unwrap().kept_state()
    };
    assert_eq!(kept(&["a=1,b=2"]).as_deref(), Some("a=1,b=2"));
    assert_eq!(kept(&[]), None);
    let fits = format!("a={},b={}", "x".repeat(253), "y".repeat(254));
    assert_eq!((fits.len(), kept(&[&fits])), (512, Some(fits.clone())));
    let long = format!("a={}", "x".repeat(200));
    let short: Vec<String> = (0..4).map(|i| format!("s{i}={}", "y".repeat(97))).collect();
    let all = format!("{},{long},{}", short[..2].join(","), short[2..].join(","));
    assert_eq!(kept(&[&all]), Some(short.join(",")));
    let many: Vec<String> = (0..10).map(|i| format!("s{i}={}", "y".repeat(97))).collect();
    assert_eq!(kept(&[&many.join(",")]), Some(many[..5].join(",")));
}

#[test]
fn no_bytes_make_it_panic() {
    let good = format!("00-{TRACE}-{PARENT}-01");
    for at in 0..good.len() {
        for byte in [b'\t', b' ', b'-', b'0', b'g', b'~', 0x80, 0xff] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = byte;
            let _ = Traceparent::parse(&bytes);
            let _ = Traceparent::parse(&bytes[..at]);
        }
    }
}
