//! Variables and objects, with a log of what changed: a branch is executed, its
//! changes are taken back, and those of all branches are joined.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::outcome::Place;
use super::value::{Closure, Object, ObjectId, ObjectKind, ScopeId, Value};
use crate::facts::typescript::tree::{Written, WrittenPart};

/// Variables of a block, and those around it.
#[derive(Debug, Default)]
struct Scope {
    parent: Option<ScopeId>,
    variables: FxHashMap<SmolStr, Value>,
}

/// Something that can be written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot {
    Variable(ScopeId, SmolStr),
    Entry(ObjectId, SmolStr),
    Open(ObjectId),
}

impl Slot {
    /// Whether it belongs to a scope or object that was made when there were
    /// already so many.
    fn is_newer(&self, (scopes, objects): (usize, usize)) -> bool {
        match self {
            Self::Variable(scope, _) => scope.0 as usize >= scopes,
            Self::Entry(object, _) | Self::Open(object) => object.0 as usize >= objects,
        }
    }
}

/// Where a store stands at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    log: usize,
    counts: (usize, usize),
}

/// What a branch wrote.
#[derive(Debug, Default)]
pub(super) struct Changes {
    slots: FxHashMap<Slot, Value>,
}

impl Changes {
    /// What was written to a variable.
    pub(super) fn of(&self, scope: ScopeId, name: &SmolStr) -> Option<&Value> {
        self.slots.get(&Slot::Variable(scope, name.clone()))
    }
}

/// All variables and objects.
#[derive(Debug, Default)]
pub(super) struct Store {
    scopes: Vec<Scope>,
    objects: Vec<Object>,
    /// What stood where before it was written, oldest first.
    log: Vec<(Slot, Option<Value>)>,
}

impl Store {
    /// How much there is.
    pub(super) fn len(&self) -> usize {
        self.scopes.len() + self.objects.len()
    }

