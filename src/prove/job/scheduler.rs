//! Shards by the environment variables of schedulers that run arrays of jobs.
//!
//! | scheduler | number of this job | number of jobs | source |
//! | --- | --- | --- | --- |
//! | Kubernetes, indexed job | `JOB_COMPLETION_INDEX`, from 0 | none: `completions` of the job | Kubernetes, "Job", completion mode |
//! | Slurm, job array | `SLURM_ARRAY_TASK_ID` | `SLURM_ARRAY_TASK_COUNT`, if the array begins at 0 or 1 | sbatch(1) |
//! | AWS Batch, array job | `AWS_BATCH_JOB_ARRAY_INDEX`, from 0 | `AWS_BATCH_JOB_ARRAY_SIZE` | AWS Batch, "Environment variables" |
//!
//! A task of a Slurm array that failed is repeated by a smaller array (`sbatch --array=7`), in which all other variables are those
//! of the smaller one. So with a given number of shards, the number of the task alone says which shard it is.

use thiserror::Error;

use super::Shard;
use crate::primitives::Number;

const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
const SLURM: &str = "SLURM_ARRAY_TASK_ID";
const SLURM_FIRST: &str = "SLURM_ARRAY_TASK_MIN";
const SLURM_LAST: &str = "SLURM_ARRAY_TASK_MAX";
const SLURM_COUNT: &str = "SLURM_ARRAY_TASK_COUNT";
const AWS_BATCH: &str = "AWS_BATCH_JOB_ARRAY_INDEX";
const AWS_BATCH_COUNT: &str = "AWS_BATCH_JOB_ARRAY_SIZE";

