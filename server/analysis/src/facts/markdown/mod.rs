//! Specifications in Markdown: which endpoints they list, and what they say
//! about who may call them.
//!
//! Real specifications write endpoints in five shapes: headings, list items,
//! code blocks, `Method` and `Endpoint` fields, and tables. What is said of an
//! endpoint stands in its own fields or cell, in the title or a field of its
//! group, or in a sentence about all endpoints. What could be read in two ways
//! is left unstated.

mod access;
mod blocks;
mod endpoints;
mod fields;
mod hiding;
mod lines;
mod statements;

use smol_str::SmolStr;

use super::contract::{Access, Contract};
use crate::text::TextRange;
use access::Sweeping;
use blocks::{Block, Piece, blocks};
use lines::{Field, field, is_api_path, is_beside_the_point, plain_key, sentence_end, signs, stands_alone};

/// Endpoints of one specification. The largest real one seen lists 140.
const MAX_ENDPOINTS: usize = 4_000;

/// Reads a specification.
pub fn read(text: &str) -> Contract {
    let mut reader = Reader::default();
    for block in blocks(text) {
        reader.block(&block);
    }
    reader.end_paragraph(false);
    reader.contract()
}

/// A heading with what stands below it, or the text before the first heading.
#[derive(Debug, Default)]
struct Section {
    level: usize,
    parent: Option<usize>,
    /// Whether it speaks of something else than the API as it is to be.
    skipped: bool,
    /// Whether its title announces the base URL.
    base: bool,
    /// What its title and the fields before its first endpoint say of all below it.
    said: Vec<(Access, TextRange)>,
}

/// Where an endpoint was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Heading,
    Item(usize),
    Row,
    Line,
}

#[derive(Debug)]
struct Found {
    methods: Vec<SmolStr>,
    path: SmolStr,
    range: TextRange,
    section: usize,
    place: Place,
    said: Vec<(Access, TextRange)>,
    /// The token header among its request headers.
    header: Option<TextRange>,
    /// Whether rows of others are said not to be found.
    hides: bool,
}

#[derive(Default)]
struct Reader<'t> {
    sections: Vec<Section>,
    found: Vec<Found>,
    sweeping: Vec<(Sweeping, TextRange, usize)>,
    bases: Vec<SmolStr>,
    /// Lines of the paragraph that is being read.
    paragraph: Vec<Piece<'t>>,
    /// A sentence that ends in a colon: what follows completes it.
    unfinished: Option<(String, TextRange)>,
    /// Method and path of fields, until both are there.
    method: Option<Vec<SmolStr>>,
    path: Option<(SmolStr, TextRange)>,
    /// A label such as "Public endpoints:" whose list follows.
    list: Option<Access>,
}

impl<'t> Reader<'t> {
    fn block(&mut self, block: &Block<'t>) {
        if self.sections.is_empty() {
            self.sections.push(Section::default());
        }
        match block {
            Block::Heading { level, title } => self.heading(*level, *title),
            Block::Blank => self.end_paragraph(false),
            _ if self.section().skipped => {}
            Block::Item { depth, text } => {
                self.end_paragraph(access::is_bearer_header(text.text));
                self.line(*text, *depth, true);
            }
            Block::Text { depth, text } => self.line(*text, *depth, false),
            Block::Row { header, cells, line } => {
                self.end_paragraph(false);
                self.row(header, cells, *line);
            }
            Block::Code { language, lines } => self.code(language, lines),
        }
    }

    fn section(&self) -> &Section {
        &self.sections[self.sections.len() - 1]
    }

