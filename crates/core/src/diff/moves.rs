//! Moves: the fewest items that have to change their place.

use super::intern::Budget;

/// Moves that bring a list into order, to be carried out in turn, as (from, to). `order[i]` is the
/// place among the others that item `i` should have in the end.
///
/// `None` where that takes more steps than the budget has.
pub(super) fn moves(order: &[usize], budget: &mut Budget) -> Option<Vec<(usize, usize, usize)>> {
    let stays = longest_increasing(order);
    let moving = stays.iter().filter(|stays| !**stays).count();
    // Every move looks the list through.
    budget.take(moving.checked_mul(order.len())?)?;
    let mut item_at = vec![0; order.len()];
    for (item, &place) in order.iter().enumerate() {
        item_at[place] = item;
    }
    let mut list: Vec<usize> = (0..order.len()).collect();
    let mut made = Vec::new();
    // In the order of their final places, each right behind its final neighbour: whoever stays is
    // in order already, and whoever has moved is where it belongs.
    for &item in item_at.iter().filter(|item| !stays[**item]) {
        let from = list.iter().position(|&other| other == item)?;
        list.remove(from);
        let to = match order[item].checked_sub(1) {
            None => 0,
            Some(before) => list.iter().position(|&other| other == item_at[before])? + 1,
        };
        list.insert(to, item);
        if from != to {
            made.push((from, to, item));
        }
    }
    Some(made)
}

/// Which items are in a longest increasing subsequence (patience sorting, O(n log n)).
pub(crate) fn longest_increasing(order: &[usize]) -> Vec<bool> {
    let (mut tails, mut before) = (Vec::<usize>::new(), vec![None; order.len()]);
    for (i, &place) in order.iter().enumerate() {
        let pile = tails.partition_point(|&tail| order[tail] < place);
        before[i] = pile.checked_sub(1).map(|pile| tails[pile]);
        match tails.get_mut(pile) {
            Some(tail) => *tail = i,
            None => tails.push(i),
        }
    }
    let mut stays = vec![false; order.len()];
    let mut at = tails.last().copied();
    while let Some(i) = at {
        stays[i] = true;
        at = before[i];
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permutation_of_six_comes_into_order() {
        let mut orders = vec![vec![]];
        for n in 0..6 {
            orders = orders
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    (0..=n).map(move |at| {
                        let mut longer = order.clone();
                        longer.insert(at, n);
                        longer
                    })
                })
                .collect();
        }
        assert_eq!(orders.len(), 720);
        for order in orders {
            let mut list = order.clone();
            let made = moves(&order, &mut Budget::default()).unwrap();
            for &(from, to, item) in &made {
                let place = list.remove(from);
                assert_eq!(place, order[item]);
                list.insert(to, place);
            }
            assert!(list.is_sorted(), "{order:?}: {list:?}");
            let stays = longest_increasing(&order).iter().filter(|s| **s).count();
            assert!(made.len() <= order.len() - stays, "{order:?}");
        }
    }
}
