//! Tables of the project: SQLModel and SQLAlchemy declarative classes, and
//! which of their columns say whose a row is.

use std::sync::Arc;

use smol_str::SmolStr;

use super::names;
use crate::facts::python::idioms::is_table;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::modules::Module;
use crate::index::value::{ClassRef, Resolve, Site, Value};
use crate::vfs::FileId;

/// Parts of a column's definition that are looked at.
const MAX_PARTS: usize = 200;

/// A class that maps to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Model {
    /// Where the name of the class stands.
    pub(super) site: Site,
    /// Its name.
    pub(super) name: SmolStr,
    /// Its name in the database.
    pub(super) table: SmolStr,
    /// Whether it holds the users themselves.
    pub(super) is_user: bool,
    /// Columns that hold the owner, the surest first.
    pub(super) owners: Vec<SmolStr>,
    /// All columns.
    pub(super) columns: Vec<Column>,
    /// Names of relationships.
    pub(super) relations: Vec<SmolStr>,
    /// All else that the class and those above it define; none where one of them is not known.
    pub(super) others: Option<Vec<SmolStr>>,
    /// Whether its class begins queries, which are executed where they are awaited (Tortoise ORM).
    pub(super) awaited: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: SmolStr,
    /// The table that it refers to.
    pub(super) refers_to: Option<SmolStr>,
    /// Whether that is the table of the users.
    pub(super) of_user: bool,
    /// Whether it is the primary key.
    pub(super) primary: bool,
    /// Whether it always refers to something: the database takes no row without.
    pub(super) required: bool,
}

/// The file in which tables stand that no class is of.
pub(super) const NO_FILE: FileId = FileId(u32::MAX);

impl Model {
    /// Finds out whether it holds the users, and which of its columns say whose a row is.
    pub(super) fn find_owners(&mut self, stated: &[SmolStr], callers: &Callers) {
        self.is_user = callers.is_user_table(&self.table) || callers.is_user_table(&self.name);
        for column in &mut self.columns {
            column.of_user = column.refers_to.as_ref().is_some_and(|table| callers.is_user_table(table));
        }
        self.owners = owners(self, stated, callers);
    }

    /// Whether it is called after accounts, or refers to a table that is.
    pub(super) fn speaks_of_accounts(&self) -> bool {
        let refers_to = self.columns.iter().filter_map(|column| column.refers_to.as_ref());
        [&self.name, &self.table].into_iter().chain(refers_to).any(|name| names::is_account_table(name))
    }

    /// Whether each of its rows refers by a column to one of another table.
    pub(super) fn always_refers(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.name == column && known.required && known.refers_to.is_some())
    }

    /// Whether a class says what it holds; others are known by their names.
    pub(super) fn has_class(&self) -> bool {
        self.site.file != NO_FILE
    }

    /// Whether a column holds the owner.
    pub(super) fn is_owner(&self, column: &str) -> bool {
        self.owners.iter().any(|owner| owner == column)
    }

    /// Whether its rows are between several users, each of whom they belong to.
    pub(super) fn is_between_users(&self, callers: &Callers) -> bool {
        let is_party = |owner: &SmolStr| self.refers(owner) && !callers.is_owner(owner);
        self.owners.len() > 1 && self.owners.iter().all(is_party)
    }

    /// Whether a column says which user a row is about: its owner, or one of those whom a table in between joins.
    pub(super) fn names_user(&self, column: &str) -> bool {
        self.is_owner(column) || self.columns.iter().any(|known| known.of_user && known.name == column)
    }

    /// The table, users aside, that a column refers to.
    pub(super) fn parent(&self, column: &str) -> Option<&SmolStr> {
        let column = self.columns.iter().find(|known| known.name == column)?;
        column.refers_to.as_ref().filter(|_| !column.of_user)
    }

    /// Whether a column is the primary key.
    pub(super) fn is_key(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.primary && known.name == column) || column == "id"
    }

    /// The column that a keyword of Tortoise ORM names: `user` is kept in `user_id`, and `pk` is the primary key.
    pub(super) fn stored_as(&self, keyword: &str) -> SmolStr {
        if keyword == "pk" {
            return SmolStr::new_static("id");
        }
        let key = SmolStr::new(format!("{keyword}_id"));
        if self.columns.iter().any(|known| known.name == key) { key } else { SmolStr::new(keyword) }
    }

    /// Whether the class has a column of that name.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.name == column) || self.relations.iter().any(|known| known == column)
    }

    /// Whether a column says itself which table it refers to.
    pub(super) fn refers(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.name == column && known.refers_to.is_some())
    }

    /// Whether an attribute is none of the table's, so that what is assigned to it is not stored; one without a
    /// name is not known.
    pub(super) fn is_transient(&self, attribute: &str) -> bool {
        let is_other = |others: &Vec<SmolStr>| others.iter().any(|other| other == attribute);
        !attribute.is_empty() && !self.has(attribute) && self.others.as_ref().is_some_and(|others| !is_other(others))
    }
}

