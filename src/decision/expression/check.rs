//! Checks a parsed condition before it is ever asked: every name exists, every value is of the kind it is used as.

use std::fmt;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::common::types::CelDouble;

use super::{ExpressionError, Vocabulary};

/// The deepest tree that is evaluated: a sum of this many terms, far within a thread's stack.
const DEEPEST_TREE: usize = 64;

/// What an expression comes out as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decision) enum Kind {
    /// True or false.
    Truth,
    /// A number.
    Number,
    /// A text.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truth => "a truth (true or false)",
            Self::Number => "a number",
            Self::Text => "a text",
        })
    }
}

/// Checks a tree, and rewrites it for evaluation: names become slots, whole numbers become doubles.
pub(super) fn check(
    root: &mut IdedExpr,
    source: &str,
    positions: &SourceInfo,
    vocabulary: &mut Vocabulary<'_>,
) -> Result<Kind, ExpressionError> {
    let mut checker = Checker { source, positions, vocabulary };
    checker.kind(root, 0)
}

struct Checker<'a, 'v> {
    source: &'a str,
    positions: &'a SourceInfo,
    vocabulary: &'a mut Vocabulary<'v>,
}

impl Checker<'_, '_> {
    fn kind(&mut self, node: &mut IdedExpr, depth: usize) -> Result<Kind, ExpressionError> {
        let id = node.id;
        if depth > DEEPEST_TREE {
            let problem = format!("found over {DEEPEST_TREE} steps within one another; simplify");
            return Err(self.error(id, problem));
        }
        match &mut node.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(name) if is_map(name) => {
                let problem = format!("`{name}` is all of them; name one: {name}[\"name\"]");
                Err(self.error(id, problem))
            }
            Expr::Ident(name) => {
                let found = self.vocabulary.name(name);
                let (slot, kind) = found.map_err(|problem| self.error(id, problem))?;
                node.expr = Expr::Ident(slot.to_string());
                Ok(kind)
            }
            Expr::Select(select) => {
                let Some(map) = identifier(&select.operand) else {
                    return Err(self.error(id, only_maps_have_entries(&select.field)));
                };
                let (field, test) = (select.field.clone(), select.test);
                self.entry(node, &map, &field, test)
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let Some((map, name)) = indexed(call) else {
                    let problem = "brackets take a map and a name: feature[\"name\"]".to_owned();
                    return Err(self.error(id, problem));
                };
                self.entry(node, &map, &name, false)
            }
            Expr::Call(call) if call.func_name == operators::IN => {
                if let Some((map, name)) = tested(call) {
                    return self.entry(node, &map, &name, true);
                }
                self.membership(id, call, depth)
            }
            Expr::Call(call) => self.call(id, call, depth),
            Expr::Comprehension(_) => Err(self.error(id, refused("loops"))),
            Expr::List(_) => Err(self.error(id, "a list belongs after `in`".to_owned())),
            Expr::Map(_) => Err(self.error(id, refused("maps in braces"))),
            Expr::Struct(_) => Err(self.error(id, refused("structs"))),
            Expr::Unspecified => Err(self.error(id, "this is not a condition".to_owned())),
        }
    }

    fn literal(&self, id: u64, literal: &mut LiteralValue) -> Result<Kind, ExpressionError> {
        let number = match literal {
            LiteralValue::Boolean(_) => return Ok(Kind::Truth),
            LiteralValue::String(_) => return Ok(Kind::Text),
            LiteralValue::Double(_) => return Ok(Kind::Number),
            LiteralValue::Int(number) => *number.inner() as f64,
            LiteralValue::UInt(number) => *number.inner() as f64,
            LiteralValue::Null => {
                let problem = "null is not taken; has(feature.name) asks if a value is known";
                return Err(self.error(id, problem.to_owned()));
            }
            LiteralValue::Bytes(_) => return Err(self.error(id, refused("bytes"))),
        };
        // The language does not mix whole numbers and doubles in arithmetic, and features are doubles.
        *literal = LiteralValue::Double(CelDouble::from(number));
        Ok(Kind::Number)
    }

    /// Rewrites `feature.name`, `feature["name"]` and the question whether it is known.
    fn entry(&mut self, node: &mut IdedExpr, map: &str, name: &str, test: bool) -> Result<Kind, ExpressionError> {
        if !is_map(map) {
            return Err(self.error(node.id, only_maps_have_entries(name)));
        }
        let found = self.vocabulary.entry(map, name);
        let (slot, kind) = found.map_err(|problem| self.error(node.id, problem))?;
        let (slot, kind) = if test { (self.vocabulary.known(slot), Kind::Truth) } else { (slot, kind) };
        node.expr = Expr::Ident(slot.to_string());
        Ok(kind)
    }

    fn membership(&mut self, id: u64, call: &mut CallExpr, depth: usize) -> Result<Kind, ExpressionError> {
        let [wanted, list] = call.args.as_mut_slice() else {
            return Err(self.error(id, "`in` takes a value and a list".to_owned()));
        };
        let kind = self.kind(wanted, depth + 1)?;
        let Expr::List(list) = &mut list.expr else {
            let problem = "`in` takes a list, as in: country in [\"DE\", \"AT\"]".to_owned();
            return Err(self.error(id, problem));
        };
        for element in &mut list.elements {
            self.expect(element, kind, depth)?;
        }
        Ok(Kind::Truth)
    }

    fn call(&mut self, id: u64, call: &mut CallExpr, depth: usize) -> Result<Kind, ExpressionError> {
        use operators::{
            ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, LESS, LESS_EQUALS, LOGICAL_AND, LOGICAL_NOT,
            LOGICAL_OR, MULTIPLY, NEGATE, NOT_EQUALS, SUBSTRACT,
        };
        let target = call.target.as_deref_mut();
        match (call.func_name.as_str(), target, call.args.as_mut_slice()) {
            (LOGICAL_AND | LOGICAL_OR, None, [left, right]) => {
                self.expect(left, Kind::Truth, depth)?;
                self.expect(right, Kind::Truth, depth)
            }
            (LOGICAL_NOT, None, [operand]) => self.expect(operand, Kind::Truth, depth),
            (NEGATE, None, [operand]) => self.expect(operand, Kind::Number, depth),
            (ADD | SUBSTRACT | MULTIPLY | DIVIDE, None, [left, right]) => {
                self.expect(left, Kind::Number, depth)?;
                self.expect(right, Kind::Number, depth)
            }
            (LESS | LESS_EQUALS | GREATER | GREATER_EQUALS, None, [left, right]) => {
                self.expect(left, Kind::Number, depth)?;
                self.expect(right, Kind::Number, depth)?;
                Ok(Kind::Truth)
            }
            (EQUALS | NOT_EQUALS, None, [left, right]) => {
                let kind = self.kind(left, depth + 1)?;
                self.expect(right, kind, depth)?;
                Ok(Kind::Truth)
            }
            (CONDITIONAL, None, [condition, yes, no]) => {
                self.expect(condition, Kind::Truth, depth)?;
                let kind = self.kind(yes, depth + 1)?;
                self.expect(no, kind, depth)
            }
            ("startsWith" | "endsWith" | "contains", Some(text), [part]) => {
                self.expect(text, Kind::Text, depth)?;
                self.expect(part, Kind::Text, depth)?;
                Ok(Kind::Truth)
            }
            (name, ..) => {
                let problem = format!(
                    "`{}` is not taken here; use && || ! ?: + - * / == != < <= > >= in, \
                     has(feature.name), or startsWith, endsWith, contains after a text",
                    name.trim_matches('_')
                );
                Err(self.error(id, problem))
            }
        }
    }

    fn expect(&mut self, node: &mut IdedExpr, expected: Kind, depth: usize) -> Result<Kind, ExpressionError> {
        let id = node.id;
        let found = self.kind(node, depth + 1)?;
        if found == expected {
            return Ok(found);
        }
        Err(self.error(id, format!("found {found}, expected {expected}")))
    }

    fn error(&self, id: u64, problem: String) -> ExpressionError {
        let start = self.positions.offset_for(id);
        let start = start.map_or(0, |(start, _)| start as usize);
        // Offsets are bytes; people count characters.
        let before = self.source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ExpressionError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem,
        }
    }
}

fn is_map(name: &str) -> bool {
    matches!(name, "feature" | "score" | "propensity" | "consent")
}

fn only_maps_have_entries(name: &str) -> String {
    format!("only `feature`, `score`, `propensity` and `consent` have names in them: feature[\"{name}\"]")
}

fn refused(what: &str) -> String {
    format!("{what} are not taken in conditions; use comparisons joined by && and ||")
}

/// The map and the name of `map["name"]`.
fn indexed(call: &CallExpr) -> Option<(String, String)> {
    match call.args.as_slice() {
        [map, name] => Some((identifier(map)?, quoted(name)?)),
        _ => None,
    }
}

/// The map and the name of `"name" in map`.
fn tested(call: &CallExpr) -> Option<(String, String)> {
    match call.args.as_slice() {
        [name, map] => Some((identifier(map)?, quoted(name)?)),
        _ => None,
    }
}

fn identifier(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) => Some(name.clone()),
        _ => None,
    }
}

fn quoted(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}
