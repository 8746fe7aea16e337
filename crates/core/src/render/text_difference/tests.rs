use super::*;

fn runs(before: &str, after: &str, unit: Unit) -> Vec<String> {
    let found = text_difference(before, after, unit, &mut Budget::default());
    assert!(!found.coarse);
    check(before, after, &found);
    found.runs.iter().map(|run| format!("{}{}", run.part.sign(), run.text)).collect()
}

/// Both texts must be in it, and nothing else; two neighbours are never of one kind.
fn check(before: &str, after: &str, found: &TextDifference<'_>) {
    let all = |without: Part| -> String {
        found.runs.iter().filter(|run| run.part != without).map(|run| run.text).collect()
    };
    assert_eq!(all(Part::Added), before);
    assert_eq!(all(Part::Removed), after);
    assert!(found.runs.iter().all(|run| !run.text.is_empty()));
    assert!(found.runs.windows(2).all(|two| two[0].part != two[1].part));
}

#[test]
fn words() {
    assert_eq!(
        runs("Redmi note 9 | 6gb Ram | 128gb", "Redmi note 9 | 4gb Ram | 128gb!", Unit::Word),
        ["=Redmi note 9 | ", "-6gb", "+4gb", "= Ram | 128gb", "+!"]
    );
    assert_eq!(
        runs("one two three", "uno due three", Unit::Word),
        ["-one two", "+uno due", "= three"]
    );
    assert_eq!(runs("a  b", "a b", Unit::Word), ["=a", "-  ", "+ ", "=b"]);
    assert_eq!(runs("", "new", Unit::Word), ["+new"]);
    assert_eq!(runs("old", "", Unit::Word), ["-old"]);
    assert!(runs("", "", Unit::Word).is_empty());
    assert_eq!(runs("same", "same", Unit::Word), ["=same"]);
    assert_eq!(runs("ab", "abc", Unit::Word), ["-ab", "+abc"], "never within a word");
}

#[test]
fn lines() {
    assert_eq!(runs("a\nb\nc", "a\nB\nc\n", Unit::Line), ["=a\n", "-b\nc", "+B\nc\n"]);
    assert_eq!(runs("a\n\nb\n", "a\nb\n", Unit::Line), ["=a\n", "-\n", "=b\n"]);
}

#[test]
fn characters_and_marks_stay_whole() {
    // é and è differ in their second byte, ä and ö too.
    assert_eq!(runs("caf\u{e9} x", "caf\u{e8} x", Unit::Word), ["-café", "+cafè", "= x"]);
    assert_eq!(runs("e\u{301} x", "e\u{300} x", Unit::Word), ["-e\u{301}", "+e\u{300}", "= x"]);
    assert_eq!(runs("東京都に住む", "東京に住む", Unit::Word), ["=東京", "-都", "=に住む"]);
    assert_eq!(runs("Привет, мир", "Привет, Мир", Unit::Word), ["=Привет, ", "-мир", "+Мир"]);
    assert_eq!(runs("“so” – 1", "“no” – 1", Unit::Word), ["=“", "-so", "+no", "=” – 1"]);
}

#[test]
fn any_two_texts_come_back() {
    const UNITS: [&str; 12] =
        ["a", "b", "c", " ", " ", "\n", "word", "é", "e\u{301}", "東", "🙂", "—"];
    let mut random = Random(7);
    for round in 0..3000 {
        let mut text = || -> String {
            let length = random.below(if round % 10 == 0 { 300 } else { 12 });
            (0..length).map(|_| UNITS[random.below(UNITS.len() as u64) as usize]).collect()
        };
        let (before, after) = (text(), text());
        for unit in [Unit::Word, Unit::Line] {
            for steps in [0, 40, 5_000, 8_000_000] {
                let found = text_difference(&before, &after, unit, &mut Budget::steps(steps));
                check(&before, &after, &found);
                assert!(!found.coarse || steps < 8_000_000, "{before:?} {after:?}");
            }
        }
    }
}

