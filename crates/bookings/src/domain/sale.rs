//! Whether seats can be had, and what they cost.

use contracts::bookings::SoldSeat;
use contracts::layout::Seat;
use contracts::showtimes::CheckedShowtime;
use contracts::{Case, FieldError, Problem};

/// Prices all wanted seats, or says why of each one that cannot be had. A seat that the booking keeps costs what it was
/// sold for, any other one today's price.
///
/// # Errors
/// `SeatsUnavailable`, with `taken`, `blocked` or `unknown` for each seat.
pub(super) fn sell(
    wanted: &[Seat],
    kept: &[SoldSeat],
    is_taken: impl Fn(Seat) -> bool,
    checked: &CheckedShowtime,
) -> Result<Vec<SoldSeat>, Problem> {
    let mut sold = Vec::with_capacity(wanted.len());
    let mut errors = Vec::new();
    for seat in wanted {
        let offer = if is_taken(*seat) { Err(("taken", "is taken")) } else { offer(*seat, kept, checked) };
        match offer {
            Ok(seat) => sold.push(seat),
            Err((reason, what)) => {
                errors.push(FieldError::new(format!("seats.{seat}"), reason, format!("seat {seat} {what}")));
            }
        }
    }
    if errors.is_empty() {
        return Ok(sold);
    }
    let detail = format!("{} of {} seats cannot be booked", errors.len(), wanted.len());
    Err(Problem::new(Case::SeatsUnavailable, detail).with_errors(errors))
}

fn offer(seat: Seat, kept: &[SoldSeat], checked: &CheckedShowtime) -> Result<SoldSeat, (&'static str, &'static str)> {
    if let Some(kept) = kept.iter().find(|kept| kept.seat == seat) {
        return Ok(kept.clone());
    }
    let category = match checked.sold.get(&seat) {
        Some(category) => category,
        None if checked.blocked.contains(&seat) => return Err(("blocked", "is not sold")),
        None => return Err(("unknown", "is not in the hall")),
    };
    // The schedule asks for a price for each category; should one be missing, nobody sits for nothing.
    let price = checked.showtime.prices.get(category).ok_or(("blocked", "has no price"))?;
    Ok(SoldSeat { seat, category: category.clone(), price: price.clone() })
}
