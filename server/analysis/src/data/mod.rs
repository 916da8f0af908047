//! Whose data a route touches.
//!
//! The handler of a route is executed over abstract values, path by path, with
//! everything that it calls in the project, and so are the dependencies before
//! it. A path knows which values are the principal's, which are the client's,
//! which rows were fetched by which conditions, and which of them were compared
//! with the principal. What can't be followed silences a finding: it never
//! makes one.

mod alternatives;
mod asks;
mod attributes;
mod believed;
mod buffers;
mod callbacks;
mod callees;
mod calls;
mod checked;
mod chosen;
mod closures;
mod collections;
mod comparisons;
mod compound;
mod conditions;
mod core_tables;
mod counters;
mod drivers;
mod engine;
mod entries;
mod entry;
mod execution;
mod exemptions;
mod expired;
mod exposure;
mod expressions;
mod forgotten;
mod forks;
mod granted;
mod handed_out;
mod handover;
mod hanging;
mod implementations;
mod ineffective;
mod joining;
mod judgement;
mod later;
mod left_out;
mod links;
mod members;
mod methods;
mod models;
mod names;
mod objects;
mod own_rows;
mod packages;
mod parameters;
mod perhaps;
mod privileges;
mod process;
mod queries;
mod ranks;
mod records;
mod references;
mod rejections;
mod released;
mod requests;
mod rights;
mod roles;
mod runs;
mod service;
mod sessions;
mod shared;
mod sharing;
mod shown;
mod spelling;
mod standing;
mod stores;
mod strangers;
mod tables;
mod takeovers;
mod tenants;
mod terms;
mod tools;
mod truth;
mod types;
mod unbound_secrets;
mod upkeep;
mod users;
mod value;
mod wishes;

use std::sync::Arc;

use smol_str::SmolStr;

pub use believed::Believed;
pub use exposure::Exposed;
pub use granted::{ByRole, Granted, RolesAsked};
pub use handed_out::HandedOut;
pub use links::Link;
pub use members::Membered;
pub(crate) use names::{is_authority, is_check, is_of_user, is_owner, is_pass, is_password, is_self, is_user_table};
pub use privileges::{Asked, is_high};
pub use process::Kept;
pub use rights::Within;
pub use runs::Runs;
pub use shown::{How, Shown};
pub use standing::Standing;
pub use tenants::{Kept as KeptToTenant, Tenancy};
pub use tools::{ToolData, judge_tool};
pub use value::{Client, Place};

use crate::auth::guard::Guard;
use crate::auth::{Judge, Proof};
use crate::index::changes::Changes;
use crate::index::interpreter::Interpreter;
use crate::index::looked_at::RestsOn;
use crate::index::routes::Route;
use crate::index::value::{Resolve, Site};

/// What is wrong with an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The owner is a value of the client that nothing compares with the principal.
    TrustsClient,
    /// A query on owned rows has no owner in it.
    Unscoped,
    /// A row was fetched by its key, and nobody looked whose it is.
    Unchecked,
    /// The client may write the owner with the rest of a request model.
    MassAssigned,
    /// The client may write what a user may do.
    GivesPrivilege,
    /// A condition that looks as if it scoped a query has no effect.
    Ineffective,
    /// The owner is compared only after the change was written.
    CheckedLate,
    /// A caller who is not the owner gets the wrong answer.
    WrongStatus,
}

/// What is done with the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// It is given out.
    Reads,
    /// It is changed or deleted.
    Changes,
    /// It is made.
    Creates,
}

/// A table that is touched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table {
    /// Where its class stands.
    pub site: Site,
    /// Name of the class.
    pub name: SmolStr,
    /// Its name in the database.
    pub sql: SmolStr,
    /// The column that holds the owner; of rows without one, the one that they were found by.
    pub owner: SmolStr,
    /// The other columns that hold one, of rows that are between several users.
    pub parties: Vec<SmolStr>,
    /// Whether that column tells whose the row is, and not only who wrote it.
    pub personal: bool,
    /// The other tables on whose rows those without an owner of their own hang:
    /// what decides whose they are.
    pub hangs_on: Vec<Hang>,
    /// Whether neither a class nor the route itself says which columns there are, so that the owner is only the usual
    /// one.
    pub guessed: bool,
    /// Whether a row without an owner is about a person, by the names of its columns.
    pub of_person: bool,
}

