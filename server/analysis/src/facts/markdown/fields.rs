//! What fields such as `Auth: required` or `Method: GET` say.

use super::lines::{Field, is_api_path};
use super::{Access, Piece, Place, Reader, access, endpoints};

impl<'t> Reader<'t> {
    /// Takes down a field; false when it is none that matters.
    pub(super) fn field(&mut self, field: &Field<'t>, line: Piece<'t>, depth: usize) -> bool {
        let value = field.value.text;
        match field.key.as_str() {
            label if access::is_label(label) => {
                if let Some(access) = access::of_value(value) {
                    self.say(access, line.range(), depth, access::is_mechanism(value));
                }
            }
            "authorization" => {
                let access = access::of_value(value).filter(|_| !access::is_mechanism(value));
                if let Some(access) = access {
                    self.say(access, line.range(), depth, false);
                }
            }
            "headers" | "header" | "request headers" | "required headers" => {
                if value.split([',', ';']).any(access::is_bearer_header) {
                    self.note_header(line.range(), depth);
                }
            }
            "method" | "http method" | "verb" => {
                self.method = endpoints::methods(value.trim_matches(['`', '*', ' '])).map(|(methods, _)| methods);
                self.join_fields();
            }
            "endpoint" | "path" | "route" | "url" | "uri" => match endpoints::at_start(value) {
                Some(written) => {
                    let remark = access::of_remarks(written.rest);
                    self.add(written.methods, written.path, line.range(), Place::Line, remark);
                }
                None => {
                    self.path = endpoints::path(value).map(|(path, _)| (path, line.range()));
                    self.join_fields();
                }
            },
            "base url" | "base path" | "base api url" | "api base url" | "base" | "api prefix" | "prefix"
            | "base urls" => self.note_bases(value),
            "public endpoints"
            | "public routes"
            | "unprotected endpoints"
            | "unauthenticated endpoints"
            | "public api endpoints"
            | "public api routes" => self.begin_list(Access::Public, value, line),
            "protected endpoints"
            | "protected routes"
            | "authenticated endpoints"
            | "protected api endpoints"
            | "protected api routes" => self.begin_list(Access::Required, value, line),
            _ => return false,
        }
        true
    }

    /// A labelled list of paths: behind the label, or in the items that follow.
    fn begin_list(&mut self, access: Access, value: &'t str, line: Piece<'t>) {
        self.list = Some(access);
        for part in value.split([',', ';']) {
            let part = part.trim().trim_start_matches("and ").trim();
            if let Some(written) = endpoints::at_start(part) {
                self.add(written.methods, written.path, line.range(), Place::Row, Some(access));
            } else if let Some((path, _)) = endpoints::path(part).filter(|(path, _)| is_api_path(path)) {
                self.add(Vec::new(), path, line.range(), Place::Row, Some(access));
            }
        }
    }

    fn join_fields(&mut self) {
        if let (Some(methods), Some((path, range))) = (&self.method, &self.path) {
            let (methods, path, range) = (methods.clone(), path.clone(), *range);
            (self.method, self.path) = (None, None);
            self.add(methods, path, range, Place::Line, None);
        }
    }
}
