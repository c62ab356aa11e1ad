//! Facts about the request that a task or thread works for, so that errors and log lines of work that is done elsewhere
//! name the request that they belong to.

use std::sync::Arc;

tokio::task_local! {
    /// The facts about the request that this task answers. The HTTP service sets them, and [`within`] carries them to
    /// other threads.
    pub static REQUEST: RequestFacts;
}

/// Facts about one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The id of the request; empty outside of a request.
    pub id: Arc<str>,
    /// The path that the service lies under, with a slash at its start and none at its end; empty for the root.
    pub prefix: Arc<str>,
}

/// Returns the facts about the request that the current task or thread works for, and empty ones outside of a request.
#[must_use]
pub fn current() -> RequestFacts {
    REQUEST.try_with(Clone::clone).unwrap_or_default()
}

/// Does `work` for the request that `facts` are about.
pub fn within<T>(facts: RequestFacts, work: impl FnOnce() -> T) -> T {
    REQUEST.sync_scope(facts, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::BackgroundPool;
    use crate::blocking;

    #[tokio::test]
    async fn blocking_and_background_work_belong_to_the_request_of_their_caller() {
        let id = || current().id;
        let threads = BackgroundPool::new(1);
        let pool = threads.handle();
        assert_eq!((blocking::run(id).await, pool.run(id).await), (Ok("".into()), Ok("".into())));
        let facts = RequestFacts { id: "a-7".into(), ..RequestFacts::default() };
        let found = REQUEST.scope(facts, async { (blocking::run(id).await, pool.run(id).await) }).await;
        assert_eq!(found, (Ok("a-7".into()), Ok("a-7".into())));
    }
}
