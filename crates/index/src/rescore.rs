//! The second stage of a search: candidates are compared by their exact vectors, as many as it takes.

use std::collections::{HashMap, VecDeque};

use super::codes::Margin;
use super::layout::Layout;
use super::scan::Candidate;
use crate::UnitVector;

/// Most ids read at once: of 768 components, their vectors take 3 MB.
const ROUND: usize = 1024;

/// The exact similarities read so far in a search; `None` for an id whose vector is gone.
pub(super) type Known = HashMap<i64, Option<f32>>;

/// Reads the exact vectors of ids, in their order; `None` for one that is gone.
pub type ReadVectors<'a, E> = &'a mut dyn FnMut(&[i64]) -> Result<Vec<Option<UnitVector>>, E>;

/// What a rescoring works with.
pub(super) struct Rescoring<'a> {
    pub(super) layout: &'a Layout,
    pub(super) query: &'a UnitVector,
    pub(super) margin: Margin,
    pub(super) k: usize,
    /// Most vectors to read.
    pub(super) limit: usize,
}

impl Rescoring<'_> {
    /// Reads candidates (best estimate first) until no other can be among the `k` nearest, and adds what was read
    /// to `known`. Whether all vectors read were still there.
    ///
    /// # Errors
    /// What `read` fails with.
    pub(super) fn run<E>(
        &self,
        candidates: Vec<Candidate>,
        known: &mut Known,
        read: ReadVectors<'_, E>,
    ) -> Result<bool, E> {
        let margin = self.margin.of(self.layout.largest_scale);
        let mut all_there = true;
        let mut waiting = VecDeque::from(candidates);
        let mut twins = Twins::new(self.layout, self.k);
        // With nothing exact to compare with yet, a few more than `k` are mostly all that is needed.
        let mut round = self.k.saturating_add(32).min(ROUND);
        loop {
            let kth = kth_similarity(known, self.k);
            // Ids whose vectors are gone cost next to nothing to read.
            let there = known.values().flatten().count();
            let room = round.min(self.limit.saturating_sub(there));
            let hopeful = |c: &Candidate| kth.is_none_or(|kth| c.estimate + margin >= kth);
            let batch = self.next_batch(&mut waiting, &mut twins, room, hopeful);
            if batch.is_empty() {
                return Ok(all_there);
            }
            let unread: Vec<i64> = batch.iter().map(|c| c.id).filter(|id| !known.contains_key(id)).collect();
            let vectors = if unread.is_empty() { Vec::new() } else { read(&unread)? };
            let mut vectors = vectors.into_iter();
            for id in unread {
                let exact = vectors.next().flatten().filter(|v| v.dimension() == self.query.dimension());
                all_there &= exact.is_some();
                known.insert(id, exact.map(|v| self.query.similarity(&v)));
            }
            for candidate in &batch {
                twins.settle(candidate, known.get(&candidate.id).is_some_and(Option::is_some));
            }
            round = ROUND / 4;
        }
    }

    /// The next candidates to read, at most `room`; those for which `hopeful` is false end the search.
    fn next_batch(
        &self,
        waiting: &mut VecDeque<Candidate>,
        twins: &mut Twins<'_>,
        room: usize,
        hopeful: impl Fn(&Candidate) -> bool,
    ) -> Vec<Candidate> {
        let mut batch = Vec::new();
        let mut put_off = Vec::new();
        while batch.len() < room
            && waiting.front().is_some_and(&hopeful)
            && let Some(candidate) = waiting.pop_front()
        {
            match twins.admit(&candidate) {
                Admission::Read => batch.push(candidate),
                Admission::Later => put_off.push(candidate),
                Admission::Never => {}
            }
        }
        for candidate in put_off.into_iter().rev() {
            waiting.push_front(candidate);
        }
        batch
    }
}

/// The `k`-th best similarity known, once there are `k`.
fn kth_similarity(known: &Known, k: usize) -> Option<f32> {
    let mut found: Vec<f32> = known.values().copied().flatten().collect();
    let last = k.checked_sub(1)?;
    (found.len() >= k).then(|| *found.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1)
}

/// The `k` best of what is known: best first, of equals the greater id first.
pub(super) fn best(known: &Known, k: usize) -> Vec<(i64, f32)> {
    let mut found: Vec<(i64, f32)> = known.iter().filter_map(|(id, s)| s.map(|s| (*id, s))).collect();
    found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    found.truncate(k);
    found
}

/// Whether to read a candidate.
enum Admission {
    Read,
    /// Only if one of its twins turns out to be gone.
    Later,
    Never,
}

/// Vectors with one and the same code are taken for copies of one vector. Of a thousand copies only the `k`
/// with the greatest ids can be among the `k` nearest, so only that many are read.
struct Twins<'a> {
    layout: &'a Layout,
    k: usize,
    /// Found by what equal codes must share: estimate and scale.
    groups: HashMap<(u32, u32), Vec<Group>>,
}

struct Group {
    first: Candidate,
    there: usize,
    unsettled: usize,
}

impl<'a> Twins<'a> {
    fn new(layout: &'a Layout, k: usize) -> Self {
        Self { layout, k, groups: HashMap::new() }
    }

    fn group(&mut self, candidate: &Candidate) -> Option<&mut Group> {
        let layout = self.layout;
        let codes =
            |c: &Candidate| layout.cells.get(c.location.cell as usize).map(|cell| cell.row(c.location.row as usize));
        let groups = self.groups.entry((candidate.estimate.to_bits(), candidate.scale.to_bits())).or_default();
        let at = groups.iter().position(|group| codes(&group.first) == codes(candidate)).unwrap_or_else(|| {
            groups.push(Group { first: *candidate, there: 0, unsettled: 0 });
            groups.len() - 1
        });
        groups.get_mut(at)
    }

    fn admit(&mut self, candidate: &Candidate) -> Admission {
        let k = self.k;
        match self.group(candidate) {
            Some(group) if group.there >= k => Admission::Never,
            Some(group) if group.there + group.unsettled >= k => Admission::Later,
            Some(group) => {
                group.unsettled += 1;
                Admission::Read
            }
            None => Admission::Read,
        }
    }

    fn settle(&mut self, candidate: &Candidate, there: bool) {
        if let Some(group) = self.group(candidate) {
            group.unsettled = group.unsettled.saturating_sub(1);
            group.there += usize::from(there);
        }
    }
}
