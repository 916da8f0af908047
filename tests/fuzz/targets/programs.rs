//! Programs out of bytes: every byte string is one, and a byte more is a
//! statement more, so that the fuzzer's small steps are small changes.

const MAX_DEPTH: usize = 7;
const MAX_STATEMENTS: usize = 120;
const NAMES: [&str; 12] = [
    "app",
    "router",
    "create_app",
    "get_router",
    "Service",
    "Routes",
    "verify",
    "user",
    "prefix",
    "items",
    "guard",
    "x",
];
const MODULES: [&str; 4] = ["main", "deps", "api.routes", "."];
const TEXTS: [&str; 8] = ["/", "/a", "/{id}", "/api/v1", "", "x", "Authorization", "api.routes"];
const HEAD: &str = "from fastapi import APIRouter, Depends, FastAPI, HTTPException, Header, Request, Security\nfrom typing import Annotated\n";

/// A program that is being written.
pub(crate) struct Program<'b> {
    choices: std::slice::Iter<'b, u8>,
    out: String,
    statements: usize,
}

impl<'b> Program<'b> {
    pub(crate) fn new(choices: &'b [u8]) -> Self {
        Self { choices: choices.iter(), out: HEAD.to_owned(), statements: 0 }
    }

    /// The whole program.
    pub(crate) fn text(mut self) -> String {
        while !self.choices.as_slice().is_empty() && self.statements < MAX_STATEMENTS {
            self.statement(0);
        }
        self.out
    }

    fn choose(&mut self, below: usize) -> usize {
        self.choices.next().map_or(0, |byte| usize::from(*byte) % below)
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.choose(NAMES.len())]
    }

    fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&"    ".repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn block(&mut self, depth: usize) {
        for _ in 0..=self.choose(4) {
            self.statement(depth + 1);
        }
    }

    fn statement(&mut self, depth: usize) {
        self.statements += 1;
        if depth >= MAX_DEPTH || self.statements >= MAX_STATEMENTS {
            return self.line(depth, "pass");
        }
        match self.choose(22) {
            0..=3 => {
                let (name, value) = (self.name(), self.expression(0));
                self.line(depth, &format!("{name} = {value}"));
            }
            4 | 5 => {
                self.decorators(depth);
                let (name, parameters) = (self.name(), self.parameters());
                self.line(depth, &format!("def {name}({parameters}):"));
                self.block(depth);
            }
            6 | 7 => {
                self.decorators(depth);
                let (name, base) = (self.name(), self.expression(3));
                self.line(depth, &format!("class {name}({base}):"));
                self.block(depth);
            }
            8 => {
                let (name, over) = (self.name(), self.expression(0));
                self.line(depth, &format!("for {name} in {over}:"));
                self.block(depth);
            }
            9 => {
                let condition = self.expression(0);
                self.line(depth, &format!("if {condition}:"));
                self.block(depth);
                self.line(depth, "else:");
                self.block(depth);
            }
            10 => {
                let value = self.expression(0);
                self.line(depth, &format!("return {value}"));
            }
            11 => {
                let (module, name) = (MODULES[self.choose(MODULES.len())], self.name());
                self.line(depth, &format!("from {module} import {name}"));
            }
            12 => {
                let (object, name, value) = (self.expression(2), self.name(), self.expression(0));
                self.line(depth, &format!("{object}.{name} = {value}"));
            }
            13 => {
                self.line(depth, "try:");
                self.block(depth);
                self.line(depth, "except Exception:");
                self.block(depth);
            }
            14 => {
                let condition = self.expression(0);
                self.line(depth, &format!("while {condition}:"));
                self.block(depth);
            }
            15 => {
                let status = [401, 403, 404][self.choose(3)];
                self.line(depth, &format!("raise HTTPException({status})"));
            }
            16 => {
                let (name, value) = (self.name(), self.expression(0));
                self.line(depth, &format!("{name} += {value}"));
            }
            17 => {
                let (object, name) = (self.expression(0), self.name());
                self.line(depth, &format!("with {object} as {name}:"));
                self.block(depth);
            }
            18 => {
                let value = self.expression(0);
                self.line(depth, &format!("yield {value}"));
            }
            _ => {
                let value = self.expression(0);
                self.line(depth, &value);
            }
        }
    }

    fn decorators(&mut self, depth: usize) {
        for _ in 0..self.choose(3) {
            let decorator = match self.choose(4) {
                0 => {
                    let (router, path) = (self.name(), TEXTS[self.choose(TEXTS.len())]);
                    format!("{router}.get({path:?})")
                }
                1 => {
                    let (router, path, dependency) = (self.name(), TEXTS[self.choose(TEXTS.len())], self.expression(2));
                    format!("{router}.post({path:?}, dependencies=[{dependency}])")
                }
                2 => format!("{}.middleware(\"http\")", self.name()),
                _ => self.expression(2),
            };
            self.line(depth, &format!("@{decorator}"));
        }
    }

    fn parameters(&mut self) -> String {
        let mut parameters = Vec::new();
        for _ in 0..self.choose(4) {
            let name = self.name();
            parameters.push(match self.choose(4) {
                0 => format!("{name}=None"),
                1 => format!("{name}=Depends({})", self.name()),
                2 => format!("{name}: Annotated[str, Depends({})] = None", self.name()),
                _ => format!("{name}={}", self.expression(2)),
            });
        }
        parameters.sort();
        parameters.dedup_by(|a, b| a.split(['=', ':']).next() == b.split(['=', ':']).next());
        if self.choose(3) == 1 {
            parameters.insert(0, "self".into())
        }
        if self.choose(5) == 1 {
            parameters.push("**kwargs".into())
        }
        parameters.join(", ")
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth >= 4 {
            return self.name().into();
        }
        let below = depth + 1;
        match self.choose(24) {
            0..=3 => self.name().into(),
            4 => format!("{:?}", TEXTS[self.choose(TEXTS.len())]),
            5 => format!("APIRouter(prefix={})", self.expression(below)),
            6 => format!("APIRouter(dependencies=[{}])", self.expression(below)),
            7 => "FastAPI()".into(),
            8 => format!("Depends({})", self.expression(below)),
            9 => format!("{}.include_router({})", self.name(), self.expression(below)),
            10 => {
                format!("{}.include_router({}, prefix={})", self.name(), self.expression(below), self.expression(below))
            }
            11 => format!("{}.add_api_route({}, {})", self.name(), self.expression(below), self.expression(below)),
            12 => format!("{}({})", self.expression(below), self.expression(below)),
            13 => format!("{}()", self.name()),
            14 => format!("{}.{}", self.expression(below), self.name()),
            15 => format!("[{}, {}]", self.expression(below), self.expression(below)),
            16 => format!("{{{}: {}}}", self.expression(below), self.expression(below)),
            17 => format!("({} + {})", self.expression(below), self.expression(below)),
            18 => format!("f\"/{{{}}}/x\"", self.name()),
            19 => format!("(lambda {}: {})", self.name(), self.expression(below)),
            20 => format!("[{} for {} in {}]", self.expression(below), self.name(), self.expression(below)),
            21 => format!("({} if {} else {})", self.expression(below), self.expression(below), self.expression(below)),
            22 => format!("{}(**{})", self.name(), self.expression(below)),
            _ => format!("super().{}({})", self.name(), self.expression(below)),
        }
    }
}
