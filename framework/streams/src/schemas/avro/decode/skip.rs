//! Going past what nobody asked for.

use super::no_branch;
use crate::schemas::avro::failure::Failure;
use crate::schemas::avro::input::Input;
use crate::schemas::avro::plan::{Op, OpId, Plan, Step};

/// Skips a value without reading more of it than its lengths.
pub(in crate::schemas::avro) fn skip(
    plan: &Plan,
    op: &Op,
    input: &mut Input<'_>,
) -> Result<(), Failure> {
    match op {
        Op::Null => {}
        Op::Boolean => drop(input.byte()?),
        Op::Int | Op::Long | Op::LongAsFloat | Op::LongAsDouble => drop(input.long()?),
        Op::Enum(_) => drop(input.index()?),
        Op::Float | Op::FloatAsDouble => drop(input.bytes(4)?),
        Op::Double => drop(input.bytes(8)?),
        Op::Bytes | Op::String => drop(input.prefixed()?),
        Op::RestAsBytes | Op::RestAsString => drop(input.rest()),
        Op::Fixed(size) => drop(input.bytes(*size)?),
        Op::Array(item) => skip_blocks(plan, *item, input, false)?,
        Op::Map(value) => skip_blocks(plan, *value, input, true)?,
        Op::Union(branches) => {
            let index = input.index()?;
            let id = branches.get(index).ok_or_else(|| no_branch(index, branches.len()))?;
            skip(plan, plan.op(*id), input)?;
        }
        Op::Branch(branch) => skip(plan, plan.op(branch.op), input)?,
        Op::Record(record) => {
            input.enter(record.steps.len() + 1)?;
            for step in &record.steps {
                match step {
                    Step::Read { name, op } | Step::Skip { name, op } => {
                        let skipped = skip(plan, plan.op(*op), input);
                        skipped.map_err(|failure| failure.in_field(name))?;
                    }
                    Step::Default { .. } => {}
                }
            }
            input.leave();
        }
        Op::Unfit(why) => return Err(Failure::new(why.to_string())),
    }
    Ok(())
}

fn skip_blocks(plan: &Plan, item: OpId, input: &mut Input<'_>, keys: bool) -> Result<(), Failure> {
    input.enter(1)?;
    let item = plan.op(item);
    loop {
        match input.block()? {
            (0, _) => break,
            (_, Some(bytes)) => drop(input.bytes(bytes)?),
            (count, None) => {
                for _ in 0..count {
                    input.spend(1)?;
                    if keys {
                        input.prefixed()?;
                    }
                    skip(plan, item, input)?;
                }
            }
        }
    }
    input.leave();
    Ok(())
}
