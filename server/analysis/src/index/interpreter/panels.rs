//! Administration panels of packages: applications of their own that mount themselves.

use std::sync::Arc;

use super::Execution;
use super::effects::Effect;
use super::expressions::UNSUPPORTED;
use crate::index::value::{Arguments, Instance, RouterId, Site, Value};

/// Where both mount a panel that is told nothing else (sqladmin 0.32, starlette-admin 1.0).
const BASE: &str = "/admin";

impl Execution<'_, '_> {
    /// `Admin(app, engine)` of sqladmin mounts itself.
    pub(super) fn panel_made(&mut self, class: &str, panel: &Value) {
        if let Value::Instance(instance) = panel
            && is_sqladmin(class)
            && let Some(app) = instance.args.get("app", Some(0)).cloned()
            && let Value::Router(router) = self.interpreter.force(app)
        {
            self.mount_panel(router, instance, instance.site);
        }
    }

    /// `admin.mount_to(app)` of starlette-admin; tells whether it is that.
    pub(super) fn panel_mounted(
        &mut self,
        class: &str,
        panel: &Arc<Instance>,
        method: &str,
        arguments: &Arguments,
        site: Site,
    ) -> bool {
        let mounts = is_starlette_admin(class) && method == "mount_to";
        if mounts
            && let Some(app) = arguments.get("app", Some(0)).cloned()
            && let Value::Router(router) = self.interpreter.force(app)
        {
            self.mount_panel(router, panel, site);
        }
        mounts
    }

    fn mount_panel(&mut self, router: RouterId, panel: &Arc<Instance>, site: Site) {
        if self.unknown_loops > 0 {
            return self.unresolved(router, site, "loop");
        }
        let path = match panel.args.get("base_url", None).cloned().map(|value| self.interpreter.force(value)) {
            None if panel.args.open_ended => UNSUPPORTED,
            None => Value::Str(BASE.into()),
            Some(path) => path,
        };
        let conditional = self.conditional();
        let app = Value::Instance(Arc::clone(panel));
        self.run.effects.push(Effect::Mount { parent: router, path, app, site, conditional });
    }
}

/// Whether a package's class is sqladmin's panel.
pub fn is_sqladmin(class: &str) -> bool {
    matches!(class, "sqladmin.Admin" | "sqladmin.application.Admin")
}

/// Whether a package's class is a panel of starlette-admin, for whichever database.
pub fn is_starlette_admin(class: &str) -> bool {
    class.starts_with("starlette_admin.") && matches!(class.rsplit('.').next(), Some("Admin" | "BaseAdmin"))
}
