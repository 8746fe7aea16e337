//! The patterns of `ua-parser`, each compiled when it is needed for the first time.
//!
//! There are more than a thousand, and compiled they take 25 MB, of which a service sees a few: those that its
//! clients' programs match. So the filter that `ua-parser` puts before its patterns stands here before patterns that
//! are not compiled yet. It finds words in a text, and by them the few patterns that may match it. What a pattern
//! then makes of a text is `ua-parser`'s own.

use std::sync::{Mutex, OnceLock, PoisonError};

use aho_corasick::AhoCorasick;
use regex_filtered::mapper::{self, Mapper};
use regex_filtered::model::Model;
use regex_syntax::ParserBuilder;
use ua_parser::{Error, Regexes, device, os, user_agent};

pub struct Patterns {
    browsers: Filtered<user_agent::Parser<'static>, user_agent::Extractor<'static>>,
    systems: Filtered<os::Parser<'static>, os::Extractor<'static>>,
    devices: Filtered<device::Parser<'static>, device::Extractor<'static>>,
}

/// Patterns of one kind, in the order in which they are tried.
struct Filtered<P, E> {
    words: AhoCorasick,
    by_words: Mapper,
    patterns: Vec<Pattern<P, E>>,
    compile: fn(P) -> Result<E, Error>,
}

struct Pattern<P, E> {
    source: Mutex<Option<P>>,
    compiled: OnceLock<Option<E>>,
}

impl Patterns {
    /// # Panics
    ///
    /// Where the table is none of the package `ua-parser`.
    pub fn new(table: Regexes<'static>) -> Self {
        let ignores_case = |device: &device::Parser<'_>| device.regex_flag.is_some();
        Self {
            browsers: Filtered::new(
                table.user_agent_parsers,
                3,
                |p| (&p.regex, false),
                |parser| Ok(user_agent::Builder::new().push(parser)?.build()?),
            ),
            systems: Filtered::new(
                table.os_parsers,
                3,
                |p| (&p.regex, false),
                |parser| Ok(os::Builder::new().push(parser)?.build()?),
            ),
            devices: Filtered::new(
                table.device_parsers,
                2,
                |p| (&p.regex, ignores_case(p)),
                |parser| Ok(device::Builder::new().push(parser)?.build()?),
            ),
        }
    }

    pub fn browser<'a>(&'a self, text: &'a str) -> Option<user_agent::ValueRef<'a>> {
        self.browsers.candidates(text).find_map(|browser| browser.extract(text))
    }

    pub fn system<'a>(&'a self, text: &'a str) -> Option<os::ValueRef<'a>> {
        self.systems.candidates(text).find_map(|system| system.extract(text))
    }

    pub fn device<'a>(&'a self, text: &'a str) -> Option<device::ValueRef<'a>> {
        self.devices.candidates(text).find_map(|device| device.extract(text))
    }
}

impl<P, E> Filtered<P, E> {
    /// `regex` says what a pattern is, and whether it ignores case. Shorter words than `shortest` are no help.
    fn new(
        sources: Vec<P>,
        shortest: usize,
        regex: impl Fn(&P) -> (&str, bool),
        compile: fn(P) -> Result<E, Error>,
    ) -> Self {
        let mut models = mapper::Builder::new(shortest);
        for source in &sources {
            let (regex, ignores_case) = regex(source);
            let mut parser = ParserBuilder::new().case_insensitive(ignores_case).build();
            let regex = parser.parse(regex).expect("the embedded table has regular expressions");
            models.push(Model::new(&regex).expect("ua-parser filters its own table"));
        }
        let (by_words, words) = models.build();
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words);
        let uncompiled =
            |source| Pattern { source: Mutex::new(Some(source)), compiled: OnceLock::new() };
        Self {
            words: words.expect("a few thousand short words"),
            by_words,
            patterns: sources.into_iter().map(uncompiled).collect(),
            compile,
        }
    }

    fn candidates(&self, text: &str) -> impl Iterator<Item = &E> {
        let words = self.words.find_overlapping_iter(text).map(|found| found.pattern().as_usize());
        let candidates = self.by_words.atom_to_re(words);
        candidates.into_iter().filter_map(|at| self.patterns[at].compiled(self.compile))
    }
}

impl<P, E> Pattern<P, E> {
    fn compiled(&self, compile: fn(P) -> Result<E, Error>) -> Option<&E> {
        let compile = || {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            compile(source).ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::user_agent::table;
    use ua_parser::Extractor;

    /// The same as all of them compiled at once, and few compiled.
    #[test]
    fn as_ua_parser_itself_says() {
        let (patterns, all) = (Patterns::new(table()), Extractor::try_from(table()).unwrap());
        for text in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/84.0.4147.89 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0 OPR/110",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54",
            "Roku/DVP-9.10 (519.10E04111A)",
            "curl/7.88.1",
            "okhttp/4.12.0",
            "python-requests/2.31.0",
            "Java/17.0.2",
            "PostmanRuntime/7.37.0",
            "node",
            "",
            "\u{130}\u{17f} Safari Kindle NOKIA lumia",
        ] {
            assert_eq!(patterns.browser(text), all.ua.extract(text), "{text}");
            assert_eq!(patterns.system(text), all.os.extract(text), "{text}");
            assert_eq!(patterns.device(text), all.dev.extract(text), "{text}");
        }
        let compiled = patterns.devices.patterns.iter().filter(|p| p.compiled.get().is_some());
        assert!(compiled.count() < patterns.devices.patterns.len() / 3);
    }
}
