//! Reading a file piece by piece.

/// Splits `n` bytes off the front of `rest` and returns them; `None` when `rest` has fewer.
pub fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}
