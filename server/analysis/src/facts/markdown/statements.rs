//! What a specification says of each endpoint, once all of it has been read.

use super::super::contract::{Access, Blanket, Contract, Endpoint, Statement, shape};
use super::{Found, Reader, access};
use crate::text::TextRange;

impl Reader<'_> {
    /// Whether a section lies in another, or is it.
    fn is_within(&self, section: usize, outer: usize) -> bool {
        let mut at = Some(section);
        while let Some(section) = at {
            if section == outer {
                return true;
            }
            at = self.sections[section].parent;
        }
        false
    }

    /// The section that a sentence about all endpoints speaks of, where it does not speak of the whole API:
    /// its own if it lists endpoints, else one around it that lists some of those that the text knows.
    fn bounds(&self, section: usize) -> Option<usize> {
        let lists = |outer: usize| self.found.iter().any(|found| self.is_within(found.section, outer));
        let is_all = |outer: usize| self.found.iter().all(|found| self.is_within(found.section, outer));
        let outer = std::iter::successors(Some(section), |at| self.sections[*at].parent).find(|at| lists(*at))?;
        (self.sections[outer].level > 1 && (outer == section || !is_all(outer))).then_some(outer)
    }

    /// What was read, as a contract.
    pub(super) fn contract(self) -> Contract {
        let mut contract = Contract { bases: self.bases.clone(), ..Contract::default() };
        let blankets: Vec<(Blanket, Option<usize>, bool)> = self
            .sweeping
            .iter()
            .map(|(sweeping, range, section)| {
                let blanket = Blanket {
                    range: *range,
                    below: sweeping.below.clone(),
                    about: sweeping.about.clone(),
                    except_paths: sweeping.except_paths.clone(),
                    except_words: sweeping.except_words.clone(),
                };
                (blanket, self.bounds(*section), sweeping.others)
            })
            .collect();
        for found in &self.found {
            let stated = self.stated(found, &blankets);
            contract.endpoints.push(Endpoint {
                methods: found.methods.clone(),
                path: found.path.clone(),
                range: found.range,
                stated,
                hides: found.hides,
            });
        }
        let general = blankets.into_iter().filter(|(_, bounded, others)| bounded.is_none() || *others);
        contract.blankets = general.map(|(blanket, _, _)| blanket).collect();
        contract
    }

    /// What is said of an endpoint: by itself, by its group, by a sentence about all.
    fn stated(&self, found: &Found, blankets: &[(Blanket, Option<usize>, bool)]) -> Option<Statement> {
        let one = |said: &[(Access, TextRange)], own: bool| {
            let access = access::agreed(said.iter().map(|(access, _)| *access).collect())?;
            Some(Statement { access, range: said.first()?.1, own })
        };
        if !found.said.is_empty() {
            return one(&found.said, true);
        }
        if let Some(range) = found.header {
            return Some(Statement { access: Access::Required, range, own: true });
        }
        let mut at = Some(found.section);
        while let Some(section) = at {
            let section = &self.sections[section];
            if !section.said.is_empty() {
                return one(&section.said, false);
            }
            at = section.parent;
        }
        let shape = shape(&found.path);
        let mut excluded = None;
        for (blanket, bounded, others) in blankets {
            let inside = bounded.is_none_or(|section| self.is_within(found.section, section));
            if inside == *others && bounded.is_some() {
                continue;
            }
            if blanket.covers(&shape) {
                return Some(Statement { access: Access::Required, range: blanket.range, own: false });
            }
            if let Some(access) = blanket.exception(&shape) {
                excluded = Some(Statement { access, range: blanket.range, own: false });
            }
        }
        excluded
    }
}