impl Table {
    /// Whether it is known from what queries call it, and no class says which columns it has.
    pub fn has_no_class(&self) -> bool {
        self.site.file == models::NO_FILE
    }
}

/// A foreign key to a table that is not the users'.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hang {
    /// The column.
    pub column: SmolStr,
    /// The other table, by its name in the database or its class.
    pub table: SmolStr,
}

/// An access to owned data that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What is wrong.
    pub fault: Fault,
    /// What is done.
    pub usage: Use,
    /// The expression that does it.
    pub site: Site,
    /// The place in the handler that leads there.
    pub entry: Site,
    /// The table.
    pub table: Table,
    /// What the code calls the principal; empty when it takes none.
    pub principal: SmolStr,
    /// The value of the client that decides.
    pub client: Option<Client>,
    /// A few words more: the text of a condition without effect, say.
    pub detail: &'static str,
    /// The way there: places with what happens at them.
    pub steps: Vec<(Site, String)>,
    /// Where the clock had the row changed, if nothing else did.
    upkeep: Option<Site>,
    /// Whether only rows are read that somebody has released: `status == "approved"`.
    released: bool,
    /// Whether only columns are read that name neither a row nor whose it is.
    of_nobody: bool,
    /// Columns of tables without a class that equal what the code itself says on the way there, with the queries.
    by_code: Vec<chosen::Asked>,
}

impl Access {
    /// Whether the row was only looked for, before others were fetched by the same value.
    pub fn is_look(&self) -> bool {
        self.detail == LOOK
    }

    /// Whether it does little harm: it does what the clock would have done, or reads what was released, or what is
    /// nobody's by itself.
    pub fn is_limited(&self) -> bool {
        self.upkeep.is_some() || self.released || self.of_nobody
    }

    /// Whether a column of a table without a class equals what the code itself says: whose rows it asks for, where that
    /// is the column which tells.
    pub fn is_chosen_by_code(&self, column: &str) -> bool {
        self.by_code.iter().any(|chosen| chosen.query == self.site && chosen.column == column)
    }

    /// Whether all that is read says neither which row it is of nor whose: `select(Booking.slot)`.
    pub fn is_of_nobody(&self) -> bool {
        self.of_nobody
    }

    /// Whether it tells of a row with an owner of its own by what that hangs on: where no route asks for that owner.
    pub fn is_beside(&self) -> bool {
        self.detail == BESIDE
    }

    /// Whether it is all rows of a table without an owner, which hang on others.
    pub fn is_all_children(&self) -> bool {
        matches!(self.detail, CHILDREN | LEFT_OUT)
    }

    /// Whether it is so only where the client leaves out what keeps the rows to the caller's elsewhere in the handler.
    pub fn is_left_out(&self) -> bool {
        self.detail == LEFT_OUT
    }

    /// Whether the row is the first of all users, and nothing was asked of which one it is.
    pub fn is_first_user(&self) -> bool {
        self.detail == FIRST
    }
}

/// The detail of a row that is the first of all users.
const FIRST: &str = "the first one";

/// The detail of a row that was looked for, only to see that there is one.
const LOOK: &str = "looked for";

/// The detail of all rows of a table that hangs on others.
const CHILDREN: &str = "all that hang on others";

/// The detail of a row with an owner of its own, of which the table that it hangs on is asked whose it is.
const BESIDE: &str = "hangs on another";

/// The detail of those where the client left out what they hang on.
const LEFT_OUT: &str = "all that hang on others, as the client names none";