    fn heading(&mut self, level: usize, title: Piece<'t>) {
        self.end_paragraph(false);
        (self.method, self.path, self.list, self.unfinished) = (None, None, None, None);
        let parent = (0..self.sections.len()).rev().find(|at| self.sections[*at].level < level);
        let written = endpoints::within(title.text);
        let lower = title.text.to_ascii_lowercase();
        let skipped =
            parent.is_some_and(|at| self.sections[at].skipped) || (written.is_none() && is_beside_the_point(&lower));
        let base = lower.contains("base url") || lower.contains("base path") || lower.contains("base api");
        let said = match &written {
            None => access::of_title(title.text).map(|access| (access, title.range())).into_iter().collect(),
            Some(_) => Vec::new(),
        };
        self.sections.push(Section { level, parent, skipped, base, said });
        if base {
            self.note_bases(title.text);
        }
        if let Some(written) = written.filter(|_| !skipped) {
            let before = &title.text[..title.text.len() - written.rest.len()];
            let remark = access::of_remarks(written.rest).or_else(|| access::of_remarks(signs(before)));
            self.add(written.methods, written.path, title.range(), Place::Heading, remark);
        }
    }

    /// A list item or a line of running text.
    fn line(&mut self, text: Piece<'t>, depth: usize, is_item: bool) {
        self.note_hiding(text, depth);
        if access::is_bearer_header(text.text) {
            self.end_paragraph(true);
            self.note_header(text.range(), depth);
            return;
        }
        if self.section().base {
            self.note_bases(text.text);
        }
        let place = if is_item { Place::Item(depth) } else { Place::Line };
        if let Some(written) = endpoints::at_start(text.text).filter(|written| stands_alone(written.rest, is_item)) {
            self.end_paragraph(false);
            let remark = self.list.or_else(|| access::of_remarks(written.rest)).or_else(|| {
                let before = &text.text[..text.text.len() - written.rest.len()];
                access::of_remarks(signs(before))
            });
            self.add(written.methods, written.path, text.range(), place, remark);
            return;
        }
        if let (Some(access), true) = (self.list, is_item)
            && let Some((path, _)) = endpoints::path(text.text).filter(|(path, _)| is_api_path(path))
        {
            self.add(Vec::new(), path, text.range(), place, Some(access));
            return;
        }
        if !is_item {
            self.list = None;
        }
        if let Some(field) = field(text)
            && self.field(&field, text, depth)
        {
            self.end_paragraph(false);
            self.paragraph.push(field.value);
            return;
        }
        self.paragraph.push(text);
    }

    fn row(&mut self, header: &[&'t str], cells: &[Piece<'t>], line: Piece<'t>) {
        self.note_hiding(line, usize::MAX);
        let columns = endpoints::columns(header);
        let cell = |column: Option<usize>| column.and_then(|at| cells.get(at)).copied();
        let Some(path) = cell(columns.path) else {
            // A table of two columns is a list of fields.
            if let ([key, value], None) = (cells, columns.method) {
                let key = plain_key(key.text);
                self.field(&Field { key, value: *value }, line, 0);
            }
            return;
        };
        let written = endpoints::within(path.text).map(|w| (w.methods, w.path, w.rest)).or_else(|| {
            let method = cell(columns.method)?.text.trim_matches(['`', '*', ' ']);
            let (methods, _) = endpoints::methods(method)?;
            let (path, rest) = endpoints::path(path.text.trim_matches(['*', ' ']))?;
            Some((methods, path, rest))
        });
        let Some((methods, path, rest)) = written else { return };
        let access = match cell(columns.access) {
            Some(cell) => access::of_value(cell.text).map(|access| match (access, columns.inverted) {
                (Access::Public, true) => Access::Required,
                (Access::Required, true) => Access::Public,
                (access, _) => access,
            }),
            None => access::of_remarks(rest),
        };
        self.add(methods, path, line.range(), Place::Row, access);
    }

