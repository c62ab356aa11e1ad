//! Findings about who may call.

use time::OffsetDateTime;

use crate::access::KeyFile;
use crate::api::Hosts;
use crate::config::Settings;
use mitsuke_store::Finding;

/// Returns the findings about who may call.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.access.keys_file.exists() {
        findings.push(keys(settings));
        findings.extend(writable_by_others(settings));
    }
    if !settings.has_keys() {
        findings.push(anonymous(settings));
    }
    findings
}

fn keys(settings: &Settings) -> Finding {
    let (path, now) = (&settings.access.keys_file, OffsetDateTime::now_utc());
    match KeyFile::read(path) {
        Err(error) => {
            let advice = "Put the file back as `mitsuke key` wrote it, or move it away and make new keys.";
            Finding::problem("keys", error.to_string(), advice)
        }
        Ok(file) => {
            let ended: Vec<_> =
                file.keys.iter().filter(|key| key.has_expired(now)).map(|key| key.name.as_str()).collect();
            let found = format!("{} keys in {}", file.keys.len(), path.display());
            if file.keys.len() == ended.len() && settings.api_keys.is_empty() {
                let advice = "`mitsuke key add NAME` makes one. Until then the server lets nobody in.";
                return Finding::problem("keys", format!("{found}, and none that opens"), advice);
            }
            if ended.is_empty() {
                return Finding::good("keys", found);
            }
            let advice = "`mitsuke key revoke NAME` removes a key, and `mitsuke key add NAME` makes another.";
            Finding::note("keys", format!("{found}, of which these have ended: {}", ended.join(", ")), advice)
        }
    }
}

#[cfg(unix)]
fn writable_by_others(settings: &Settings) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = &settings.access.keys_file;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then(|| {
        let found = format!("{} can be written by others (mode {mode:o})", path.display());
        Finding::problem("keys", found, "Whoever writes the file makes keys: chmod 600.")
    })
}

#[cfg(not(unix))]
fn writable_by_others(_settings: &Settings) -> Option<Finding> {
    None
}

fn anonymous(settings: &Settings) -> Finding {
    let answered = Hosts::answered(settings);
    if settings.bind.ip().is_loopback() {
        return Finding::good("keys", format!("no key is needed on {}, which answers {answered}", settings.bind));
    }
    Finding::note(
        "keys",
        format!("everybody who reaches {} may read, upload and delete, {answered}", settings.bind),
        "`mitsuke key add NAME` makes a key, and from then on callers need one.",
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::access::{KeyDigest, Scope, StoredKey};

    fn found(data: &std::path::Path, more: (&str, &str)) -> Vec<Finding> {
        let settings = Settings::from_lookup(&|name| match name {
            "MITSUKE_DATA_DIR" => data.to_str().map(str::to_owned),
            name => (name == more.0).then(|| more.1.to_owned()),
        });
        findings(&settings.unwrap())
    }

    fn add(data: &std::path::Path, name: &str, expires_at: Option<OffsetDateTime>) {
        let (name, created_at) = (name.to_owned(), datetime!(2026-01-01 00:00 UTC));
        let sha256 = KeyDigest::of(&name).to_hex();
        let key = StoredKey { name, scope: Scope::Read, created_at, expires_at, sha256 };
        KeyFile::change(&data.join("keys.json"), |file| file.add(key)).unwrap();
    }

    #[test]
    fn keys_that_open_nothing_and_broken_files_are_problems() {
        let data = tempfile::tempdir().unwrap();
        let none = ("", "");
        assert!(found(data.path(), none)[0].to_string().contains("no key is needed on 127.0.0.1:8080"));
        add(data.path(), "old", Some(datetime!(2026-01-02 00:00 UTC)));
        assert!(found(data.path(), none)[0].is_problem(), "no key opens");
        assert!(!found(data.path(), ("MITSUKE_API_KEYS", "0123456789abcdef"))[0].is_problem());
        add(data.path(), "new", None);
        let findings = found(data.path(), none);
        assert!(!findings[0].is_problem() && findings[0].to_string().contains("have ended: old"), "{}", findings[0]);
        std::fs::write(data.path().join("keys.json"), "{").unwrap();
        assert!(found(data.path(), none)[0].is_problem());
    }
}
