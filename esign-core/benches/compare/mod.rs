//! Ours beside a limit or a peer, in turn in the same run.

use std::time::{Duration, Instant};

/// Runs both in turn and prints the medians and the median of the ratios limit/ours.
pub(crate) fn compare(
    name: &str,
    goal: f64,
    limit: &mut dyn FnMut(),
    ours: &mut dyn FnMut(),
    quick: bool,
) {
    let rounds = if quick { 5 } else { 41 };
    let share = Duration::from_millis(if quick { 5 } else { 40 });
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        let mut n = 0u32;
        while start.elapsed() < share {
            for _ in 0..4 {
                work();
            }
            n += 4;
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(n)
    };
    time(limit);
    time(ours);
    let mut rows: Vec<(f64, f64)> = (0..rounds).map(|_| (time(limit), time(ours))).collect();
    let mut median = |key: &dyn Fn(&(f64, f64)) -> f64| {
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
        key(&rows[rows.len() / 2])
    };
    let (a, b) = (median(&|r| r.0), median(&|r| r.1));
    let ratio = median(&|r| r.0 / r.1);
    println!(
        "{name:<52} limit {a:9.2} us  ours {b:9.2} us  {:8.0}/s  {:5.1} % of the limit (goal {:.0} %)",
        1e6 / b,
        ratio * 100.0,
        goal * 100.0
    );
}