/// What is asked of callers beyond who they are.
#[derive(Debug, Clone, Copy)]
pub enum Asking<'d> {
    /// Nothing.
    Nothing,
    /// A right, by dependencies.
    Right(&'d Within),
    /// One of several roles, by the handler.
    Role(&'d RolesAsked),
}

/// What the execution of one route found.
#[derive(Debug, Clone, Default)]
pub struct RouteData {
    /// Accesses at fault.
    pub faults: Vec<Access>,
    /// Accesses to owned data that are the principal's.
    pub scoped: Vec<(Table, Use)>,
    /// What becomes of those.
    pub shown: Vec<Shown>,
    /// Tables of them that it keeps to the caller by the column of the owner.
    pub by_owner: Vec<Site>,
    /// Tables of rows that may be anybody's: something on the way could not be followed.
    pub unsure: Vec<Site>,
    /// Tables without an owner of which rows were touched, and that are about
    /// persons or hang on others.
    pub hanging: Vec<Table>,
    /// Tables of those that it reads because what they hang on is the caller's, and whether it shows a row by its key.
    pub kept_children: Vec<(Site, bool)>,
    /// Whether all rows that it gives out are such as somebody has published, and there are some.
    pub gives_published: bool,
    /// The class of the users, if whole rows of it are given out.
    pub gives_users: Option<SmolStr>,
    /// A column of theirs that nobody should be sent.
    pub exposes: Option<Exposed>,
    /// Both, where a dependency lets only those through who have some right.
    pub within: Option<Within>,
    /// How the handler writes the part of the principal that owners are
    /// compared with: the dependency, and what follows its name (`.id`, `["sub"]`).
    pub spelled: Vec<(Site, SmolStr)>,
    /// Where it turns away who names somebody else, and with which status.
    pub turned_away: Vec<(Site, &'static str)>,
    /// What it asks of what users may do.
    pub asked: Vec<Asked>,
    /// Rows that it puts under those of other tables which the client names.
    pub links: Vec<Link>,
    /// What it does with rows that may belong to what the caller belongs to.
    pub tenants: Tenancy,
    /// What it keeps of its caller where other requests find it.
    pub kept: Vec<Kept>,
    /// Where it changes rows because of the clock, if it does nothing but read.
    pub upkeep: Vec<Site>,
    /// Accesses that are the caller's where it shows a credential, and to anybody's where it shows none.
    pub of_strangers: Vec<Access>,
    /// Whether its handler writes to the database on some path.
    pub writes: bool,
    /// Where it deletes all rows of a table, for callers of whom it asks no right.
    pub empties: Option<(Site, SmolStr)>,
    /// Where it sets the password of whoever the client names, and asks for nothing that only that one has.
    pub takes_over: Option<Site>,
    /// Where it makes an account that may do more than others, for whoever asks.
    pub makes_admin: Option<Site>,
    /// Tokens that it answers with, made for somebody whom the client names.
    pub handed_out: Vec<HandedOut>,
    /// Tokens of its client's, of which a provider is asked whose they are, and nobody for whom.
    pub believed: Vec<Believed>,
    /// Columns by which somebody is found whose password it sets, with their tables.
    pub ways_in: Vec<(SmolStr, SmolStr)>,
    /// Whether it makes a row of the users.
    pub makes_users: bool,
    /// Rows that it keeps to those who have a part in them.
    pub membered: Vec<Membered>,
    /// Roles that it gives to whoever asks, with a new account.
    pub granted: Vec<Granted>,
    /// What it does for those who have a role that its handler asks for.
    pub by_role: Vec<ByRole>,
    /// What it does with flags that say whether accounts may be used.
    pub standing: Standing,
    /// What was looked at to find that out.
    pub rests_on: Arc<RestsOn>,
    /// Which of the route's dependencies verify, as far as that is known.
    pub verifies: Vec<bool>,
}

impl RouteData {
    /// An owner by whom rows may be filtered decides nothing, where all of them are read without: `if owner_id: query =
    /// query.where(Task.owner_id == owner_id)`. Who is called a user may be meant to be who calls.
    fn forget_filters(&mut self) {
        let is_read = |access: &Access, fault: Fault| access.fault == fault && access.usage == Use::Reads;
        let all = self.faults.iter().filter(|access| is_read(access, Fault::Unscoped) && access.client.is_none());
        let all: Vec<(Site, Site)> = all.map(|access| (access.site, access.entry)).collect();
        let is_filter = |client: &Client| !names::is_of_user(client.name.rsplit('.').next().unwrap_or(&client.name));
        self.faults.retain(|access| {
            !is_read(access, Fault::TrustsClient)
                || !access.client.as_ref().is_some_and(is_filter)
                || !all.contains(&(access.site, access.entry))
        });
    }

    /// The database may leave only the caller's rows by itself, whatever is asked of it.
    fn leave_to_policies(&mut self) {
        let is_asked = |access: &Access| match access.fault {
            Fault::Unscoped | Fault::Unchecked => false,
            Fault::TrustsClient => access.usage == Use::Creates,
            _ => true,
        };
        self.faults.retain(is_asked);
        self.links.clear();
        self.by_role.clear();
        self.tenants.others.clear();
        if let Some(within) = &mut self.within {
            within.faults.retain(is_asked);
            within.tenants.others.clear();
        }
    }

    /// What it does with rows that may belong to what the caller belongs to: for whoever is signed in, and for those who
    /// have what it asks for.
    pub fn tenancies(&self) -> impl Iterator<Item = (&Tenancy, Asking<'_>)> {
        let of_right = self.within.iter().map(|within| (&within.tenants, Asking::Right(within)));
        let of_roles = self.by_role.iter().filter(|by| !by.asked.roles.is_empty());
        let of_roles = of_roles.map(|by| (&by.tenants, Asking::Role(&by.asked)));
        std::iter::once((&self.tenants, Asking::Nothing)).chain(of_right).chain(of_roles)
    }

    /// Nobody is known whose rows these could be.
    fn forget_owners(&mut self) {
        self.faults.clear();
        self.scoped.clear();
        self.shown.clear();
        self.links.clear();
        self.tenants = Tenancy::default();
        self.within = None;
        self.membered.clear();
        self.by_role.clear();
    }
}

/// Two are the same that find the same.
impl PartialEq for RouteData {
    fn eq(&self, other: &Self) -> bool {
        self.faults == other.faults
            && self.scoped == other.scoped
            && self.shown == other.shown
            && self.by_owner == other.by_owner
            && self.unsure == other.unsure
            && self.hanging == other.hanging
            && self.kept_children == other.kept_children
            && self.gives_published == other.gives_published
            && self.gives_users == other.gives_users
            && self.exposes == other.exposes
            && self.within == other.within
            && self.spelled == other.spelled
            && self.turned_away == other.turned_away
            && self.asked == other.asked
            && self.kept == other.kept
            && self.upkeep == other.upkeep
            && self.of_strangers == other.of_strangers
            && self.writes == other.writes
            && self.empties == other.empties
            && self.takes_over == other.takes_over
            && self.makes_admin == other.makes_admin
            && self.makes_users == other.makes_users
            && self.membered == other.membered
            && self.granted == other.granted
            && self.by_role == other.by_role
            && self.links == other.links
            && self.tenants == other.tenants
            && self.handed_out == other.handed_out
            && self.ways_in == other.ways_in
            && self.believed == other.believed
    }
}

impl Eq for RouteData {}

impl RouteData {
    /// Whether it would come out the same for a route that is the same, with
    /// the same guard, after these changes.
    pub fn holds(&self, changes: &Changes, interpreter: &Interpreter<'_>, judge: &Judge<'_>, route: &Route) -> bool {
        changes.hold(interpreter, &self.rests_on) && self.verifies == verifies(judge, route)
    }
}

/// What a route does with owned data. Nothing is said of routes that are public
/// on purpose, or whose guard is not known.
pub fn judge<'e, 'a>(
    interpreter: &'e Interpreter<'a>,
    judge: &Judge<'_>,
    route: &'e Route,
    guard: &Guard,
    runs: &Runs<'e, 'a>,
) -> RouteData {
    let outer = interpreter.begin();
    let mut data = entry::judge(interpreter, judge, route, guard, runs);
    data.rests_on = interpreter.end(outer);
    data
}

/// Which of a route's dependencies verify the caller, as far as that is known:
/// what gives no proof, but reads a credential, gives an identity all the same.
fn verifies(judge: &Judge<'_>, route: &Route) -> Vec<bool> {
    let verdicts = judge.dependencies(&route.dependencies);
    let proofs: Vec<Proof> = verdicts.iter().map(|verdict| verdict.proof.clone()).collect();
    let mut reads: Vec<bool> = proofs.iter().map(|proof| *proof == Proof::ExtractsOnly).collect();
    // Children stand behind their parents.
    for (at, node) in route.dependencies.iter().enumerate().rev() {
        if let Some(parent) = node.parent.filter(|_| reads[at]) {
            reads[parent] = true;
        }
    }
    let verifies = |(proof, reads): (&Proof, &bool)| match proof {
        Proof::Verifies => true,
        Proof::Optional | Proof::Unknown(_) => *reads,
        _ => false,
    };
    proofs.iter().zip(&reads).map(verifies).collect()
}
