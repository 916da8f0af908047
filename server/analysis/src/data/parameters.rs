//! What the request gives the parameters of handlers and dependencies, as FastAPI reads it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::engine::Engine;
use super::later;
use super::names;
use super::value::{Abs, Made, Object, Path, Place};
use crate::auth::is_credential_parameter;
use crate::facts::python::tree::{Param, ParamKind};
use crate::index::value::{ClassRef, FunctionRef, Resolve, Site, Value, is_from_container};

impl Engine<'_, '_> {
    /// The value of a parameter that the request supplies.
    pub(super) fn supplied(&mut self, path: &mut Path, function: &FunctionRef, param: &Param) -> Abs {
        if matches!(param.kind, ParamKind::VarArgs | ParamKind::KwArgs) {
            return Abs::Unknown;
        }
        let name = &param.name.name;
        let site = Site { range: param.range, ..function.site };
        let annotation = param.annotation.as_ref().map(|ty| self.interpreter.eval_signature(function, ty));
        let default = param.default.as_ref().map(|default| self.interpreter.eval_signature(function, default));
        let (ty, metadata) = match annotation {
            Some(Value::Annotated(annotated)) => (Some(annotated.ty.clone()), annotated.metadata.clone()),
            other => (other, Vec::new()),
        };
        if metadata.iter().any(is_from_container) {
            return match ty {
                Some(Value::Class(class)) => Abs::Object(self.add_object(path, Object::instance(&class))),
                _ => Abs::Unknown,
            };
        }
        let marker = metadata.iter().chain(&default).find_map(|value| match value {
            Value::Instance(instance) => match &instance.class {
                Value::Package(package) if package.starts_with("fastapi") => {
                    let kind = package.rsplit('.').next()?;
                    let alias = match instance.args.get("alias", None) {
                        Some(Value::Str(alias)) => alias.clone(),
                        _ => name.clone(),
                    };
                    Some((SmolStr::new(kind), alias))
                }
                _ => None,
            },
            _ => None,
        });
        // What FastAPI fills in by its type stands in no path.
        if marker.is_none()
            && let Some(Value::Package(package)) = &ty
        {
            match package.rsplit('.').next() {
                Some("Request" | "WebSocket" | "HTTPConnection") => return Abs::Request(SmolStr::default()),
                _ if later::holds_tasks(package) => return later::tasks(package),
                Some("Response" | "SecurityScopes" | "UploadFile") => return Abs::Unknown,
                _ => {}
            }
        }
        let place = match marker.as_ref().map(|(kind, _)| kind.as_str()) {
            Some("Header") => Place::Header,
            Some("Cookie") => Place::Cookie,
            Some("Form" | "File") => Place::Form,
            Some("Body") => Place::Body,
            Some("Path") => Place::Path,
            _ if self.is_in_path(name) => Place::Path,
            // Several values stand in the query only where the code says so.
            None if ty.as_ref().is_some_and(is_sequence) => Place::Body,
            _ => Place::Query,
        };
        let shown = marker.as_ref().map_or(name, |(_, alias)| alias);
        let carries = match place {
            Place::Header | Place::Cookie => names::is_credential(shown),
            // A socket has no headers of the page's making: its token stands in the query. A request model stands in the
            // body, whatever it is called.
            Place::Query => {
                let is_model = matches!(&ty, Some(Value::Class(class)) if !self.is_enum(class));
                self.guarded && !is_model && is_credential_parameter(shown)
            }
            // The link that was sent to somebody: the handler's own proof says so.
            Place::Path => self.tokens.contains(&site),
            _ => false,
        };
        if carries {
            return self.credential();
        }
        match &ty {
            Some(Value::Package(package)) => match package.rsplit('.').next() {
                Some("UploadFile") => return Abs::Unknown,
                Some("dict" | "Dict") if place == Place::Query => return Abs::Request(SmolStr::new_static("body")),
                _ => {}
            },
            Some(Value::Class(class)) if !self.is_enum(class) => {
                let object = Object::new(Made::Body(Arc::clone(class)), name.clone(), site);
                return Abs::Object(self.add_object(path, object));
            }
            _ => {}
        }
        self.client(place, shown, site)
    }

    pub(super) fn is_enum(&self, class: &ClassRef) -> bool {
        self.interpreter.package_bases(class).iter().any(|base| base.starts_with("enum.") || base.ends_with("Enum"))
    }
}

/// Whether a type is one of several values.
fn is_sequence(ty: &Value) -> bool {
    const SEVERAL: &[&str] = &["list", "List", "set", "Set", "tuple", "Tuple", "Sequence"];
    matches!(ty, Value::Package(package) if package.rsplit('.').next().is_some_and(|name| SEVERAL.contains(&name)))
}
