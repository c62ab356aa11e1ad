//! Ids that differ from all others.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{NoContext, Timestamp, Uuid};

/// Returns a new id (UUID version 7). A clock before 1970 counts as 1970; the random bits tell ids apart.
#[must_use]
pub fn unique_id() -> String {
    id_at(SystemTime::now())
}

fn id_at(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos())).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_differ_and_follow_the_clock_even_before_1970() {
        let ids: HashSet<_> = (0..1_000).map(|_| unique_id()).collect();
        assert_eq!(ids.len(), 1_000);
        let early = UNIX_EPOCH - Duration::from_secs(86_400);
        assert!(id_at(early).starts_with("00000000-0000-7"), "{}", id_at(early));
        assert_ne!(id_at(early), id_at(early));
        assert!(id_at(UNIX_EPOCH + Duration::from_secs(1)) < id_at(UNIX_EPOCH + Duration::from_secs(2)));
    }
}