/// As few lines as a table of all common subsequences allows.
#[test]
fn a_short_script_is_the_shortest() {
    let mut random = Random(11);
    for _ in 0..2000 {
        let mut text = || -> Vec<&str> {
            let length = random.below(14);
            (0..length).map(|_| ["a\n", "b\n", "long\n"][random.below(3) as usize]).collect()
        };
        let (old, new) = (text(), text());
        let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
        for (i, left) in old.iter().enumerate() {
            for (j, right) in new.iter().enumerate() {
                table[i + 1][j + 1] = match left == right {
                    true => table[i][j] + 1,
                    false => table[i][j + 1].max(table[i + 1][j]),
                };
            }
        }
        let (before, after) = (old.concat(), new.concat());
        let found = text_difference(&before, &after, Unit::Line, &mut Budget::default());
        let kept = found.runs.iter().filter(|run| run.part == Part::Kept);
        let kept: usize = kept.map(|run| run.text.lines().count()).sum();
        assert_eq!(kept, table[old.len()][new.len()], "{before:?} {after:?}");
    }
}

#[test]
fn lengths_are_those_of_javascript() {
    let told = |before: &str, after: &str, unit: &str| {
        text_runs(before.as_bytes(), after.as_bytes(), unit)
            .map(|told| String::from_utf8(told).unwrap())
    };
    assert_eq!(
        told("é 🙂 東 x", "é 🙂🙂 東 x", "word").unwrap(),
        r#"{"runs":[["=",2],["-",2],["+",4],["=",4]],"coarse":false}"#
    );
    assert_eq!(told("", "", "line").unwrap(), r#"{"runs":[],"coarse":false}"#);
    assert_eq!(told("", "", "letter").unwrap_err().code(), "invalid_field");
    assert_eq!(text_runs(b"\xff", b"", "word").unwrap_err().code(), "invalid_field");
}

/// A long text with a few edits and no budget worth speaking of: the words that occur once lead.
#[test]
fn anchors_find_single_edits_in_a_long_text() {
    let text: Vec<String> = (0..40_000).map(|i| format!("w{i} and so on. ")).collect();
    let mut edited = text.clone();
    for at in [10, 20_000, 39_990] {
        edited[at] = format!("EDIT{at} and so on. ");
    }
    let (before, after) = (text.concat(), edited.concat());
    let mut budget = Budget::steps(1_000);
    let found = text_difference(&before, &after, Unit::Word, &mut budget);
    check(&before, &after, &found);
    let changed = found.runs.iter().filter(|run| run.part != Part::Kept).count();
    assert_eq!((changed, found.coarse), (6, false));
}

/// Two letters in any order are the worst: nothing is unique, and everything matches everything.
#[test]
fn what_is_too_much_is_given_whole_and_says_so() {
    let mut random = Random(1);
    let mut text = |units: usize| -> String {
        (0..units).map(|_| if random.below(2) == 0 { "!" } else { "?" }).collect()
    };
    let (before, after) = (text(400_000), text(400_000));
    let mut budget = Budget::default();
    let found = text_difference(&before, &after, Unit::Word, &mut budget);
    check(&before, &after, &found);
    assert!(found.coarse && found.runs.len() <= 4);
    assert!(budget.0 > 7_500_000, "what was not done was not paid");
}

/// Units that are made to collide cost their maker the budget, not the reader the time.
#[test]
fn a_budget_is_never_overdrawn() {
    let mut random = Random(3);
    for steps in [0, 1, 10, 100] {
        let mut budget = Budget::steps(steps);
        let text = |random: &mut Random| -> String {
            (0..200).map(|_| format!("{} ", random.below(500))).collect()
        };
        let (before, after) = (text(&mut random), text(&mut random));
        check(&before, &after, &text_difference(&before, &after, Unit::Word, &mut budget));
        assert!(budget.0 <= steps);
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

/// More lines than an array of as many would be searched for: a text has a budget of its own.
#[test]
fn every_other_of_many_lines() {
    let text = |changed: &str| -> String {
        (0..3000).map(|i| format!("line {i}{}\n", if i % 2 == 0 { changed } else { "" })).collect()
    };
    let (before, after) = (text(" before"), text(" after"));
    let found = text_difference(&before, &after, Unit::Line, &mut Budget::default());
    check(&before, &after, &found);
    let kept = found.runs.iter().filter(|run| run.part == Part::Kept).count();
    assert_eq!((kept, found.coarse), (1500, false));
}
