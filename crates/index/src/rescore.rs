//! The second stage of a search: reads the exact vectors of as many candidates as needed, and compares those.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::UnitVector;
use crate::codes::Margin;
use crate::layout::Layout;
use crate::scan::Candidate;

/// The largest number of ids that are read at once. Their vectors take 3 MB at 768 components.
const MAX_BATCH: usize = 1024;

/// The exact similarities that a search has read so far; `None` for an id whose vector is gone.
pub(crate) type Similarities = HashMap<i64, Option<f32>>;

/// A function that returns the exact vectors of ids, in the order of the ids; `None` for a vector that is gone. An
/// error ends the search.
pub type ReadVectors<'a, E> = &'a mut dyn FnMut(&[i64]) -> Result<Vec<Option<UnitVector>>, E>;

/// The rescoring of one search.
pub(crate) struct Rescoring<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) query: &'a UnitVector,
    pub(crate) margin: Margin,
    pub(crate) k: usize,
    /// The largest number of vectors to read.
    pub(crate) limit: usize,
}

impl Rescoring<'_> {
    /// Reads candidates (best estimate first) until no other can be among the `k` nearest, and adds their similarities
    /// to `known`. Returns whether all vectors that were asked for exist.
    ///
    /// # Errors
    /// The errors of `read`.
    pub(crate) fn run<E>(
        &self,
        candidates: &[Candidate],
        known: &mut Similarities,
        read: ReadVectors<'_, E>,
    ) -> Result<bool, E> {
        let margin = self.margin.for_scale(self.layout.largest_scale);
        let mut all_exist = true;
        let mut waiting = candidates.iter().copied().collect::<VecDeque<_>>();
        let mut copies = Copies::new(self.layout, self.k);
        // The first batch is a little larger than `k`; mostly a search needs no more.
        let mut batch_size = self.k.saturating_add(32).min(MAX_BATCH);
        loop {
            let kth = kth_similarity(known, self.k);
            // Ids whose vectors are gone do not count, because reading them costs next to nothing.
            let read_so_far = known.values().flatten().count();
            let room = batch_size.min(self.limit.saturating_sub(read_so_far));
            let can_be_near = |c: &Candidate| kth.is_none_or(|kth| c.estimate + margin >= kth);
            let batch = self.next_batch(&mut waiting, &mut copies, room, can_be_near);
            if batch.is_empty() {
                return Ok(all_exist);
            }
            let unread: Vec<i64> = batch.iter().map(|c| c.id).filter(|id| !known.contains_key(id)).collect();
            let vectors = if unread.is_empty() { Vec::new() } else { read(&unread)? };
            let mut vectors = vectors.into_iter();
            for id in unread {
                let exact = vectors.next().flatten().filter(|v| v.dimension() == self.query.dimension());
                all_exist &= exact.is_some();
                known.insert(id, exact.map(|v| self.query.similarity(&v)));
            }
            for candidate in &batch {
                copies.record(candidate, known.get(&candidate.id).is_some_and(Option::is_some));
            }
            batch_size = MAX_BATCH / 4;
        }
    }

    /// Takes the next candidates to read, at most `room`, up to the first candidate for which `can_be_near` is false.
    fn next_batch(
        &self,
        waiting: &mut VecDeque<Candidate>,
        copies: &mut Copies<'_>,
        room: usize,
        can_be_near: impl Fn(&Candidate) -> bool,
    ) -> Vec<Candidate> {
        let mut batch = Vec::new();
        let mut postponed = Vec::new();
        while batch.len() < room
            && waiting.front().is_some_and(&can_be_near)
            && let Some(candidate) = waiting.pop_front()
        {
            match copies.admit(&candidate) {
                Admission::Read => batch.push(candidate),
                Admission::Later => postponed.push(candidate),
                Admission::Never => {}
            }
        }
        for candidate in postponed.into_iter().rev() {
            waiting.push_front(candidate);
        }
        batch
    }
}

/// Returns the `k`-th best similarity known, once there are `k`.
fn kth_similarity(known: &Similarities, k: usize) -> Option<f32> {
    let mut found: Vec<f32> = known.values().copied().flatten().collect();
    let last = k.checked_sub(1)?;
    (found.len() >= k).then(|| *found.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1)
}

/// Returns the `k` best similarities known: best first, ties by descending id.
pub(crate) fn best(known: &Similarities, k: usize) -> Vec<(i64, f32)> {
    let mut found: Vec<(i64, f32)> = known.iter().filter_map(|(id, s)| s.map(|s| (*id, s))).collect();
    found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    found.truncate(k);
    found
}

/// Returns the `k` best of `candidates`: first the `exact` best similarities known, then the other candidates by their
/// estimates, without a similarity.
pub(crate) fn ranked(
    candidates: &[Candidate],
    known: &Similarities,
    exact: usize,
    k: usize,
) -> Vec<(i64, Option<f32>)> {
    let first = best(known, exact);
    let exact: HashSet<i64> = first.iter().map(|(id, _)| *id).collect();
    let gone = |id| known.get(&id).is_some_and(Option::is_none);
    let others = candidates.iter().map(|candidate| candidate.id).filter(|id| !exact.contains(id) && !gone(*id));
    let first = first.iter().map(|(id, similarity)| (*id, Some(*similarity)));
    first.chain(others.map(|id| (id, None))).take(k).collect()
}

/// The decision whether to read a candidate.
enum Admission {
    Read,
    /// The candidate is read only if one of its copies turns out to be gone.
    Later,
    Never,
}

/// The copies among the candidates. Vectors with equal codes count as copies of one vector. Only the `k` copies with
/// the greatest ids can be among the `k` nearest, so no more are read.
struct Copies<'a> {
    layout: &'a Layout,
    k: usize,
    /// The groups of copies, by the estimate and the scale that equal codes share.
    groups: HashMap<(u32, u32), Vec<Group>>,
}

struct Group {
    first: Candidate,
    /// The number of copies that were read and exist.
    existing: usize,
    /// The number of copies that are being read.
    pending: usize,
}

impl<'a> Copies<'a> {
    fn new(layout: &'a Layout, k: usize) -> Self {
        Self { layout, k, groups: HashMap::new() }
    }

    fn group(&mut self, candidate: &Candidate) -> Option<&mut Group> {
        let layout = self.layout;
        let codes =
            |c: &Candidate| layout.cells.get(c.location.cell as usize).map(|cell| cell.row(c.location.row as usize));
        let groups = self.groups.entry((candidate.estimate.to_bits(), candidate.scale.to_bits())).or_default();
        let at = groups.iter().position(|group| codes(&group.first) == codes(candidate)).unwrap_or_else(|| {
            groups.push(Group { first: *candidate, existing: 0, pending: 0 });
            groups.len() - 1
        });
        groups.get_mut(at)
    }

    fn admit(&mut self, candidate: &Candidate) -> Admission {
        let k = self.k;
        match self.group(candidate) {
            Some(group) if group.existing >= k => Admission::Never,
            Some(group) if group.existing + group.pending >= k => Admission::Later,
            Some(group) => {
                group.pending += 1;
                Admission::Read
            }
            None => Admission::Read,
        }
    }

    /// Records whether the vector of a candidate exists.
    fn record(&mut self, candidate: &Candidate, exists: bool) {
        if let Some(group) = self.group(candidate) {
            group.pending = group.pending.saturating_sub(1);
            group.existing += usize::from(exists);
        }
    }
}
