//! Sums of gradients by bin: built from rows, or as the difference of two.

use super::bins::LANES;
use super::gradients::{Gradient, Scale, Sums};

/// The bins of one block's features. Indices are bytes, so that none has to be checked.
pub(super) type Block = [[Sums; 256]; LANES];

/// The sums of one leaf's rows, one block for each [`LANES`] features.
pub(super) struct Histogram {
    pub blocks: Vec<Block>,
}

impl Histogram {
    /// With nothing in it.
    pub(super) fn empty(blocks: usize) -> Self {
        Self { blocks: vec![[[Sums::default(); 256]; LANES]; blocks] }
    }
}

/// Sums rows into a block, from nothing. `gradients` lie in the order of `rows`, `lanes` in that of the table.
pub(super) fn build(block: &mut Block, lanes: &[[u8; LANES]], rows: &[u32], gradients: &[Gradient], scale: Scale) {
    block.iter_mut().for_each(|lane| lane.fill(Sums::default()));
    for (&row, &gradient) in rows.iter().zip(gradients) {
        let bins = lanes[row as usize];
        let sums = scale.sums(gradient);
        for (lane, bin) in block.iter_mut().zip(bins) {
            lane[usize::from(bin)] += sums;
        }
    }
}

/// Takes one of two children from their parent, which leaves the other.
pub(super) fn subtract(parent: &mut Block, child: &Block) {
    for (parent, child) in parent.iter_mut().flatten().zip(child.iter().flatten()) {
        *parent = *parent - *child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtracted_equals_built() {
        let scale = Scale::new(1000, [2.0, 1.0]);
        let gradients: Vec<Gradient> = (0..1000)
            .map(|row| {
                scale.gradient(
                    [f64::from(row * 31 % 97 - 40) / 99.0, f64::from(row % 3) / 3.0],
                    f64::from(row % 5) / 2.0,
                )
            })
            .collect();
        let lanes: Vec<[u8; LANES]> =
            (0..1000).map(|row| [row, row * 7, row * 13 / 5, 3].map(|bin| bin as u8)).collect();
        let built = |rows: &[u32]| {
            let mut block = Histogram::empty(1).blocks.remove(0);
            let own: Vec<Gradient> = rows.iter().map(|&row| gradients[row as usize]).collect();
            build(&mut block, &lanes, rows, &own, scale);
            block
        };
        let (left, right): (Vec<u32>, Vec<u32>) = (0..1000).partition(|row| row * row % 11 < 4);
        let mut parent = built(&(0..1000).collect::<Vec<_>>());
        subtract(&mut parent, &built(&left));
        assert!(parent == built(&right), "the difference is not the histogram of the right rows");
        let rows: usize = parent[2].iter().map(|&sums| scale.rows(sums)).sum();
        assert_eq!(rows, right.len());
    }
}
