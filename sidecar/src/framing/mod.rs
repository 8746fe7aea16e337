//! Refuses requests that could be read in two ways (RFC 9112 §2.2, §3, §5 and §6), the root of request
//! smuggling, and says why.
//!
//! hyper is lenient where the RFC lets it be: `Content-Length` beside `Transfer-Encoding`, codings before
//! `chunked`, lines that end with a bare LF. In front of a service that reads them in another way that
//! is an attack. What hyper does refuse, it answers with an empty body. So [`Watched`] looks at the bytes
//! of a connection as they pass. It remembers the first head that must be refused, and its [`Fault`]:
//! where hyper takes the request, the service asks the [`Verdict`] and answers with a problem; where
//! hyper refuses it, for whatever reason, a problem is written in place of hyper's empty answer. Either way the connection
//! ends, because nobody knows where the next request begins.
//!
//! Bodies are followed to find the next head and not judged: hyper refuses bad chunks by itself.

mod fault;
mod head;
mod refusal;
mod request_line;
mod watch;
mod watched;

pub use head::MAX_HEAD;
pub use watch::{Refused, Verdict};
pub use watched::Watched;
