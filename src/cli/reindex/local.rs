//! A reindex in this process, on the store of the settings.

use std::error::Error;
use std::sync::Arc;

use mitsuke::app;
use mitsuke::config::Settings;
use mitsuke::stores::StoreChoice;
use mitsuke_client::reindex::{Outcome, POLL_INTERVAL, Run, State, UnreadFile};
use mitsuke_engine::blocking;
use mitsuke_engine::reindex::{ReindexState, ReindexStatus, Reindexing};

use super::progress::Progress;
use crate::cli::backfill::explain_lock;

/// Opens the store, reads its files again, and closes the store.
///
/// # Errors
/// When the settings or the store cannot be used, or the store fails.
pub async fn reindex() -> Result<(Outcome, Run), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let store = StoreChoice::new(&settings).open().map_err(explain_lock)?;
    // The files are read behind searches and uploads, which the models know of; here there are none.
    let models = Arc::new(app::open_models(&settings, Arc::clone(&store))?);
    let handle = tokio::runtime::Handle::current();
    let reindexing =
        Reindexing::new(Arc::clone(&models), Arc::new(app::decoder(&settings)), settings.limits.text_chars, handle);
    let result = follow(&reindexing).await;
    reindexing.stop().await;
    blocking::run(move || {
        models.close();
        store.close()
    })
    .await??;
    result
}

/// Starts the reindex and follows it to its end.
async fn follow(reindexing: &Reindexing) -> Result<(Outcome, Run), Box<dyn Error>> {
    reindexing.start().await?;
    let mut progress = Progress::new();
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let outcome = loop {
        let Some(status) = reindexing.status() else { break Outcome::Stopped };
        progress.show(&run_of(&status));
        match status.state {
            ReindexState::Running => {}
            ReindexState::Finished => break Outcome::Finished,
            ReindexState::Stopped => break Outcome::Stopped,
            ReindexState::Failed => break Outcome::Failed(status.reason.unwrap_or_default()),
        }
        tokio::select! {
            _ = &mut interrupted => break Outcome::Interrupted,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    };
    // The files that are being read are stored before the last count.
    reindexing.stop().await;
    progress.end();
    Ok((outcome, reindexing.status().as_ref().map(run_of).unwrap_or_default()))
}

/// Describes a reindex as a server does, so that both print alike.
fn run_of(status: &ReindexStatus) -> Run {
    let failures =
        status.failures.iter().map(|failure| UnreadFile { image_id: failure.image_id, reason: failure.reason.clone() });
    Run {
        state: match status.state {
            ReindexState::Running => State::Running,
            ReindexState::Finished => State::Finished,
            ReindexState::Stopped => State::Stopped,
            ReindexState::Failed => State::Failed,
        },
        reason: status.reason.clone(),
        total: status.total,
        read: status.counts.read,
        captions: status.counts.captions,
        generation_prompts: status.counts.generation_prompts,
        tags: status.counts.tags,
        unchanged: status.counts.unchanged,
        failed: status.counts.failed,
        changed_images: status.changed.clone(),
        failures: failures.collect(),
        per_second: status.per_second,
    }
}