    fn code(&mut self, language: &str, lines: &[Piece<'t>]) {
        let header = lines.iter().find(|line| access::is_bearer_header(line.text));
        let first = lines.iter().find(|line| !line.text.trim().is_empty());
        self.end_paragraph(header.is_some() && header == first);
        if self.section().base {
            lines.iter().for_each(|line| self.note_bases(line.text));
        }
        // An example of a request in a language of its own says nothing new.
        if !matches!(language, "" | "http" | "text" | "txt" | "plaintext" | "rest" | "plain") {
            return;
        }
        if self.target(usize::MAX).is_none() {
            for (number, line) in lines.iter().filter(|line| !line.text.trim().is_empty()).enumerate() {
                let written = endpoints::at_start(line.text).filter(|written| {
                    let rest = written.rest.trim();
                    rest.is_empty() || rest.starts_with("HTTP/") || rest.starts_with(['#', '-', '—', '('])
                });
                match written {
                    Some(written) => {
                        let remark = access::of_remarks(written.rest);
                        self.add(written.methods, written.path, line.range(), Place::Line, remark);
                    }
                    // A block that begins with something else is no list of endpoints.
                    None if number == 0 => break,
                    None => {}
                }
            }
        }
        if let Some(header) = header {
            self.note_header(header.range(), usize::MAX);
        }
    }

    fn add(&mut self, methods: Vec<SmolStr>, path: SmolStr, range: TextRange, place: Place, said: Option<Access>) {
        if self.found.len() < MAX_ENDPOINTS {
            let said = said.map(|access| (access, range)).into_iter().collect();
            let section = self.sections.len() - 1;
            self.found.push(Found { methods, path, range, section, place, said, header: None, hides: false });
        }
    }

    /// The endpoint that a line of that indentation speaks of.
    fn target(&self, depth: usize) -> Option<usize> {
        let section = self.sections.len() - 1;
        let own: Vec<usize> = (0..self.found.len())
            .rev()
            .take_while(|at| self.found[*at].section == section)
            .filter(|at| self.found[*at].place != Place::Heading)
            .collect();
        if let Some(&last) = own.first() {
            return match self.found[last].place {
                Place::Item(of) => (depth > of && depth != usize::MAX).then_some(last),
                // Of several endpoints in a row, a field may mean any.
                Place::Line => (own.len() == 1).then_some(last),
                Place::Row | Place::Heading => None,
            };
        }
        let mut at = Some(section);
        while let Some(section) = at {
            let heading = |found: &Found| found.section == section && found.place == Place::Heading;
            if let Some(found) = self.found.iter().position(heading) {
                return Some(found);
            }
            at = self.sections[section].parent;
        }
        None
    }

    /// Takes down what a field or phrase says: of an endpoint, or of its section.
    fn say(&mut self, access: Access, range: TextRange, depth: usize, mechanism: bool) {
        if let Some(target) = self.target(depth) {
            self.found[target].said.push((access, range));
            return;
        }
        let section = self.sections.len() - 1;
        let first = self.found.iter().all(|found| found.section != section);
        // At the top of a document "JWT" names the mechanism.
        if first && !(mechanism && self.sections[section].level <= 1) {
            self.sections[section].said.push((access, range));
        }
    }

    fn note_header(&mut self, range: TextRange, depth: usize) {
        if let Some(target) = self.target(depth) {
            self.found[target].header.get_or_insert(range);
        }
    }

    /// Takes down that rows of others are said not to be found.
    fn note_hiding(&mut self, line: Piece<'t>, depth: usize) {
        if let Some(target) = self.target(depth)
            && hiding::hides_others(line.text)
        {
            self.found[target].hides = true;
        }
    }

    fn note_bases(&mut self, text: &str) {
        for token in text.split([' ', '\t', '(', ')', ',']) {
            if let Some(base) = endpoints::base(token).filter(|base| !base.is_empty() && !self.bases.contains(base)) {
                self.bases.push(base);
            }
        }
    }

    /// Reads the sentences of the paragraph that ends here. `header` tells
    /// whether the token header is what follows.
    fn end_paragraph(&mut self, header: bool) {
        let lines = std::mem::take(&mut self.paragraph);
        if let Some((sentence, range)) = self.unfinished.take() {
            if header {
                self.sentence(&format!("{sentence} authorization bearer token"), range);
            } else if lines.is_empty() {
                self.unfinished = Some((sentence, range));
            }
        }
        let mut sentence = String::new();
        let mut range: Option<TextRange> = None;
        for line in &lines {
            let mut rest = line.text;
            while !rest.is_empty() {
                let end = sentence_end(rest);
                let (part, after) = rest.split_at(end);
                sentence.push(' ');
                sentence.push_str(part);
                let part = line.part(part.trim()).range();
                range = Some(range.map_or(part, |range| range.cover(part)));
                if end < rest.len() {
                    self.finish(&mut sentence, &mut range);
                }
                rest = after;
            }
        }
        let open = sentence.trim_end().ends_with(':');
        let last = (sentence.clone(), range);
        let known = self.finish(&mut sentence, &mut range);
        if let ((sentence, Some(range)), true, false) = (last, open, known) {
            if header {
                self.sentence(&format!("{sentence} authorization bearer token"), range);
            } else {
                self.unfinished = Some((sentence, range));
            }
        }
    }

    fn finish(&mut self, sentence: &mut String, range: &mut Option<TextRange>) -> bool {
        let text = std::mem::take(sentence);
        range.take().is_some_and(|range| self.sentence(&text, range))
    }

    /// Reads one sentence; tells whether it said something.
    fn sentence(&mut self, sentence: &str, range: TextRange) -> bool {
        let lower = sentence.to_ascii_lowercase();
        if lower.contains("prefixed with") || lower.contains("endpoints are under") {
            self.note_bases(sentence);
        }
        if let Some(sweeping) = access::sweeping(sentence) {
            let section = self.sections.len() - 1;
            self.sweeping.push((sweeping, range, section));
            return true;
        }
        let phrase = access::of_phrase(sentence).or_else(|| {
            // "Health check (no authentication required)", below the endpoint's heading.
            let target = self.target(usize::MAX)?;
            let bracketed = sentence.contains('(') && self.found[target].said.is_empty();
            let inner = sentence.split('(').nth(1)?.split(')').next()?;
            access::of_phrase(inner).filter(|_| bracketed)
        });
        if let Some(access) = phrase {
            self.say(access, range, usize::MAX, false);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GET /a required own @3`, one endpoint a line, and the blankets.
    fn shown(text: &str) -> Vec<String> {
        let contract = read(text);
        let line = |range: TextRange| text[..range.start as usize].matches('\n').count() + 1;
        let mut shown: Vec<String> = contract
            .endpoints
            .iter()
            .map(|endpoint| {
                let stated = endpoint.stated.map_or("unstated".to_owned(), |stated| {
                    let access = format!("{:?}", stated.access).to_lowercase();
                    format!("{access}{} @{}", if stated.own { " own" } else { "" }, line(stated.range))
                });
                format!("{} {} {stated}", endpoint.methods.join(","), endpoint.path)
            })
            .collect();
        shown.extend(contract.blankets.iter().map(|blanket| format!("blanket @{}", line(blanket.range))));
        shown
    }

    #[test]
    fn headings_with_fields() {
        let text = "# API\n\n## Books\n\n### 1. GET /api/books\nLists them.\n- **Auth**: Required\n- **Body**: none\n\n### `POST /api/books` 🔒\n\n### GET /api/covers/{id}\n**Authentication:** None\n\n#### Headers\n```\nX: y\n```\n### DELETE /api/books/:id\n#### Headers\n```\nAuthorization: Bearer <token>\n```\n### PUT /api/books/:id\nAuth: Required\nAuthentication: None\n### GET /ping\nPing (no authentication required).\n";
        let wanted = [
            "GET /api/books required own @7",
            "POST /api/books required own @10",
            "GET /api/covers/{id} public own @13",
            "DELETE /api/books/:id required own @22",
            "PUT /api/books/:id unstated",
            "GET /ping public own @28",
        ];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn items_under_titles_and_sentences() {
        let text = "Base URL: `/api`\n\n## Public endpoints\n- `GET /health`: probe\n\n## Books (JWT required)\n- `GET /books` - list\n  - Auth: optional\n* POST /books: create (public)\n- DELETE /books/{id}\n\n## Other\nAll endpoints in this section require a token.\n1. GET /loans\n";
        let wanted = [
            "GET /health public @3",
            "GET /books optional own @8",
            "POST /books public own @9",
            "DELETE /books/{id} required @6",
            "GET /loans required @13",
        ];
        assert_eq!(shown(text), wanted);
        assert_eq!(read(text).bases, ["/api"]);
    }

    #[test]
    fn code_blocks_and_method_fields() {
        let text = "### List\n```\nGET /books?page=1\n```\n**Auth:** Not required\n\n### Create\n```http\nPOST /books\nAuthorization: Bearer <t>\n```\n\n### Both\n```\nPUT /books/{id}\nPATCH /books/{id}\n```\nAuth: Required\n\n### Register\n* **Method:** POST\n* **Endpoint:** `/register`\n* **Auth:** none\n\n### Sign in\n**Endpoint**: `POST /login`\n\n**Authentication**: Public (no token)\n\n## Examples\n```\nGET /books/1\n```\n```bash\ncurl -X GET /books\n```\n";
        let wanted = [
            "GET /books public own @5",
            "POST /books required own @10",
            "PUT /books/{id} unstated",
            "PATCH /books/{id} unstated",
            "POST /register public own @23",
            "POST /login public own @28",
        ];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn tables() {
        let text = "| Method | Endpoint | Auth | What |\n|---|---|---|---|\n| GET | `/books` | Yes | list |\n| POST | `/login` | No | sign in |\n| GET | /covers | - | images |\n\n| Endpoint | Public |\n|---|---|\n| `GET /a` | yes |\n| `GET /b` | no |\n\n| Endpoint | Limit |\n|---|---|\n| /books | 10 |\n";
        let wanted = [
            "GET /books required own @3",
            "POST /login public own @4",
            "GET /covers unstated",
            "GET /a public own @9",
            "GET /b required own @10",
        ];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn sentences_about_all() {
        let text = "# API\n## Authentication\nAll endpoints (except `/health`) require a JWT:\n```\nAuthorization: Bearer <t>\n```\n## Endpoints\n### GET /health\n### GET /books\n### POST /books\nAuth: None\n";
        let wanted = ["GET /health public @3", "GET /books required @3", "POST /books public own @11", "blanket @3"];
        assert_eq!(shown(text), wanted);
        let colon = "All endpoints require the following header:\n\n```\nAuthorization: Bearer <t>\n```\n- GET /a\n";
        assert_eq!(shown(colon), ["GET /a required @1", "blanket @1"]);
        let lines = "## URL\nAll endpoints require:\nAuthorization: Bearer <t>\nContent-Type: x\n## GET /a\n";
        assert_eq!(shown(lines), ["GET /a required @2", "blanket @2"]);
        let mechanism = "# API\n**Authentication**: JWT Bearer\n## Auth\nAuthorization: Bearer <t>\n## Endpoints\nGET /a\nPOST /a\n";
        assert_eq!(shown(mechanism), ["GET /a unstated", "POST /a unstated"]);
        let about = "## Authentication\nAll task endpoints require JWT.\n## All\n- GET /tasks/{id}\n- GET /version\n";
        assert_eq!(shown(about), ["GET /tasks/{id} required @2", "GET /version unstated", "blanket @2"]);
        let planned = "## Future work\nAll endpoints require JWT.\n- GET /later\n";
        assert!(shown(planned).is_empty());
    }

    #[test]
    fn sentences_about_all_of_a_part() {
        let part =
            "# Contracts\n## Backend\n### Authentication\nAll endpoints require JWT.\n### Endpoints\n- GET /books\n";
        let events = format!("{part}## Events\n- POST /events/lent\n");
        assert_eq!(shown(&events), ["GET /books required @4", "POST /events/lent unstated"]);
        assert_eq!(shown(part), ["GET /books required @4", "blanket @4"], "nothing else is known");
    }

    #[test]
    fn labelled_lists_of_paths() {
        let text =
            "**Public endpoints**: `/health`, `POST /auth/login`\n\nProtected routes:\n- /api/books\n- /dashboard\n";
        let wanted = [" /health public own @1", "POST /auth/login public own @1", " /api/books required own @4"];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn nonsense_is_survived() {
        for text in
            ["", "|", "```", "#", "- ", "| a |\n|--|\n|", "GET /", "**:**", "# GET /\u{e9}", "All endpoints require:\n"]
        {
            read(text);
        }
    }
}
