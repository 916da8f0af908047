//! `authlens check`.

use std::io::IsTerminal;

use authlens_analysis::ide::{Analysis, Diagnostic, Severity};
use authlens_analysis::rules::{self, invalid_configuration};

use super::load::{Loaded, current_folder, load};
use crate::workspace;

use super::{CLEAN, CheckArgs, CheckFormat, Colour, FINDINGS, MinSeverity, fix, print, report, unread};

pub(super) fn run(args: &CheckArgs) -> Result<u8, String> {
    for code in args.select.iter().chain(&args.ignore) {
        if rules::find(code).is_none() {
            return Err(format!("there is no rule `{code}`; `authlens rules` lists them"));
        }
    }
    if args.diff && args.format != CheckFormat::Text {
        return Err("`--diff` prints a patch: there is no other format of it".into());
    }
    let mut loaded = load(&args.paths, args.config.as_deref())?;
    if args.diff {
        // Where it is applied.
        loaded.based_on(&current_folder()?);
    } else if args.format == CheckFormat::Github {
        // There annotations are looked for.
        let top = workspace::top_of_checkout(loaded.first_named());
        loaded.based_on(&top.map_or_else(current_folder, Ok)?);
    }
    if args.fix || args.unsafe_fixes || args.diff {
        let outcome = fix::run(&mut loaded, args)?;
        if args.diff {
            print(&outcome.diff)?;
            return Ok(if outcome.diff.is_empty() { CLEAN } else { FINDINGS });
        }
        if !args.quiet && outcome.fixed > 0 {
            let plural = if outcome.fixed == 1 { "" } else { "es" };
            eprintln!("authlens: applied {} fix{plural}", outcome.fixed);
        }
    }
    let analysis = loaded.host.snapshot();
    let found = select(&loaded, &analysis, args);
    let text = match args.format {
        CheckFormat::Json => report::json(&loaded, &analysis, &found),
        CheckFormat::Github => report::github(&loaded, &analysis, &found),
        CheckFormat::Text => report::text(&loaded, &analysis, &found, use_colour(args.color), args.quiet),
    };
    print(&text)?;
    if !args.quiet && args.format != CheckFormat::Text && found.is_empty() && analysis.found_nothing() {
        eprintln!("authlens: {}", report::NOTHING);
    }
    if !args.quiet {
        unread::tell(&loaded, &analysis);
    }
    // The process ends: to give back piece by piece what it holds would take a while.
    std::mem::forget((loaded, analysis));
    Ok(if found.is_empty() { CLEAN } else { FINDINGS })
}

/// The findings that were asked for, sorted by path and place.
pub(super) fn select(loaded: &Loaded, analysis: &Analysis, args: &CheckArgs) -> Vec<Diagnostic> {
    let least = match args.min_severity {
        MinSeverity::Hint => Severity::Hint,
        MinSeverity::Info => Severity::Info,
        MinSeverity::Warning => Severity::Warning,
        MinSeverity::Error => Severity::Error,
    };
    let named = |codes: &[String], code: &str| codes.iter().any(|c| c == code);
    let asked_for = |diagnostic: &Diagnostic| {
        let path = analysis.path(diagnostic.location.file);
        // A configuration above the folder, or named on the command line, counts for it.
        let configures =
            diagnostic.rule == invalid_configuration::INFO.code && (args.config.is_some() || loaded.is_above(path));
        (configures || loaded.is_named(path))
            && diagnostic.severity >= least
            && (args.select.is_empty() || named(&args.select, diagnostic.rule))
            && !named(&args.ignore, diagnostic.rule)
    };
    let files = analysis.files_with_diagnostics();
    let all = files.iter().flat_map(|file| analysis.diagnostics(*file).to_vec());
    let mut found: Vec<Diagnostic> = all.filter(asked_for).collect();
    found.sort_by(|a, b| {
        let path = |d: &Diagnostic| loaded.shown(analysis, d.location.file);
        path(a).cmp(&path(b)).then_with(|| a.location.range.cmp(&b.location.range)).then(a.rule.cmp(b.rule))
    });
    found
}

fn use_colour(colour: Colour) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}
