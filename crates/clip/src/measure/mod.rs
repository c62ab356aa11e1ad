//! The measurements of a benchmark: the multiply-adds of a tower, and the rate at which the machine does them.

mod multiply_adds;
mod peak;
mod single_run;

pub use multiply_adds::{MultiplyAdds, VERBOSE_VARIABLES, count_multiply_adds};
pub use peak::multiply_add_rate;
pub use single_run::{Tower, run_once};
