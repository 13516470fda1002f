//! Conditions of a policy, in the Common Expression Language, compiled once and asked for every customer.
//!
//! The part of the language that is taken: `true`, numbers, texts, lists, `&& || !`, `?:`, `+ - * /`,
//! `== != < <= > >=`, `in`, and `startsWith`, `endsWith`, `contains` on texts. All numbers are compared as
//! numbers, so `days > 90` and `days > 90.0` are the same. Loops (`all`, `exists`, `map`, `filter`) are refused, so
//! the time that a condition takes is bounded by its length.
//!
//! Names: every score (`churn_probability`, `risk_band`, ...), then every feature; `feature["any name"]` or
//! `feature.name` is a feature even where a score has the same name, `score.name` is a score, and
//! `propensity["product"]` is a probability, and `consent["channel"]` says whether the customer has agreed to be
//! contacted through a channel.
//!
//! Unknown values work as NULL does in SQL: whatever is computed from an unknown value is unknown, except that
//! `false && unknown` is false and `true || unknown` is true; a condition that comes out unknown does not hold. So
//! neither `days > 90` nor `!(days > 90)` nor `days != 3` holds where `days` is unknown. `has(feature.days)` and
//! `"days" in feature` say whether it is known, likewise with the
//! other three.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::common::types::{CelBool, CelDouble};
use cel::parser::Parser;
use cel::{Context, Value};

mod check;
mod variables;

pub(super) use check::Kind;
pub(super) use variables::{Facts, Resolver, Variable, Vocabulary};

/// The longest condition, in bytes: with it the depth of the parser's recursion is bounded.
const LONGEST_CONDITION: usize = 1_000;
/// The deepest nesting of brackets and signs, well within what the parser and evaluation take on a thread's stack.
const DEEPEST_NESTING: u16 = 32;

/// What is wrong with a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ExpressionError {
    /// Line in the condition, from 1.
    pub line: usize,
    /// Column in the line, in characters from 1.
    pub column: usize,
    /// What was found, what was expected and what to do.
    pub problem: String,
}

impl ExpressionError {
    fn at_start(problem: String) -> Self {
        Self { line: 1, column: 1, problem }
    }
}

/// A compiled expression: its names are slots in the vocabulary that it was compiled with.
#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    root: IdedExpr,
}

impl Expression {
    /// Parses and checks a text that must come out as a truth or as a number.
    ///
    /// # Errors
    /// [`ExpressionError`] for a text that is not in the language, a name that does not exist, or values of kinds
    /// that do not go together.
    pub(super) fn compile(
        source: &str,
        expected: Kind,
        vocabulary: &mut Vocabulary<'_>,
    ) -> Result<Self, ExpressionError> {
        let (mut root, positions) = parse(source)?;
        let found = check::check(&mut root, source, &positions, vocabulary)?;
        if found != expected {
            let problem = format!("found {found}, expected {expected} as the result");
            return Err(ExpressionError::at_start(problem));
        }
        Ok(Self { source: source.to_owned(), root })
    }

    /// The text that was compiled.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the condition is true; one that comes out unknown is not.
    pub(super) fn holds(&self, context: &Context<'_, '_>) -> bool {
        if let Expr::Literal(LiteralValue::Boolean(constant)) = &self.root.expr {
            return *constant.inner();
        }
        Value::resolve_val(&self.root, context)
            .is_ok_and(|value| value.downcast_ref::<CelBool>().is_some_and(|truth| *truth.inner()))
    }

    /// The finite number that the expression comes out as; `None` if unknown.
    pub(super) fn number(&self, context: &Context<'_, '_>) -> Option<f64> {
        let value = Value::resolve_val(&self.root, context).ok()?;
        let number = *value.downcast_ref::<CelDouble>()?.inner();
        number.is_finite().then_some(number)
    }
}

fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), ExpressionError> {
    if source.trim().is_empty() {
        let problem = "found nothing, expected a condition; write \"true\" for always".to_owned();
        return Err(ExpressionError::at_start(problem));
    }
    if source.len() > LONGEST_CONDITION {
        let problem = format!(
            "found {} bytes, expected at most {LONGEST_CONDITION}; split the condition over stages or actions",
            source.len()
        );
        return Err(ExpressionError::at_start(problem));
    }
    refuse_deep_nesting(source)?;
    Parser::new()
        .max_recursion_depth(DEEPEST_NESTING * 2)
        .parse_with_source_info(source)
        .map_err(|errors| syntax_error(&errors))
}

/// Counts before parsing, since the parser looks ahead through open brackets and takes ever longer the more there are.
fn refuse_deep_nesting(source: &str) -> Result<(), ExpressionError> {
    let (mut open, mut signs) = (0_u16, 0_u16);
    for letter in source.chars() {
        match letter {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        signs = match letter {
            '!' | '-' => signs + 1,
            letter if letter.is_whitespace() => signs,
            _ => 0,
        };
        if open > DEEPEST_NESTING || signs > DEEPEST_NESTING {
            let problem = format!("found more than {DEEPEST_NESTING} brackets or signs within one another; simplify");
            return Err(ExpressionError::at_start(problem));
        }
    }
    Ok(())
}

fn syntax_error(errors: &cel::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return ExpressionError::at_start("this is not a condition".to_owned());
    };
    let one_based = |position: isize| usize::try_from(position).unwrap_or(1).max(1);
    let problem = if first.msg.contains("has()") {
        "`has` asks whether a value is known; write has(feature.name) or has(score.name)".to_owned()
    } else {
        format!("{}; a condition looks like: days_since_last_purchase > 90 && risk_band == \"high\"", first.msg)
    };
    ExpressionError { line: one_based(first.pos.0), column: one_based(first.pos.1), problem }
}

#[cfg(test)]
mod tests;
