//! What the log says of jobs, in each of its forms, and what it never says.

mod journal;
mod lines;
mod secrets;