    /// A new scope.
    pub(super) fn scope(&mut self, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope { parent, variables: FxHashMap::default() });
        ScopeId(self.scopes.len() as u32 - 1)
    }

    /// A new object.
    pub(super) fn object(&mut self, kind: ObjectKind, place: Place) -> ObjectId {
        self.objects.push(Object { kind, entries: FxHashMap::default(), open: false, place });
        ObjectId(self.objects.len() as u32 - 1)
    }

    /// How many scopes and objects there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.scopes.len(), self.objects.len())
    }

    /// Says of variables of a scope, and of entries of objects that were made
    /// since, that they may hold anything, if functions assign to them.
    pub(super) fn loosen(&mut self, scope: ScopeId, since: usize, is_assigned: impl Fn(&str) -> bool) {
        let loosen = |name: &str, value: &mut Value| {
            if is_assigned(name) && !matches!(value, Value::Function(_)) {
                *value = Value::any([value.clone(), Value::Unknown]);
            }
        };
        for (name, value) in &mut self.scopes[scope.0 as usize].variables {
            loosen(name, value);
        }
        for object in self.objects.iter_mut().skip(since) {
            for (name, value) in &mut object.entries {
                loosen(name, value);
            }
        }
    }

    /// Functions that variables of blocks hold, from a scope outwards up to the module's.
    pub(super) fn functions_around(&self, scope: ScopeId) -> impl Iterator<Item = &Rc<Closure>> {
        let mut at = Some(&self.scopes[scope.0 as usize]);
        let around = std::iter::from_fn(move || {
            let scope = at.filter(|scope| scope.parent.is_some())?;
            at = scope.parent.map(|parent| &self.scopes[parent.0 as usize]);
            Some(scope)
        });
        around.flat_map(|scope| scope.variables.values()).filter_map(|value| match value {
            Value::Function(closure) => Some(closure),
            _ => None,
        })
    }

    /// Says that something that a scope sees may have been assigned anything.
    pub(super) fn loosen_written(&mut self, scope: ScopeId, written: &Written) {
        let Some(owner) = self.owner(scope, &written.variable) else { return };
        let Some(value) = self.scopes[owner.0 as usize].variables.get(&written.variable).cloned() else { return };
        if written.part == WrittenPart::Whole {
            if !matches!(value, Value::Function(_) | Value::Unknown) {
                self.declare(owner, &written.variable, Value::any([value, Value::Unknown]));
            }
            return;
        }
        for value in value.alternatives() {
            let Value::Object(id) = value else { continue };
            let object = self.get(*id);
            let WrittenPart::Property(name) = &written.part else {
                self.open(*id);
                continue;
            };
            let key = match object.kind {
                ObjectKind::Headers => SmolStr::new(name.to_ascii_lowercase()),
                _ => name.clone(),
            };
            let before = object.entries.get(&key).cloned().unwrap_or(Value::Undefined);
            if !matches!(before, Value::Function(_) | Value::Unknown) {
                self.set(*id, &key, Value::any([before, Value::Unknown]));
            }
        }
    }

    /// Says of empty entries of objects that a module exports, and that were made
    /// since, that they may hold anything: they are there for other modules to fill.
    pub(super) fn leave_blank<'n>(
        &mut self,
        scope: ScopeId,
        since: usize,
        exported: impl Iterator<Item = &'n SmolStr>,
    ) {
        let variables = &self.scopes[scope.0 as usize].variables;
        let objects: Vec<usize> = exported
            .filter_map(|name| match variables.get(name) {
                Some(Value::Object(id)) => Some(id.0 as usize),
                _ => None,
            })
            .filter(|id| {
                *id >= since && self.objects[*id].kind == ObjectKind::Plain && !self.objects[*id].is_settings()
            })
            .collect();
        for object in objects {
            for value in self.objects[object].entries.values_mut() {
                let is_blank = value.is_missing() || matches!(value, Value::Text(parts) if parts.is_empty());
                if is_blank {
                    *value = Value::Unknown;
                }
            }
        }
    }

    /// An object.
    pub(super) fn get(&self, object: ObjectId) -> &Object {
        &self.objects[object.0 as usize]
    }

    /// The value of a variable, and whether there is one.
    pub(super) fn variable(&self, scope: ScopeId, name: &str) -> Option<Value> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            let scope = &self.scopes[scope.0 as usize];
            if let Some(value) = scope.variables.get(name) {
                return Some(value.clone());
            }
            at = scope.parent;
        }
        None
    }

    /// The variables of one scope, in no order.
    pub(super) fn variables(&self, scope: ScopeId) -> impl Iterator<Item = (&SmolStr, &Value)> {
        self.scopes[scope.0 as usize].variables.iter()
    }

    /// The scope in which the nearest variable of the name was declared.
    pub(super) fn owner(&self, scope: ScopeId, name: &str) -> Option<ScopeId> {
        let mut at = Some(scope);
        while let Some(id) = at {
            if self.scopes[id.0 as usize].variables.contains_key(name) {
                return Some(id);
            }
            at = self.scopes[id.0 as usize].parent;
        }
        None
    }

    /// Declares a variable.
    pub(super) fn declare(&mut self, scope: ScopeId, name: &SmolStr, value: Value) {
        self.write(Slot::Variable(scope, name.clone()), Some(value));
    }

    /// Assigns to the nearest variable of the name; tells whether there is one.
    pub(super) fn assign(&mut self, scope: ScopeId, name: &SmolStr, value: Value) -> bool {
        let mut at = Some(scope);
        while let Some(id) = at {
            if self.scopes[id.0 as usize].variables.contains_key(name) {
                self.write(Slot::Variable(id, name.clone()), Some(value));
                return true;
            }
            at = self.scopes[id.0 as usize].parent;
        }
        false
    }

    /// Sets an entry of an object.
    pub(super) fn set(&mut self, object: ObjectId, name: &str, value: Value) {
        self.write(Slot::Entry(object, SmolStr::new(name)), Some(value));
    }

    /// Says that an object may have more than is known.
    pub(super) fn open(&mut self, object: ObjectId) {
        self.write(Slot::Open(object), Some(Value::Bool(true)));
    }

    /// Where the store stands.
    pub(super) fn mark(&self) -> Mark {
        Mark { log: self.log.len(), counts: self.counts() }
    }

    /// Begins a log of its own; the one before is kept for [`Self::end_log`].
    pub(super) fn begin_log(&mut self) -> Log {
        Log(std::mem::take(&mut self.log))
    }

    /// Goes on with the log of before. What was there before the given numbers of
    /// scopes and objects is as it was: what one module does to another would
    /// otherwise depend on which is executed first.
    pub(super) fn end_log(&mut self, log: Log, counts: (usize, usize)) {
        let written = std::mem::replace(&mut self.log, log.0);
        for (slot, before) in written.into_iter().rev() {
            if !slot.is_newer(counts) {
                self.swap(&slot, before);
            }
        }
    }

    /// Takes back what was written since the mark, and gives it. What was made
    /// since stays as it is: a result may hold it.
    pub(super) fn take_back(&mut self, mark: Mark) -> Changes {
        let mut changes = Changes::default();
        let written = self.log.split_off(mark.log.min(self.log.len()));
        for (slot, before) in written.into_iter().rev() {
            if slot.is_newer(mark.counts) {
                continue;
            }
            let now = self.swap(&slot, before);
            changes.slots.entry(slot).or_insert(now.unwrap_or(Value::Undefined));
        }
        changes
    }

    /// What was written since the mark to what was there by then.
    pub(super) fn written_since(&self, mark: Mark) -> Changes {
        let written = self.log.get(mark.log..).unwrap_or_default().iter().map(|(slot, _)| slot);
        let older = written.filter(|slot| !slot.is_newer(mark.counts));
        let slots = older.map(|slot| (slot.clone(), self.current(slot).unwrap_or(Value::Undefined)));
        Changes { slots: slots.collect() }
    }

    /// Drops all scopes and objects that were made since the mark; nobody may hold one of them.
    pub(super) fn drop_since(&mut self, mark: Mark) {
        self.scopes.truncate(mark.counts.0);
        self.objects.truncate(mark.counts.1);
    }

    /// Writes what one of several branches wrote, each of which may have run.
    /// A branch that wrote nothing leaves what there is.
    pub(super) fn join(&mut self, branches: Vec<Changes>) {
        let mut slots: Vec<&Slot> = branches.iter().flat_map(|branch| branch.slots.keys()).collect();
        slots.sort_unstable_by_key(|slot| match slot {
            Slot::Variable(scope, name) => (0, scope.0, (*name).clone()),
            Slot::Entry(object, name) => (1, object.0, (*name).clone()),
            Slot::Open(object) => (2, object.0, SmolStr::default()),
        });
        slots.dedup();
        let joined: Vec<(Slot, Value)> = slots
            .into_iter()
            .map(|slot| {
                let here = || self.current(slot).unwrap_or(Value::Undefined);
                let values = branches.iter().map(|branch| branch.slots.get(slot).cloned().unwrap_or_else(here));
                (slot.clone(), Value::any(values))
            })
            .collect();
        for (slot, value) in joined {
            self.write(slot, Some(value));
        }
    }

    fn current(&self, slot: &Slot) -> Option<Value> {
        match slot {
            Slot::Variable(scope, name) => self.scopes[scope.0 as usize].variables.get(name).cloned(),
            Slot::Entry(object, name) => self.get(*object).entries.get(name).cloned(),
            Slot::Open(object) => Some(Value::Bool(self.get(*object).open)),
        }
    }

    fn write(&mut self, slot: Slot, value: Option<Value>) {
        let before = self.swap(&slot, value);
        self.log.push((slot, before));
    }

    /// Puts a value into a slot and gives what stood there.
    fn swap(&mut self, slot: &Slot, value: Option<Value>) -> Option<Value> {
        let (entries, name) = match slot {
            Slot::Variable(scope, name) => (&mut self.scopes[scope.0 as usize].variables, name),
            Slot::Entry(object, name) => (&mut self.objects[object.0 as usize].entries, name),
            Slot::Open(object) => {
                let open = &mut self.objects[object.0 as usize].open;
                // Joined with a branch that did not open it, it still may be.
                let now = value.is_some_and(|value| value != Value::Bool(false));
                return Some(Value::Bool(std::mem::replace(open, now)));
            }
        };
        match value {
            Some(value) => entries.insert(name.clone(), value),
            None => entries.remove(name),
        }
    }
}

/// A log that was put aside.
#[derive(Debug)]
pub(super) struct Log(Vec<(Slot, Option<Value>)>);
