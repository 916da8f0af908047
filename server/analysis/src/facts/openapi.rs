//! OpenAPI contracts, in YAML or JSON: which operations ask for authentication.

use smol_str::SmolStr;

use super::contract::{Access, Contract, Endpoint, Statement};
use super::yaml::{Node, first_document};
use crate::text::LineIndex;

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// Reads a contract; `None` when the text is none, or does not say anything
/// about security: then its silence is no statement.
pub fn read(text: &str) -> Option<Contract> {
    // Cheap looks first: contracts are long, and most files here are none.
    if !text.contains("paths") || !text.contains("security") || is_generated(text) {
        return None;
    }
    let root = first_document(text)?;
    root.get("openapi").or_else(|| root.get("swagger"))?;
    let paths = root.get("paths")?.1.entries();
    let lines = LineIndex::new(text);
    let place = |line: usize| lines.line_range(line.saturating_sub(1) as u32, text);
    let global = root.get("security").map(|(line, node)| (requirement(node), place(line)));
    let mut secured = global.is_some();
    let mut contract = Contract { bases: bases(&root), ..Contract::default() };
    for (path, _, item) in paths {
        if !path.starts_with('/') {
            continue;
        }
        for (method, line, operation) in item.entries() {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let own = operation.get("security").map(|(line, node)| (requirement(node), place(line)));
            secured |= own.is_some();
            // In OpenAPI the global requirement holds for each operation that does not replace it.
            let said = own.or(global);
            let stated =
                said.and_then(|(access, range)| Some(Statement { access: access?, range, own: own.is_some() }));
            contract.endpoints.push(Endpoint {
                methods: vec![SmolStr::new(method.to_ascii_uppercase())],
                path: path.clone(),
                range: place(*line),
                stated,
                hides: false,
            });
        }
    }
    secured.then_some(contract)
}

/// Whether FastAPI wrote the contract, as the schema that it adds tells: it
/// describes the code then, and is no word about what the code should be.
fn is_generated(text: &str) -> bool {
    text.contains("HTTPValidationError")
}

/// What a list of security requirements asks: one of them must be met.
fn requirement(node: &Node) -> Option<Access> {
    let Node::List(items) = node else { return None };
    if items.is_empty() {
        return Some(Access::Public);
    }
    let anonymous = items.iter().any(|item| matches!(item, Node::Map(entries) if entries.is_empty()));
    Some(if anonymous { Access::Optional } else { Access::Required })
}

/// Path parts of the servers, or the base path of version 2.
fn bases(root: &Node) -> Vec<SmolStr> {
    let servers = match root.get("servers") {
        Some((_, Node::List(servers))) => servers.iter().filter_map(|server| server.get("url")?.1.text()).collect(),
        _ => Vec::new(),
    };
    let mut bases: Vec<SmolStr> = Vec::new();
    for url in servers.into_iter().chain(root.get("basePath").and_then(|(_, node)| node.text())) {
        let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let path = SmolStr::new(path.trim_end_matches('/'));
        if path.starts_with('/') && !bases.contains(&path) {
            bases.push(path);
        }
    }
    bases
}

/// One-based line of a place.
#[cfg(test)]
fn line_of(text: &str, range: crate::text::TextRange) -> usize {
    text[..range.start as usize].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let contract = read(text).unwrap_or_default();
        let show = |endpoint: &Endpoint| {
            let stated = endpoint.stated.map_or("unstated".to_owned(), |stated| {
                format!("{:?}{} @{}", stated.access, if stated.own { " own" } else { "" }, line_of(text, stated.range))
            });
            format!("{} {} {stated}", endpoint.methods.join(","), endpoint.path)
        };
        contract.endpoints.iter().map(show).collect()
    }

    #[test]
    fn operations_replace_the_global_requirement() {
        let text = "openapi: 3.0.3\nservers:\n  - url: https://example.com/api/v1/\nsecurity:\n  - bearer: []\npaths:\n  /books/{id}:\n    parameters: []\n    get:\n      summary: read\n    post:\n      security: []\n    delete:\n      security:\n        - {}\n        - bearer: []\n";
        let wanted =
            ["GET /books/{id} Required @4", "POST /books/{id} Public own @12", "DELETE /books/{id} Optional own @14"];
        assert_eq!(shown(text), wanted);
        assert_eq!(read(text).map(|contract| contract.bases), Some(vec!["/api/v1".into()]));
    }

    #[test]
    fn json_is_read_and_silence_is_none() {
        let text = "{\n\"openapi\": \"3.1.0\",\n\"paths\": {\"/a\": {\n\"get\": {\n\"security\": [{\"bearer\": []}]},\n\"post\": {}}}}";
        assert_eq!(shown(text), ["GET /a Required own @5", "POST /a unstated"]);
        for text in [
            "openapi: 3.0.0\npaths:\n  /a:\n    get: {}\n",
            "name: ci\non: push\n",
            "openapi: [",
            "",
            "paths: {}",
            "openapi: 3.0.0\nsecurity: []\n",
            "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      security: []\ncomponents:\n  schemas:\n    HTTPValidationError: {}\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = format!("openapi: {}", "[".repeat(5_000));
        assert_eq!(read(&deep), None);
    }
}
