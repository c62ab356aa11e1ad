//! Lists and rankings that the server answers page by page.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::failure::{Failure, FailureKind};

/// The number of pictures that are asked for at once, unless the server takes fewer.
const PAGE: u64 = 50;

/// The list or ranking to read.
#[derive(Debug, Clone)]
pub enum Query {
    /// The images of `GET /images` with these parameters.
    List(Vec<(String, String)>),
    /// The images of `GET /images/layout` with these parameters, among which `q` is a query line.
    Layout(Vec<(String, String)>),
    /// The hits of `GET /search` with these parameters.
    Line(Vec<(String, String)>),
    /// The hits of `POST /search/image`.
    Pictures {
        /// The pictures to search by.
        files: Vec<PathBuf>,
        /// The other parts of the form.
        parts: Vec<(String, String)>,
    },
}

/// The pages of a list or ranking, read one after the other.
#[derive(Debug)]
pub struct Pages<'a> {
    client: &'a Client,
    query: Query,
    /// The number of pictures that are still wanted; `None` for all.
    wanted: Option<u64>,
    page: u64,
    cursor: Option<String>,
    is_complete: bool,
    /// The images of a layout that are still to be asked for.
    ids: VecDeque<i64>,
    total: Option<Total>,
}

/// A page of images or hits.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The images or hits, as the API describes them.
    #[serde(alias = "hits")]
    pub images: Vec<Value>,
    /// The number of images on all pages, where the server knows it.
    #[serde(default)]
    pub total: Option<Total>,
    next_cursor: Option<String>,
}

/// The ids of images in their order.
#[derive(Debug, Deserialize)]
struct Layout {
    image_ids: Vec<i64>,
    total: Total,
    next_cursor: Option<String>,
}

/// A number of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Total {
    /// The number, or a number that there are at least.
    pub count: u64,
    /// Whether `count` is the exact number.
    pub exact: bool,
}

impl Client {
    /// Prepares to read the first `wanted` pictures of a list or ranking, or all of them. Sends nothing.
    #[must_use]
    pub fn pages(&self, query: Query, wanted: Option<u64>) -> Pages<'_> {
        Pages {
            client: self,
            query,
            wanted,
            page: PAGE,
            cursor: None,
            is_complete: wanted == Some(0),
            ids: VecDeque::new(),
            total: None,
        }
    }
}

impl Pages<'_> {
    /// Reads the next page; `None` after the last one.
    ///
    /// # Errors
    /// When the server refuses the query, or does not answer.
    pub async fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.is_complete {
            return Ok(None);
        }
        let page = match self.read().await {
            // An operator may allow smaller pages only.
            Err(Failure { kind: FailureKind::Rejected, limit: Some(limit), .. }) if (1..self.page).contains(&limit) => {
                self.page = limit;
                self.read().await?
            }
            page => page?,
        };
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(page.images.len() as u64));
        if !matches!(self.query, Query::Layout(_)) {
            self.cursor.clone_from(&page.next_cursor);
        }
        self.is_complete = (self.cursor.is_none() && self.ids.is_empty()) || self.wanted == Some(0);
        Ok(Some(page))
    }

    async fn read(&mut self) -> Result<Page, Failure> {
        let limit = self.wanted.map_or(self.page, |wanted| wanted.min(self.page));
        let mut place = vec![("limit".to_owned(), limit.to_string())];
        place.extend(self.cursor.clone().map(|cursor| ("cursor".to_owned(), cursor)));
        let with_place = |parameters: &[(String, String)]| [parameters, &place].concat();
        match &self.query {
            Query::List(parameters) => self.get("images", with_place(parameters)).await,
            Query::Layout(parameters) => {
                if self.ids.is_empty() {
                    let place = self.cursor.clone().map(|cursor| ("cursor".to_owned(), cursor));
                    let parameters = parameters.iter().cloned().chain(place).collect();
                    let layout: Layout = self.get("images/layout", parameters).await?;
                    (self.ids, self.cursor) = (layout.image_ids.into(), layout.next_cursor);
                    self.total = self.total.or(Some(layout.total));
                }
                self.read_ids(limit).await
            }
            Query::Line(parameters) => self.get("search", with_place(parameters)).await,
            Query::Pictures { files, parts } => {
                let parts = with_place(parts);
                let bytes = files.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
                let with_form =
                    async |request: RequestBuilder| io::Result::Ok(request.multipart(form(files, &parts).await?));
                self.client.send(Method::POST, "search/image", bytes, with_form).await
            }
        }
    }

    /// Reads the next images of a layout. Those that have been deleted meanwhile are left out.
    async fn read_ids(&mut self, limit: u64) -> Result<Page, Failure> {
        let count = usize::try_from(limit).unwrap_or(usize::MAX).min(self.ids.len());
        let mut page = Page { images: Vec::new(), total: self.total, next_cursor: None };
        if count > 0 {
            let ids: Vec<i64> = self.ids.iter().take(count).copied().collect();
            let answer: Page = self.client.send_json(Method::POST, "images/get", &json!({ "image_ids": ids })).await?;
            self.ids.drain(..count);
            page.images = answer.images;
        }
        Ok(page)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, parameters: Vec<(String, String)>) -> Result<T, Failure> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.client.get(path, &parameters).await
    }
}

/// Returns the fields of a filter as the parameters of a query string.
#[must_use]
pub fn filter_parameters(filter: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    filter.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Builds the form of a search by pictures. Opens the files and does not read them.
async fn form(files: &[PathBuf], parts: &[(String, String)]) -> io::Result<Form> {
    // The texts come before the files, so that a server can refuse them early.
    let mut form = parts.iter().fold(Form::new(), |form, (name, text)| form.text(name.clone(), text.clone()));
    for file in files {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        // The server looks at the bytes, and not at the name, which a form may be unable to carry.
        form = form.part("file", Part::file(file).await.map_err(named)?.file_name("picture"));
    }
    Ok(form)
}
