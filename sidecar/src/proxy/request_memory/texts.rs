//! What is text of a request that is kept: one allocation for all of it.

use super::SeenRequest;

/// Correlation id, path, user agent and state of the trace, one behind the other.
pub struct Texts {
    all: Box<str>,
    path_at: u32,
    user_agent_at: Option<u32>,
    state_at: Option<u32>,
}

impl Texts {
    pub fn of(request: &SeenRequest<'_>) -> Self {
        let state = request.trace.as_ref().and_then(|trace| trace.state.as_deref());
        let [user_agent, state] = [request.user_agent.as_deref(), state];
        let mut all = String::new();
        let (id, path) = (&*request.correlation_id, &*request.path);
        all.reserve_exact(
            [Some(id), Some(path), user_agent, state].iter().flatten().map(|t| t.len()).sum(),
        );
        all.push_str(id);
        // Heads of requests are bounded far below 4 GiB.
        let mut append = |text: &str| {
            let at = all.len() as u32;
            all.push_str(text);
            at
        };
        let path_at = append(path);
        let [user_agent_at, state_at] = [user_agent, state].map(|text| text.map(&mut append));
        Self { all: all.into_boxed_str(), path_at, user_agent_at, state_at }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn correlation_id(&self) -> &str {
        self.between(0, Some(self.path_at))
    }

    pub fn path(&self) -> &str {
        self.between(self.path_at, self.user_agent_at.or(self.state_at))
    }

    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent_at.map(|at| self.between(at, self.state_at))
    }

    pub fn state(&self) -> Option<&str> {
        self.state_at.map(|at| self.between(at, None))
    }

    fn between(&self, from: u32, to: Option<u32>) -> &str {
        let to = to.map_or(self.all.len(), |to| to as usize);
        self.all.get(from as usize..to).unwrap_or_default()
    }
}
