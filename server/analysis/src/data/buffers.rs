//! Files that are written in memory: what leaves with them is what was written to them. So it is with tables and texts of an
//! office that packages make, and save to such a file.

use smol_str::SmolStr;

use super::calls::Given;
use super::engine::Engine;
use super::value::{Abs, Made, Mix, Object, ObjectId, Path};
use crate::index::value::Site;

/// Under what a buffer's object keeps what was written to it.
const CONTENT: &str = "content";

impl Engine<'_, '_> {
    /// `io.StringIO()`, and what writes to one: `csv.writer(buffer)`. None where it is something else (openpyxl 3, XlsxWriter 3).
    pub(super) fn buffer(&mut self, path: &mut Path, package: &str, given: &[Given], site: Site) -> Option<Abs> {
        let first = given.first().map(|one| &one.value);
        match package {
            "io.StringIO" | "io.BytesIO" | "openpyxl.Workbook" | "openpyxl.workbook.Workbook" => {
                let object = Object::new(Made::Buffer, SmolStr::new_static("buffer"), site);
                let id = self.add_object(path, object);
                write(path, id, given.iter().map(|one| &one.value));
                Some(Abs::Object(id))
            }
            "csv.writer" | "csv.DictWriter" | "io.TextIOWrapper" | "xlsxwriter.Workbook" | "zipfile.ZipFile" => {
                first.filter(|value| is_buffer(path, value).is_some()).cloned()
            }
            _ => None,
        }
    }
}

/// A method of a buffer, or of what writes to it.
pub(super) fn method(path: &mut Path, id: ObjectId, name: &str, given: &[Given]) -> Abs {
    match name {
        "write" | "writelines" | "writerow" | "writerows" | "writestr" | "write_row" | "write_column" => {
            write(path, id, given.iter().map(|one| &one.value));
            Abs::Other
        }
        // A sheet, a row of it, a cell.
        "append" | "cell" | "create_sheet" | "add_worksheet" => {
            write(path, id, given.iter().map(|one| &one.value));
            Abs::Object(id)
        }
        "save" => {
            let saved = Abs::Object(id);
            let files: Vec<ObjectId> = given.iter().filter_map(|one| is_buffer(path, &one.value)).collect();
            files.into_iter().for_each(|file| write(path, file, std::iter::once(&saved)));
            Abs::Other
        }
        "getvalue" | "getbuffer" | "read" | "readlines" | "readline" => Abs::Object(id).parts(path).into_abs(),
        _ => Abs::Other,
    }
}

/// Something out of reach may write all else that it is given to a buffer that it is given.
pub(super) fn written_to(path: &mut Path, receiver: Option<&Abs>, given: &[Given]) {
    let values = || receiver.into_iter().chain(given.iter().map(|one| &one.value));
    let buffers: Vec<ObjectId> = values().filter_map(|value| is_buffer(path, value)).collect();
    for id in buffers {
        write(path, id, values().filter(|value| **value != Abs::Object(id)));
    }
}

fn is_buffer(path: &Path, value: &Abs) -> Option<ObjectId> {
    let Abs::Object(id) = value else { return None };
    path.objects.get(id).filter(|object| object.made == Made::Buffer).map(|_| *id)
}

fn write<'v>(path: &mut Path, id: ObjectId, values: impl Iterator<Item = &'v Abs>) {
    let mut content = Abs::Object(id).parts(path);
    for value in values {
        let parts = value.parts(path);
        content.rows.extend(parts.rows);
    }
    if !content.rows.is_empty()
        && let Some(object) = path.objects.get_mut(&id)
    {
        let content = Mix { rows: content.rows, ..Mix::default() }.into_abs();
        object.fields.insert(SmolStr::new_static(CONTENT), content);
    }
}
