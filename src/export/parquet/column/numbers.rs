//! Columns of numbers: chunks made from arrays.

use super::super::order::{RowOrder, Stretch};
use super::bounds::{Bound, Bounds};
use super::chunk::{ChunkWriter, PageFacts};
use super::codec::Scratch;
use super::levels::{Levels, PageLevels};
use super::{PAGE_ROWS, delta, hybrid};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMillisecondType};
use parquet::basic::{Encoding, Type};
use parquet::errors::Result;

/// Distinct numbers that a dictionary may hold.
const DICTIONARY_NUMBERS: usize = 1 << 16;
/// Numbers after which it is asked whether enough of them repeat.
const TRIAL: usize = 4096;

/// Can chunks of arrays of this type be written here?
pub(super) fn takes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int32 | DataType::Int64 | DataType::Timestamp(..))
}

/// Writes the pages of a chunk. `deltas`: numbers that stand in no dictionary as differences.
pub(super) fn write(
    chunk: &mut ChunkWriter,
    arrays: &[ArrayRef],
    order: Option<&RowOrder>,
    deltas: bool,
    scratch: &mut Scratch,
) -> Result<()> {
    let physical = chunk.physical_type();
    let row_count: usize = arrays.iter().map(|array| array.len()).sum();
    let (all, valid) = match order {
        None => flat(arrays.iter()),
        Some(order) => in_order(arrays, order),
    };
    let size = if physical == Type::INT32 { 4 } else { 8 };
    chunk.expect(all.len() * size);
    let dictionary = Dictionary::of(&all, size);
    if let Some(dictionary) = &dictionary {
        chunk.dictionary(&plain(&dictionary.distinct, physical), dictionary.distinct.len(), scratch)?;
    }
    let mut from = 0;
    for first in (0..row_count).step_by(PAGE_ROWS) {
        let rows = first..row_count.min(first + PAGE_ROWS);
        let valid = valid.get(rows.clone());
        let count = valid.map_or(rows.len(), |valid| valid.iter().map(|one| usize::from(*one)).sum());
        let numbers = &all[from..from + count];
        let (encoding, encoded) = match &dictionary {
            Some(dictionary) => {
                let width = hybrid::width(dictionary.distinct.len() as u32 - 1);
                let mut encoded = vec![width as u8];
                hybrid::encode(&dictionary.numbers[from..from + count], width, &mut encoded);
                (Encoding::RLE_DICTIONARY, encoded)
            }
            None if deltas && physical == Type::INT64 => {
                let mut encoded = Vec::new();
                delta::encode(numbers, &mut encoded);
                (Encoding::DELTA_BINARY_PACKED, encoded)
            }
            None => (Encoding::PLAIN, plain(numbers, physical)),
        };
        from += count;
        let mut levels = PageLevels::new(1);
        levels.append(&valid.map_or(Levels::values(1, rows.len()), |valid| Levels::new(1, valid.to_vec())));
        let facts = PageFacts {
            encoding,
            rows: rows.len(),
            histogram: levels.histogram(),
            bounds: bounds(numbers, physical),
            text_bytes: None,
        };
        chunk.data(facts, &mut levels, &[&encoded], scratch)?;
    }
    Ok(())
}

/// The numbers that are not null.
fn numbers(array: &ArrayRef, numbers: &mut Vec<i64>) {
    match array.data_type() {
        DataType::Int32 => numbers_of(array.as_primitive::<Int32Type>(), numbers),
        DataType::Int64 => numbers_of(array.as_primitive::<Int64Type>(), numbers),
        _ => numbers_of(array.as_primitive::<TimestampMillisecondType>(), numbers),
    }
}

fn numbers_of<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &PrimitiveArray<T>, numbers: &mut Vec<i64>) {
    if array.null_count() == 0 {
        numbers.extend(array.values().iter().map(|number| (*number).into()));
    } else {
        numbers.extend(array.iter().flatten().map(Into::into));
    }
}

/// One for a number, zero for a null.
fn valid(array: &ArrayRef, valid: &mut Vec<u8>) {
    match array.nulls() {
        Some(nulls) => valid.extend(nulls.iter().map(u8::from)),
        None => valid.resize(valid.len() + array.len(), 1),
    }
}

/// The numbers that are not null of all arrays, and for each row one for a number and zero for a null; for no row where
/// there are no nulls.
fn flat<'a>(arrays: impl Iterator<Item = &'a ArrayRef> + Clone) -> (Vec<i64>, Vec<u8>) {
    let count = arrays.clone().map(|array| array.len()).sum();
    let (mut all, mut rows) = (Vec::with_capacity(count), Vec::new());
    arrays.clone().for_each(|array| numbers(array, &mut all));
    if all.len() < count {
        arrays.for_each(|array| valid(array, &mut rows));
    }
    (all, rows)
}

