//! The homes of one store.

use std::ops::Range;

use super::{Folder, Home, HomeError, InPlace, LinkFolders, OriginalHome, OriginalKey, OriginalsOptions};
use crate::{RoomState, StoreError};

/// The homes of originals of one store.
pub(crate) struct Homes {
    new: Home,
    folder: Option<Folder>,
    in_place: InPlace,
}

impl Homes {
    /// Makes the homes that the options name for the store with this identity; `owner` says in words which one it is.
    pub(crate) fn new(options: &OriginalsOptions, identity: &str, owner: &str) -> Self {
        let folder = options.folder.as_deref().map(|root| Folder::new(root, identity, owner, options.min_free_bytes));
        Self { new: options.home, folder, in_place: InPlace::new(LinkFolders::new(&options.link_folders)) }
    }

    /// Returns the home of new originals.
    pub(crate) fn new_home(&self) -> Home {
        self.new
    }

    /// Returns the folder of originals.
    ///
    /// # Errors
    /// [`HomeError::Away`] when the store has none.
    pub(crate) fn folder(&self) -> Result<&Folder, HomeError> {
        self.folder
            .as_ref()
            .ok_or_else(|| HomeError::Away("there is no folder of originals: set MITSUKE_ORIGINALS_DIR".to_owned()))
    }

    /// Returns a home outside of the database.
    fn home(&self, home: Home) -> Result<&dyn OriginalHome, HomeError> {
        match home {
            Home::Folder => Ok(self.folder()?),
            Home::InPlace => Ok(&self.in_place),
            Home::Database => Err(HomeError::Failed("the database is no home of files".to_owned())),
        }
    }

    /// Reads the bytes of a range as [`OriginalHome::read`] does.
    pub(crate) fn read(
        &self,
        home: Home,
        key: &OriginalKey<'_>,
        range: Range<u64>,
    ) -> Result<Option<Vec<u8>>, HomeError> {
        self.home(home)?.read(key, range)
    }

    /// Makes the folder ready for use if new originals go there or some lie there. `holds_some` says whether rows name
    /// originals in it. A folder that is not there and holds some is told to the log, and its originals cannot be read
    /// until it is.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] when the folder belongs to another store; when it cannot be made.
    pub(crate) fn open(&self, holds_some: bool) -> Result<(), StoreError> {
        match &self.folder {
            Some(folder) if holds_some || self.new == Home::Folder => folder.claim(holds_some),
            None if holds_some || self.new == Home::Folder => {
                log::error!("originals lie in a folder, and no folder of originals is set (MITSUKE_ORIGINALS_DIR)");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns the room on the disk of the folder if new originals go there.
    pub(crate) fn room(&self) -> Option<RoomState> {
        if self.new == Home::Folder { self.folder.as_ref()?.room() } else { None }
    }
}
