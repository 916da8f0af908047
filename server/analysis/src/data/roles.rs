//! Roles that a handler asks for by name, and what that says of those who have another.
//!
//! Who has the role that is asked for may do more than others, as far as can be told. Two things tell otherwise: with
//! that role callers touch nobody but themselves (`if me.role == "staff": return me.id == target.id`), or what is asked
//! of them there is asked of nobody else (`if me.role == "client": check_owner(…)`), so that these have more.

use std::collections::BTreeSet;

use super::engine::Engine;
use super::exemptions::Compared;
use super::names;
use super::privileges::is_high;
use super::value::{Abs, Path, Predicate, Role};
use super::{Access, RolesAsked};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::value::Site;

/// A right that callers may give themselves who have a role with which they touch nobody else.
#[derive(Clone)]
pub(super) struct ModestGift {
    access: Access,
    roles: BTreeSet<Role>,
}

/// What a condition asks for: one of several roles.
pub(super) struct RoleAsked {
    /// The paths of those who have it.
    having: Vec<Path>,
    high: bool,
    /// Whether they are turned away.
    refused: bool,
}

impl RoleAsked {
    /// What a condition asks for that holds on these paths, and on none before it.
    pub(super) fn of(having: &[Path], refused: bool) -> Option<Self> {
        let asks = !having.is_empty() && having.iter().all(|path| !path.roles.is_empty());
        let high = having.iter().flat_map(|path| path.roles.iter()).any(|role| role.high);
        asks.then(|| Self { having: having.to_vec(), high, refused })
    }

    /// Somebody without the role goes on. Where those who have it are compared with whose something is, and nobody else
    /// is, others may touch it: not those with less, which have been turned away before where the role is a high one.
    pub(super) fn passed_by(&self, path: &mut Path, ends: &[Path]) {
        let is_compared =
            |end: &Path| self.having.iter().all(|before| !Compared::since(before, std::iter::once(end)).is_empty());
        let narrows = !ends.is_empty() && ends.iter().all(is_compared);
        path.privileged |= narrows && (!self.high || path.refused);
        path.refused |= self.refused;
    }
}

impl Engine<'_, '_> {
    /// The paths on which two values compare so, and those on which they don't, with the role that the caller has there.
    pub(super) fn compare_roles(
        &mut self,
        path: Path,
        (a, first): (Abs, &Expr),
        op: &str,
        (b, second): (Abs, &Expr),
    ) -> (Vec<Path>, Vec<Path>) {
        let asks = [&a, &b].into_iter().any(
            |value| matches!(value, Abs::Principal(part) if names::is_authority(part) && !names::is_standing(part)),
        );
        let role = (asks && !self.in_dependency).then(|| Role {
            site: self.site(first),
            high: says(first, &is_high) || says(second, &is_high),
            top: says(first, &is_top) || says(second, &is_top),
        });
        let is_self = self.is_self_compared(&path, &a, &b) || self.is_self_compared(&path, &b, &a);
        let had_right = path.privileged;
        let wish = self.wish(&path, (&a, first), (&b, second));
        if let Some(role) = &role {
            self.note_roles(&path, role.site, (&a, first), (&b, second));
        }
        let (mut yes, mut no) = self.compare(path, a, op, b);
        let (same, other) = match op {
            "==" | "is" | "in" => (&mut yes, &mut no),
            "!=" | "is not" | "not in" => (&mut no, &mut yes),
            _ => {
                // More than something, or less: on both sides there may be those that give more.
                if let Some(wish) = wish {
                    yes.iter_mut().chain(&mut no).for_each(|path| _ = path.doubted.1.insert(wish.client()));
                }
                return (yes, no);
            }
        };
        if let Some(wish) = &wish {
            self.note_wish(wish, same, other);
        }
        for path in same {
            if let Some(role) = role.filter(|_| path.privileged && (!had_right || !path.modest.is_empty())) {
                path.modest.clear();
                path.roles.insert(role);
            }
            if is_self && !path.roles.is_empty() && !path.roles.iter().any(|role| role.top) {
                path.modest = std::mem::take(&mut path.roles);
            }
        }
        (yes, no)
    }

