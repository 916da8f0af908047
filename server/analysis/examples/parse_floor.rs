//! What tree-sitter alone costs: the floor of the benchmark in `tests/bench`.
//!
//! For each file named as an argument, one line of JSON with the nanoseconds of
//! a full parse, and of a reparse after one typed letter in its middle.

use std::time::Instant;

use authlens_analysis::syntax::{Grammar, edit, parse};

const ROUNDS: usize = 61;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let before = std::fs::read_to_string(&path)?;
        // Behind the word that ends the middle line: still a program most of the time.
        let middle = before.len() / 2 + before[before.len() / 2..].find('\n').unwrap_or(0);
        let after = format!("{}x{}", &before[..middle], &before[middle..]);
        let mut full = Vec::new();
        let mut again = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let tree = parse(Grammar::Python, &before, None).ok_or("the parse took too long")?;
            full.push(start.elapsed().as_nanos());
            let mut edited = tree.clone();
            let start = Instant::now();
            edit(&mut edited, &before, &after);
            let _tree = parse(Grammar::Python, &after, Some(&edited)).ok_or("the parse took too long")?;
            again.push(start.elapsed().as_nanos());
        }
        full.sort_unstable();
        again.sort_unstable();
        let middle = ROUNDS / 2;
        println!(r#"{{"lines": {}, "full": {}, "reparse": {}}}"#, before.lines().count(), full[middle], again[middle]);
    }
    Ok(())
}
