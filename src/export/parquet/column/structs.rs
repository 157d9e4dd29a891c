//! Structs of text to pieces, one a leaf.

use super::codec::Scratch;
use super::text::{self, RowLevels, TextForm};
use super::{Piece, PieceForm};
use crate::batch::{Cells, Column, TextCells};
use crate::parse::FieldTable;
use parquet::errors::Result;

/// Are all leaves text?
pub(super) fn holds_text(members: &[Column]) -> bool {
    members.iter().all(|member| match member.cells {
        Cells::Struct(members) => holds_text(members),
        ref cells => cells.is_text(),
    })
}

/// Appends the pieces of the leaves, in the order of the file.
pub(super) fn pieces(
    members: &[Column],
    table: &FieldTable,
    rows: &[u32],
    form: PieceForm,
    scratch: &mut Scratch,
    pieces: &mut Vec<Piece>,
) -> Result<()> {
    for leaf in leaves(members, table, rows).0 {
        let levels = RowLevels { greatest: leaf.greatest, given: Some(&leaf.levels) };
        let form = TextForm::of(leaf.column, form);
        pieces.push(Piece::Text(text::pieces(&leaf.cells, rows, levels, form, scratch)?));
    }
    Ok(())
}

struct Leaf<'a> {
    cells: TextCells<'a>,
    column: &'a Column,
    /// The level of a row with a text.
    greatest: u8,
    /// One a row.
    levels: Vec<u8>,
}

/// The leaves of a struct, and for each row whether any of them has a text: else the struct is null.
fn leaves<'a>(members: &'a [Column], table: &'a FieldTable, rows: &[u32]) -> (Vec<Leaf<'a>>, Vec<bool>) {
    let mut all = Vec::new();
    let mut present = vec![false; rows.len()];
    for member in members {
        let (leaves, member_present) = match member.cells {
            Cells::Struct(members) => leaves(members, table, rows),
            ref cells => {
                let cells = TextCells::of(cells, table, rows);
                let present = cells.present(rows);
                let levels = present.iter().map(|present| u8::from(*present)).collect();
                (vec![Leaf { cells, column: member, greatest: 1, levels }], present)
            }
        };
        all.extend(leaves);
        present.iter_mut().zip(member_present).for_each(|(any, one)| *any |= one);
    }
    for leaf in &mut all {
        leaf.greatest += 1;
        leaf.levels.iter_mut().zip(&present).for_each(|(level, present)| *level += u8::from(*present));
    }
    (all, present)
}
