//! The lists as a cache of their source.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Expr;
use crate::documents::Documents;
use crate::list::{List, MAX_COLUMNS, place};
use crate::ranking::{ListsOf, Ranked, Ranking};

/// The full-text index that the lists are read from. Each call sees at least every change that has been passed to
/// [`Lists::put`] and [`Lists::remove`] before.
pub trait Source {
    /// The error of a failed read.
    type Error;

    /// Passes the id of every document and its number of tokens to `each`.
    ///
    /// # Errors
    /// Those of the index.
    fn documents(&mut self, each: &mut dyn FnMut(i64, u32)) -> Result<(), Self::Error>;

    /// Passes the id, the column and the offset of every occurrence of a token, or of every token that begins with it,
    /// to `each`.
    ///
    /// # Errors
    /// Those of the index.
    fn occurrences(
        &mut self,
        token: &str,
        is_prefix: bool,
        each: &mut dyn FnMut(i64, u8, u32),
    ) -> Result<(), Self::Error>;
}

/// A token of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// The token.
    pub token: &'a str,
    /// The number of the column, below 16.
    pub column: u8,
    /// The offset among the tokens of the column.
    pub offset: u32,
}

/// Posting lists in memory. All methods take `&self` and may run in parallel.
///
/// A change waits while a list is read, and a list is read from a state of the source that no later change misses. So a
/// list holds every change, or is changed by it when the read has ended; a change that it holds already does no harm.
#[derive(Debug)]
pub struct Lists<S> {
    /// The source, which is locked before the state. Every change holds it.
    source: Mutex<S>,
    state: RwLock<State>,
    /// The weights of the columns.
    weights: [f64; MAX_COLUMNS],
    /// The number of bytes that the lists may take.
    max_bytes: usize,
    /// The number of searches so far.
    searches: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The number of times that everything has been dropped. Lists of different epochs count documents differently.
    epoch: u64,
    /// The documents; `None` until the first search reads them.
    documents: Option<Documents>,
    tokens: HashMap<String, Cached>,
    prefixes: HashMap<String, Cached>,
    bytes: usize,
}

#[derive(Debug)]
struct Cached {
    list: Arc<List>,
    /// The search that has used the list last.
    used: AtomicU64,
}

impl<S: Source> Lists<S> {
    /// Makes lists of `source` that take at most `max_bytes` but for those of the searches under way. `weights` are those
    /// of the columns, 16 at most.
    pub fn new(source: S, weights: &[f64], max_bytes: usize) -> Self {
        let mut of_columns = [0.0; MAX_COLUMNS];
        of_columns.iter_mut().zip(weights).for_each(|(of_column, weight)| *of_column = *weight);
        Self {
            source: Mutex::new(source),
            state: RwLock::default(),
            weights: of_columns,
            max_bytes,
            searches: AtomicU64::new(0),
        }
    }

    /// Ranks the documents that match and are allowed, and returns the best `most` of them. Documents that are not allowed
    /// count in the scores of the others.
    ///
    /// # Errors
    /// Those of the source.
    pub fn search(&self, query: &Expr, allow: Option<&dyn Fn(i64) -> bool>, most: usize) -> Result<Ranked, S::Error> {
        self.with(query, allow, |ranking, query| ranking.ranked(query, most))
    }

    /// Passes the ids of all documents that match to `each`.
    ///
    /// # Errors
    /// Those of the source.
    pub fn each_match(&self, query: &Expr, each: &mut dyn FnMut(i64)) -> Result<(), S::Error> {
        self.with(query, None, |ranking, query| {
            for (number, _) in ranking.matches(query).iter() {
                ranking.documents.id(*number).into_iter().for_each(&mut *each);
            }
        })
    }

    /// Reads the list of a token unless it is in memory, so that no search waits for it.
    ///
    /// # Errors
    /// Those of the source.
    pub fn prepare(&self, token: &str) -> Result<(), S::Error> {
        self.list(token, false).map(|_| ())
    }