/// Which tables hold those who call: whatever is called after users, and the table whose row the dependency gives that
/// verifies the caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Callers {
    /// The class of that table, or its name where it has none.
    class: SmolStr,
    /// Its name in the database.
    table: SmolStr,
    /// Whether those who call are called users: what is called an account beside them is one of a bank or a ledger.
    of_users: bool,
}

impl Callers {
    /// Those who call are the rows of a table.
    pub(super) fn in_table(model: &Model) -> Self {
        Self { class: model.name.clone(), table: model.table.clone(), of_users: false }
    }

    /// Those who call are the rows of a table that is called after users.
    pub(super) fn of_users() -> Self {
        Self { of_users: true, ..Self::default() }
    }

    /// Whether a table or class of that name holds users.
    pub(super) fn is_user_table(&self, name: &str) -> bool {
        // Where administrators call, users are those whom they look after.
        let is_other = self.of_users && names::is_account_table(name) || names::is_of_some(&self.class);
        names::is_user_table(name) && !is_other || !name.is_empty() && (self.table == name || self.class == name)
    }

    /// Whether a column of that name holds the owner of a row.
    fn is_owner(&self, column: &str) -> bool {
        names::is_owner(column) || self.is_key(column)
    }

    /// Whether a column is called after what holds those who call: `member_id`.
    pub(super) fn is_key(&self, column: &str) -> bool {
        !self.class.is_empty() && names::is_key_of(column, &self.class)
    }

    /// Columns that usually hold the owner, where no class says which there are.
    pub(super) fn usual_owners(&self) -> impl Iterator<Item = SmolStr> {
        let own = (!self.class.is_empty()).then(|| names::keys_of(&self.class));
        names::usual_owners().chain(own.into_iter().flatten())
    }
}

/// The table that a class maps to, if it is one.
pub(super) fn model_of(interpreter: &Interpreter<'_>, class: &ClassRef, callers: &Callers) -> Option<Model> {
    let classes = interpreter.linearised(class);
    let declared = is_table(&class.def)
        || classes.iter().skip(1).any(|base| is_table(&base.def))
        || is_document(interpreter, class)
        || is_record(interpreter, class);
    let of_package = columns_of_package(interpreter, class);
    if !declared && of_package.is_empty() {
        return None;
    }
    let mut model = Model {
        site: class.site,
        name: class.def.name.name.clone(),
        table: SmolStr::default(),
        is_user: false,
        owners: Vec::new(),
        columns: Vec::new(),
        relations: Vec::new(),
        others: others(&classes),
        awaited: is_record(interpreter, class),
    };
    let mut table = None;
    for class in &classes {
        for stmt in &class.def.body {
            match &stmt.kind {
                StmtKind::Assign(assign) => {
                    let Some(name) = assign.targets.first().and_then(|target| target.as_name()) else { continue };
                    if name == "__tablename__" {
                        table = table.or_else(|| assign.value.as_ref().and_then(Expr::as_str).cloned());
                    } else if !name.starts_with("__") {
                        add(&mut model, name, assign.value.as_ref(), assign.annotation.as_ref());
                    }
                }
                // A column of a mixin that is declared by a method.
                StmtKind::Function(def) if is_declared(&def.decorators) && def.name.name != "__tablename__" => {
                    let method = interpreter.method(class, &def.name.name).map(|method| interpreter.current(&method));
                    let def = method.map_or_else(|| Arc::clone(def), |method| method.def);
                    let returned = def.body.iter().find_map(|stmt| match &stmt.kind {
                        StmtKind::Return(value) => value.as_ref(),
                        _ => None,
                    });
                    add(&mut model, &def.name.name, returned, None);
                }
                _ => {}
            }
        }
    }
    for name in of_package.iter().filter(|name| !model.has(name)).collect::<Vec<_>>() {
        model.columns.push(Column {
            name: name.clone(),
            refers_to: None,
            of_user: false,
            primary: name == "id",
            required: false,
        });
    }
    let table = table.unwrap_or_else(|| SmolStr::new(class.def.name.name.to_ascii_lowercase()));
    model.table = table;
    model.find_owners(interpreter.sources().owner_names(), callers);
    let mut owners = std::mem::take(&mut model.owners);
    owners.retain(|owner| model.refers(owner) || !names_other_table(interpreter, class, owner));
    model.owners = owners;
    Some(model)
}

