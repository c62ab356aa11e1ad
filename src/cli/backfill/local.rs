//! A backfill in this process, on the store of the settings.

use std::error::Error;
use std::sync::Arc;

use mitsuke::app;
use mitsuke::config::Settings;
use mitsuke::stores::{OpenError, StoreChoice};
use mitsuke_client::backfill::{Outcome, POLL_INTERVAL};
use mitsuke_client::models::Coverage;
use mitsuke_engine::backfill::{BackfillState, Backfills};
use mitsuke_engine::blocking;
use mitsuke_engine::models::Models;
use mitsuke_store::{Occasion, Store, StoreError};

use super::Report;
use super::choice::{NamedModel, choose};
use super::progress::Progress;
use crate::cli::interrupt;

/// Opens the store and the models, backfills the model, and closes both.
///
/// # Errors
/// When the settings, the store or the models cannot be used, or the store fails.
pub async fn backfill(model: &str, retry_failed: bool) -> Result<Report, Box<dyn Error>> {
    let settings = Settings::from_env()?;
    app::check_device(&settings)?;
    let store = StoreChoice::new(&settings).open().map_err(explain_lock)?;
    let models = Arc::new(app::open_models(&settings, Arc::clone(&store))?);
    let (decoder, options) = (Arc::new(app::decoder(&settings)), settings.encoder_options());
    let handle = tokio::runtime::Handle::current();
    let backfills = Arc::new(Backfills::new(Arc::clone(&models), decoder, &options, handle));
    let report = follow(model, retry_failed, &models, &backfills, &store).await;
    backfills.shut_down().await;
    blocking::run(move || {
        models.close();
        // The rows of the backfill may be enough for a vector index, or too many for the one that is there.
        if let Err(error) = store.maintain(Occasion::AfterBulkWork, &mut |sentence| println!("{sentence}")) {
            log::warn!("the upkeep of the store failed: {error}");
        }
        store.close()
    })
    .await??;
    report
}

/// Adds what to do when a server is running on the store, which is the most common mistake.
pub fn explain_lock(error: OpenError) -> Box<dyn Error> {
    match error.cause {
        StoreError::Locked(folder) => format!(
            "the store in {} belongs to a running server. Have that server do the work: add --server \
             http://127.0.0.1:8080 (its address).",
            folder.display()
        )
        .into(),
        _ => error.into(),
    }
}

/// Starts the backfill and follows it to its end.
async fn follow(
    model: &str,
    retry_failed: bool,
    models: &Arc<Models>,
    backfills: &Arc<Backfills>,
    store: &Arc<dyn Store>,
) -> Result<Report, Box<dyn Error>> {
    let listed = Arc::clone(models);
    let listed = blocking::run(move || listed.list()).await??;
    let named = listed.into_iter().map(|status| NamedModel {
        model_id: status.model.model_id,
        name: status.model.model_name,
        version: status.model.model_version,
    });
    let model = choose(model, named)?;
    let (model_id, model) = (model.model_id, model.to_string());
    backfills.start(model_id, retry_failed).await?;
    let mut progress = Progress::new(&model);
    let mut interrupted = std::pin::pin!(interrupt::signal());
    let outcome = loop {
        tokio::select! {
            _ = &mut interrupted => break Outcome::Interrupted,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        let Some(status) = backfills.status(model_id) else { break Outcome::Stopped };
        let waiting = status.state == BackfillState::Waiting;
        progress.show(coverage(store, model_id).await?, status.per_second, waiting);
        match status.state {
            BackfillState::Running | BackfillState::Waiting => {}
            BackfillState::Finished => break Outcome::Finished,
            BackfillState::Stopped => break Outcome::Stopped,
            BackfillState::Failed => break Outcome::Failed(status.reason.unwrap_or_default()),
        }
    };
    // The images that are being embedded are stored before the last count.
    backfills.shut_down().await;
    progress.end();
    Ok(Report { model, outcome, coverage: coverage(store, model_id).await? })
}

async fn coverage(store: &Arc<dyn Store>, model_id: i64) -> Result<Coverage, Box<dyn Error>> {
    let store = Arc::clone(store);
    let mitsuke_store::Coverage { embedded, failed, total } = blocking::run(move || store.coverage(model_id)).await??;
    Ok(Coverage { embedded, failed, total })
}