    /// Adds or replaces a document. The caller has made the change durable in the source, and makes its changes one after
    /// the other.
    pub fn put<'a>(&self, id: i64, occurrences: impl IntoIterator<Item = Occurrence<'a>>) {
        let _source = self.source();
        let mut places: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut length = 0;
        for Occurrence { token, column, offset } in occurrences {
            places.entry(token).or_default().push(place(column, offset));
            length += 1;
        }
        let mut guard = self.write();
        let state = &mut *guard;
        let Some(number) = state.documents.as_mut().and_then(|documents| documents.put(id, length)) else { return };
        for (token, places) in &mut places {
            places.sort_unstable();
            if let Some(cached) = state.tokens.get_mut(*token) {
                state.bytes += cached.push(number, places);
            }
        }
        for (prefix, cached) in &mut state.prefixes {
            let of_tokens = places.iter().filter(|(token, _)| token.starts_with(prefix.as_str()));
            let mut places: Vec<u32> = of_tokens.flat_map(|(_, places)| places).copied().collect();
            places.sort_unstable();
            state.bytes += cached.push(number, &places);
        }
        state.clear_if_stale();
    }

    /// Removes a document. The caller has made the change durable in the source, and makes its changes one after the
    /// other.
    pub fn remove(&self, id: i64) {
        let _source = self.source();
        let mut state = self.write();
        if let Some(documents) = &mut state.documents {
            documents.remove(id);
        }
        state.clear_if_stale();
    }

    /// Drops everything. Searches read what they need anew.
    pub fn clear(&self) {
        let _source = self.source();
        self.write().clear();
    }

    /// Returns the bytes that the lists take.
    pub fn bytes(&self) -> usize {
        self.read().bytes
    }

    /// Runs `work` on the documents of this moment, with all lists of a query.
    fn with<T>(
        &self,
        query: &Expr,
        allow: Option<&dyn Fn(i64) -> bool>,
        work: impl for<'a> FnOnce(&mut Ranking<'a>, &'a Expr) -> T,
    ) -> Result<T, S::Error> {
        self.searches.fetch_add(1, Ordering::Relaxed);
        let mut needed = HashSet::new();
        query.each_token(&mut |token, is_prefix| _ = needed.insert((token, is_prefix)));
        loop {
            let mut epochs = HashSet::new();
            let mut lists = ListsOf::new();
            for (token, is_prefix) in &needed {
                let (epoch, list) = self.list(token, *is_prefix)?;
                epochs.insert(epoch);
                lists.insert((token, *is_prefix), list);
            }
            let state = self.read();
            // Everything may have been dropped meanwhile.
            if let Some(documents) = &state.documents
                && epochs.iter().all(|epoch| *epoch == state.epoch)
            {
                return Ok(work(&mut Ranking::new(documents, &lists, &self.weights, allow), query));
            }
            if needed.is_empty() {
                return Ok(work(&mut Ranking::new(&Documents::default(), &lists, &self.weights, allow), query));
            }
        }
    }

    /// Returns a list and its epoch.
    fn list(&self, token: &str, is_prefix: bool) -> Result<(u64, Arc<List>), S::Error> {
        if let Some(found) = self.cached(token, is_prefix) {
            return Ok(found);
        }
        let mut source = self.source();
        // Another search may have read the list while this one waited.
        if let Some(found) = self.cached(token, is_prefix) {
            return Ok(found);
        }
        if self.read().documents.is_none() {
            let mut documents = Documents::default();
            source.documents(&mut |id, length| _ = documents.put(id, length))?;
            self.write().documents = Some(documents);
        }
        let mut pairs = Vec::new();
        {
            let state = self.read();
            let documents = state.documents.as_ref();
            // A document that is not known yet has been committed, and its change waits for this read.
            source.occurrences(token, is_prefix, &mut |id, column, offset| {
                let number = documents.and_then(|documents| documents.number(id));
                pairs.extend(number.map(|number| (number, place(column, offset))));
            })?;
        }
        let list = Arc::new(List::new(pairs));
        let mut state = self.write();
        let used = AtomicU64::new(self.searches.load(Ordering::Relaxed));
        state.bytes += bytes_of(token, &list);
        state.of_mut(is_prefix).insert(token.to_owned(), Cached { list: Arc::clone(&list), used });
        if state.bytes > self.max_bytes {
            state.drop_unused(self.max_bytes);
        }
        Ok((state.epoch, list))
    }

    fn cached(&self, token: &str, is_prefix: bool) -> Option<(u64, Arc<List>)> {
        let state = self.read();
        let cached = if is_prefix { &state.prefixes } else { &state.tokens }.get(token)?;
        cached.used.store(self.searches.load(Ordering::Relaxed), Ordering::Relaxed);
        Some((state.epoch, Arc::clone(&cached.list)))
    }

    fn source(&self) -> MutexGuard<'_, S> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| {
            // A change ended in a panic and may be incomplete, so everything is read anew.
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            state.clear();
            state
        })
    }
}

impl State {
    fn of_mut(&mut self, is_prefix: bool) -> &mut HashMap<String, Cached> {
        if is_prefix { &mut self.prefixes } else { &mut self.tokens }
    }

    fn clear(&mut self) {
        *self = Self { epoch: self.epoch + 1, ..Self::default() };
    }

    fn clear_if_stale(&mut self) {
        if self.documents.as_ref().is_some_and(Documents::is_stale) {
            self.clear();
        }
    }

    /// Drops the lists that no search has used for longest, down to three quarters of `max_bytes`.
    fn drop_unused(&mut self, max_bytes: usize) {
        let mut by_use: Vec<(u64, usize)> = self
            .tokens
            .iter()
            .chain(&self.prefixes)
            .map(|(token, cached)| (cached.used.load(Ordering::Relaxed), bytes_of(token, &cached.list)))
            .collect();
        by_use.sort_unstable();
        let too_many = self.bytes.saturating_sub(max_bytes / 4 * 3);
        let mut dropped = 0;
        let last_dropped = by_use.into_iter().take_while(|(_, bytes)| {
            let goes = dropped < too_many;
            dropped += bytes;
            goes
        });
        let Some((last_dropped, _)) = last_dropped.last() else { return };
        for lists in [&mut self.tokens, &mut self.prefixes] {
            lists.retain(|_, cached| cached.used.load(Ordering::Relaxed) > last_dropped);
        }
        self.bytes =
            self.tokens.iter().chain(&self.prefixes).map(|(token, cached)| bytes_of(token, &cached.list)).sum();
    }
}

impl Cached {
    /// Adds the places of a document to the list, and returns the number of bytes that the list has grown by.
    fn push(&mut self, number: u32, places: &[u32]) -> usize {
        if places.is_empty() {
            return 0;
        }
        let before = self.list.bytes();
        // A search that uses the list keeps it as it is; the list is copied then.
        let list = Arc::make_mut(&mut self.list);
        places.iter().for_each(|place| list.push(number, *place));
        list.bytes().saturating_sub(before)
    }
}

fn bytes_of(token: &str, list: &List) -> usize {
    size_of::<(String, Cached)>() + token.len() + list.bytes()
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
