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
