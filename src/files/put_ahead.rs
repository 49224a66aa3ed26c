//! Writes an output in pieces, each of which is made while the one before is written.

/// Passes the pieces that `next` makes to `put`, in their order. The next piece is made on the threads of the current pool
/// while `put` takes the one before, so two pieces are in memory.
///
/// # Errors
/// The first error of `put`, else that of `next`. A piece made after an error of `put` is dropped.
pub(crate) fn put_ahead<P: Send, E: Send>(
    mut next: impl FnMut() -> Result<Option<P>, E> + Send,
    mut put: impl FnMut(P) -> Result<(), E> + Send,
) -> Result<(), E> {
    let mut made = next()?;
    while let Some(piece) = made {
        let (written, following) = rayon::join(|| put(piece), &mut next);
        written?;
        made = following?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_in_order_up_to_the_first_error() {
        for (made, refused, expected) in
            [(9, 9, Ok(9)), (5, 9, Err(5)), (5, 2, Err(2)), (5, 5, Err(5))]
        {
            let (mut at, mut put) = (0, Vec::new());
            let next = || match at {
                9 => Ok(None),
                _ if at == made => Err(made),
                _ => {
                    at += 1;
                    Ok(Some(at - 1))
                }
            };
            let result = put_ahead(next, |piece| match piece {
                _ if piece == refused => Err(refused),
                _ => {
                    put.push(piece);
                    Ok(())
                }
            });
            assert!(put.iter().copied().eq(0..expected.unwrap_or_else(|end| end)));
            assert_eq!(result.map(|()| 9), expected);
        }
    }
}