/// Whether a column that refers to nothing is named after a table beside its own
/// which is not that of the users: `author_id`, where there is a table `Author`.
fn names_other_table(interpreter: &Interpreter<'_>, class: &ClassRef, column: &str) -> bool {
    let Some(stem) = column.strip_suffix("_id").filter(|stem| !names::is_user_table(stem)) else { return false };
    let name: String = stem
        .split('_')
        .flat_map(|word| word.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }))
        .collect();
    let own = class.site.file;
    let beside = ["", stem].map(|module| match interpreter.sources().resolve(own, 1, module) {
        Module::File(file) => Some(file),
        _ => None,
    });
    [Some(own)].into_iter().chain(beside).flatten().any(|file| {
        let Value::Class(named) = interpreter.force(interpreter.lookup(file, &name)) else { return false };
        is_table(&named.def) && !names::is_user_table(&name)
    })
}

/// All names that classes define; none where a base is not known.
fn others(classes: &[Arc<ClassRef>]) -> Option<Vec<SmolStr>> {
    let is_known = |base: &Value| matches!(base, Value::Class(_) | Value::Package(_));
    let bases = |class: &ClassRef| class.bases.iter().all(is_known);
    let names = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Assign(assign) => assign.targets.iter().filter_map(Expr::as_name).cloned().collect(),
        StmtKind::Function(def) => vec![def.name.name.clone()],
        _ => Vec::new(),
    };
    let all = || classes.iter().flat_map(|class| class.def.body.iter().flat_map(names)).collect();
    classes.iter().all(|class| bases(class)).then(all)
}

fn owners(model: &Model, stated: &[SmolStr], callers: &Callers) -> Vec<SmolStr> {
    let said = model.columns.iter().filter(|column| names::is_stated(stated, &column.name) && !column.primary);
    let said: Vec<SmolStr> = said.map(|column| column.name.clone()).collect();
    if !said.is_empty() && !model.is_user {
        return said;
    }
    // Whom a user reports to, or is invited by, does not own that user.
    let among_users = |column: &Column| model.is_user && column.refers_to.as_ref() == Some(&model.table);
    let to_user = |column: &&Column| column.of_user && !among_users(column);
    let elsewhere = |column: &Column| column.refers_to.is_some() && !to_user(&column);
    let mut owners: Vec<SmolStr> = Vec::new();
    let keys: Vec<&Column> = model.columns.iter().filter(to_user).collect();
    let own = |column: &&Column| callers.is_owner(&column.name) && !column.primary;
    owners.extend(keys.iter().filter(|column| own(column)).map(|column| column.name.clone()));
    let own_keys = keys.iter().filter(|column| !names::is_other_person(&column.name) && !column.primary);
    if owners.is_empty()
        && let [only] = own_keys.collect::<Vec<_>>().as_slice()
    {
        owners.push(only.name.clone());
    }
    // What is between two users is both's: a message, an order.
    let parties = || keys.iter().filter(|column| !names::is_of_staff(&column.name) && !column.primary);
    if owners.is_empty() && !model.is_user && parties().count() > 1 {
        owners.extend(parties().map(|column| column.name.clone()));
    }
    if owners.is_empty() {
        // What a user is called is no owner of that user, nor is who made the account.
        let is_own = |column: &Column| model.is_user && (names::is_self(&column.name) || column.name.ends_with("_by"));
        let named = model.columns.iter().filter(|column| own(column) && !elsewhere(column) && !is_own(column));
        owners.extend(named.map(|column| column.name.clone()));
    }
    owners
}

/// Whether a class is of documents.
fn is_document(interpreter: &Interpreter<'_>, class: &ClassRef) -> bool {
    let bases = interpreter.package_bases(class);
    bases.iter().any(|base| matches!(base.as_str(), "beanie.Document" | "odmantic.Model"))
}

/// Whether a class is of rows of Tortoise ORM, which fetch and write themselves.
fn is_record(interpreter: &Interpreter<'_>, class: &ClassRef) -> bool {
    let bases = interpreter.package_bases(class);
    bases.iter().any(|base| matches!(base.as_str(), "tortoise.models.Model" | "tortoise.Model"))
}

/// The columns that a table of users has from fastapi-users 15, for SQLAlchemy or Beanie.
fn columns_of_package(interpreter: &Interpreter<'_>, class: &ClassRef) -> Vec<SmolStr> {
    const BASES: &[&str] = &["SQLAlchemyBaseUserTable", "SQLAlchemyBaseUserTableUUID", "BeanieBaseUser"];
    const COLUMNS: &[&str] = &["id", "email", "hashed_password", "is_active", "is_superuser", "is_verified"];
    let is_of_users = |base: &SmolStr| {
        base.starts_with("fastapi_users") && base.rsplit('.').next().is_some_and(|name| BASES.contains(&name))
    };
    let bases = interpreter.package_bases(class);
    let columns = COLUMNS.iter().filter(|_| bases.iter().any(is_of_users));
    columns.copied().map(SmolStr::new_static).collect()
}