/// The environment does not say which shard this process is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// No variable of a scheduler is set.
    #[error(
        "no scheduler says which shard this is: none of {KUBERNETES}, {SLURM} and {AWS_BATCH} is set"
    )]
    None,
    /// The variables of two schedulers are set.
    #[error("{0} and {1} are both set, so it is not clear which of them says which shard this is")]
    Several(&'static str, &'static str),
    /// A variable is missing.
    #[error("{0} is set, but {1} is not")]
    Missing(&'static str, &'static str),
    /// A variable is not a number.
    #[error("{0} is {1:?}, which is not a number")]
    NotANumber(&'static str, String),
    /// The scheduler does not say how many shards there are.
    #[error("{0} does not say how many shards there are")]
    NoCount(&'static str),
    /// The numbers of a Slurm array have gaps.
    #[error("the numbers of this array do not follow each other, so they do not count shards")]
    Uneven,
    /// A Slurm array begins at another number than 0 and 1.
    #[error("this array begins at {0}, so it may be a part of another one that is repeated")]
    BeginsAt(u64),
    /// A scheduler has another number of jobs than the given number of shards.
    #[error("{name} is {found}, which does not fit {of} shards, counted from 0")]
    OtherCount {
        /// The variable.
        name: &'static str,
        /// Its value.
        found: u64,
        /// The number of shards.
        of: u64,
    },
    /// The number is not below the number of shards.
    #[error("shard {index}, counted from 0, is not one of {of}")]
    Range {
        /// The number of the shard, from 0.
        index: u64,
        /// The number of shards.
        of: u64,
    },
}

impl Shard {
    /// The shard of a number that counts from 0.
    ///
    /// # Errors
    /// [`SchedulerError::Range`] when the number is not below the number of shards.
    pub fn from_index(index: u64, of: u64) -> Result<Self, SchedulerError> {
        if index < of {
            Ok(Self { number: index + 1, of })
        } else {
            Err(SchedulerError::Range { index, of })
        }
    }

    /// The shard of this process in an array of jobs of Kubernetes, Slurm or AWS Batch. `variable` returns the value of
    /// a variable of the environment. `of` is the number of shards; Slurm and AWS Batch also say it themselves.
    ///
    /// ```
    /// use slproof::Shard;
    ///
    /// let variable = |name: &str| (name == "JOB_COMPLETION_INDEX").then(|| "2".to_owned());
    /// assert_eq!(Shard::of_scheduler(variable, Some(5))?, Shard { number: 3, of: 5 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SchedulerError`] when the variables are missing or contradict each other or `of`.
    pub fn of_scheduler(
        variable: impl Fn(&str) -> Option<String>,
        of: Option<u64>,
    ) -> Result<Self, SchedulerError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let number = |name| match variable(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(Number(number)) => Ok(Some(number)),
                Err(_) => Err(SchedulerError::NotANumber(name, text)),
            },
        };
        let mut set =
            [KUBERNETES, SLURM, AWS_BATCH].into_iter().filter(|name| variable(name).is_some());
        let name = set.next().ok_or(SchedulerError::None)?;
        if let Some(other) = set.next() {
            return Err(SchedulerError::Several(name, other));
        }
        let required =
            |name, missing| number(missing)?.ok_or(SchedulerError::Missing(name, missing));
        let differs = |name, found, of| Err(SchedulerError::OtherCount { name, found, of });
        let (index, count) = match (name, of) {
            (SLURM, Some(of)) => {
                let last = required(name, SLURM_LAST)?;
                if last >= of {
                    return differs(SLURM_LAST, last, of);
                }
                (required(name, SLURM)?, Some(of))
            }
            (SLURM, None) => {
                let first = required(name, SLURM_FIRST)?;
                if first > 1 {
                    return Err(SchedulerError::BeginsAt(first));
                }
                let place = |at: u64| at.checked_sub(first).ok_or(SchedulerError::Uneven);
                let count = required(name, SLURM_COUNT)?;
                if place(required(name, SLURM_LAST)?)?.checked_add(1) != Some(count) {
                    return Err(SchedulerError::Uneven);
                }
                (place(required(name, SLURM)?)?, Some(count))
            }
            (AWS_BATCH, of) => {
                let count = number(AWS_BATCH_COUNT)?;
                if let (Some(of), Some(count)) = (of, count)
                    && of != count
                {
                    return differs(AWS_BATCH_COUNT, count, of);
                }
                (required(name, AWS_BATCH)?, of.or(count))
            }
            _ => (required(name, KUBERNETES)?, of),
        };
        Self::from_index(index, count.ok_or(SchedulerError::NoCount(name))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(set: &[(&str, &str)], of: Option<u64>) -> Result<(u64, u64), SchedulerError> {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Shard::of_scheduler(variable, of).map(|shard| (shard.number, shard.of))
    }

    #[test]
    fn kubernetes_counts_from_zero_and_needs_the_number_of_shards() {
        assert_eq!(shard(&[(KUBERNETES, "0")], Some(3)), Ok((1, 3)));
        assert_eq!(shard(&[(KUBERNETES, "2")], Some(3)), Ok((3, 3)));
        assert_eq!(
            shard(&[(KUBERNETES, "3")], Some(3)),
            Err(SchedulerError::Range { index: 3, of: 3 })
        );
        assert_eq!(shard(&[(KUBERNETES, "0")], None), Err(SchedulerError::NoCount(KUBERNETES)));
    }

    /// The variables as sbatch(1) describes them.
    fn slurm<'a>(id: &'a str, [first, last, count]: [&'a str; 3]) -> [(&'static str, &'a str); 4] {
        [(SLURM, id), (SLURM_FIRST, first), (SLURM_LAST, last), (SLURM_COUNT, count)]
    }

    #[test]
    fn an_array_of_slurm_is_the_whole_job_without_a_number_of_shards() {
        assert_eq!(shard(&slurm("0", ["0", "19", "20"]), None), Ok((1, 20)));
        assert_eq!(shard(&slurm("19", ["0", "19", "20"]), None), Ok((20, 20)));
        assert_eq!(shard(&slurm("4", ["1", "4", "4"]), None), Ok((4, 4)));
        // An array like 0,1,4 or 0-8:4.
        assert_eq!(shard(&slurm("1", ["0", "4", "3"]), None), Err(SchedulerError::Uneven));
        assert_eq!(shard(&slurm("7", ["7", "7", "1"]), None), Err(SchedulerError::BeginsAt(7)));
        assert_eq!(shard(&[(SLURM, "5")], None), Err(SchedulerError::Missing(SLURM, SLURM_FIRST)));
    }

    #[test]
    fn a_repeated_task_of_slurm_is_the_same_shard() {
        for part in [["0", "19", "20"], ["7", "7", "1"], ["3", "7", "2"]] {
            assert_eq!(shard(&slurm("7", part), Some(20)), Ok((8, 20)), "{part:?}");
        }
        // An array from 1 to 20 lacks shard 0, and has one too many.
        let beyond = SchedulerError::OtherCount { name: SLURM_LAST, found: 20, of: 20 };
        assert_eq!(shard(&slurm("1", ["1", "20", "20"]), Some(20)), Err(beyond));
        assert_eq!(
            shard(&[(SLURM, "5")], Some(20)),
            Err(SchedulerError::Missing(SLURM, SLURM_LAST))
        );
    }

    #[test]
    fn aws_batch_counts_from_zero() {
        let set = [(AWS_BATCH, "9"), (AWS_BATCH_COUNT, "10")];
        assert_eq!(shard(&set, None), Ok((10, 10)));
        assert_eq!(shard(&set, Some(10)), Ok((10, 10)));
        assert_eq!(shard(&set[..1], Some(12)), Ok((10, 12)));
        let other = SchedulerError::OtherCount { name: AWS_BATCH_COUNT, found: 10, of: 20 };
        assert_eq!(shard(&set, Some(20)), Err(other));
    }

    #[test]
    fn missing_and_contradicting_variables_are_refused() {
        assert_eq!(shard(&[], Some(2)), Err(SchedulerError::None));
        assert_eq!(shard(&[(KUBERNETES, "")], Some(2)), Err(SchedulerError::None));
        let both = [(KUBERNETES, "1"), (AWS_BATCH, "1")];
        assert_eq!(shard(&both, Some(2)), Err(SchedulerError::Several(KUBERNETES, AWS_BATCH)));
        let not = Err(SchedulerError::NotANumber(KUBERNETES, "one".into()));
        assert_eq!(shard(&[(KUBERNETES, "one")], Some(2)), not);
    }
}