    /// Remembers which roles a comparison asks for.
    fn note_roles(&mut self, path: &Path, site: Site, a: (&Abs, &Expr), b: (&Abs, &Expr)) {
        let texts = |one: &Abs, (with, expr): (&Abs, &Expr)| match one {
            Abs::Principal(part) if names::is_authority(part) => {
                Some((part.clone(), self.named_texts(path, with, expr)))
            }
            _ => None,
        };
        if let Some((attribute, mut roles)) = texts(a.0, b).or_else(|| texts(b.0, a)) {
            // In whatever order they are asked for.
            roles.sort_unstable();
            roles.dedup();
            self.role_texts.insert(site, RolesAsked { attribute, roles });
        }
    }

    /// Whether a value is who is calling, and another one which of the users is touched.
    fn is_self_compared(&self, path: &Path, caller: &Abs, named: &Abs) -> bool {
        let of_users = |id| path.rows.get(id).and_then(|row| row.model.as_ref()).filter(|model| model.is_user);
        matches!(caller, Abs::Principal(part) if names::is_identity(part))
            && match named {
                Abs::Client(_) => true,
                Abs::Part(id, column) => of_users(id).is_some_and(|model| model.is_key(column)),
                _ => false,
            }
    }

    /// The last fault is one only for callers with a role that lets them touch nobody else.
    pub(super) fn note_modest(&mut self, path: &Path) {
        let access = self.data.faults.pop();
        let roles = path.modest.iter().copied().collect();
        self.modest.extend(access.map(|access| ModestGift { access, roles }));
    }

    /// Whoever gives rights to others with the same role has that right.
    pub(super) fn settle_modest(&mut self) {
        let beyond = std::mem::take(&mut self.beyond);
        let modest = std::mem::take(&mut self.modest);
        let gifts = modest.into_iter().filter(|gift| !gift.roles.is_subset(&beyond)).map(|gift| gift.access);
        for access in gifts {
            if !self.data.faults.contains(&access) {
                self.data.faults.push(access);
            }
        }
    }
}

/// Whether a row of the users is at hand that the client named, and that was not seen to be the caller's own.
pub(super) fn touches_others(path: &Path) -> bool {
    let is_named = |predicate: &Predicate| match &predicate.value {
        Abs::Client(client) => !path.authorised.contains(client),
        _ => false,
    };
    path.rows
        .values()
        .filter(|row| row.model.as_ref().is_some_and(|model| model.is_user))
        .any(|row| !row.checked && !row.absent && row.predicates.iter().any(is_named))
}

/// The roles of two paths as those of one.
pub(super) fn join(a: &mut Path, b: &Path) {
    a.mixed |= b.mixed || a.roles != b.roles;
    if !b.modest.is_subset(&a.modest) {
        a.modest.extend(b.modest.iter());
    }
    if !a.privileged || !b.privileged {
        a.roles.clear();
    } else if !b.roles.is_subset(&a.roles) {
        a.roles.extend(b.roles.iter());
    }
    if a.modest.iter().any(|role| a.roles.contains(role)) {
        let roles = a.roles.clone();
        a.modest.retain(|role| !roles.contains(role));
    }
}

/// Whether a text or name in an expression is one of those: `"admin"`, `Role.ADMIN.value`, `["admin", "owner"]`.
pub(super) fn says(expr: &Expr, is_one: &dyn Fn(&str) -> bool) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        let found = match &expr.kind {
            ExprKind::Str(text) | ExprKind::Name(text) => is_one(text),
            ExprKind::Attribute { name, .. } => is_one(&name.name),
            _ => false,
        };
        if found {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}

/// Whether a role is called after having all rights.
pub(super) fn is_top(role: &str) -> bool {
    let role = role.to_ascii_lowercase();
    ["admin", "super", "root", "owner"].iter().any(|word| role.contains(word))
}