fn is_declared(decorators: &[Expr]) -> bool {
    decorators.iter().any(|decorator| last_name(decorator).is_some_and(|name| name == "declared_attr"))
}

fn add(model: &mut Model, name: &SmolStr, value: Option<&Expr>, annotation: Option<&Expr>) {
    if model.has(name) {
        return;
    }
    let call = value.and_then(Expr::as_call);
    let made_by = call.and_then(|(func, _)| last_name(func));
    if model.awaited {
        return add_field(model, name, made_by, call.map(|(_, args)| args).unwrap_or_default());
    }
    match made_by {
        Some("relationship" | "Relationship" | "backref" | "association_proxy") => {
            model.relations.push(name.clone());
            return;
        }
        Some("Column" | "mapped_column" | "Field") => {}
        _ if annotation.is_some() => {}
        _ => return,
    }
    let refers_to = annotation.and_then(linked);
    let required = annotation.is_some_and(|annotation| !may_be_none(annotation));
    let mut column = Column { name: name.clone(), refers_to, of_user: false, primary: false, required };
    let mut pending: Vec<&Expr> = value.into_iter().collect();
    let mut seen = 0;
    while let Some(expr) = pending.pop() {
        seen += 1;
        if seen > MAX_PARTS {
            break;
        }
        if let Some((func, args)) = expr.as_call() {
            column.primary |=
                keyword(args, "primary_key").is_some_and(|value| matches!(value.kind, ExprKind::Bool(true)));
            if last_name(func) == Some("ForeignKey") {
                column.refers_to = column.refers_to.or_else(|| positional(args, 0).and_then(table_of));
            }
            column.refers_to = column.refers_to.or_else(|| keyword(args, "foreign_key").and_then(table_of));
            match keyword(args, "nullable").map(|value| &value.kind) {
                Some(ExprKind::Bool(nullable)) => column.required = !nullable,
                Some(_) => column.required = false,
                None => {}
            }
        }
        pending.extend(expr.children());
    }
    model.columns.push(column);
}

/// A field of Tortoise ORM. What refers to another table by `user` is kept in `user_id`; other tables are called by their
/// classes: `"models.User"`.
fn add_field(model: &mut Model, name: &SmolStr, made_by: Option<&str>, args: &[Arg]) {
    let is_true = |name: &str| keyword(args, name).is_some_and(|value| matches!(value.kind, ExprKind::Bool(true)));
    let (name, refers_to) = match made_by {
        Some("ForeignKeyField" | "OneToOneField") => {
            let class = positional(args, 0).or_else(|| keyword(args, "to")).or_else(|| keyword(args, "model_name"));
            let class = class.and_then(Expr::as_str).and_then(|class| class.rsplit('.').next());
            model.relations.push(name.clone());
            (SmolStr::new(format!("{name}_id")), class.map(|class| SmolStr::new(class.to_ascii_lowercase())))
        }
        Some(field) if field.ends_with("Field") && !field.starts_with("ManyToMany") => (name.clone(), None),
        _ => return model.relations.push(name.clone()),
    };
    let primary = is_true("pk") || is_true("primary_key");
    model.columns.push(Column { name, refers_to, of_user: false, primary, required: !is_true("null") });
}

/// Whether an annotation lets a column be empty: `Mapped[int | None]`, `Optional[int]`, and what is not known.
fn may_be_none(annotation: &Expr) -> bool {
    let (mut pending, mut seen) = (vec![annotation], 0);
    while let Some(expr) = pending.pop() {
        seen += 1;
        let is_open = matches!(expr.kind, ExprKind::None | ExprKind::Str(_));
        if is_open || seen > MAX_PARTS || last_name(expr) == Some("Optional") {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

/// The table of documents that a field of a document refers to (Beanie 1.20): `Link[User]`, `Link[User] | None`.
fn linked(annotation: &Expr) -> Option<SmolStr> {
    match &annotation.kind {
        ExprKind::Subscript { value, index } => match last_name(value)? {
            "Link" => last_name(index).map(|class| SmolStr::new(class.to_ascii_lowercase())),
            "Optional" => linked(index),
            _ => None,
        },
        ExprKind::Binary { op, left, right } if op == "|" => linked(left).or_else(|| linked(right)),
        _ => None,
    }
}

/// The table in `"schema.table.column"` or `Model.column`.
fn table_of(reference: &Expr) -> Option<SmolStr> {
    match &reference.kind {
        ExprKind::Str(text) => {
            let mut parts = text.rsplit('.');
            parts.next()?;
            parts.next().map(SmolStr::new)
        }
        ExprKind::Attribute { value, .. } => last_name(value).map(SmolStr::new),
        _ => None,
    }
}

/// The last name of `a.b.c`.
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attribute { name, .. } => Some(&name.name),
        ExprKind::Subscript { value, .. } => last_name(value),
        _ => None,
    }
}