/// The same with the rows in that order.
fn in_order(arrays: &[ArrayRef], order: &RowOrder) -> (Vec<i64>, Vec<u8>) {
    let is_mixed = arrays.iter().zip(&order.is_mixed).filter(|(_, is_mixed)| **is_mixed);
    let (mut mixed, mixed_valid) = flat(is_mixed.map(|(array, _)| array));
    if !mixed_valid.is_empty() {
        let mut numbers = mixed.iter().copied();
        let mut number = |valid: &u8| if *valid == 1 { numbers.next() } else { None };
        mixed = mixed_valid.iter().map(|valid| number(valid).unwrap_or(0)).collect();
    }
    let rows: usize = arrays.iter().map(|array| array.len()).sum();
    let has_nulls = arrays.iter().any(|array| array.null_count() > 0);
    let mut all = Vec::with_capacity(rows);
    let mut each = Vec::with_capacity(if has_nulls { rows } else { 0 });
    for stretch in &order.stretches {
        match stretch {
            Stretch::Whole(index) => {
                numbers(&arrays[*index], &mut all);
                if has_nulls {
                    valid(&arrays[*index], &mut each);
                }
            }
            Stretch::Mixed(places) if mixed_valid.is_empty() => {
                let places = &order.mixed[places.clone()];
                all.extend(places.iter().map(|row| mixed[*row as usize]));
                if has_nulls {
                    each.resize(each.len() + places.len(), 1);
                }
            }
            Stretch::Mixed(places) => {
                for row in &order.mixed[places.clone()] {
                    let valid = mixed_valid[*row as usize];
                    each.push(valid);
                    if valid == 1 {
                        all.push(mixed[*row as usize]);
                    }
                }
            }
        }
    }
    (all, each)
}

fn plain(numbers: &[i64], physical: Type) -> Vec<u8> {
    let mut plain = Vec::with_capacity(size_of_val(numbers));
    match physical {
        Type::INT32 => numbers.iter().for_each(|number| plain.extend_from_slice(&(*number as i32).to_le_bytes())),
        _ => numbers.iter().for_each(|number| plain.extend_from_slice(&number.to_le_bytes())),
    }
    plain
}

fn bounds(numbers: &[i64], physical: Type) -> Option<Bounds> {
    let bound = |number: i64| match physical {
        Type::INT32 => Bound::Int(number as i32),
        _ => Bound::Long(number),
    };
    let (least, greatest) = (numbers.iter().min()?, numbers.iter().max()?);
    Some(Bounds { least: bound(*least), greatest: bound(*greatest) })
}

struct Dictionary {
    distinct: Vec<i64>,
    /// For each number its place among the distinct ones.
    numbers: Vec<u32>,
}

impl Dictionary {
    /// `None` where a dictionary of numbers of that many bytes would not make the chunk smaller by a quarter.
    fn of(numbers: &[i64], bytes: usize) -> Option<Dictionary> {
        let mut distinct = Vec::new();
        // Four slots a number that is allowed.
        let mut slots = vec![0u32; 4096];
        let mut places = Vec::with_capacity(numbers.len());
        for number in numbers {
            if places.len() % TRIAL == 0 && !places.is_empty() && distinct.len() * 4 > places.len() {
                return None;
            }
            if distinct.len() * 4 >= slots.len() {
                slots = slots_of(&distinct, slots.len() * 4);
            }
            let at = find(&slots, &distinct, *number)?;
            if slots[at] == 0 {
                if distinct.len() == DICTIONARY_NUMBERS {
                    return None;
                }
                distinct.push(*number);
                slots[at] = distinct.len() as u32;
            }
            places.push(slots[at] - 1);
        }
        let width = hybrid::width(distinct.len().saturating_sub(1) as u32) as usize;
        let size = distinct.len() * bytes + numbers.len() * width / 8;
        (!distinct.is_empty() && size * 4 < numbers.len() * bytes * 3)
            .then_some(Dictionary { distinct, numbers: places })
    }
}

fn slots_of(distinct: &[i64], count: usize) -> Vec<u32> {
    let mut slots = vec![0; count];
    for (place, number) in (1..).zip(distinct) {
        if let Some(at) = find(&slots, distinct, *number) {
            slots[at] = place;
        }
    }
    slots
}

/// The slot of a number, or the free one where it would stand; `None` if too many others are in the way.
fn find(slots: &[u32], distinct: &[i64], number: i64) -> Option<usize> {
    let mask = slots.len() - 1;
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let first = (mixed >> 40) as usize & mask;
    (0..64)
        .map(|step| (first + step) & mask)
        .find(|at| slots[*at] == 0 || distinct[slots[*at] as usize - 1] == number)
}
